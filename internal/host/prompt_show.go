package host

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"bridgehost/devpage"
	"bridgehost/devserver"
	"bridgehost/matrix"
)

// happened is called for each event: the room's are shown, an invitation is told.
func (p *prompt) happened(e devserver.Event) {
	p.show()
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.Type != "m.room.member" || e.StateKey == nil || matrix.UserID(*e.StateKey) != p.user.ID || e.RoomID == p.room {
		return
	}
	if text, _ := describe(&e); strings.HasPrefix(text, "(invite") {
		fmt.Fprintf(p.out, "→ %s invites you: /room %s\n", p.who(&e), p.title(e.RoomID))
	}
}

// title is a room's name without "#", its id when it has none.
func (p *prompt) title(room matrix.RoomID) string {
	var c struct {
		Name string `json:"name"`
	}
	if e := p.hs.State(room, "m.room.name", ""); e != nil && json.Unmarshal(e.Content, &c) == nil && c.Name != "" {
		return strings.TrimPrefix(c.Name, "#")
	}
	return string(room)
}

// list shows the rooms in which the user is or may come, by name.
func (p *prompt) list() {
	var lines []string
	for _, room := range p.hs.Rooms() {
		members := p.hs.Members(room)
		joined := 0
		for _, m := range members {
			if m == "join" {
				joined++
			}
		}
		note := ""
		if m := members[p.user.ID]; m != "join" {
			note = ", you are not in it"
			if m == "invite" {
				note = ", you are invited"
			}
		}
		lines = append(lines, fmt.Sprintf("  #%-12s %s, %s%s\n", p.title(room), room, count(joined, "member"), note))
	}
	slices.Sort(lines)
	p.say("%s", strings.Join(lines, ""))
}

func (p *prompt) json() {
	events := p.hs.Timeline(p.room)
	if len(events) == 0 {
		return
	}
	var v any
	last := events[len(events)-1]
	if json.Unmarshal(last.Raw, &v) != nil {
		v = last
	}
	text, _ := json.MarshalIndent(v, "  ", "  ") // it was JSON a line ago
	p.say("  %s\n", text)
}

// show writes what happened in the room since the last time.
func (p *prompt) show() {
	p.mu.Lock()
	defer p.mu.Unlock()
	events := p.hs.Timeline(p.room)
	for _, e := range events[min(p.shown[p.room], len(events)):] {
		if text, ok := describe(&e); ok {
			fmt.Fprintf(p.out, "%-14s %s\n", p.who(&e), strings.ReplaceAll(text, "\n", "\n               "))
		}
	}
	p.shown[p.room] = len(events)
}

// who is the sender as people know it: the localpart, for ghosts the name that they carry.
// p.mu is held.
func (p *prompt) who(e *matrix.Event) string {
	local := e.Sender.Localpart()
	var c struct {
		Displayname string `json:"displayname"`
	}
	if !strings.HasPrefix(local, "_bh_"+p.script+"_") {
		return local
	}
	if m := p.hs.State(e.RoomID, "m.room.member", string(e.Sender)); m != nil && json.Unmarshal(m.Content, &c) == nil && c.Displayname != "" {
		p.names[e.Sender] = c.Displayname
	}
	if name := p.names[e.Sender]; name != "" { // kept when it leaves
		return name + " (ghost)"
	}
	return local
}

// describe is an event in a line; ok is false for what nobody wants to see.
func describe(e *matrix.Event) (text string, ok bool) {
	var c struct {
		Body       string `json:"body"`
		MsgType    string `json:"msgtype"`
		Membership string `json:"membership"`
		Name       string `json:"name"`
		Topic      string `json:"topic"`
		Relates    struct {
			Key     string `json:"key"`
			RelType string `json:"rel_type"`
		} `json:"m.relates_to"`
	}
	if err := json.Unmarshal(e.Content, &c); err != nil {
		return fmt.Sprintf("(%s: %s)", e.Type, err), true
	}
	switch e.Type {
	case "m.room.message":
		switch {
		case c.Relates.RelType == "m.replace":
			return "(edit) " + strings.TrimPrefix(c.Body, "* "), true
		case c.MsgType == "m.emote":
			return "* " + c.Body, true
		}
		return c.Body, true
	case "m.reaction":
		return "reacts with " + c.Relates.Key, true
	case "m.room.redaction":
		return "takes a message back", true
	case "m.room.member":
		if e.StateKey != nil && matrix.UserID(*e.StateKey) != e.Sender {
			return fmt.Sprintf("(%s %s)", c.Membership, *e.StateKey), true
		}
		return "(" + c.Membership + ")", true
	case "m.room.name":
		return "(names the room " + c.Name + ")", true
	case "m.room.topic":
		return "(topic: " + c.Topic + ")", true
	}
	return "", false
}

// toggleEvents shows from now on what the script is given and what it asks for, or no more.
func (p *prompt) toggleEvents() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events = !p.events
	state := "off"
	if p.events {
		state = "on: each event, what the script then called, and how long it took"
	}
	fmt.Fprintf(p.out, "events %s\n", state)
}

// row shows what the script did, when that is wanted: an event when it was handled, a call
// of a service or timer at once.
func (p *prompt) row(r devpage.Row) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.events || r.Kind != devpage.Work || r.Busy {
		return
	}
	calls := r.Calls
	if r.Event == nil && r.More == 0 && len(calls) > 0 { // it comes again with each further call
		calls = calls[len(calls)-1:]
	}
	took := ""
	if r.Event != nil {
		took = "  " + duration(r.Took)
		if r.Bad {
			took += ", failed"
		}
	}
	fmt.Fprintf(p.out, "%s %s%s\n", r.At.Local().Format("15:04:05"), r.Title, took)
	for _, c := range calls {
		fmt.Fprintf(p.out, "           → %-20s %s  %s\n", c.Name, c.Answer(), duration(c.Took))
	}
	if r.More > 0 {
		fmt.Fprintf(p.out, "           … and %d more\n", r.More)
	}
}
