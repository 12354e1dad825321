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
	locals [][]diag.Local // of each frame of the trace
	raised bool           // by the script's error or assert
	hint   string
	at     string // the word of the line that failed, when the text does not quote it
}

const (
	maxTrace  = 12
	maxLocals = 12
)

// capture reads the frames of L, on which v was raised, and of the threads that called it.
func (vm *VM) capture(L *lua.LState, v lua.LValue) *capture {
	c := &capture{raised: vm.raisedByScript(L), hint: vm.advise(L, v), at: failedAt(L)}
	for L != nil && len(c.trace) < maxTrace {
		for f := topFrame(L); f != nil && len(c.trace) < maxTrace; f = f.Parent {
			if f.Fn.IsG {
				continue
			}
			fr := diag.Frame{File: f.Fn.Proto.SourceName, Line: f.line(), Func: funcName(f)}
			if n := len(c.trace); n > 0 && c.trace[n-1] == fr {
				continue // tail calls repeat a frame
			}
			c.locals = append(c.locals, vm.locals(L, f))
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

// failedAt is what failed as the line writes it: the function of the host that raised, or an operator.
func failedAt(L *lua.LState) string {
	f := topFrame(L)
	if f == nil {
		return ""
	}
	if f.Fn.IsG {
		if p := f.Parent; p != nil && !p.Fn.IsG {
			for _, call := range p.Fn.Proto.DbgCalls {
				if call.Pc == p.Pc-1 && call.Name != "?" {
					return call.Name
				}
			}
		}
		return ""
	}
	if f.Pc < 1 {
		return ""
	}
	return operators[int(f.Fn.Proto.Code[f.Pc-1]>>26)]
}

// operators are those of instructions that fail by themselves.
var operators = map[int]string{lua.OP_ADD: "+", lua.OP_SUB: "-", lua.OP_MUL: "*", lua.OP_DIV: "/", lua.OP_MOD: "%", lua.OP_POW: "^", lua.OP_LEN: "#"}

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
	e.Trace, e.Raised, e.At = c.trace, c.raised, c.at
	if e.Hint == "" {
		e.Hint = c.hint
	}
	if e.Code == "" && e.Kind == diag.KindScript && !c.raised {
		e.Code = luaCode(e.Message)
	}
	if e.Where == "" && len(c.trace) > 0 {
		e.Where = place(c.trace[0])
	}
	for i, fr := range c.trace { // an error may blame one of its callers
		if place(fr) == e.Where {
			e.Trace, e.Locals = c.trace[i:], c.locals[i]
			if i > 0 {
				e.At = c.trace[i-1].Func
			}
			return
		}
	}
}

func place(f diag.Frame) string { return f.File + ":" + strconv.Itoa(f.Line) }

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
	if e.Kind == diag.KindTimeout { // it may have stood at any instruction of the line
		e.At = ""
	}
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
		at := vm.capture(L, v)
		at.value = v
		vm.task.shown = at
	}
	panic(e)
}
