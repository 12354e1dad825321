package luatest

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"bridgehost/devserver"
	"bridgehost/diag"
	"bridgehost/engine"
	"bridgehost/luabind"
)

// userName is what a user may be called.
var userName = regexp.MustCompile(`^[a-z0-9._=/+-]+$`)

// hosted is a script under test with its homeserver; it implements luabind.SpecHost.
type hosted struct {
	home   Home
	bridge Bridge
	net    *network
	bot    devserver.UserID
	wire   *wire
	settle func() error

	mu      sync.Mutex
	taken   map[devserver.EventID]bool
	reports []engine.Report // not taken yet
	printed []string
	asked   []string // of the script's routes
	logged  []luabind.SpecLog
}

// mostLogged is how many lines of the log are kept for the spec.
const mostLogged = 1000

// load makes the world of one script and waits until nothing moves. With an error it
// returns what was made of it.
func (r *runner) load(path string, o luabind.SpecLoad) (*hosted, error) {
	name := o.Name
	if name == "" {
		name = strings.TrimSuffix(filepath.Base(path), ".lua")
	}
	home, err := r.world.home(name)
	if err != nil {
		return nil, err
	}
	if err := furnish(home, o.Rooms); err != nil {
		home.Close()
		return nil, err
	}
	h := &hosted{home: home, net: r.net, taken: map[devserver.EventID]bool{}, settle: r.settle}
	bo := BridgeOptions{
		Path: path, Name: o.Name, Config: o.Config, Dirs: o.Dirs, Capabilities: o.Capabilities, Computing: realTime, Dial: r.net.dial, Resolve: r.net.names.resolve, Secure: r.net.secure, Observe: r.o.Observe,
		Report: func(r engine.Report) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.reports = append(h.reports, r)
		},
		Printed: func(line string) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.printed = append(h.printed, line)
		},
		Logged: func(line luabind.SpecLog) {
			h.mu.Lock()
			defer h.mu.Unlock()
			if len(h.logged) == mostLogged {
				h.logged = h.logged[1:]
			}
			h.logged = append(h.logged, line)
		},
	}
	bo.Cover = r.o.Cover.of(path)
	home.Fill(&bo)
	if named := home.Name(name); named != name {
		bo.Name = named
	}
	h.wire = &wire{to: bo.Transport, faults: &r.faults, seen: r.o.Asked}
	bo.Transport = h.wire
	b, err := r.o.Bridges.Open(r.ctx, bo)
	if err != nil {
		home.Close()
		return nil, err
	}
	h.bridge, h.bot = b, b.Script().Bot.MXID()
	home.Push(b.Appservice())
	r.loaded = append(r.loaded, h)
	if err := r.settle(); err != nil {
		return h, err
	}
	if refused := b.Refused(); refused != nil {
		return h, refused
	}
	return h, nil
}

// furnish makes public rooms with these aliases.
func furnish(home Home, aliases []string) error {
	for _, alias := range aliases {
		owner, err := home.User(home.Name("owner"))
		if err != nil {
			return err
		}
		room, err := owner.CreateRoom(alias, false)
		if err != nil {
			return err
		}
		if err := owner.SetAlias(room, alias); err != nil {
			return &diag.Error{Kind: diag.KindUsage, Code: "E_ARGUMENT", Message: fmt.Sprintf("bad option 'rooms' to 'load' (no room can be called #%s: %v)", alias, err), Cause: err}
		}
	}
	return nil
}

func (h *hosted) close() error {
	err := h.bridge.Close()
	h.home.Close()
	return err
}

// Script implements luabind.SpecHost.
func (h *hosted) Script() *luabind.Script { return h.bridge.Script() }

// User implements luabind.SpecHost.
func (h *hosted) User(localpart string) (luabind.SpecUser, error) {
	localpart = h.home.Name(localpart)
	if !userName.MatchString(localpart) || h.Script().Owns(devserver.UserID("@"+localpart+":"+h.home.ServerName())) {
		return nil, fmt.Errorf("there can be no user called %q: a-z, 0-9 and ._=/+- may stand in a name, and the script's users are its own", localpart)
	}
	u, err := h.home.User(localpart)
	return &user{User: u, h: h}, err
}

// Messages implements luabind.SpecHost.
func (h *hosted) Messages() []luabind.SpecMessage {
	_ = h.settle() // what is missing then will be told
	var all []luabind.SpecMessage
	for _, e := range h.home.Timeline() {
		h.mu.Lock()
		taken := h.taken[e.EventID]
		h.mu.Unlock()
		if taken || e.Type != "m.room.message" || !h.Script().Owns(e.Sender) {
			continue
		}
		var c struct{ MsgType, Body string }
		_ = json.Unmarshal(e.Content, &c) // the server took it, so it is an object; other types are read as ""
		all = append(all, luabind.SpecMessage{ID: e.EventID, Room: e.RoomID, From: e.Sender, MsgType: c.MsgType, Body: c.Body, Event: e.Raw})
	}
	return all
}

// Take implements luabind.SpecHost.
func (h *hosted) Take(event devserver.EventID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.taken[event] = true
}

// Missing implements luabind.SpecHost.
func (h *hosted) Missing(text string) *diag.Error {
	return unmet(text, h.story())
}

// furniture is what every room begins with: no story.
var furniture = map[string]bool{"m.room.create": true, "m.room.power_levels": true, "m.room.canonical_alias": true,
	"m.room.join_rules": true, "m.room.history_visibility": true, "m.room.guest_access": true, "m.room.name": true}

// story is what happened in the rooms, on the connections and in the script.
func (h *hosted) story() string {
	var b strings.Builder
	rooms, lines := []devserver.RoomID{}, map[devserver.RoomID][]string{}
	for _, e := range h.home.Timeline() {
		if !slices.Contains(rooms, e.RoomID) {
			rooms = append(rooms, e.RoomID)
		}
		if furniture[e.Type] {
			continue
		}
		lines[e.RoomID] = append(lines[e.RoomID], h.line(&e))
	}
	for _, room := range rooms {
		fmt.Fprintf(&b, "room %s:\n%s", h.title(room), indented(lines[room]))
	}
	if len(rooms) == 0 {
		b.WriteString("no room was made\n")
	}
	for _, s := range h.net.order {
		s.mu.Lock()
		b.WriteString(s.dialogue())
		s.mu.Unlock()
	}
	b.WriteString(h.net.brokers.story())
	b.WriteString(h.net.web.story())
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.asked) > 0 {
		b.WriteString("routes:\n" + indented(h.asked))
	}
	if len(h.printed) > 0 {
		b.WriteString("printed:\n" + indented(h.printed))
	}
	if len(h.reports) > 0 {
		b.WriteString("errors of the script:\n")
		for _, r := range h.reports {
			b.WriteString(indented(strings.Split(strings.TrimSpace(diag.Render(r.Err, diag.Files(r.Sources), diag.Options{})), "\n")))
		}
	}
	return b.String()
}

// title is a room's name, or its id.
func (h *hosted) title(room devserver.RoomID) string {
	var c struct{ Name string }
	if content := h.home.State(room, "m.room.name", ""); json.Unmarshal(content, &c) == nil && c.Name != "" {
		return c.Name
	}
	return string(room)
}

// line is an event for reading.
func (h *hosted) line(e *devserver.Event) string {
	var c struct {
		MsgType, Body, Membership string
		Relates                   struct {
			Key string
		} `json:"m.relates_to"`
	}
	_ = json.Unmarshal(e.Content, &c) // shown as far as it can be read
	who := e.Sender.Localpart()
	switch e.Type {
	case "m.room.message":
		kind := ""
		if c.MsgType != "m.text" {
			kind = " (" + c.MsgType + ")"
		}
		return fmt.Sprintf("%s%s: %s", who, kind, c.Body)
	case "m.room.member":
		if e.StateKey != nil && *e.StateKey != string(e.Sender) {
			return fmt.Sprintf("%s: %s %s", who, c.Membership, *e.StateKey)
		}
		return fmt.Sprintf("%s: %s", who, c.Membership)
	case "m.reaction":
		return fmt.Sprintf("%s reacts with %s", who, c.Relates.Key)
	}
	return fmt.Sprintf("%s: %s %.100s", who, e.Type, e.Content)
}

// Failure implements luabind.SpecHost.
func (h *hosted) Failure(mistakes bool) *diag.Error {
	_ = h.settle() // the script's own failure counts
	h.mu.Lock()
	defer h.mu.Unlock()
	if mistakes && h.wire.still.Load() > maxStill {
		return unmet(fmt.Sprintf("the script made more than %d requests without any time passing: does it answer itself?", maxStill), "")
	}
	for i, r := range h.reports {
		if !mistakes || r.Err.OwnFault() {
			h.reports = slices.Delete(h.reports, i, i+1)
			return r.Err
		}
	}
	return nil
}

// Reload implements luabind.SpecHost.
func (h *hosted) Reload(ctx context.Context, source string) error {
	if err := h.settle(); err != nil {
		return err
	}
	_, err := done(h, none{}, h.bridge.Reload(ctx, source))
	return err
}

// Configure implements luabind.SpecHost.
func (h *hosted) Configure(ctx context.Context, values map[string]any) error {
	if err := h.settle(); err != nil {
		return err
	}
	_, err := done(h, none{}, h.bridge.Configure(ctx, values))
	return err
}

// State implements luabind.SpecHost.
func (h *hosted) State(room devserver.RoomID, eventType, stateKey string) json.RawMessage {
	return h.home.State(room, eventType, stateKey)
}

// Members implements luabind.SpecHost.
func (h *hosted) Members(room devserver.RoomID) map[devserver.UserID]string {
	return h.home.Members(room)
}

// Asked implements luabind.SpecHost.
func (h *hosted) Asked() []luabind.SpecRequest { return h.wire.take() }

// Logged implements luabind.SpecHost.
func (h *hosted) Logged() []luabind.SpecLog {
	h.mu.Lock()
	defer h.mu.Unlock()
	lines := h.logged
	h.logged = nil
	return lines
}

var _ luabind.SpecHost = (*hosted)(nil)
