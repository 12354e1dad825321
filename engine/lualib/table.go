package lualib

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
)

func (l *lib) openTable(L *lua.LState) {
	t := register(L, "table", map[string]lua.LGFunction{
		"concat": l.tabConcat, "insert": l.tabInsert, "remove": l.tabRemove, "sort": l.tabSort,
		"maxn": l.tabMaxN, "getn": tabGetN, "pack": tabPack, "unpack": l.unpack,
		"foreach": l.tabForeach, "foreachi": l.tabForeachi,
	})
	L.G.Global.RawSetString("unpack", t.RawGetString("unpack"))
}

// listAppend adds v, not nil, behind the last element of t.
func (l *lib) listAppend(L *lua.LState, t *lua.LTable, v lua.LValue) {
	if n := t.Len() + 1; n >= lua.MaxArrayIndex {
		l.limit(L, "list too long", "a list may have no more elements than memory allows scripts to hold")
	}
	t.Append(v)
}

func tabGetN(L *lua.LState) int {
	L.Push(lua.LNumber(checkTable(L, "getn", 1).Len()))
	return 1
}

func (l *lib) tabMaxN(L *lua.LState) int {
	t := checkTable(L, "maxn", 1)
	top, n := lua.LNumber(0), 0
	t.ForEach(func(k, _ lua.LValue) {
		if n++; n%pollEvery == 0 {
			l.Poll(pollEvery)
		}
		if i, ok := k.(lua.LNumber); ok && i > top {
			top = i
		}
	})
	L.Push(top)
	return 1
}

func (l *lib) tabInsert(L *lua.LState) int {
	t := checkTable(L, "insert", 1)
	switch L.GetTop() {
	case 2:
		if v := L.Get(2); v != lua.LNil {
			l.listAppend(L, t, v)
		}
	case 3:
		n, pos, v := t.Len(), checkInt(L, "insert", 2), L.Get(3)
		switch {
		case pos == n+1 && v != lua.LNil:
			l.listAppend(L, t, v)
		case pos > n:
			L.RawSet(t, lua.LNumber(pos), v)
		case pos < 1:
			argError(L, "insert", 2, "position out of bounds")
		case n+1 >= lua.MaxArrayIndex:
			l.listAppend(L, t, v) // raises
		default:
			l.charge(n - pos)
			t.Insert(pos, v)
		}
	default:
		L.RaiseError("wrong number of arguments to 'insert'")
	}
	return 0
}

func (l *lib) tabRemove(L *lua.LState) int {
	t := checkTable(L, "remove", 1)
	n := t.Len()
	pos := optInt(L, "remove", 2, n)
	if pos < 1 || pos > n {
		return 0
	}
	l.charge(n - pos)
	L.Push(t.Remove(pos))
	return 1
}

func (l *lib) tabConcat(L *lua.LState) int {
	t, sep := checkTable(L, "concat", 1), optString(L, "concat", 2, "")
	i := optInt(L, "concat", 3, 1)
	j := t.Len()
	if L.Get(4) != lua.LNil {
		j = checkInt(L, "concat", 4)
	}
	var num [32]byte
	total := 0
	for k := i; k <= j; k++ {
		if (k-i)%pollEvery == pollEvery-1 {
			l.Poll(pollEvery)
		}
		v := t.RawGet(lua.LNumber(k))
		if !isText(v) {
			L.RaiseError("invalid value (%s) at index %d in table for 'concat'", v.Type().String(), k)
		}
		if total += textLen(v, num[:0]); k < j {
			total += len(sep)
		}
		if total > l.MaxString {
			l.room(L, total)
		}
	}
	l.room(L, total)
	var b strings.Builder
	b.Grow(total)
	for k := i; k <= j; k++ {
		writeText(&b, t.RawGet(lua.LNumber(k)), num[:0])
		if k < j {
			b.WriteString(sep)
		}
	}
	L.Push(lua.LString(b.String()))
	return 1
}

func tabPack(L *lua.LState) int {
	n := L.GetTop()
	t := L.CreateTable(n, 1)
	for i := 1; i <= n; i++ {
		t.RawSetInt(i, L.Get(i))
	}
	t.RawSetString("n", lua.LNumber(n))
	L.Push(t)
	return 1
}

func (l *lib) unpack(L *lua.LState) int {
	t, i := checkTable(L, "unpack", 1), optInt(L, "unpack", 2, 1)
	var j int
	if L.Get(3) != lua.LNil {
		j = checkInt(L, "unpack", 3)
	} else {
		j = t.Len()
	}
	if i > j {
		return 0
	}
	n := j - i + 1
	l.results(L, n, "too many results to unpack")
	for k := i; k <= j; k++ {
		L.Push(t.RawGet(lua.LNumber(k)))
	}
	return n
}

// foreach and foreachi are old (Lua 5.0), but the official tests of 5.1 use them.
func (l *lib) tabForeach(L *lua.LState) int {
	t, fn := checkTable(L, "foreach", 1), checkFunction(L, "foreach", 2)
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		l.Poll(1)
		if r := l.call1(L, fn, k, v); r != lua.LNil {
			L.Push(r)
			return 1
		}
	}
	return 0
}

func (l *lib) tabForeachi(L *lua.LState) int {
	t, fn := checkTable(L, "foreachi", 1), checkFunction(L, "foreachi", 2)
	for i, n := 1, t.Len(); i <= n; i++ {
		l.Poll(1)
		if r := l.call1(L, fn, lua.LNumber(i), t.RawGetInt(i)); r != lua.LNil {
			L.Push(r)
			return 1
		}
	}
	return 0
}
