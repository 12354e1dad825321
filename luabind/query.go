package luabind

import (
	"context"
	"encoding/json"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/diag"
	"bridgehost/engine"
	"bridgehost/matrix"
)

// The events by which scripts answer what the homeserver asks (AS-3, AS-5). The first
// handler that returns something other than nil and false takes the question.
const (
	QueryUserEvent     = "query_user"                // {user_id}; true once it exists
	QueryAliasEvent    = "query_alias"               // {room_alias}; true once it exists
	QueryProtocolEvent = "query_protocol"            // {protocol}; a table about it
	QueryPeopleEvent   = "query_thirdparty_user"     // {protocol?, fields}; a list of {userid, protocol, fields}
	QueryPlacesEvent   = "query_thirdparty_location" // {protocol?, fields}; a list of {alias, protocol, fields}
)

// Query asks a script's handlers of that event about something, a JSON object. The answer
// is nil when no handler takes it, else what was returned.
func (s *Script) Query(ctx context.Context, running *engine.Script, event string, about json.RawMessage) (json.RawMessage, error) {
	var answer json.RawMessage
	var wrong error
	failed := running.Ask(ctx, event,
		func(g *engine.Generation) []*engine.Handler { return g.Handlers(event) },
		func(vm *engine.VM) lua.LValue { return EnvOf(vm).Value(about) },
		func(vm *engine.VM, results []lua.LValue) bool {
			if len(results) == 0 || !lua.LVAsBool(results[0]) || EnvOf(vm).IsNull(results[0]) {
				return false
			}
			answer, wrong = EnvOf(vm).EncodeJSON(results[0])
			return true
		})
	if failed != nil {
		return nil, failed
	}
	return answer, wrong
}

// Hear gives an event that is not kept (typing, receipts, presence) to the handlers that
// want it. Their error is reported, and returned for nothing but tests.
func (s *Script) Hear(ctx context.Context, running *engine.Script, raw *matrix.Event) *diag.Error {
	e := NewEvent(raw, false)
	names := s.Names(e)
	own := s.onlyOwn(e)
	return running.Ask(ctx, e.Type,
		func(g *engine.Generation) []*engine.Handler {
			var wanted []*engine.Handler
			for _, h := range g.Handlers("") {
				f, ok := h.Data.(*Filter)
				if ok && (!own || f.Own) && s.Wants(h.Event, f, e, names) {
					wanted = append(wanted, h)
				}
			}
			return wanted
		},
		func(vm *engine.VM) lua.LValue { return EnvOf(vm).TableObject(eventClass, e) },
		func(*engine.VM, []lua.LValue) bool { return false })
}

// HearsEphemeral tells whether a script has any handler for an event of that type, which
// is not kept.
func (s *Script) HearsEphemeral(running *engine.Script, e *matrix.Event) bool {
	g := running.Current()
	if g == nil {
		return false
	}
	names := s.Names(NewEvent(e, false))
	for _, h := range g.Handlers("") {
		for _, name := range names {
			if h.Event == name {
				return true
			}
		}
	}
	return false
}

// onlyOwn tells whether typing or receipts are of the script's own users alone. That
// nobody types any more is of interest to all.
func (s *Script) onlyOwn(e *Event) bool {
	var users []matrix.UserID
	switch e.Type {
	case "m.typing":
		var c struct {
			Users []matrix.UserID `json:"user_ids"`
		}
		_ = json.Unmarshal(e.Content, &c) // what cannot be read is nobody's
		users = c.Users
	case "m.receipt":
		var c map[matrix.EventID]map[string]map[matrix.UserID]json.RawMessage
		_ = json.Unmarshal(e.Content, &c)
		for _, kinds := range c {
			for _, of := range kinds {
				for user := range of {
					users = append(users, user)
				}
			}
		}
	}
	for _, user := range users {
		if !s.Owns(user) {
			return false
		}
	}
	return len(users) > 0
}
