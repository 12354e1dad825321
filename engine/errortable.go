package engine

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/diag"
)

// errorKey is where an error table's metatable keeps the Go error.
const errorKey = "error"

// Raise raises e as an error table, with the place of the author's line that called.
// It does not return. For binding functions; L is theirs.
func (vm *VM) Raise(L *lua.LState, e *diag.Error) {
	if e.Where == "" {
		placed := *e
		placed.Where = where(L, 0)
		e = &placed
	}
	L.Error(vm.ErrorValue(e), 0)
}

// ErrorValue is e as scripts see it: a table with kind, code, errcode, status,
// message, hint, retryable, retry_after (seconds), where; `..` and tostring give one line.
func (vm *VM) ErrorValue(e *diag.Error) *lua.LTable {
	t := vm.L.CreateTable(0, 8)
	set := func(key, value string) {
		if value != "" {
			t.RawSetString(key, lua.LString(value))
		}
	}
	set("kind", e.Kind)
	set("code", e.Code)
	set("message", e.Message)
	set("hint", e.Hint)
	set("where", e.Where)
	if e.Kind == diag.KindMatrix {
		set("errcode", e.Code)
	}
	if e.Status != 0 {
		t.RawSetString("status", lua.LNumber(e.Status))
	}
	t.RawSetString("retryable", lua.LBool(e.Retryable))
	if e.RetryAfter > 0 {
		t.RawSetString("retry_after", lua.LNumber(e.RetryAfter.Seconds()))
	}
	held := vm.L.NewUserData()
	held.Value = e
	mt := vm.L.CreateTable(0, 4)
	mt.RawSetString(errorKey, held)
	mt.RawSetString("__tostring", vm.L.NewFunction(vm.errorText))
	mt.RawSetString("__concat", vm.L.NewFunction(vm.errorConcat))
	mt.RawSetString("__metatable", lua.LString("error"))
	t.Metatable = mt
	return t
}

func (vm *VM) errorText(L *lua.LState) int {
	L.Push(lua.LString(vm.AsError(L.Get(1)).Error()))
	return 1
}

func (vm *VM) errorConcat(L *lua.LState) int {
	var text [2]string
	for i := range text {
		v := L.Get(i + 1)
		if heldError(v) != nil {
			text[i] = vm.AsError(v).Error()
			continue
		}
		if !lua.LVCanConvToString(v) {
			L.RaiseError("attempt to concatenate a %s value", v.Type())
		}
		text[i] = v.String()
	}
	L.Push(lua.LString(text[0] + text[1]))
	return 1
}

// heldError is the Go error of an error table, nil for other values.
func heldError(v lua.LValue) *diag.Error {
	t, ok := v.(*lua.LTable)
	if !ok {
		return nil
	}
	mt, ok := t.Metatable.(*lua.LTable)
	if !ok {
		return nil
	}
	held, ok := mt.RawGetString(errorKey).(*lua.LUserData)
	if !ok {
		return nil
	}
	e, _ := held.Value.(*diag.Error)
	return e
}

// position is how Lua puts the place before a message.
var position = regexp.MustCompile(`^((?:\[string "[^\n]*"\]|[^:\s][^:\n]*):\d+): `)

// AsError is v as people read it: an error table with what the script changed in it,
// a string with its position taken off, a table with a message of its own, or a dump.
// A table's __tostring is called only while a task runs.
func (vm *VM) AsError(v lua.LValue) *diag.Error {
	if e := heldError(v); e != nil {
		return edited(*e, v.(*lua.LTable))
	}
	e := &diag.Error{Kind: diag.KindScript}
	switch x := v.(type) {
	case lua.LString:
		e.Message = string(x)
		// error(err) of an error that was caught puts a second place before the first.
		for m := position.FindStringSubmatch(e.Message); m != nil; m = position.FindStringSubmatch(e.Message) {
			e.Where, e.Message = m[1], e.Message[len(m[0]):]
		}
	case *lua.LTable:
		var told bool
		if e.Message, told = vm.tableText(x); !told {
			e.Hint = "a field 'message' of this table would be shown instead"
		}
		if s, ok := x.RawGetString("code").(lua.LString); ok {
			e.Code = string(s)
		}
		e.Retryable = x.RawGetString("retryable") == lua.LTrue
	case nil, *lua.LNilType:
		e.Message = "error without a value (error(nil))"
	default:
		e.Message = "error with a " + v.Type().String() + ": " + show(v, 0)
	}
	return e
}

// edited is e with the fields that the script may have changed.
func edited(e diag.Error, t *lua.LTable) *diag.Error {
	text := func(to *string, key string) {
		if s, ok := t.RawGetString(key).(lua.LString); ok {
			*to = string(s)
		}
	}
	text(&e.Kind, "kind")
	text(&e.Code, "code")
	text(&e.Message, "message")
	text(&e.Hint, "hint")
	text(&e.Where, "where")
	e.Retryable = t.RawGetString("retryable") == lua.LTrue
	if n, ok := t.RawGetString("retry_after").(lua.LNumber); ok {
		e.RetryAfter = time.Duration(float64(n) * float64(time.Second))
	}
	return &e
}

// tableText is the text of a table that was raised; told is false when it is only a dump.
func (vm *VM) tableText(t *lua.LTable) (text string, told bool) {
	if mt, ok := t.Metatable.(*lua.LTable); ok && vm.task != nil && vm.task.ended.Load() == nil {
		if fn := mt.RawGetString("__tostring"); fn != lua.LNil {
			results, f := vm.callNew(nil, func(*lua.LState) (lua.LValue, []lua.LValue) { return fn, []lua.LValue{t} })
			if f == nil && len(results) > 0 && lua.LVCanConvToString(results[0]) {
				return results[0].String(), true
			}
		}
	}
	if s, ok := t.RawGetString("message").(lua.LString); ok {
		return string(s), true
	}
	return show(t, 1), false
}

// show writes a value short enough for one line: strings quoted and cut, tables to a depth.
func show(v lua.LValue, depth int) string {
	switch x := v.(type) {
	case nil:
		return "nil"
	case lua.LString:
		s := string(x)
		if len(s) > 40 {
			s = strings.ToValidUTF8(s[:37], "") + "..."
		}
		return fmt.Sprintf("%q", s)
	case *lua.LTable:
		if e := heldError(x); e != nil {
			return fmt.Sprintf("error %q", e.Message)
		}
		if depth <= 0 {
			return "{…}"
		}
		return showTable(x, depth)
	case *lua.LFunction:
		if x.IsG || x.Proto == nil {
			return "function"
		}
		return fmt.Sprintf("function at %s:%d", x.Proto.SourceName, x.Proto.LineDefined)
	case *lua.LUserData, *lua.LState:
		return v.Type().String()
	}
	return v.String()
}

var identifier = regexp.MustCompile(`^[A-Za-z_]\w*$`)

// HiddenKey is the field of a metatable that says which keys' values are not for logs.
const HiddenKey = "__hidden"

// hidden tells whether the value of key is not to be shown.
func hidden(t *lua.LTable, key lua.LValue) bool {
	mt, ok := t.Metatable.(*lua.LTable)
	if !ok {
		return false
	}
	keys, ok := mt.RawGetString(HiddenKey).(*lua.LTable)
	return ok && keys.RawGet(key) == lua.LTrue
}

func showTable(t *lua.LTable, depth int) string {
	var parts []string
	length, n := 0, t.Len()
	k, v := t.Next(lua.LNil)
	for ; k != lua.LNil; k, v = t.Next(k) {
		part := "(hidden)"
		if !hidden(t, k) {
			part = show(v, depth-1)
		}
		switch key := k.(type) {
		case lua.LNumber:
			if i := int(key); float64(i) != float64(key) || i < 1 || i > n {
				part = "[" + k.String() + "] = " + part
			}
		case lua.LString:
			if identifier.MatchString(string(key)) {
				part = string(key) + " = " + part
			} else {
				part = "[" + show(key, 0) + "] = " + part
			}
		default:
			part = "[" + show(k, 0) + "] = " + part
		}
		if length += len(part); length > 100 || len(parts) == 8 {
			parts = append(parts, "…")
			break
		}
		parts = append(parts, part)
	}
	if mt, ok := t.Metatable.(*lua.LTable); ok && mt.RawGetString("__index").Type() == lua.LTFunction {
		parts = append(parts, "…") // fields that are made when they are asked for
	}
	if len(parts) == 0 {
		return "{}"
	}
	return "{ " + strings.Join(parts, ", ") + " }"
}
