package lualib

import (
	"fmt"
	"maps"
	"math"
	"slices"

	lua "github.com/yuin/gopher-lua"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// argError raises in Lua 5.1's words.
func argError(L *lua.LState, fn string, n int, msg string) {
	L.RaiseError("%s", fmt.Sprintf("bad argument #%d to '%s' (%s)", n, fn, msg))
}

func typeError(L *lua.LState, fn string, n int, want string) {
	argError(L, fn, n, want+" expected, got "+typeName(L, n))
}

func typeName(L *lua.LState, n int) string {
	if n > L.GetTop() {
		return "no value"
	}
	return L.Get(n).Type().String()
}

func checkAny(L *lua.LState, fn string, n int) lua.LValue {
	if n > L.GetTop() {
		argError(L, fn, n, "value expected")
	}
	return L.Get(n)
}

func checkTable(L *lua.LState, fn string, n int) *lua.LTable {
	t, ok := L.Get(n).(*lua.LTable)
	if !ok {
		typeError(L, fn, n, "table")
	}
	return t
}

func checkFunction(L *lua.LState, fn string, n int) *lua.LFunction {
	f, ok := L.Get(n).(*lua.LFunction)
	if !ok {
		typeError(L, fn, n, "function")
	}
	return f
}

func checkString(L *lua.LState, fn string, n int) string {
	switch v := L.Get(n).(type) {
	case lua.LString:
		return string(v)
	case lua.LNumber:
		return NumberString(v)
	}
	typeError(L, fn, n, "string")
	return ""
}

func optString(L *lua.LState, fn string, n int, def string) string {
	if L.Get(n) == lua.LNil {
		return def
	}
	return checkString(L, fn, n)
}

func checkNumber(L *lua.LState, fn string, n int) float64 {
	switch v := L.Get(n).(type) {
	case lua.LNumber:
		return float64(v)
	case lua.LString:
		if f, ok := ParseNumber(string(v)); ok {
			return float64(f)
		}
	}
	typeError(L, fn, n, "number")
	return 0
}

func optNumber(L *lua.LState, fn string, n int, def float64) float64 {
	if L.Get(n) == lua.LNil {
		return def
	}
	return checkNumber(L, fn, n)
}

// checkInt reads a whole number; a fraction is cut off as in Lua 5.1, and what no int
// can hold becomes the nearest that can, so that callers need not fear a wrap-around.
func checkInt(L *lua.LState, fn string, n int) int { return toInt(checkNumber(L, fn, n)) }

func optInt(L *lua.LState, fn string, n int, def int) int {
	if L.Get(n) == lua.LNil {
		return def
	}
	return checkInt(L, fn, n)
}

// maxIndex bounds what toInt returns: sums of two such numbers do not overflow.
const maxIndex = min(1<<53, math.MaxInt/2)

func toInt(f float64) int {
	switch {
	case math.IsNaN(f):
		return 0
	case f > maxIndex:
		return maxIndex
	case f < -maxIndex:
		return -maxIndex
	}
	return int(f)
}
