//go:build !race

package intentload

const raceDetector = false
