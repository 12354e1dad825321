package engine

import (
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/diag"
)

// capture is where an error happened. It is taken while the failed frames stand,
// and only for errors that leave a task or end a coroutine: pcall stays cheap.
type capture struct {
	value  lua.LValue
	trace  []diag.Frame
	locals []diag.Local
	raised bool // by the script's error or assert
}

const (
	maxTrace  = 12
	maxLocals = 12
)

// capture reads the frames of L and of the threads that called it.
func (vm *VM) capture(L *lua.LState) *capture {
	c := &capture{raised: vm.raisedByScript(L)}
	for L != nil && len(c.trace) < maxTrace {
		for f := topFrame(L); f != nil && len(c.trace) < maxTrace; f = f.Parent {
			if f.Fn.IsG {
				continue
			}
			fr := diag.Frame{File: f.Fn.Proto.SourceName, Line: f.line(), Func: funcName(f)}
			if n := len(c.trace); n > 0 && c.trace[n-1] == fr {
				continue // tail calls repeat a frame
			}
			if c.locals == nil {
				c.locals = vm.locals(L, f)
			}
			c.trace = append(c.trace, fr)
		}
		th := threadOf(L)
		if th == nil {
			break
		}
		L = th.parent
	}
	return c
}

// raisedByScript tells whether error or assert stands at the top of L.
func (vm *VM) raisedByScript(L *lua.LState) bool {
	f := topFrame(L)
	if f == nil || !f.Fn.IsG {
		return false
	}
	return f.Fn == vm.raisers[0] || f.Fn == vm.raisers[1]
}

// fill puts what was captured into e.
func (c *capture) fill(e *diag.Error) {
	if c == nil {
		return
	}
	e.Trace, e.Locals, e.Raised = c.trace, c.locals, c.raised
	if e.Where == "" && len(c.trace) > 0 {
		e.Where = c.trace[0].File + ":" + strconv.Itoa(c.trace[0].Line)
	}
}

// failed makes the error of a task: what ended it counts more than what Lua made of it.
func (vm *VM) failed(t *Task, f *failure) *diag.Error {
	var at *capture
	if f != nil {
		at = f.at
		if t.shown != nil && t.shown.value == f.value {
			at = t.shown
		}
	}
	var e diag.Error
	if ended := t.ended.Load(); ended != nil && t.raised {
		e = *ended
	} else {
		e = *vm.AsError(f.value)
	}
	at.fill(&e)
	return &e
}

// final names the task in the error.
func (vm *VM) final(t *Task, e *diag.Error) *diag.Error {
	named := *e
	if named.In == "" {
		named.In = t.Label
	}
	return &named
}

// funcName is what the caller calls the function of f; "" for a main chunk.
func funcName(f *frame) string {
	if f.Fn.Proto.LineDefined == 0 {
		return ""
	}
	if p := f.Parent; p != nil && !p.Fn.IsG && f.TailCall == 0 {
		for _, call := range p.Fn.Proto.DbgCalls {
			if call.Pc == p.Pc-1 && call.Name != "?" {
				return call.Name
			}
		}
	}
	return "function at line " + strconv.Itoa(f.Fn.Proto.LineDefined)
}

// locals are the variables of a frame, the newest declared last.
func (vm *VM) locals(L *lua.LState, f *frame) []diag.Local {
	list := []diag.Local{}
	n := 0
	for _, info := range f.Fn.Proto.DbgLocals {
		if info.StartPc > f.Pc-1 || f.Pc-1 >= info.EndPc {
			continue
		}
		reg := n
		n++
		if strings.HasPrefix(info.Name, "(") {
			continue // of a for loop
		}
		if len(list) == maxLocals {
			break
		}
		v := register(L, f, reg)
		if _, ok := v.(*lua.LFunction); ok || vm.isModule(v) {
			continue // it says nothing about what went wrong
		}
		list = append(list, diag.Local{Name: info.Name, Value: show(v, 1)})
	}
	return list
}

// onPanic is called for every error raised on a thread. It throws the value, without
// the trace that gopher-lua would build (a line for each tail call: 550 MB for an
// endless one).
func (vm *VM) onPanic(L *lua.LState) {
	v := L.Get(-1)
	if s, ok := v.(lua.LString); ok {
		v = lua.LString(clearer(L, string(s)))
	}
	e := &lua.ApiError{Type: lua.ApiErrorRun, Object: v}
	if th := threadOf(L); th != nil && th.co != nil && vm.task != nil {
		at := vm.capture(L)
		at.value = v
		vm.task.shown = at
	}
	panic(e)
}

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
	in := f.Fn.Proto.Code[f.Pc-1]
	op, a, b, c := int(in>>26), int(in>>18)&0xff, int(in&0x1ff), int(in>>9)&0x1ff
	switch {
	case strings.HasPrefix(msg, "attempt to call a non-function"):
		if op == lua.OP_CALL || op == lua.OP_TAILCALL || op == lua.OP_TFORLOOP {
			return attempt(L, f, "call", a)
		}
	case strings.HasPrefix(msg, "attempt to index a non-table"):
		if op == lua.OP_SETTABLE || op == lua.OP_SETTABLEKS {
			return attempt(L, f, "index", a)
		}
		if op == lua.OP_GETTABLE || op == lua.OP_GETTABLEKS || op == lua.OP_SELF {
			return attempt(L, f, "index", b)
		}
	case strings.HasPrefix(msg, "cannot perform ") && op >= lua.OP_ADD && op <= lua.OP_POW:
		if numeric(operand(L, f, b)) {
			b = c
		}
		return attempt(L, f, "perform arithmetic on", b)
	case msg == "__unm undefined":
		return attempt(L, f, "perform arithmetic on", b)
	case msg == "__len undefined":
		return attempt(L, f, "get length of", b)
	case strings.HasPrefix(msg, "attempt to compare "):
		x, y, ok := strings.Cut(strings.TrimPrefix(msg, "attempt to compare "), " with ")
		if ok && x == y {
			return "attempt to compare two " + x + " values"
		}
	}
	return ""
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

// nameOf says what the source calls the value in register r at instruction pc.
func nameOf(f *frame, r, pc int) string {
	if r&constantBit != 0 {
		return ""
	}
	p := f.Fn.Proto
	// gopher-lua keeps the variables of a do block alive to the end of the function, so
	// what was loaded into the register since then counts more than its variable.
	local, since := localName(p, r, pc)
	if local != "" {
		local = "local '" + local + "'"
	}
	for i := pc - 1; i >= since; i-- {
		in := p.Code[i]
		op, a, b, c := int(in>>26), int(in>>18)&0xff, int(in&0x1ff), int(in>>9)&0x1ff
		if !writes(op, a, b, r) {
			continue
		}
		switch op {
		case lua.OP_GETGLOBAL:
			return "global '" + p.Constants[in&0x3ffff].String() + "'"
		case lua.OP_GETUPVAL:
			if b < len(p.DbgUpvalues) {
				return "upvalue '" + p.DbgUpvalues[b] + "'"
			}
		case lua.OP_GETTABLE, lua.OP_GETTABLEKS:
			if s := constant(p, c); s != "" {
				return "field '" + s + "'"
			}
		case lua.OP_SELF:
			if s := constant(p, c); s != "" && a == r {
				return "method '" + s + "'"
			}
		case lua.OP_MOVE:
			if name, _ := localName(p, b, i); name != "" {
				return "local '" + name + "'"
			}
		case lua.OP_MOVEN:
			// R(A) := R(B); the moves that follow are read as instructions of their own
			if name, _ := localName(p, b, i); name != "" && a == r {
				return "local '" + name + "'"
			}
		}
		return local
	}
	return local
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
	for _, info := range p.DbgLocals {
		if info.StartPc > pc || pc >= info.EndPc {
			continue
		}
		if r == 0 {
			if strings.HasPrefix(info.Name, "(") {
				return "", 0
			}
			return info.Name, info.StartPc
		}
		r--
	}
	return "", 0
}
