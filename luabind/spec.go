package luabind

import (
	"context"
	"encoding/json"
	"time"

	"bridgehost/diag"
	"bridgehost/matrix"
)

// SpecRunner is what bridge.test works with; luatest implements it. Its methods are
// called without the VM's lock, one at a time. Errors are for the author of the spec.
type SpecRunner interface {
	// Begin and End stand around each sentence. Begin tells whether it is wanted. After End
	// nothing is left of what the sentence made. failed is nil when it holds.
	Begin(name string) (wanted bool)
	End(name string, failed *diag.Error)
	// Load runs a script on a host and a homeserver of its own, until it has nothing more to do.
	Load(ctx context.Context, file string, o SpecLoad) (SpecHost, error)
	// FakeTCP answers connections to an address ("irc.test:6697").
	FakeTCP(address string) (SpecServer, error)
	// Advance lets time pass.
	Advance(d time.Duration)
}

// SpecLoad is how a script is loaded.
type SpecLoad struct {
	Name   string         // "": that of the file
	Config map[string]any // TOML values
}

// SpecHost is a script that is being tested, with its homeserver.
type SpecHost interface {
	Script() *Script
	User(localpart string) (SpecUser, error)
	// Messages are those of the script's users that were not taken yet, oldest first, once
	// the script has nothing more to do; Take takes one of them.
	Messages() []SpecMessage
	Take(event matrix.EventID)
	// Missing is an error that shows what happened so far.
	Missing(text string) *diag.Error
	// Failure takes the oldest error of the script that was not taken yet, nil when there is
	// none; mistakes leaves out what the script raised itself and what others did to it.
	Failure(mistakes bool) *diag.Error
	// Reload loads the script again: as it is on disk, or this source. Its error is the script's.
	Reload(ctx context.Context, source string) error
	State(room matrix.RoomID, eventType, stateKey string) json.RawMessage
	Members(room matrix.RoomID) map[matrix.UserID]string
}

// SpecMessage is a message as expectations look at it.
type SpecMessage struct {
	ID            matrix.EventID
	Room          matrix.RoomID
	From          matrix.UserID
	MsgType, Body string
	Event         json.RawMessage
}

// SpecUser is a person on the simulated homeserver. What it does has had its effects on
// the script when the call returns.
type SpecUser interface {
	ID() matrix.UserID
	CreateRoom(name string, private bool) (matrix.RoomID, error)
	Join(room matrix.RoomID) error
	Leave(room matrix.RoomID) error
	Invite(room matrix.RoomID, user matrix.UserID) error
	Kick(room matrix.RoomID, user matrix.UserID, reason string) error
	Send(room matrix.RoomID, eventType string, content json.RawMessage) (matrix.EventID, error)
	SendState(room matrix.RoomID, eventType, stateKey string, content json.RawMessage) (matrix.EventID, error)
	Redact(room matrix.RoomID, event matrix.EventID, reason string) (matrix.EventID, error)
}

// SpecServer stands where the script's connections end up.
type SpecServer interface {
	// Lines are those that came and were not taken yet, once the script has nothing more to
	// do; Take takes the first n.
	Lines() []string
	Take(n int)
	// Missing is an error that shows what was said so far.
	Missing(text string) *diag.Error
	Send(line string) error
	HangUp() error
	Connections() int
}
