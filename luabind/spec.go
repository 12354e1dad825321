package luabind

import (
	"context"
	"encoding/json"
	"net/url"
	"time"

	"bridgehost/diag"
	"bridgehost/matrix"
)

// SpecRunner is what bridge.test works with; luatest implements it. Its methods are
// called without the VM's lock, one at a time. Errors are for the author of the spec.
type SpecRunner interface {
	// Begin and End stand around each sentence. Begin tells whether it is wanted; simulatedOnly
	// is why it makes no sense on a real homeserver, "" when it does. After End
	// nothing is left of what the sentence made. failed is nil when it holds.
	Begin(name, simulatedOnly string) (wanted bool)
	End(name string, failed *diag.Error)
	// Load runs a script on a host and a homeserver of its own, until it has nothing more to do.
	Load(ctx context.Context, file string, o SpecLoad) (SpecHost, error)
	// FakeTCP answers connections to an address ("irc.test:6697"), from now on as o says.
	FakeTCP(address string, o SpecTCP) (SpecServer, error)
	// Settle returns when all that was done so far has had its effects.
	Settle()
	// FakeHTTP answers requests for an address of the web; answer is called without the VM's lock.
	FakeHTTP(u *url.URL, answer func(context.Context, *HTTPCall) (*HTTPReply, error)) (SpecWeb, error)
	// Advance lets time pass.
	Advance(d time.Duration) error
	// Fault answers requests in the homeserver's place, until the sentence ends.
	Fault(f SpecFault)
}

// SpecLoad is how a script is loaded.
type SpecLoad struct {
	Name   string         // "": that of the file
	Config map[string]any // TOML values
	Dirs   []string       // names of directories for bridge.fs, empty at first
	// Capabilities are what it may do, in the words of bridges.lock; nil: everything.
	Capabilities *[]string
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
	// Hook asks one of the script's routes, at a path below /hook/NAME.
	Hook(ctx context.Context, call *HTTPCall) (*HTTPReply, error)
	// Asked takes the requests that calls of the spec made since the last look.
	Asked() []SpecRequest
	// Logged takes the last lines that the host has logged since the last look.
	Logged() []SpecLog
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
	Token() string
	CreateRoom(name string, private bool) (matrix.RoomID, error)
	// Membership does join, leave, invite, kick, ban or unban; join and leave are of the user itself.
	Membership(room matrix.RoomID, verb string, user matrix.UserID, reason string) error
	Send(room matrix.RoomID, eventType string, content json.RawMessage) (matrix.EventID, error)
	SendState(room matrix.RoomID, eventType, stateKey string, content json.RawMessage) (matrix.EventID, error)
	Redact(room matrix.RoomID, event matrix.EventID, reason string) (matrix.EventID, error)
}

// SpecRequest is a request of the homeserver.
type SpecRequest struct {
	Method  string            `json:"method"`
	Host    string            `json:"host"`
	Path    string            `json:"path"`     // decoded
	RawPath string            `json:"raw_path"` // as sent
	Query   map[string]string `json:"query"`    // without user_id
	User    string            `json:"user,omitempty"`
	Header  map[string]string `json:"headers"` // names in small letters
	Content json.RawMessage   `json:"content,omitempty"`
	Body    string            `json:"body,omitempty"` // when it is no JSON
	Status  int               `json:"status,omitempty"`
	Line    string            `json:"line"` // "PUT /rooms/!r:test/send/m.room.message/TXN"
}

// SpecLog is a line of the host's log.
type SpecLog struct {
	Level   string            `json:"level"` // debug, info, warn or error
	Message string            `json:"message"`
	Fields  map[string]string `json:"fields"`
}

// SpecFault is an answer in the homeserver's place.
type SpecFault struct {
	Method, Path   string // what it answers; Path is a part of the decoded path
	Status         int
	Errcode, Error string
	Content        json.RawMessage // an object
	Body           string          // in place of Content: anything
	Headers        map[string]string
	Times          int
	Done           bool // the homeserver does what it was asked, only its answer is lost
	Refused        bool // there is no answer: the connection was refused, or was closed
}

// SpecTCP is what goes wrong with the next connections to an address.
type SpecTCP struct {
	Fails   string // what connecting ends with: ECONNREFUSED, ENOTFOUND, ETIMEDOUT, E_TLS; "": nothing
	Stalled bool   // nothing is taken of what the script writes
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
	// HangUp closes the connection; with reset as if the server had crashed.
	HangUp(reset bool) error
	Connections() int
}
