//go:build race

package intentload

const raceDetector = true
