package engine

import (
	"context"
	"strings"
	"sync"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/delivery"
	"bridgehost/diag"
	"bridgehost/engine/luasrc"
)

// consoleFile is what errors call the text that was typed.
const consoleFile = "console"

// consolePrintMost is how much one chunk may print; the rest is left out.
const consolePrintMost = 64 << 10

// Console evaluates what a person types, in the generation that runs. Each chunk is a
// task of its own, as a handler is. Globals that a chunk sets are the console's alone and
// are kept for the next one, until another generation runs; the script's globals and
// those locals of its main file that its functions use can be read.
type Console struct {
	script *Script

	mu      sync.Mutex // one chunk at a time
	gen     *Generation
	env     *lua.LTable // of gen's VM
	printed strings.Builder
}

// NewConsole makes a console of the script.
func (s *Script) NewConsole() *Console { return &Console{script: s} }

// Evaluated is what became of a chunk.
type Evaluated struct {
	Generation int
	Fresh      bool   // another generation than that of the chunk before: its variables are gone
	More       bool   // the chunk is not complete; nothing was run
	Printed    string // what print wrote
	Results    string // as Lua literals; "" when there are none
	Err        *diag.Error
	Sources    map[string]string // for excerpts of Err
}

// Eval runs a chunk: an expression, whose values are shown, or statements. An incomplete
// one is asked to be completed, unless final. It ends with ctx, too.
func (c *Console) Eval(ctx context.Context, text string, final bool) Evaluated {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.script.Current()
	if g == nil || !g.enter() {
		return Evaluated{Err: nothingRuns(c.script.Name)}
	}
	defer g.running.Done()
	out := Evaluated{Generation: g.Number, Fresh: c.gen != nil && c.gen != g}
	if c.gen != g {
		c.gen, c.env = g, nil
	}
	chunk, failed, more := compileConsole(text)
	switch {
	case more && !final:
		out.More = true
		return out
	case failed != nil:
		out.Err, out.Sources = failed, map[string]string{consoleFile: text}
		return out
	case chunk == nil:
		return out
	}
	c.printed.Reset()
	err := g.console(ctx, func(L *lua.LState) {
		fn := g.vm.function(chunk)
		fn.Env = c.environment(g)
		top := L.GetTop()
		g.vm.Call(L, fn, lua.MultRet)
		out.Results = g.vm.display(L, top+1)
		L.SetTop(top)
	})
	out.Printed = c.printed.String()
	if err != nil {
		out.Err, out.Sources = err, map[string]string{consoleFile: text}
		for file, text := range g.Program.Sources() {
			out.Sources[file] = text
		}
	}
	return out
}

func nothingRuns(script string) *diag.Error {
	return &diag.Error{Kind: diag.KindUsage, Message: "nothing of " + script + " runs, so there is nowhere to evaluate it",
		Hint: "bridgehost status " + script + " says why"}
}

// console runs f as a task of g with the script's limits, until ctx ends at most.
func (g *Generation) console(ctx context.Context, f func(L *lua.LState)) *diag.Error {
	both, cancel := context.WithCancel(g.ctx)
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	t := &Task{Label: "the console", Deadline: g.vm.limits.Handler, Stopping: g.stopping,
		Unit: delivery.NewUnit(delivery.Item{Kind: delivery.KindTimer}, nil, nil)}
	_, err := g.vm.run(both, t, func(L *lua.LState) (lua.LValue, []lua.LValue) {
		return L.NewFunction(func(L *lua.LState) int { f(L); return 0 }), nil
	})
	if err != nil {
		g.Script.undo(t.Unit)
		return err
	}
	return g.Script.commit(t.Unit)
}

// compileConsole compiles text as an expression or as statements. more tells that either
// would need more text; nil without an error is a text in which nothing stands.
func compileConsole(text string) (chunk *luasrc.Chunk, failed *diag.Error, more bool) {
	if strings.TrimSpace(text) == "" {
		return nil, nil, false
	}
	chunk, asValue := luasrc.Compile(consoleFile, "return "+text, luasrc.Limits{})
	if asValue == nil {
		return chunk, nil, false
	}
	chunk, err := luasrc.Compile(consoleFile, text, luasrc.Limits{})
	if err == nil {
		return chunk, nil, false
	}
	return nil, syntaxError(consoleFile, err), incomplete(err) || incomplete(asValue)
}

// incomplete tells whether more text could mend err.
func incomplete(err *luasrc.SyntaxError) bool {
	return strings.Contains(err.Message, "end of file") || strings.Contains(err.Message, "unfinished long")
}

// environment is the table of the console's globals. The lock is held.
func (c *Console) environment(g *Generation) *lua.LTable {
	if c.env != nil {
		return c.env
	}
	vm := g.vm
	L := vm.L
	c.env = L.NewTable()
	mt := L.NewTable()
	mt.RawSetString("__metatable", lua.LString("console"))
	mt.RawSetString("__index", L.NewFunction(func(L *lua.LState) int {
		name, ok := L.Get(2).(lua.LString)
		if !ok {
			L.Push(lua.LNil)
			return 1
		}
		if v := g.consoleName(string(name)); v != lua.LNil {
			L.Push(v)
			return 1
		}
		if vm.strict == nil || L.G.Global.Metatable == lua.LNil {
			L.Push(lua.LNil)
			return 1
		}
		if near := diag.Suggest(string(name), c.names(g)); near != "" {
			L.RaiseError("%s", "unknown global '"+string(name)+"'; did you mean '"+near+"'?")
		}
		return vm.noGlobal(L)
	}))
	c.env.Metatable = mt
	c.env.RawSetString("print", L.NewFunction(func(L *lua.LState) int {
		var line []string
		for i := 1; i <= L.GetTop(); i++ {
			line = append(line, vm.Text(L, L.Get(i)))
		}
		if text := strings.Join(line, "\t") + "\n"; c.printed.Len()+len(text) <= consolePrintMost {
			c.printed.WriteString(text)
		} else if s := c.printed.String(); !strings.HasSuffix(s, "…\n") {
			c.printed.WriteString("…\n")
		}
		return 0
	}))
	return c.env
}

// consoleName finds a name of the script: a local of its main file, or a global.
func (g *Generation) consoleName(name string) lua.LValue {
	if u := g.mainLocals()[name]; u != nil {
		return u.Value()
	}
	return g.vm.L.G.Global.RawGetString(name)
}

// localsVisited bounds the search for locals.
const localsVisited = 10_000

// mainLocals are the locals of the main file that functions refer to which can be reached
// from what was declared. The others are gone: nothing holds them any more. The lock is held.
func (g *Generation) mainLocals() map[string]*lua.Upvalue {
	chunk := g.Program.chunk(g.Program.Main)
	if chunk == nil {
		return nil
	}
	direct := map[*lua.FunctionProto]bool{}
	for _, p := range chunk.Proto.FunctionPrototypes {
		direct[p] = true
	}
	found := map[string]*lua.Upvalue{}
	seen := map[lua.LValue]bool{}
	queue := g.declared()
	for len(queue) > 0 && len(seen) < localsVisited {
		v := queue[0]
		queue = queue[1:]
		if seen[v] {
			continue
		}
		seen[v] = true
		switch x := v.(type) {
		case *lua.LTable:
			if g.vm.isModule(x) {
				continue
			}
			for k, v := x.Next(lua.LNil); k != lua.LNil; k, v = x.Next(k) {
				switch v.(type) {
				case *lua.LTable, *lua.LFunction:
					queue = append(queue, v)
				}
			}
		case *lua.LFunction:
			if x.IsG {
				continue
			}
			for i, u := range x.Upvalues {
				if u == nil || i >= len(x.Proto.DbgUpvalues) {
					continue
				}
				if name := x.Proto.DbgUpvalues[i]; direct[x.Proto] && found[name] == nil && identifier.MatchString(name) {
					found[name] = u
				}
				switch u.Value().(type) {
				case *lua.LTable, *lua.LFunction:
					queue = append(queue, u.Value())
				}
			}
		}
	}
	return found
}

// declared are the functions that the top level handed to the host.
func (g *Generation) declared() []lua.LValue {
	g.mu.Lock()
	defer g.mu.Unlock()
	var all []lua.LValue
	add := func(fn *lua.LFunction) {
		if fn != nil {
			all = append(all, fn)
		}
	}
	for _, h := range g.handlers {
		add(h.Fn)
	}
	for _, s := range g.services {
		add(s.fn)
	}
	for _, c := range g.crons {
		add(c.fn)
	}
	for _, e := range g.everies {
		add(e.fn)
	}
	return all
}
