package engine

import (
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// clearer replaces gopher-lua's text of a run-time error by Lua 5.1's, which names
// the variable. Anything not understood stays as it is.
func clearer(L *lua.LState, s string) string {
	f := topFrame(L)
	if f == nil || f.Fn.IsG {
		return strings.TrimPrefix(s, " ") // of an error without a place
	}
	prefix := f.Fn.Proto.SourceName + ":" + strconv.Itoa(f.line()) + ": "
	msg, ok := strings.CutPrefix(s, prefix)
	if !ok {
		return s
	}
	if better := explain(L, f, msg); better != "" {
		return prefix + better
	}
	return s
}

var plainTexts = map[string]string{
	"for statement init must be a number":  "'for' initial value must be a number",
	"for statement limit must be a number": "'for' limit must be a number",
	"for statement step must be a number":  "'for' step must be a number",
	"too many recursions in gettable":      "loop in gettable",
	"too many recursions in settable":      "loop in settable",
	"registry overflow":                    "stack overflow (too many values)",
}

// explain makes the text from the instruction that failed.
func explain(L *lua.LState, f *frame, msg string) string {
	if s, ok := plainTexts[msg]; ok {
		return s
	}
	what := ""
	switch {
	case strings.HasPrefix(msg, "attempt to call a non-function"):
		what = "call"
	case strings.HasPrefix(msg, "attempt to index a non-table"):
		what = "index"
	case strings.HasPrefix(msg, "cannot perform "), msg == "__unm undefined":
		what = "perform arithmetic on"
	case msg == "__len undefined":
		what = "get length of"
	case strings.HasPrefix(msg, "attempt to compare "):
		x, y, ok := strings.Cut(strings.TrimPrefix(msg, "attempt to compare "), " with ")
		if ok && x == y {
			return "attempt to compare two " + x + " values"
		}
	}
	if _, rk := failing(L, f, what); rk >= 0 {
		return attempt(L, f, what, rk)
	}
	return ""
}

// failing is the operand because of which the instruction of f cannot do what its error
// says ("call", "index …"); -1 when the instruction is another.
func failing(L *lua.LState, f *frame, what string) (op, rk int) {
	in := f.Fn.Proto.Code[f.Pc-1]
	op, a, b, c := int(in>>26), int(in>>18)&0xff, int(in&0x1ff), int(in>>9)&0x1ff
	switch what, _, _ = strings.Cut(what, " "); {
	case what == "call" && (op == lua.OP_CALL || op == lua.OP_TAILCALL || op == lua.OP_TFORLOOP):
		return op, a
	case what == "index" && (op == lua.OP_SETTABLE || op == lua.OP_SETTABLEKS):
		return op, a
	case what == "index" && (op == lua.OP_GETTABLE || op == lua.OP_GETTABLEKS || op == lua.OP_SELF):
		return op, b
	case what == "perform" && op >= lua.OP_ADD && op <= lua.OP_POW:
		if numeric(operand(L, f, b)) {
			b = c
		}
		return op, b
	case what == "perform" && op == lua.OP_UNM, what == "get" && op == lua.OP_LEN:
		return op, b
	}
	return op, -1
}

func attempt(L *lua.LState, f *frame, what string, rk int) string {
	kind := operand(L, f, rk).Type().String()
	if name := nameOf(f, rk, f.Pc-1); name != "" {
		return "attempt to " + what + " " + name + " (a " + kind + " value)"
	}
	return "attempt to " + what + " a " + kind + " value"
}

const constantBit = 1 << 8 // of an operand: it is a constant, not a register

func operand(L *lua.LState, f *frame, rk int) lua.LValue {
	if rk&constantBit != 0 {
		return f.Fn.Proto.Constants[rk&^constantBit]
	}
	return register(L, f, rk)
}

func numeric(v lua.LValue) bool {
	switch x := v.(type) {
	case lua.LNumber:
		return true
	case lua.LString:
		s := strings.TrimSpace(string(x))
		if _, err := strconv.ParseFloat(s, 64); err == nil {
			return true
		}
		_, err := strconv.ParseInt(s, 0, 64)
		return err == nil
	}
	return false
}

// nameOf says what the source calls the value in register r at instruction pc: "local 'x'".
func nameOf(f *frame, r, pc int) string {
	if n := whence(f, r, pc); n.kind != "" && n.kind != "constant" {
		return n.kind + " '" + n.name + "'"
	}
	return ""
}

// named is where the value of a register came from.
type named struct {
	kind string // local, global, upvalue, field, method, element, constant; "" for unknown
	name string
	reg  int // of the local, or of the table that a field was read from; the number of an upvalue or constant
	at   int // the instruction that read it
}

// whence says where the value in register r at instruction pc came from.
func whence(f *frame, r, pc int) named {
	if r&constantBit != 0 {
		return named{}
	}
	p := f.Fn.Proto
	// gopher-lua keeps the variables of a do block alive to the end of the function, so
	// what was loaded into the register since then counts more than its variable.
	local, since := localName(p, r, pc)
	here := named{}
	if local != "" {
		here = named{"local", local, r, pc}
	}
	for i := pc - 1; i >= since; i-- {
		in := p.Code[i]
		op, a, b, c := int(in>>26), int(in>>18)&0xff, int(in&0x1ff), int(in>>9)&0x1ff
		if !writes(op, a, b, r) {
			continue
		}
		switch op {
		case lua.OP_LOADK:
			if local == "" {
				return named{"constant", "", int(in & 0x3ffff), i}
			}
		case lua.OP_GETGLOBAL:
			return named{"global", p.Constants[in&0x3ffff].String(), 0, i}
		case lua.OP_GETUPVAL:
			if b < len(p.DbgUpvalues) {
				return named{"upvalue", p.DbgUpvalues[b], b, i}
			}
		case lua.OP_GETTABLE, lua.OP_GETTABLEKS:
			if s := constant(p, c); s != "" {
				return named{"field", s, b, i}
			}
			if table := whence(f, b, i).name; table != "" {
				return named{"element", table + "[" + keyName(p, c, i) + "]", b, i}
			}
		case lua.OP_SELF:
			if s := constant(p, c); s != "" && a == r {
				return named{"method", s, b, i}
			}
		case lua.OP_MOVE:
			if name, _ := localName(p, b, i); name != "" {
				return named{"local", name, b, i}
			} else if local == "" {
				return whence(f, b, i)
			}
		case lua.OP_MOVEN:
			// R(A) := R(B); the moves that follow are read as instructions of their own
			if name, _ := localName(p, b, i); name != "" && a == r {
				return named{"local", name, b, i}
			}
		}
		return here
	}
	return here
}

// keyName is how the source may write a key.
func keyName(p *lua.FunctionProto, rk, pc int) string {
	if rk&constantBit != 0 {
		return p.Constants[rk&^constantBit].String()
	}
	if name, _ := localName(p, rk, pc); name != "" {
		return name
	}
	return "…"
}

// writes tells whether an instruction sets register r.
func writes(op, a, b, r int) bool {
	switch op {
	case lua.OP_SETGLOBAL, lua.OP_SETUPVAL, lua.OP_SETTABLE, lua.OP_SETTABLEKS, lua.OP_JMP, lua.OP_EQ, lua.OP_LT, lua.OP_LE,
		lua.OP_TEST, lua.OP_RETURN, lua.OP_SETLIST, lua.OP_CLOSE, lua.OP_NOP:
		return false
	case lua.OP_LOADNIL:
		return a <= r && r <= b
	case lua.OP_SELF:
		return r == a || r == a+1
	case lua.OP_CALL, lua.OP_TAILCALL, lua.OP_VARARG, lua.OP_TFORLOOP:
		return r >= a
	}
	return r == a
}

func constant(p *lua.FunctionProto, rk int) string {
	if rk&constantBit == 0 {
		return ""
	}
	s, _ := p.Constants[rk&^constantBit].(lua.LString)
	return string(s)
}

// localName is the local variable in register r at instruction pc, and from which
// instruction on it is there.
func localName(p *lua.FunctionProto, r, pc int) (name string, since int) {
	if info := variable(p, r, pc); info != nil {
		return info.Name, info.StartPc
	}
	return "", 0
}

// variable is the one in register r at instruction pc; nil if there is none that the source names.
func variable(p *lua.FunctionProto, r, pc int) *lua.DbgLocalInfo {
	for _, info := range p.DbgLocals {
		if info.StartPc > pc || pc >= info.EndPc {
			continue
		}
		if r == 0 {
			if strings.HasPrefix(info.Name, "(") {
				return nil
			}
			return info
		}
		r--
	}
	return nil
}
