// Package diag is errors as people read them. Error is the one error that scripts
// see as a table and authors see as a text: what was tried, as whom, where in the
// author's file, what still runs, what to do. Report adds the place and the
// surroundings and renders them.
package diag

import (
	"fmt"
	"time"
)

// The kinds of Error. Source: SCRIPTING, "nil, err or raise".
const (
	KindMatrix     = "matrix"     // the homeserver refused
	KindNet        = "net"        // a connection
	KindHTTP       = "http"       // an HTTP answer
	KindFS         = "fs"         // a file
	KindTimeout    = "timeout"    // a deadline or a budget of time
	KindPermission = "permission" // not granted, or not this script's
	KindUsage      = "usage"      // a wrong argument or call
	KindStopping   = "stopping"   // the generation ends: raised by waits for input
	KindLimit      = "limit"      // memory, nesting, size
	KindScript     = "script"     // raised by the script itself, or by running Lua
	KindInternal   = "internal"   // ours
)

// Error is one failure as a script sees it. Every field but Kind and Message may be empty.
type Error struct {
	Kind       string        `json:"kind"`
	Code       string        `json:"code,omitempty"`        // errcode on Matrix errors, "ECONNREFUSED", "E_CAPABILITY" …
	Status     int           `json:"status,omitempty"`      // HTTP status
	Message    string        `json:"message"`               // one line, lower case, no position
	Hint       string        `json:"hint,omitempty"`        // one suggestion
	Retryable  bool          `json:"retryable,omitempty"`   // the same call may succeed later
	RetryAfter time.Duration `json:"retry_after,omitempty"` // as told by the server
	Where      string        `json:"where,omitempty"`       // "irc.lua:74", the place in the author's file
	Said       string        `json:"said,omitempty"`        // the homeserver's own words; Message ends with them
	Request    string        `json:"request,omitempty"`     // "PUT /rooms/…/send/… as @_bh_rss:example.org"
	Trace      []Frame       `json:"trace,omitempty"`       // innermost first; empty until the error left the script
	Locals     []Local       `json:"locals,omitempty"`      // of the innermost frame
	Raised     bool          `json:"raised,omitempty"`      // by the script's own error or assert
	In         string        `json:"in,omitempty"`          // what ran: `service "irc"`, `message $1 from @a:b`
	While      string        `json:"while,omitempty"`       // what it worked on: "irc#7, line from irc.libera.chat:6697"
	At         string        `json:"at,omitempty"`          // a word or operator of the line that failed, when Message quotes none
	Marks      []Mark        `json:"marks,omitempty"`       // places to show; empty: Where
	Cause      error         `json:"-"`
}

// Frame is one call on the way to an error.
type Frame struct {
	File string `json:"file"`           // as the author names it: "irc.lua"; "[Go]" for ours
	Line int    `json:"line"`           // 1-based; 0 when unknown
	Func string `json:"func,omitempty"` // "portal_for", "" for a main chunk
}

// Local is a variable at the failing place, its value already shortened for reading.
type Local struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Mark is a place in the author's file.
type Mark struct {
	File string `json:"file"`
	Line int    `json:"line"`           // 1-based
	Col  int    `json:"col,omitempty"`  // 1-based, in bytes; 0: unknown
	Len  int    `json:"len,omitempty"`  // in bytes
	Note string `json:"note,omitempty"` // "'function' is not closed"
}

// Error is one good line, position first when it is known.
func (e *Error) Error() string {
	msg := e.Message
	if e.Code != "" && e.Kind == KindMatrix {
		msg = fmt.Sprintf("%s (%d): %s", e.Code, e.Status, msg)
	}
	if e.Where != "" {
		return e.Where + ": " + msg
	}
	return msg
}

func (e *Error) Unwrap() error { return e.Cause }

// OwnFault tells whether a newer version of the script is to blame: an error of
// running Lua or a wrong call, not one that the script raised itself, nor one of what
// it talks to.
func (e *Error) OwnFault() bool {
	switch e.Kind {
	case KindMatrix, KindNet, KindHTTP, KindTimeout, KindStopping, KindInternal:
		return false
	}
	return !e.Raised
}
