package host

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"bridgehost/delivery"
	"bridgehost/devpage"
	"bridgehost/engine"
	"bridgehost/matrix"
)

// activity puts together what the script was given and what it then asked of the
// homeserver, for the chat page and the terminal of `dev`.
type activity struct {
	clock clockwork.Clock
	show  func(devpage.Row) // each row, again when it has changed; the calls are in order

	mu       sync.Mutex
	telling  sync.Mutex // one row at a time, in order; taken before mu is left
	last     int64
	handling map[int64]*devpage.Row  // by Seq of the item
	aside    map[string]*devpage.Row // services and timers that called something lately, by label
}

// Limits of a row.
const (
	callsShown = 50
	// asideFor is how long the calls of a service or timer stand in one row.
	asideFor = 2 * time.Second
)

func newActivity(clock clockwork.Clock) *activity {
	return &activity{clock: clock, show: func(devpage.Row) {}, handling: map[int64]*devpage.Row{}, aside: map[string]*devpage.Row{}}
}

// put gives a row that stands by itself a number and shows it.
func (a *activity) put(r devpage.Row) {
	a.mu.Lock()
	a.number(&r)
	a.shown(&r)
}

// number is called with a.mu held.
func (a *activity) number(r *devpage.Row) {
	a.last++
	r.ID = a.last
	if r.At.IsZero() {
		r.At = a.clock.Now()
	}
}

// shown shows a copy of r and leaves a.mu, which is held.
func (a *activity) shown(r *devpage.Row) {
	out := *r
	out.Calls = append([]devpage.Call(nil), r.Calls...)
	a.telling.Lock()
	defer a.telling.Unlock()
	a.mu.Unlock()
	a.show(out)
}

// ran is told of each try to handle an item.
func (a *activity) ran(r engine.Run) {
	a.mu.Lock()
	row := a.handling[r.Item.Seq]
	if !r.Ended {
		row = &devpage.Row{At: r.At, Kind: devpage.Work, Title: eventTitle(r.Item, r.Label), Generation: r.Generation, Busy: true, Event: r.Item.Payload}
		a.number(row)
		a.handling[r.Item.Seq] = row
	} else {
		delete(a.handling, r.Item.Seq)
		row.Busy, row.Took, row.Bad = false, r.Took, r.Err != nil
	}
	a.shown(row)
}

// eventTitle names an event as the page shows it: `message "hello"`, `!shout`, `invite _bh_echo`.
func eventTitle(item delivery.Item, label string) string {
	e, err := matrix.ParseEvent(json.RawMessage(item.Payload))
	if err != nil || item.Kind == delivery.KindQueue {
		return label
	}
	if strings.HasPrefix(label, "!") {
		label, _, _ = strings.Cut(label, " ")
		return label
	}
	var c struct {
		Body       string `json:"body"`
		Membership string `json:"membership"`
		Relates    struct {
			Key     string `json:"key"`
			RelType string `json:"rel_type"`
		} `json:"m.relates_to"`
	}
	if json.Unmarshal(e.Content, &c) != nil {
		return e.Type
	}
	switch {
	case e.Type == "m.room.message" && c.Relates.RelType == "m.replace":
		return fmt.Sprintf("edit %q", short(strings.TrimPrefix(c.Body, "* ")))
	case e.Type == "m.room.message":
		return fmt.Sprintf("message %q", short(c.Body))
	case e.Type == "m.reaction":
		return "reaction " + short(c.Relates.Key)
	case e.Type == "m.room.redaction":
		return "redaction"
	case e.Type == "m.room.member" && e.StateKey != nil:
		return c.Membership + " " + matrix.UserID(*e.StateKey).Localpart()
	}
	return e.Type
}

// short is the begin of a text, on one line.
func short(s string) string {
	const most = 40
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

// called adds a call to the row of what the script was doing.
func (a *activity) called(ctx context.Context, c devpage.Call) {
	a.mu.Lock()
	row := a.rowOf(ctx)
	if row == nil {
		a.mu.Unlock()
		return // the host's own: pings, questions who is in a room
	}
	if len(row.Calls) < callsShown {
		row.Calls = append(row.Calls, c)
	} else {
		row.More++
	}
	a.shown(row)
}

// rowOf finds the row of a call, or makes one for a service or timer. a.mu is held.
func (a *activity) rowOf(ctx context.Context) *devpage.Row {
	if u := delivery.From(ctx); u != nil && u.Item.Seq != 0 {
		return a.handling[u.Item.Seq]
	}
	label := engine.LabelFrom(ctx)
	if label == "" {
		return nil
	}
	now := a.clock.Now()
	row := a.aside[label]
	if row == nil || now.Sub(row.At) > asideFor {
		row = &devpage.Row{At: now, Kind: devpage.Work, Title: label}
		a.number(row)
		a.aside[label] = row
	}
	return row
}

// watched is an HTTP transport whose requests the activity hears of.
type watched struct {
	next http.RoundTripper
	a    *activity
}

// errorRead is how much of a refusal is read for its errcode.
const errorRead = 64 << 10

// RoundTrip implements http.RoundTripper.
func (w watched) RoundTrip(r *http.Request) (*http.Response, error) {
	began := w.a.clock.Now()
	c := devpage.Call{Name: callName(r), As: r.URL.Query().Get("user_id"), Method: r.Method, Path: r.URL.EscapedPath()}
	resp, err := w.next.RoundTrip(r)
	c.Took = w.a.clock.Since(began)
	if err != nil {
		c.Error = "no answer"
	} else if c.Status = resp.StatusCode; c.Status >= http.StatusBadRequest {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, errorRead)) // a broken answer is its reader's error, too
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(text), resp.Body), resp.Body}
		var e struct {
			Code string `json:"errcode"`
		}
		if json.Unmarshal(text, &e) == nil {
			c.Error = e.Code
		}
	}
	w.a.called(r.Context(), c)
	return resp, err
}

// callName is the intent's name for a request, the request itself where there is none.
func callName(r *http.Request) string {
	path, _ := strings.CutPrefix(r.URL.Path, "/_matrix/client/v3/")
	parts := strings.Split(path, "/")
	at := func(i int) string {
		if i < len(parts) {
			return parts[i]
		}
		return ""
	}
	kind := r.Method + " " + at(0)
	switch at(0) {
	case "rooms", "profile":
		kind += "/" + at(2)
	case "directory":
		kind += "/" + at(1)
	}
	switch kind {
	case "PUT rooms/send":
		return sendName(r, at(3))
	case "PUT rooms/state":
		return "send_state_event " + at(3)
	case "GET rooms/state":
		return strings.TrimSpace("get_state_event " + at(3))
	}
	if name := callNames[kind]; name != "" {
		return name
	}
	return r.Method + " /" + path
}

// callNames are the intent's names of requests.
var callNames = map[string]string{
	"POST register": "ensure_registered", "POST createRoom": "create_room", "POST join": "join_room", "POST rooms/join": "join_room",
	"POST rooms/leave": "leave_room", "POST rooms/invite": "invite_user", "POST rooms/kick": "kick_user", "POST rooms/ban": "ban_user",
	"POST rooms/unban": "unban_user", "POST rooms/forget": "forget_room", "PUT rooms/redact": "redact", "PUT rooms/typing": "set_typing",
	"POST rooms/receipt": "send_receipt", "POST rooms/read_markers": "set_fully_read_marker", "GET rooms/members": "get_members",
	"GET rooms/joined_members": "get_joined_members", "GET rooms/event": "get_event", "PUT profile/displayname": "set_displayname",
	"PUT profile/avatar_url": "set_avatar_url", "GET profile/": "get_profile", "GET profile/displayname": "get_displayname",
	"GET directory/room": "resolve_room_alias", "PUT directory/room": "add_room_alias", "DELETE directory/room": "remove_room_alias",
	"GET profile/avatar_url": "get_avatar_url", "GET joined_rooms": "get_joined_rooms",
}

// sendName tells notices, emotes and reactions apart.
func sendName(r *http.Request, eventType string) string {
	switch eventType {
	case "m.reaction":
		return "react"
	case "m.room.message":
	default:
		return "send_message_event " + eventType
	}
	var c struct {
		MsgType string `json:"msgtype"`
	}
	if r.GetBody != nil {
		if body, err := r.GetBody(); err == nil {
			_ = json.NewDecoder(body).Decode(&c) // what it is not, is a message
			body.Close()
		}
	}
	switch c.MsgType {
	case "m.notice":
		return "send_notice"
	case "m.emote":
		return "send_emote"
	}
	return "send_message"
}
