package story

import (
	"fmt"
	"regexp"
	"strconv"
	"testing"

	"bridgehost/spec/bridgetest"
)

// flood is a person who goes on talking: never more than window messages ahead of the answers.
type flood struct {
	t    testing.TB
	user bridgetest.User
	room string

	stop chan struct{}
	said chan int // how many in all, once it has ended
}

const window = 10

// answer is what the story's script answers: version, and which message.
var answer = regexp.MustCompile(`(\d+\.\d+\.\d+) heard: m(\d+)$`)

func startFlood(t testing.TB, user bridgetest.User, room string) *flood {
	f := &flood{t: t, user: user, room: room, stop: make(chan struct{}), said: make(chan int, 1)}
	go func() {
		for n := 0; ; n++ {
			select {
			case <-f.stop:
				f.said <- n
				return
			default:
			}
			f.user.Say(f.t, f.room, fmt.Sprintf("m%d", n))
			f.answers(n + 1 - window)
		}
	}()
	return f
}

// answers waits until there are n of them, and counts the answers by message and by version.
func (f *flood) answers(n int) (of map[int]int, by map[string]int) {
	f.user.WaitMessages(f.t, f.room, func(all []bridgetest.Message) bool {
		of, by = map[int]int{}, map[string]int{}
		for _, m := range all {
			if found := answer.FindStringSubmatch(m.Body); found != nil {
				which, _ := strconv.Atoi(found[2]) // digits
				of[which]++
				by[found[1]]++
			}
		}
		return len(of) >= n
	})
	return of, by
}

// by waits until a version has given n answers.
func (f *flood) by(version string, n int) {
	f.user.WaitMessages(f.t, f.room, func(all []bridgetest.Message) bool {
		found := 0
		for _, m := range all {
			if a := answer.FindStringSubmatch(m.Body); a != nil && a[1] == version {
				found++
			}
		}
		return found >= n
	})
}

// end stops the talking and tells what became of it.
func (f *flood) end() (said, lost, doubled int, by map[string]int) {
	close(f.stop)
	said = <-f.said
	of, by := f.answers(said)
	for n := range said {
		switch {
		case of[n] == 0:
			lost++
		case of[n] > 1:
			doubled++
		}
	}
	return said, lost, doubled, by
}
