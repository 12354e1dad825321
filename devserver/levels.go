package devserver

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"bridgehost/matrix"
)

// levels are a room's power levels as read from its event; nil maps when there is none.
type levels struct {
	set    bool // a power levels event exists
	users  map[string]int64
	events map[string]int64
	named  map[string]int64 // users_default, events_default, state_default, ban, kick, redact, invite
}

var levelNames = []string{"users_default", "events_default", "state_default", "ban", "redact", "kick", "invite"}

// parseLevels reads levels. What is sent must be integers (strict), what old rooms have
// may be strings.
func parseLevels(content json.RawMessage, strict bool) (levels, *refusal) {
	l := levels{set: true, users: map[string]int64{}, events: map[string]int64{}, named: map[string]int64{}}
	var top map[string]json.RawMessage
	if err := json.Unmarshal(content, &top); err != nil {
		return l, badJSON("Content must be a JSON object.")
	}
	for _, name := range levelNames {
		if raw, ok := top[name]; ok {
			n, ok := level(raw, strict)
			if !ok {
				return l, mistyped(name, raw, "integer")
			}
			l.named[name] = n
		}
	}
	for name, into := range map[string]map[string]int64{"users": l.users, "events": l.events, "notifications": {}} {
		raw, ok := top[name]
		if !ok {
			continue
		}
		var m map[string]json.RawMessage
		if json.Unmarshal(raw, &m) != nil || m == nil {
			return l, mistyped(name, raw, "object")
		}
		for k, v := range m {
			n, ok := level(v, strict)
			if !ok {
				return l, mistyped(k, v, "integer")
			}
			into[k] = n
		}
	}
	return l, nil
}

// mistyped is Synapse's answer, in which values look as in Python.
func mistyped(name string, raw json.RawMessage, wanted string) *refusal {
	return badJSON("%q: %s is not of type '%s'", name, strings.ReplaceAll(string(raw), `"`, "'"), wanted)
}

func level(raw json.RawMessage, strict bool) (int64, bool) {
	text := string(raw)
	if !strict && len(text) > 1 && text[0] == '"' {
		text = text[1 : len(text)-1]
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}

func (l levels) name(name string, def int64) int64 {
	if n, ok := l.named[name]; ok {
		return n
	}
	return def
}

// user is a user's level. From room version 12 on creators outrank every number.
func (rm *room) user(u matrix.UserID) int64 {
	if rm.creators12 && rm.isCreator(u) {
		return math.MaxInt64
	}
	if !rm.levels.set {
		if u == rm.creator {
			return 100
		}
		return 0
	}
	if n, ok := rm.levels.users[string(u)]; ok {
		return n
	}
	return rm.levels.name("users_default", 0)
}

// needed is the level that sending an event takes.
func (rm *room) needed(typ string, state bool) int64 {
	if n, ok := rm.levels.events[typ]; ok {
		return n
	}
	if state {
		return rm.levels.name("state_default", 50)
	}
	return rm.levels.name("events_default", 0)
}

// checkLevels tells whether sender may replace the room's levels by next.
func (rm *room) checkLevels(sender matrix.UserID, next levels) *refusal {
	if r := next.checkUsers(); r != nil {
		return r
	}
	if rm.creators12 {
		for u := range next.users {
			if rm.isCreator(matrix.UserID(u)) {
				return fail(400, "M_UNKNOWN", "Creator user %s must not appear in content.users", u)
			}
		}
	}
	if !rm.levels.set {
		return nil
	}
	own := rm.user(sender)
	compare := func(old, new map[string]int64, users bool) *refusal {
		for _, k := range unionKeys(old, new) {
			o, had := old[k]
			n, has := new[k]
			if had && has && o == n {
				continue
			}
			if users && k != string(sender) && had && o == own {
				return forbidden("You don't have permission to remove ops level equal to your own")
			}
			if had && o > own || has && n > own {
				return forbidden("You don't have permission to add ops level greater than your own")
			}
		}
		return nil
	}
	if r := compare(rm.levels.named, next.named, false); r != nil {
		return r
	}
	if r := compare(rm.levels.users, next.users, true); r != nil {
		return r
	}
	return compare(rm.levels.events, next.events, false)
}

func unionKeys(a, b map[string]int64) []string {
	out := make([]string, 0, len(a)+len(b))
	for k := range a {
		out = append(out, k)
	}
	for k := range b {
		if _, ok := a[k]; !ok {
			out = append(out, k)
		}
	}
	return out
}
