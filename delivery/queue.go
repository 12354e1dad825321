package delivery

import (
	"strings"
	"time"
)

// KindQueue is an item that a script put into a queue of its own: Payload is its value as JSON.
const KindQueue Kind = "queue"

// Push is an item that a unit puts into a queue of its script. It is on disk with the
// unit's other writes, and nobody sees it before.
type Push struct {
	Lane      Lane // see QueueLane
	Payload   []byte
	NotBefore time.Time // zero: at once
}

// queueLane begins the Room of a queue's lanes; a room's ID begins with "!".
const queueLane = "queue/"

// QueueLane is the lane of one key of a queue. name has no slash.
func QueueLane(script, name, key string) Lane {
	return Lane{Script: script, Room: queueLane + name + "/" + key}
}

// Queue is what a lane of a queue was made of; ok is false for the lane of a room.
func (l Lane) Queue() (name, key string, ok bool) {
	rest, ok := strings.CutPrefix(l.Room, queueLane)
	if !ok {
		return "", "", false
	}
	name, key, _ = strings.Cut(rest, "/")
	return name, key, true
}

// Push adds an item as part of u.
func (u *Unit) Push(p Push) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.pushes = append(u.pushes, p)
}

// Pushes are those that are not on disk yet.
func (u *Unit) Pushes() []Push {
	if u == nil {
		return nil
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.pushes
}

// SetPushed is told by the store that the first pushes are on disk, as these items.
func (u *Unit) SetPushed(items []Item) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.pushes = u.pushes[len(items):]
	u.pushed = append(u.pushed, items...)
}

// TakePushed hands over the items of pushes that are on disk, each once.
func (u *Unit) TakePushed() []Item {
	if u == nil {
		return nil
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	items := u.pushed
	u.pushed = nil
	return items
}

// DropPushes forgets those that are not on disk, and tells how many there were.
func (u *Unit) DropPushes() int {
	if u == nil {
		return 0
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	n := len(u.pushes)
	u.pushes = nil
	return n
}
