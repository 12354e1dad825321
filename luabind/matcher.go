package luabind

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/delivery"
	"bridgehost/diag"
	"bridgehost/engine"
	"bridgehost/intent"
	"bridgehost/matrix"
)

// levelTime is how long a command waits for the room's power levels when they are unknown.
const levelTime = 10 * time.Second

// Match implements engine.Matcher: a command goes to the command only, any other event to
// all handlers that want it, in the order of their registration.
func (s *Script) Match(g *engine.Generation, item *delivery.Item) (engine.Match, *diag.Error) {
	if name, _, ok := item.Lane.Queue(); ok {
		return matchQueue(g.QueueNamed(name), item), nil
	}
	parsed, err := matrix.ParseEvent(json.RawMessage(item.Payload))
	if err != nil {
		return engine.Match{}, &diag.Error{Kind: diag.KindInternal, Code: "E_EVENT", Message: err.Error(), Cause: err}
	}
	e := NewEvent(parsed, item.Redelivered)
	if m, ok := s.matchCommand(g, e); ok {
		return m, nil
	}
	m := engine.Match{Label: e.label()}
	if s.isOthersCommand(e) {
		return m, nil
	}
	names := s.Names(e)
	for _, h := range g.Handlers("") {
		if f, ok := h.Data.(*Filter); ok && s.Wants(h.Event, f, e, names) {
			m.Handlers = append(m.Handlers, h)
		}
	}
	m.Arg = func(vm *engine.VM, _ *lua.LState, _ *engine.Task) lua.LValue {
		return EnvOf(vm).TableObject(eventClass, e)
	}
	return m, nil
}

func (e *Event) label() string {
	name := e.Type
	if name == "m.room.message" {
		name = "message"
	}
	return fmt.Sprintf("%s %s from %s", name, e.EventID, e.Sender)
}

// HasCommand tells whether a generation declares a command of that name. g may be nil.
func (s *Script) HasCommand(g *engine.Generation, name string) bool {
	return g != nil && slices.ContainsFunc(g.Handlers(CommandEvent), func(h *engine.Handler) bool {
		c, ok := h.Data.(*Command)
		return ok && c.Name == name
	})
}

// matchCommand answers false when the event calls no command of this script.
func (s *Script) matchCommand(g *engine.Generation, e *Event) (engine.Match, bool) {
	text, ok := s.CommandText(e)
	if !ok {
		return engine.Match{}, false
	}
	handlers := g.Handlers(CommandEvent)
	commands := make([]*Command, 0, len(handlers))
	for _, h := range handlers {
		if c, ok := h.Data.(*Command); ok {
			commands = append(commands, c)
		}
	}
	found, rest, addressed := FindCommand(s.Name, commands, text)
	if found == nil {
		return engine.Match{}, false
	}
	call := &commandCall{Event: e, command: found}
	m := engine.Match{Label: fmt.Sprintf("!%s from %s", found.Name, e.Sender)}
	var silent bool
	if call.problem, silent = s.commandProblem(call, rest, addressed); silent {
		return m, true // another script answers
	}
	for _, h := range handlers {
		if h.Data == any(found) {
			if call.problem != "" {
				h = &engine.Handler{Event: CommandEvent, Fn: EnvOf(g.VM()).refusal, Where: h.Where, Label: h.Label, Data: found}
			}
			m.Handlers = []*engine.Handler{h}
		}
	}
	m.Arg = func(vm *engine.VM, _ *lua.LState, _ *engine.Task) lua.LValue {
		return EnvOf(vm).TableObject(commandClass, call)
	}
	return m, true
}

// isOthersCommand tells whether the event calls a command of another script that sees the
// room: then it goes there only.
func (s *Script) isOthersCommand(e *Event) bool {
	text, ok := s.CommandText(e)
	if !ok || s.Host == nil {
		return false
	}
	words := strings.Fields(text)
	for n := 1; n <= min(len(words), maxCommandWords); n++ {
		if len(s.Host.CommandClash(e.RoomID, s.Name, strings.Join(words[:n], " "))) > 0 {
			return true
		}
		if n > 1 && slices.Contains(s.Host.CommandClash(e.RoomID, s.Name, strings.Join(words[1:n], " ")), words[0]) {
			return true // "!NAME command"
		}
	}
	return false
}

// maxCommandWords is how many words of a message are looked at for another script's command.
const maxCommandWords = 5

// commandProblem is why the command does not run, "" when it does. It reads the arguments.
func (s *Script) commandProblem(call *commandCall, rest string, addressed bool) (problem string, silent bool) {
	c := call.command
	if !addressed && s.Host != nil {
		if others := s.Host.CommandClash(call.RoomID, s.Name, c.Name); len(others) > 0 {
			return clash(s.Name, others, c.Name)
		}
	}
	if c.Admin && !s.IsAdmin(call.Sender) {
		return "!" + c.Name + " is for the admins of this bridge", false
	}
	if c.Level > 0 {
		if level, err := s.levelOf(call.RoomID, call.Sender); err != nil {
			return "your power level in this room could not be found out; please try again", false
		} else if level < int64(c.Level) {
			return fmt.Sprintf("!%s takes power level %d in this room; you have %d", c.Name, c.Level, level), false
		}
	}
	var err error
	if call.values, err = c.Parse(rest); err != nil {
		return err.Error(), false
	}
	return "", false
}

// levelOf is a user's power level in a room; what the store does not know is asked for.
func (s *Script) levelOf(room matrix.RoomID, user matrix.UserID) (int64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), levelTime)
	defer cancel()
	return s.Bot.UserLevel(ctx, room, user)
}

// refuse is the handler of a command that cannot run: it answers why.
func (env *Env) refuse(L *lua.LState) int {
	cmd, ok := selfOf[*commandCall](L.Get(1))
	if !ok {
		return 0
	}
	var err error
	env.VM.Wait(L, func(ctx context.Context) {
		_, err = env.Script.Bot.SendNotice(ctx, cmd.RoomID, intent.SendNoticeOptions{Text: cmd.problem, RelatesTo: cmd.answer()})
	})
	if err != nil {
		env.VM.Raise(L, ErrorOf(err))
	}
	return 0
}
