package devpage

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"bridgehost/devserver"
)

// eventsShown is how many events of a room a page gets when it is opened.
const eventsShown = 500

// snapshot is all that a page shows.
type snapshot struct {
	Side
	Rows   []Row   `json:"rows"`
	Events []event `json:"events"` // by room, oldest first
}

// Side is what stands beside the timeline.
type Side struct {
	Script Script `json:"script"`
	Rooms  []room `json:"rooms"`
	Users  []user `json:"users"`
	Faults faults `json:"faults"`
}

type room struct {
	ID      string            `json:"id"`
	Name    string            `json:"name"`
	Members map[string]string `json:"members"` // user → membership
}

type user struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Service bool   `json:"service"` // the bridge's: nobody writes as it
}

// event is an event with its cleaned HTML, so that the page needs not to trust any.
type event struct {
	Raw  json.RawMessage `json:"raw"`
	HTML []Node          `json:"html,omitempty"`     // of formatted_body
	New  []Node          `json:"new_html,omitempty"` // of m.new_content
}

func (p *Page) happened(e devserver.Event) { p.tell("event", view(e)) }

func view(e devserver.Event) event {
	type body struct {
		Format string `json:"format"`
		HTML   string `json:"formatted_body"`
	}
	var c struct {
		body
		New body `json:"m.new_content"`
	}
	out := event{Raw: e.Raw}
	if json.Unmarshal(e.Content, &c) != nil { // shown as it is
		return out
	}
	if c.Format == htmlFormat {
		out.HTML = Clean(c.HTML)
	}
	if c.New.Format == htmlFormat {
		out.New = Clean(c.New.HTML)
	}
	return out
}

const htmlFormat = "org.matrix.custom.html"

func (p *Page) snapshot(rows []Row) snapshot {
	out := snapshot{Side: p.side(), Rows: rows, Events: []event{}}
	for _, r := range p.o.Server.Rooms() {
		timeline := p.o.Server.Timeline(r)
		for _, e := range timeline[max(0, len(timeline)-eventsShown):] {
			out.Events = append(out.Events, view(e))
		}
	}
	return out
}

func (p *Page) side() Side {
	out := Side{Script: p.o.Host.Script(), Rooms: []room{}, Users: []user{}, Faults: faultsOf(p.o.Server.Faults())}
	out.Script.Tests = p.o.Host.TestsAvailable()
	for _, id := range p.o.Server.Rooms() {
		r := room{ID: string(id), Members: map[string]string{}}
		for u, m := range p.o.Server.Members(id) {
			r.Members[string(u)] = m
		}
		var c struct {
			Name string `json:"name"`
		}
		if e := p.o.Server.State(id, "m.room.name", ""); e != nil && json.Unmarshal(e.Content, &c) == nil {
			r.Name = strings.TrimPrefix(c.Name, "#")
		}
		if r.Name == "" {
			r.Name = string(id)
		}
		out.Rooms = append(out.Rooms, r)
	}
	slices.SortFunc(out.Rooms, func(a, b room) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	for _, u := range p.o.Server.Users() {
		out.Users = append(out.Users, user{string(u.ID), u.Displayname, u.Service})
	}
	return out
}
