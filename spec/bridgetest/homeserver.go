// Package bridgetest runs a real bridgehost against a homeserver, for tests of the
// whole: the program is built once and started as a process, so that it can be killed
// as a crash would. The homeserver is devserver, or a real Synapse where a test says so.
package bridgetest

import (
	"testing"
)

// Homeserver is what tests need of a homeserver.
type Homeserver interface {
	URL() string
	Name() string
	// Register makes an application service known by its registration file. A real
	// homeserver restarts for it.
	Register(t testing.TB, registration string)
	// User makes an ordinary user, or finds it again.
	User(t testing.TB, localpart string) User
}

// User is an ordinary user's client.
type User interface {
	ID() string
	// CreateRoom makes a room; preset is public_chat or private_chat. Invited are user ids.
	CreateRoom(t testing.TB, preset string, invited ...string) (room string)
	Join(t testing.TB, room string)
	Invite(t testing.TB, room, user string)
	Ban(t testing.TB, room, user string)
	// SetState sends a state event.
	SetState(t testing.TB, room, eventType, stateKey string, content any)
	// Say sends a text.
	Say(t testing.TB, room, text string) (eventID string)
	// Reply answers a message with a text.
	Reply(t testing.TB, room, to, text string) (eventID string)
	// Messages are all message events of a room, oldest first.
	Messages(t testing.TB, room string) []Message
	// WaitMessages returns Messages as soon as done says so; it fails the test after a minute
	// without news.
	WaitMessages(t testing.TB, room string, done func([]Message) bool) []Message
	// Membership is a user's membership of a room, "" when the room knows nothing of it.
	Membership(t testing.TB, room, user string) string
	// Invites are the rooms that the user is invited to.
	Invites(t testing.TB) []string
}

// Message is one message event.
type Message struct {
	EventID string
	Sender  string
	Type    string // msgtype
	Body    string
	Answers string // the event that it answers
}

// reply is the content of an answer.
func reply(to, text string) map[string]any {
	return map[string]any{"msgtype": "m.text", "body": text, "m.relates_to": map[string]any{"m.in_reply_to": map[string]any{"event_id": to}}}
}
