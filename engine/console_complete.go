package engine

import (
	"context"
	"regexp"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// Members lists what an object of the host has, for completion. ours tells whether v is one.
type Members func(v lua.LValue) (methods, fields []string, ours bool)

// SetMembers says what objects of the library have. Called with the lock held.
func (vm *VM) SetMembers(m Members) { vm.members = m }

var (
	requiring = regexp.MustCompile(`require\s*\(?\s*["']([\w.\-]*)$`)
	trailing  = regexp.MustCompile(`[A-Za-z_][\w]*(?:\s*[.:]\s*[A-Za-z_]\w*)*\s*[.:]?$`)
	parts     = regexp.MustCompile(`[.:]|\w+`)
)

// completeMost is how many completions are offered.
const completeMost = 200

// Complete lists what may follow: texts that each replace what is typed from byte start
// on. No code of the script runs for it.
func (c *Console) Complete(ctx context.Context, text string) (start int, names []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.script.Current()
	if g == nil || !g.enter() {
		return len(text), nil
	}
	defer g.running.Done()
	if c.gen != g {
		c.gen, c.env = g, nil
	}
	_ = g.console(ctx, func(*lua.LState) { start, names = c.complete(g, text) }) // an error: nothing is offered
	slices.Sort(names)
	names = slices.Compact(names)
	return start, names[:min(len(names), completeMost)]
}

func (c *Console) complete(g *Generation, text string) (start int, names []string) {
	if m := requiring.FindStringSubmatchIndex(text); m != nil {
		typed := text[m[2]:]
		all := g.Program.modules()
		for name := range g.vm.preload {
			all = append(all, name)
		}
		return m[2], beginning(all, typed)
	}
	at := trailing.FindStringIndex(text)
	if at == nil {
		return len(text), nil
	}
	words := parts.FindAllString(text[at[0]:], -1)
	typed := ""
	if last := words[len(words)-1]; last != "." && last != ":" {
		typed = last
		words = words[:len(words)-1]
	}
	start = len(text) - len(typed)
	if len(words) == 0 {
		return start, beginning(c.names(g), typed)
	}
	v := c.lookup(g, words[0])
	for i := 1; i+1 < len(words); i += 2 {
		t, ok := v.(*lua.LTable)
		if !ok {
			return start, nil
		}
		v = t.RawGetString(words[i+1])
	}
	return start, beginning(g.membersOf(v, words[len(words)-1] == ":"), typed)
}

// lookup is the value of a name as the console sees it, without any metamethod.
func (c *Console) lookup(g *Generation, name string) lua.LValue {
	if v := c.environment(g).RawGetString(name); v != lua.LNil {
		return v
	}
	return g.consoleName(name)
}

// names are all that the console can read.
func (c *Console) names(g *Generation) []string {
	all := keys(c.environment(g))
	for name := range g.mainLocals() {
		all = append(all, name)
	}
	return append(all, keys(g.vm.L.G.Global)...)
}

// membersOf lists the fields of v, or with methods alone what may follow a colon.
func (g *Generation) membersOf(v lua.LValue, methods bool) []string {
	if g.vm.members != nil {
		if has, fields, ours := g.vm.members(v); ours {
			if methods {
				return has
			}
			return append(slices.Clone(has), fields...)
		}
	}
	switch x := v.(type) {
	case lua.LString:
		if lib, ok := g.vm.L.G.Global.RawGetString("string").(*lua.LTable); ok {
			return keys(lib)
		}
	case *lua.LTable:
		var all []string
		for k, v := x.Next(lua.LNil); k != lua.LNil; k, v = x.Next(k) {
			if s, ok := k.(lua.LString); ok && identifier.MatchString(string(s)) && (!methods || v.Type() == lua.LTFunction) {
				all = append(all, string(s))
			}
		}
		if mt, ok := x.Metatable.(*lua.LTable); ok { // a class as scripts write them
			if class, ok := mt.RawGetString("__index").(*lua.LTable); ok && class != x {
				all = append(all, keys(class)...)
			}
		}
		return all
	}
	return nil
}

func keys(t *lua.LTable) []string {
	var all []string
	for k, _ := t.Next(lua.LNil); k != lua.LNil; k, _ = t.Next(k) {
		if s, ok := k.(lua.LString); ok && identifier.MatchString(string(s)) {
			all = append(all, string(s))
		}
	}
	return all
}

func beginning(all []string, typed string) []string {
	var some []string
	for _, s := range all {
		if strings.HasPrefix(s, typed) {
			some = append(some, s)
		}
	}
	return some
}
