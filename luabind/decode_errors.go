package luabind

import (
	"fmt"
	"reflect"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/diag"
)

// badArgument raises in the words of SCRIPTING 1.4.
func (c *Call) badArgument(n int, name, wrong string) {
	c.badUsage(fmt.Sprintf("bad argument #%d '%s' to '%s' (%s)", n, name, c.fn.Name, wrong), "")
}

func (c *Call) unknownName(what, name string, known []string) {
	message, _, hint := c.fn.Unknown(what, name, known)
	c.badUsage(message, hint)
}

func (c *Call) badUsage(message, hint string) {
	c.VM.Raise(c.L, &diag.Error{Kind: diag.KindUsage, Code: "E_ARGUMENT", Message: message, Hint: hint})
}

// mistaken is a hint about a value that is no such argument: something else was meant, or
// the order is wrong.
func (p *plan) mistaken(c *Call, s *slot, first int, v lua.LValue) string {
	if v == lua.LNil {
		return ""
	}
	if s.Type != "string" {
		probe := reflect.New(s.typ).Elem()
		for i := range c.args {
			if other := c.L.Get(first + i); other != v && other != lua.LNil && s.read(c, other, probe) == "" {
				return "the order is " + p.order()
			}
		}
	}
	if hint := c.fn.confused[s.Name]; hint != "" {
		return hint
	}
	if hint := confusedKinds[s.Type]; hint != nil {
		if text, ok := v.(lua.LString); ok {
			return hint(string(text))
		}
	}
	return ""
}

// order is the function with the first of its arguments: "send_text(room_id, text, …)".
func (p *plan) order() string {
	names := append(optionNames(p.required), optionNames(p.options)...)
	if most := max(len(p.required), 2); len(names) > most {
		names = append(names[:most:most], "…")
	}
	return p.fn + "(" + strings.Join(names, ", ") + ")"
}

// confusedKinds are hints about texts that are no such thing, by the type that was expected.
var confusedKinds = map[string]func(text string) string{
	"room ID": func(text string) string {
		switch {
		case strings.HasPrefix(text, "#"):
			return "this is a room's alias: intent:resolve_room_alias(alias).room_id is its ID"
		case strings.HasPrefix(text, "@"):
			return "this is a user, not a room; evt.room_id is the room of an event"
		}
		return "a room ID begins with !, evt.room_id is the room of an event"
	},
	"user ID": func(string) string {
		return "a user ID looks like @name:server; bridge.ghost(remote_id) makes a user of the other network"
	},
}
