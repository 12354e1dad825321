package lualib

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
)

func (l *lib) openString(L *lua.LState) {
	t := register(L, "string", map[string]lua.LGFunction{
		"byte": l.strByte, "char": l.strChar, "find": l.strFind, "format": l.strFormat,
		"gmatch": l.strGmatch, "gsub": l.strGsub, "len": strLen, "lower": l.strLower,
		"match": l.strMatch, "rep": l.strRep, "reverse": l.strReverse, "sub": strSub,
		"upper": l.strUpper, "split": l.strSplit, "trim": strTrim,
	})
	t.RawSetString("gfind", t.RawGetString("gmatch"))
	// One metatable serves all strings of the VM: scripts cannot reach it.
	mt := L.CreateTable(0, 2)
	mt.RawSetString("__index", t)
	mt.RawSetString("__metatable", lua.LFalse)
	L.SetMetatable(lua.LString(""), mt)
}

// bounds turns Lua's i and j into a slice of a string of n bytes.
func bounds(i, j, n int) (int, int) {
	from, to := startIndex(i, n), j
	if j < 0 {
		to = n + j + 1
	}
	to = min(to, n)
	if from >= to {
		return 0, 0
	}
	return from, to
}

func strLen(L *lua.LState) int {
	L.Push(lua.LNumber(len(checkString(L, "len", 1))))
	return 1
}

func strSub(L *lua.LState) int {
	s := checkString(L, "sub", 1)
	from, to := bounds(checkInt(L, "sub", 2), optInt(L, "sub", 3, -1), len(s))
	L.Push(lua.LString(s[from:to]))
	return 1
}

func (l *lib) strByte(L *lua.LState) int {
	s := checkString(L, "byte", 1)
	i := optInt(L, "byte", 2, 1)
	from, to := bounds(i, optInt(L, "byte", 3, i), len(s))
	if i < -len(s) && L.Get(3) == lua.LNil {
		return 0
	}
	l.results(L, to-from, "string slice too long")
	for _, c := range []byte(s[from:to]) {
		L.Push(lua.LNumber(c))
	}
	return to - from
}

func (l *lib) strChar(L *lua.LState) int {
	n := L.GetTop()
	b := make([]byte, n)
	for i := range b {
		c := checkInt(L, "char", i+1)
		if c < 0 || c > 255 {
			argError(L, "char", i+1, "invalid value")
		}
		b[i] = byte(c)
	}
	L.Push(lua.LString(b))
	return 1
}

func (l *lib) strRep(L *lua.LState) int {
	s, n := checkString(L, "rep", 1), checkInt(L, "rep", 2)
	sep := optString(L, "rep", 3, "")
	if n <= 0 || len(s)+len(sep) == 0 {
		L.Push(lua.LString(""))
		return 1
	}
	if n > l.MaxString/(len(s)+len(sep))+1 {
		l.room(L, -1)
	}
	l.room(L, n*len(s)+(n-1)*len(sep))
	if sep == "" {
		L.Push(lua.LString(strings.Repeat(s, n)))
	} else {
		L.Push(lua.LString(strings.Repeat(s+sep, n-1) + s))
	}
	return 1
}

// Case is that of ASCII, as in the C locale: UTF-8 text comes out as whole as it was.
func (l *lib) strLower(L *lua.LState) int { return l.mapBytes(L, "lower", 'A', 'Z') }
func (l *lib) strUpper(L *lua.LState) int { return l.mapBytes(L, "upper", 'a', 'z') }

func (l *lib) mapBytes(L *lua.LState, name string, from, to byte) int {
	s := checkString(L, name, 1)
	l.room(L, len(s))
	i := 0
	for i < len(s) && (s[i] < from || s[i] > to) {
		i++
	}
	if i == len(s) {
		L.Push(lua.LString(s))
		return 1
	}
	b := []byte(s)
	for ; i < len(b); i++ {
		if b[i] >= from && b[i] <= to {
			b[i] ^= 0x20
		}
	}
	L.Push(lua.LString(b))
	return 1
}

func (l *lib) strReverse(L *lua.LState) int {
	s := checkString(L, "reverse", 1)
	l.room(L, len(s))
	b := make([]byte, len(s))
	for i := range b {
		b[i] = s[len(s)-1-i]
	}
	L.Push(lua.LString(b))
	return 1
}

const blanks = " \t\n\v\f\r"

func strTrim(L *lua.LState) int {
	L.Push(lua.LString(strings.Trim(checkString(L, "trim", 1), blanks)))
	return 1
}

// strSplit is string.split(s, sep, plain): the parts of s between separators, as a
// list. sep is a pattern, or a plain text if plain is true; without sep, s is split at
// runs of blanks and there are no empty parts.
func (l *lib) strSplit(L *lua.LState) int {
	s, sep := checkString(L, "split", 1), optString(L, "split", 2, "")
	plain := lua.LVAsBool(L.Get(3)) || !strings.ContainsAny(sep, specials)
	t := L.NewTable()
	if L.Get(2) == lua.LNil {
		l.charge(len(s))
		for _, part := range strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(blanks, r) }) {
			l.listAppend(L, t, lua.LString(part))
		}
		L.Push(t)
		return 1
	}
	if sep == "" {
		argError(L, "split", 2, "empty separator")
	}
	var m matcher
	m.init(l, L, s, sep)
	rest := 0
	for from := 0; from <= len(s); {
		start, end := -1, -1
		if !plain {
			start, end = m.search(from)
		} else if i := strings.Index(s[from:], sep); i >= 0 {
			start, end = from+i, from+i+len(sep)
		}
		if end < 0 || sep[0] == '^' && !plain && from > 0 {
			break
		}
		m.step(1 + (end-from)/64)
		if end == start { // an empty match separates nothing
			from = end + 1
			continue
		}
		l.listAppend(L, t, lua.LString(s[rest:start]))
		from, rest = end, end
	}
	l.listAppend(L, t, lua.LString(s[rest:]))
	m.done()
	L.Push(t)
	return 1
}
