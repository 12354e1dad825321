package luabind

import (
	"fmt"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/capability"
	"bridgehost/diag"
	"bridgehost/engine"
)

// CommandEvent is the Event of handlers of commands: their Data is a *Command. That of
// all others is a *Filter.
const CommandEvent = "command"

// checkEvent refuses names that are neither: a mistyped name is otherwise a handler that never runs.
func checkEvent(name string) error {
	if KnownEvent(name) || strings.Contains(name, ".") {
		return nil
	}
	known := EventNames()
	slices.Sort(known)
	message := fmt.Sprintf("there is no event '%s'", name)
	if near := diag.Suggest(name, known); near != "" {
		return &diag.Error{Kind: diag.KindUsage, Code: "E_ARGUMENT", Message: message + fmt.Sprintf("; did you mean '%s'?", near)}
	}
	return &diag.Error{Kind: diag.KindUsage, Code: "E_ARGUMENT", Message: message,
		Hint: "events are " + strings.Join(known, ", ") + ", or a Matrix type with a dot such as \"m.room.message\""}
}

var _ = fn(bridgeModule, "on", capability.MatrixRead, never,
	"Declares that a function handles an event, by its short name (`message`, `invite` of the script's own users, `join` …) or by its "+
		"Matrix type. What the script's own users sent, and notices in `message`, are left out unless `own` is true. "+
		"The function gets one table. For the top level only.",
	func(c *Call, a *struct {
		Event  string         `lua:"event" doc:"the event"`
		Filter Filter         `lua:"filter,mid" doc:"which of them"`
		Fn     *lua.LFunction `lua:"fn" doc:"the handler" luatype:"fun(evt: Event): any"`
	}) (int, error) {
		if err := c.declaring("bridge.on"); err != nil {
			return 0, err
		}
		if err := checkEvent(a.Event); err != nil {
			return 0, err
		}
		filter := a.Filter
		return c.addHandler(&engine.Handler{Event: a.Event, Fn: a.Fn, Label: fmt.Sprintf("handler of %q", a.Event),
			Parallel: filter.Parallel, Data: &filter})
	}, takes(hears), results("A number, for bridge.off."), example(`bridge.on("message", { msgtype = "m.text" }, function(evt) evt:reply(evt.text) end)`))

var _ = fn(bridgeModule, "off", capability.None("takes a handler away"), never,
	"Takes away the handler that bridge.on or bridge.command returned the number of. False when there is none.",
	func(c *Call, a *struct {
		Handler int `lua:"handler" doc:"what bridge.on returned"`
	}) (bool, error) {
		g, err := c.generation()
		if err != nil {
			return false, err
		}
		return g.RemoveHandler(a.Handler), nil
	}, example(`bridge.off(handler)`))

var _ = fn(bridgeModule, "command", capability.MatrixRead, never,
	"Declares a command: a message `!name …` in a room that the script sees. The message goes to no other handler. "+
		"A name may have several words. The function gets one table. For the top level only.",
	func(c *Call, a *struct {
		Name string         `lua:"name" doc:"without the !"`
		Spec CommandSpec    `lua:"spec,mid" doc:"about it"`
		Fn   *lua.LFunction `lua:"fn" doc:"the handler" luatype:"fun(cmd: Command): any"`
	}) (int, error) {
		if err := c.declaring("bridge.command"); err != nil {
			return 0, err
		}
		command, err := NewCommand(a.Name, a.Spec)
		if err != nil {
			return 0, err
		}
		g, err := c.generation()
		if err != nil {
			return 0, err
		}
		for _, h := range g.Handlers(CommandEvent) {
			if other, ok := h.Data.(*Command); ok && other.Name == command.Name {
				return 0, &diag.Error{Kind: diag.KindUsage, Code: "E_ARGUMENT",
					Message: fmt.Sprintf("there is a command '%s' already, at %s", command.Name, h.Where)}
			}
		}
		return c.addHandler(&engine.Handler{Event: CommandEvent, Fn: a.Fn, Label: fmt.Sprintf("command %q", command.Name), Data: command})
	}, scope("m.room.message"), results("A number, for bridge.off."), example(`bridge.command("shout", { args = "<text...>" }, function(cmd) cmd:reply(cmd.args.text:upper()) end)`))

func (c *Call) addHandler(h *engine.Handler) (int, error) {
	g, err := c.generation()
	if err != nil {
		return 0, err
	}
	h.Where = strings.TrimSuffix(strings.TrimSpace(c.L.Where(1)), ":") // the author's line, "echo.lua:9"
	id, failed := g.AddHandler(h)
	return id, fails(failed)
}
