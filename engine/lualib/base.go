package lualib

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// forbidden are globals of gopher-lua that lead out of the sandbox, or that cannot be
// bounded.
var forbidden = []string{
	"dofile", "loadfile", "load", "module", "getfenv", "setfenv", "newproxy",
	"collectgarbage", "_printregs", "package", "io", "debug", "channel", "_GOPHER_LUA_VERSION",
}

func (l *lib) openBase(L *lua.LState) {
	g := L.G.Global
	for _, name := range forbidden {
		g.RawSetString(name, lua.LNil)
	}
	fns := map[string]lua.LGFunction{
		"assert": baseAssert, "ipairs": l.baseIpairs, "pairs": l.basePairs, "next": baseNext,
		"rawget": baseRawGet, "rawset": baseRawSet, "rawequal": baseRawEqual, "select": baseSelect,
		"tonumber": baseToNumber, "tostring": l.baseToString, "type": baseType,
		"setmetatable": baseSetMetatable, "getmetatable": baseGetMetatable,
	}
	for _, k := range sortedKeys(fns) {
		g.RawSetString(k, L.NewFunction(fns[k]))
	}
	g.RawSetString("_G", g)
	g.RawSetString("_VERSION", lua.LString("Lua 5.1"))
	l.next = g.RawGetString("next").(*lua.LFunction)
	l.ipairs = L.NewFunction(ipairsNext)
}

// assert raises its message as it is, whatever its type: no place is added.
func baseAssert(L *lua.LState) int {
	if lua.LVAsBool(checkAny(L, "assert", 1)) {
		return L.GetTop()
	}
	if msg := L.Get(2); msg != lua.LNil {
		L.Error(msg, 0)
	}
	L.Error(lua.LString("assertion failed!"), 0)
	return 0
}

func (l *lib) baseIpairs(L *lua.LState) int {
	t := checkTable(L, "ipairs", 1)
	L.Push(l.ipairs)
	L.Push(t)
	L.Push(lua.LNumber(0))
	return 3
}

func ipairsNext(L *lua.LState) int {
	t, i := checkTable(L, "ipairs", 1), checkInt(L, "ipairs", 2)+1
	v := t.RawGet(lua.LNumber(i))
	if v == lua.LNil {
		L.Push(lua.LNil)
		return 1
	}
	L.Push(lua.LNumber(i))
	L.Push(v)
	return 2
}

func (l *lib) basePairs(L *lua.LState) int {
	t := checkTable(L, "pairs", 1)
	L.Push(l.next)
	L.Push(t)
	L.Push(lua.LNil)
	return 3
}

func baseNext(L *lua.LState) int {
	k, v := checkTable(L, "next", 1).Next(L.Get(2))
	if L.Push(k); k == lua.LNil {
		return 1
	}
	L.Push(v)
	return 2
}

func baseRawGet(L *lua.LState) int {
	L.Push(checkTable(L, "rawget", 1).RawGet(checkAny(L, "rawget", 2)))
	return 1
}

func baseRawSet(L *lua.LState) int {
	t, k, v := checkTable(L, "rawset", 1), checkAny(L, "rawset", 2), checkAny(L, "rawset", 3)
	if k == lua.LNil {
		L.RaiseError("table index is nil")
	}
	L.RawSet(t, k, v)
	L.SetTop(1)
	return 1
}

func baseRawEqual(L *lua.LState) int {
	L.Push(lua.LBool(L.RawEqual(checkAny(L, "rawequal", 1), checkAny(L, "rawequal", 2))))
	return 1
}

func baseSelect(L *lua.LState) int {
	n := L.GetTop()
	if s, ok := L.Get(1).(lua.LString); ok && s == "#" {
		L.Push(lua.LNumber(n - 1))
		return 1
	}
	i := checkInt(L, "select", 1)
	if i < 0 {
		i += n
	}
	if i < 1 {
		argError(L, "select", 1, "index out of range")
	}
	return max(n-i, 0)
}

func baseType(L *lua.LState) int {
	L.Push(lua.LString(checkAny(L, "type", 1).Type().String()))
	return 1
}

func baseGetMetatable(L *lua.LState) int {
	L.Push(L.GetMetatable(checkAny(L, "getmetatable", 1)))
	return 1
}

func baseSetMetatable(L *lua.LState) int {
	t, mt := checkTable(L, "setmetatable", 1), L.Get(2)
	if _, ok := mt.(*lua.LTable); !ok && (mt != lua.LNil || L.GetTop() < 2) {
		typeError(L, "setmetatable", 2, "nil or table")
	}
	if L.GetMetaField(t, "__metatable") != lua.LNil {
		L.RaiseError("cannot change a protected metatable")
	}
	t.Metatable = mt
	L.SetTop(1)
	return 1
}

func (l *lib) baseToString(L *lua.LState) int {
	L.Push(l.toStringValue(L, checkAny(L, "tostring", 1)))
	return 1
}

// ToString is v as tostring gives it, __tostring included.
func ToString(L *lua.LState, env Env, v lua.LValue) string {
	return (&lib{Env: newLib(env).Env}).toString(L, v)
}

func (l *lib) toString(L *lua.LState, v lua.LValue) string {
	switch r := l.toStringValue(L, v).(type) {
	case lua.LString:
		return string(r)
	case lua.LNumber:
		return NumberString(r)
	}
	L.RaiseError("'__tostring' must return a string")
	return ""
}

func (l *lib) toStringValue(L *lua.LState, v lua.LValue) lua.LValue {
	switch x := v.(type) {
	case lua.LString:
		return x
	case lua.LNumber:
		return lua.LString(NumberString(x))
	}
	if mm := L.GetMetaField(v, "__tostring"); mm != lua.LNil {
		return l.call1(L, mm, v)
	}
	return lua.LString(v.String())
}

func baseToNumber(L *lua.LState) int {
	base := 10
	if L.Get(2) != lua.LNil {
		base = checkInt(L, "tonumber", 2)
	}
	if base < 2 || base > 36 {
		argError(L, "tonumber", 2, "base out of range")
	}
	v, ok := checkAny(L, "tonumber", 1), false
	switch x := v.(type) {
	case lua.LNumber:
		ok = base == 10
		if !ok {
			v, ok = parseInBase(NumberString(x), base)
		}
	case lua.LString:
		if base == 10 {
			v, ok = ParseNumber(string(x))
		} else {
			v, ok = parseInBase(string(x), base)
		}
	}
	if !ok {
		v = lua.LNil
	}
	L.Push(v)
	return 1
}

func parseInBase(s string, base int) (lua.LNumber, bool) {
	s = strings.Trim(s, blanks)
	digits := strings.TrimPrefix(s, "-")
	if len(digits) == len(s) {
		digits = strings.TrimPrefix(s, "+")
	}
	if base == 16 && len(digits) > 2 && digits[0] == '0' && digits[1]|0x20 == 'x' {
		digits = digits[2:]
	}
	f, ok := parseBase(digits, base)
	if strings.HasPrefix(s, "-") {
		f = -f
	}
	return lua.LNumber(f), ok
}
