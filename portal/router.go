package portal

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"bridgehost/intent"
	"bridgehost/matrix"
)

// RouterConfig is what a Router works with. All fields are needed.
type RouterConfig struct {
	Names      Names
	BridgeName string // marks a double puppet's own events; "" : none
	Store      intent.StateStore
	Owns       func(matrix.UserID) bool // the users of the registration
	// Scripts lists the scripts that are known, in a fixed order.
	Scripts func() []string
	// WantsOwn tells whether a script has a handler for events of our own users.
	WantsOwn func(script, eventType string) bool
	// Bot is a script's bot.
	Bot func(script string) *intent.Intent
}

// Router says which scripts see an event.
type Router struct {
	cfg RouterConfig

	mu    sync.Mutex
	epoch uint64 // counts changes of the scripts: what was made before one is not kept after it
	rooms map[matrix.RoomID]seen
	asked map[matrix.RoomID]bool // and nobody of ours is there
}

// seen is which scripts are in a room, as of a version of its own members.
type seen struct {
	version uint64
	scripts []string
}

// roomsKept bounds the memory of who is where; it is only a cache.
const roomsKept = 10_000

// NewRouter makes a router.
func NewRouter(cfg RouterConfig) *Router {
	return &Router{cfg: cfg, rooms: map[matrix.RoomID]seen{}, asked: map[matrix.RoomID]bool{}}
}

// Route says which scripts see e: those whose bot or one of whose ghosts is joined in its
// room, that are invited by it, or that it takes out of the room. Call it when the state
// store has taken e in. known is false when it is not known who is there: then AskMembers
// has to be called first. Source: SCRIPTING, "Who sees what".
func (r *Router) Route(ctx context.Context, e *matrix.Event) (scripts []string, known bool, err error) {
	scripts, err = r.inRoom(ctx, e.RoomID)
	if err != nil {
		return nil, false, err
	}
	about, concerned := r.concerned(e)
	if concerned {
		r.askAgain(e.RoomID)
	} else if len(scripts) == 0 {
		if ask, err := r.mustAsk(ctx, e.RoomID); err != nil || ask {
			return nil, false, err
		}
	}
	if concerned && !slices.Contains(scripts, about) && slices.Contains(r.cfg.Scripts(), about) {
		scripts = append(slices.Clone(scripts), about)
		slices.Sort(scripts)
	}
	if r.own(e) {
		scripts = slices.DeleteFunc(slices.Clone(scripts), func(s string) bool { return !r.cfg.WantsOwn(s, e.Type) })
	}
	return scripts, true, nil
}

// ScriptOf names the script whose user that is; ok is false for all others.
func (r *Router) ScriptOf(user matrix.UserID) (script string, ok bool) {
	return r.cfg.Names.Script(user)
}

// InRoom lists the known scripts that have a user in the room. The result must not be changed.
func (r *Router) InRoom(ctx context.Context, room matrix.RoomID) ([]string, error) {
	return r.inRoom(ctx, room)
}

// inRoom lists the known scripts that have a user in the room.
func (r *Router) inRoom(ctx context.Context, room matrix.RoomID) ([]string, error) {
	joined, _, version, err := r.cfg.Store.OwnMembers(ctx, room)
	if err != nil || len(joined) == 0 {
		return nil, err
	}
	r.mu.Lock()
	known, ok := r.rooms[room]
	epoch := r.epoch
	r.mu.Unlock()
	if ok && known.version == version {
		return known.scripts, nil
	}
	all := r.cfg.Scripts()
	var scripts []string
	for _, user := range joined {
		if s, ok := r.cfg.Names.Script(user); ok && slices.Contains(all, s) && !slices.Contains(scripts, s) {
			scripts = append(scripts, s)
		}
	}
	slices.Sort(scripts)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.rooms) >= roomsKept {
		clear(r.rooms)
	}
	if r.epoch == epoch {
		r.rooms[room] = seen{version, scripts}
	}
	return scripts, nil
}

// ScriptsChanged must be called when a script was added or removed.
func (r *Router) ScriptsChanged() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.epoch++
	clear(r.rooms)
	clear(r.asked) // the bot of a new one may be answered
}

// concerned names the script whose user a membership event is about: an invite, and a
// leave or a ban, of which the user would not hear otherwise.
func (r *Router) concerned(e *matrix.Event) (script string, ok bool) {
	if e.Type != "m.room.member" || e.StateKey == nil {
		return "", false
	}
	script, ok = r.cfg.Names.Script(matrix.UserID(*e.StateKey))
	return script, ok && r.cfg.Owns(matrix.UserID(*e.StateKey))
}

// puppetMark is the key with which double puppets mark what they send (ID-3).
const puppetMark = "fi.mau.double_puppet_source"

// own tells events that our own users sent, ghosts or double puppets.
func (r *Router) own(e *matrix.Event) bool {
	if r.cfg.Owns(e.Sender) {
		return true
	}
	if r.cfg.BridgeName == "" {
		return false
	}
	var mark struct {
		Source string `json:"fi.mau.double_puppet_source"`
	}
	if !bytes.Contains(e.Content, []byte(puppetMark)) { // most events are looked into by nobody here
		return false
	}
	return json.Unmarshal(e.Content, &mark) == nil && mark.Source == r.cfg.BridgeName
}

// mustAsk tells of a room in which nobody of ours is known whether that may be for want
// of knowledge: as after the loss of the database.
func (r *Router) mustAsk(ctx context.Context, room matrix.RoomID) (bool, error) {
	r.mu.Lock()
	asked := r.asked[room]
	r.mu.Unlock()
	if room == "" || asked {
		return false, nil
	}
	full, err := r.cfg.Store.HasFullMemberList(ctx, room)
	return !full, err
}

// askAgain must be called when one of ours comes to a room or leaves it.
func (r *Router) askAgain(room matrix.RoomID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.asked, room)
}

// AskMembers asks for the members of a room once, as each script's bot until one is
// answered. That nobody is answered is no error: then none of ours is there.
func (r *Router) AskMembers(ctx context.Context, room matrix.RoomID) error {
	no := false
	for _, script := range r.cfg.Scripts() {
		_, err := r.cfg.Bot(script).GetJoinedMembers(ctx, room, intent.GetJoinedMembersOptions{EnsureJoined: &no})
		if err == nil {
			break
		}
		if !refused(err) {
			return fmt.Errorf("members of %s: %w", room, err)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.asked) >= roomsKept {
		clear(r.asked)
	}
	r.asked[room] = true
	return nil
}
