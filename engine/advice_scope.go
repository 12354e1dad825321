package engine

import (
	"fmt"
	"regexp"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/diag"
)

// global tells of a variable that this place does not see.
func (a *adviser) global(name string) string {
	var names []string
	for _, s := range a.enclosing() {
		for _, info := range s.proto.DbgLocals {
			if strings.HasPrefix(info.Name, "(") {
				continue
			}
			seen := info.StartPc <= s.pc && s.pc < info.EndPc
			if info.Name == name && info.StartPc > s.pc {
				return fmt.Sprintf("it is defined in line %d, below this function; move it above", a.defined(s.proto, info))
			}
			if seen {
				names = append(names, info.Name)
			}
		}
	}
	if near := diag.Suggest(name, names); near != "" {
		return "did you mean '" + near + "'?"
	}
	return ""
}

// declared is the line in which a surrounding function declares a variable, 0 if none does.
func (a *adviser) declared(name string) int {
	for _, s := range a.enclosing() {
		for i := len(s.proto.DbgLocals) - 1; i >= 0; i-- {
			if info := s.proto.DbgLocals[i]; info.Name == name && info.StartPc <= s.pc && s.pc < info.EndPc {
				return a.defined(s.proto, info)
			}
		}
	}
	return 0
}

// defined is the line of a variable's declaration. The instruction that makes a function
// stands at its end, and that of a local function behind its declaration.
func (a *adviser) defined(p *lua.FunctionProto, info *lua.DbgLocalInfo) int {
	before := max(info.StartPc-1, 0)
	for _, pc := range []int{info.StartPc, before} {
		if pc >= len(p.Code) || int(p.Code[pc]>>26) != lua.OP_CLOSURE {
			continue
		}
		line := p.FunctionPrototypes[p.Code[pc]&0x3ffff].LineDefined
		if regexp.MustCompile(`\blocal\s+(function\s+)?` + regexp.QuoteMeta(info.Name) + `\b`).MatchString(a.line(p.SourceName, line)) {
			return line
		}
	}
	return p.DbgSourcePositions[before]
}

// surrounding is a function and the instruction at which it makes the one inside.
type surrounding struct {
	proto *lua.FunctionProto
	pc    int
}

// enclosing are the functions around the failed one, the nearest first.
func (a *adviser) enclosing() []surrounding {
	chunk := a.vm.cfg.Program.chunk(a.f.Fn.Proto.SourceName)
	if chunk == nil {
		return nil
	}
	return around(chunk.Proto, a.f.Fn.Proto)
}

func around(p, inner *lua.FunctionProto) []surrounding {
	for i, sub := range p.FunctionPrototypes {
		list := around(sub, inner)
		if sub != inner && list == nil {
			continue
		}
		for pc, in := range p.Code {
			if int(in>>26) == lua.OP_CLOSURE && int(in&0x3ffff) == i {
				return append(list, surrounding{p, pc})
			}
		}
	}
	return nil
}
