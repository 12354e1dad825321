package devpage

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// Kind is what a row of the script's log tells.
type Kind string

// The kinds of rows.
const (
	Work    Kind = "work"    // an event that was handled, or a service or timer that called something
	Loaded  Kind = "loaded"  // a generation began
	Refused Kind = "refused" // a source did not load
	Failed  Kind = "failed"  // an error, in full
	Printed Kind = "printed" // what the script printed
	Tested  Kind = "tested"  // the report of its tests
)

// Row is one line of the script's log, with what belongs to it. A row that is put again
// under the same ID replaces the one before.
type Row struct {
	ID         int64           `json:"id"`
	At         time.Time       `json:"at"`
	Kind       Kind            `json:"kind"`
	Title      string          `json:"title"` // `message "hello"`
	Text       string          `json:"text,omitempty"`
	Generation int             `json:"generation,omitempty"`
	Busy       bool            `json:"busy,omitempty"` // it goes on
	Bad        bool            `json:"bad,omitempty"`
	Took       time.Duration   `json:"took_ns,omitempty"`
	Calls      []Call          `json:"calls,omitempty"`
	More       int             `json:"more,omitempty"`  // calls beyond those
	Event      json.RawMessage `json:"event,omitempty"` // what was handled
}

// Call is one request of the script to the homeserver.
type Call struct {
	Name   string        `json:"name"` // "send_message"
	As     string        `json:"as"`
	Status int           `json:"status"`          // 0: no answer
	Error  string        `json:"error,omitempty"` // "M_FORBIDDEN", or why no answer came
	Took   time.Duration `json:"took_ns"`
	Method string        `json:"method"`
	Path   string        `json:"path"`
}

// Answer is what the homeserver answered, in a word or two: "200", "403 M_FORBIDDEN".
func (c Call) Answer() string {
	if c.Status == 0 {
		return c.Error
	}
	return strings.TrimSpace(strconv.Itoa(c.Status) + " " + c.Error)
}

// rowsKept is how many rows a page that is opened later still sees.
const rowsKept = 300

// Put adds a row, or replaces the one with its ID. The caller must not change Calls afterwards.
func (p *Page) Put(r Row) {
	p.mu.Lock()
	known := false
	for i := len(p.rows) - 1; i >= 0 && !known; i-- {
		if p.rows[i].ID == r.ID {
			p.rows[i], known = r, true
		}
	}
	if !known {
		if p.rows = append(p.rows, r); len(p.rows) > rowsKept {
			p.rows = p.rows[1:]
		}
	}
	p.mu.Unlock()
	p.tell("row", r)
}

// Refresh lets the pages see anew how script, rooms and users are.
func (p *Page) Refresh() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for s := range p.subs {
		s.mark()
	}
}
