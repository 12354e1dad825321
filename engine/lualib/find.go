package lualib

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
)

const specials = "^$*+?.([%-"

func (l *lib) strFind(L *lua.LState) int  { return l.find(L, "find", true) }
func (l *lib) strMatch(L *lua.LState) int { return l.find(L, "match", false) }

// find is string.find and string.match.
func (l *lib) find(L *lua.LState, name string, indices bool) int {
	s, pat := checkString(L, name, 1), checkString(L, name, 2)
	from := startIndex(optInt(L, name, 3, 1), len(s))
	if from > len(s) { // Lua 5.1 starts at the end then
		from = len(s)
	}
	if indices && (lua.LVAsBool(L.Get(4)) || !strings.ContainsAny(pat, specials)) {
		l.charge(len(s) - from)
		i := strings.Index(s[from:], pat)
		if i < 0 {
			L.Push(lua.LNil)
			return 1
		}
		L.Push(lua.LNumber(from + i + 1))
		L.Push(lua.LNumber(from + i + len(pat)))
		return 2
	}
	var m matcher
	m.init(l, L, s, pat)
	start, end := m.search(from)
	m.done()
	if end < 0 {
		L.Push(lua.LNil)
		return 1
	}
	if indices {
		L.Push(lua.LNumber(start + 1))
		L.Push(lua.LNumber(end))
		return 2 + m.pushCaptures(-1, -1)
	}
	return m.pushCaptures(start, end)
}

// search finds the first match at from or later: its start and end, or -1, -1.
func (m *matcher) search(from int) (int, int) {
	if m.pat != "" && m.pat[0] == '^' {
		return from, m.at(from, 1)
	}
	lead, literal := m.lead()
	for s := from; s <= len(m.src); s++ {
		if literal {
			skip := strings.IndexByte(m.src[s:], lead)
			if skip < 0 {
				m.step((len(m.src) - s) / 64)
				return -1, -1
			}
			m.step(skip / 64)
			s += skip
		}
		if e := m.at(s, 0); e >= 0 {
			return s, e
		}
	}
	return -1, -1
}

// lead is the byte that every match begins with, if the pattern begins with a plain one.
func (m *matcher) lead() (byte, bool) {
	if m.pat == "" || strings.IndexByte(specials+")]", m.pat[0]) >= 0 {
		return 0, false
	}
	if len(m.pat) > 1 && strings.IndexByte("*?-", m.pat[1]) >= 0 {
		return 0, false
	}
	return m.pat[0], true
}

// startIndex turns Lua's start position into an offset: negative ones count from the
// end. The result may lie behind the end.
func startIndex(i, n int) int {
	switch {
	case i > 0:
		return i - 1
	case i < 0 && n+i > 0:
		return n + i
	}
	return 0
}

// capture is the value of capture i; start and end are those of the whole match, which
// stands for capture 0 of a pattern without captures.
func (m *matcher) capture(i, start, end int) lua.LValue {
	if i >= m.level {
		if i != 0 {
			m.fail("invalid capture index")
		}
		return lua.LString(m.src[start:end])
	}
	c := m.caps[i]
	switch c.len {
	case capOpen:
		m.fail("unfinished capture")
	case capPosition:
		return lua.LNumber(c.start + 1)
	}
	return lua.LString(m.src[c.start : c.start+c.len])
}

// pushCaptures pushes all captures, or the whole match (unless start < 0) if the
// pattern has none.
func (m *matcher) pushCaptures(start, end int) int {
	n := m.level
	if n == 0 && start >= 0 {
		n = 1
	}
	for i := 0; i < n; i++ {
		m.L.Push(m.capture(i, start, end))
	}
	return n
}

func (l *lib) strGmatch(L *lua.LState) int {
	s, pat := checkString(L, "gmatch", 1), checkString(L, "gmatch", 2)
	var m matcher
	m.init(l, L, s, pat)
	pos := 0
	L.Push(L.NewFunction(func(L *lua.LState) int {
		m.L = L // the iterator may be called by another thread
		for pos <= len(m.src) {
			start := pos
			end := m.at(start, 0)
			if end < 0 {
				pos++
				continue
			}
			if pos = end; end == start {
				pos++
			}
			m.done()
			return m.pushCaptures(start, end)
		}
		L.Push(lua.LNil)
		return 1
	}))
	return 1
}
