package engine

import (
	"context"
	"fmt"
	"slices"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/delivery"
	"bridgehost/diag"
)

// Handler is a Lua function that the top level of a script registered.
type Handler struct {
	Event    string         // "load", "unload", "error" are the engine's own; all others the Matcher's
	Fn       *lua.LFunction //
	Where    string         // "echo.lua:9", the place of the registration
	Label    string         // for error texts: `handler of "message"`, `command "shout"`
	Parallel bool           // does not hold back the lane
	Data     any            // the Matcher's: filter, command specification

	id int
}

// Matcher decides which handlers an item is for. luabind implements it: the engine
// does not look into items.
type Matcher interface {
	// Match is called without the VM's lock and must be quick.
	Match(g *Generation, item *delivery.Item) (Match, *diag.Error)
}

// Match is what is to be done about one item.
type Match struct {
	Handlers []*Handler // in the order of registration; none: the item is finished
	Label    string     // what the item is, for error texts: "message $ev from @you:bh.test"
	// Ready waits until the handlers may start, at most as long as ctx; nil: they may at once.
	Ready func(ctx context.Context)
	// Arg builds the one argument of all handlers, with the lock held.
	Arg func(vm *VM, L *lua.LState, t *Task) lua.LValue
}

func (m *Match) parallel() bool {
	return len(m.Handlers) > 0 && !slices.ContainsFunc(m.Handlers, func(h *Handler) bool { return !h.Parallel })
}

// AddHandler registers a handler. Only the top level may: all others get a usage error.
func (g *Generation) AddHandler(h *Handler) (id int, err *diag.Error) {
	if err := g.declaring(h.Label); err != nil {
		return 0, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.nextID++
	h.id = g.nextID
	g.handlers = append(slices.Clone(g.handlers), h) // readers hold the old slice
	return h.id, nil
}

// RemoveHandler takes a handler out; items that are being handled go on with it.
// It tells whether there was one.
func (g *Generation) RemoveHandler(id int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := len(g.handlers)
	g.handlers = slices.DeleteFunc(slices.Clone(g.handlers), func(h *Handler) bool { return h.id == id })
	return len(g.handlers) < n
}

// Handlers lists the handlers of one event, or all for "", in the order of
// registration. The result must not be changed.
func (g *Generation) Handlers(event string) []*Handler {
	g.mu.Lock()
	all := g.handlers
	g.mu.Unlock()
	if event == "" {
		return all
	}
	var some []*Handler
	for _, h := range all {
		if h.Event == event {
			some = append(some, h)
		}
	}
	return some
}

// declaring refuses declarations outside of the top level.
func (g *Generation) declaring(what string) *diag.Error {
	if t := g.vm.Task(); t != nil && t.TopLevel() {
		return nil
	}
	where := "after loading"
	if t := g.vm.Task(); t != nil {
		where = "in " + t.Label
	}
	return &diag.Error{Kind: diag.KindUsage, Code: "E_TOP_LEVEL",
		Message: fmt.Sprintf("%s may be declared at the top level of the script only (this was called %s)", what, where),
		Hint:    "move the call out of the function, to the top level of the file"}
}
