package lualib

import (
	lua "github.com/yuin/gopher-lua"
)

// gsub is one run of string.gsub: its result so far, and the replacement.
type gsub struct {
	matcher
	out  []byte
	text string // the replacement, if it is a string …
	tab  *lua.LTable
	fn   *lua.LFunction
	args []lua.LValue
}

func (l *lib) strGsub(L *lua.LState) int {
	var g gsub
	s, pat := checkString(L, "gsub", 1), checkString(L, "gsub", 2)
	switch r := L.Get(3).(type) {
	case lua.LString:
		g.text = string(r)
	case lua.LNumber:
		g.text = NumberString(r)
	case *lua.LTable:
		g.tab = r
	case *lua.LFunction:
		g.fn = r
	default:
		typeError(L, "gsub", 3, "string/function/table")
	}
	limit := optInt(L, "gsub", 4, len(s)+1)
	first := 0
	if pat != "" && pat[0] == '^' {
		first = 1
	}
	g.init(l, L, s, pat)
	n, copied := 0, 0 // copied: how much of s is in out already
	for pos := 0; n < limit; {
		end := g.at(pos, first)
		if end >= 0 {
			n++
			copied = g.replace(copied, pos, end)
		}
		if end > pos {
			pos = end
		} else if pos++; pos > len(s) {
			break
		}
		if first == 1 {
			break
		}
	}
	g.done()
	if copied == 0 && len(g.out) == 0 {
		L.Push(lua.LString(s))
	} else {
		l.room(L, len(g.out)+len(s)-copied)
		L.Push(lua.LString(append(g.out, s[copied:]...)))
	}
	L.Push(lua.LNumber(n))
	return 2
}

// replace writes what stands for the match, and what was between it and the one before.
// A match that stays as it is, is left to the next copy.
func (g *gsub) replace(copied, start, end int) int {
	var v lua.LValue
	switch {
	case g.fn != nil:
		v = g.callFn(start, end)
	case g.tab != nil:
		v = g.l.index(g.L, g.tab, g.capture(0, start, end))
	default:
		g.write(g.src[copied:start])
		g.writeText(start, end)
		return end
	}
	switch {
	case lua.LVIsFalse(v):
		return copied
	case !isText(v):
		g.fail("invalid replacement value (a " + v.Type().String() + ")")
	}
	g.write(g.src[copied:start])
	if s, ok := v.(lua.LString); ok {
		g.write(string(s))
	} else {
		g.write(NumberString(v.(lua.LNumber)))
	}
	return end
}

func (g *gsub) callFn(start, end int) lua.LValue {
	g.args = g.args[:0]
	for i := 0; i < max(g.level, 1); i++ {
		g.args = append(g.args, g.capture(i, start, end))
	}
	return g.l.call1(g.L, g.fn, g.args...)
}

func (g *gsub) writeText(start, end int) {
	t := g.text
	for i := 0; i < len(t); i++ {
		if t[i] != '%' || i+1 == len(t) {
			j := i + 1
			for j < len(t) && t[j] != '%' {
				j++
			}
			g.write(t[i:j])
			i = j - 1
			continue
		}
		i++
		switch c := t[i]; {
		case c == '0':
			g.write(g.src[start:end])
		case c >= '1' && c <= '9':
			switch v := g.capture(int(c-'1'), start, end).(type) {
			case lua.LString:
				g.write(string(v))
			case lua.LNumber:
				g.write(NumberString(v))
			}
		default:
			g.write(t[i : i+1])
		}
	}
}

func (g *gsub) write(s string) {
	if len(g.out)+len(s) > g.l.MaxString {
		g.l.room(g.L, len(g.out)+len(s))
	}
	g.step(1 + len(s)/64)
	g.out = append(g.out, s...)
}
