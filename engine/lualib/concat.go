package lualib

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// Concat is the checked concatenation of vals, right-associative and with __concat
// honoured as `..` does it. names tells what the operands are called in the source
// ("local 'x'", "field 'name'", "" for unknown); it may be shorter than vals.
func Concat(L *lua.LState, env Env, names []string, vals ...lua.LValue) lua.LValue {
	return newLib(env).concat(L, names, vals)
}

// concatSite is what a concatenation in compiled source calls: its operands are the
// arguments, or the elements of one table if there are many.
func (l *lib) concatSite(L *lua.LState, names []string) int {
	n := L.GetTop()
	if n == 2 {
		a, ok1 := L.Get(1).(lua.LString)
		b, ok2 := L.Get(2).(lua.LString)
		if ok1 && ok2 {
			l.room(L, len(a)+len(b))
			L.Push(a + b)
			return 1
		}
	}
	var few [8]lua.LValue
	vals := few[:0]
	if t, ok := L.Get(1).(*lua.LTable); ok && n == 1 {
		for i := 1; i <= len(names); i++ {
			vals = append(vals, t.RawGetInt(i))
		}
	} else {
		for i := 1; i <= n; i++ {
			vals = append(vals, L.Get(i))
		}
	}
	L.Push(l.concat(L, names, vals))
	return 1
}

func (l *lib) concat(L *lua.LState, names []string, vals []lua.LValue) lua.LValue {
	if len(vals) == 0 {
		return lua.LString("")
	}
	last := len(vals) - 1
	acc, whole := vals[last], true // whole: acc is still the operand itself, with its name
	for i := last - 1; i >= 0; {
		if isText(vals[i]) && isText(acc) {
			from := i
			for from > 0 && isText(vals[from-1]) {
				from--
			}
			acc = l.join(L, vals[from:i+1], acc)
			i, whole = from-1, false
			continue
		}
		mm := l.metaOf(L, vals[i], acc, "__concat")
		if mm == lua.LNil {
			bad, at := vals[i], i
			if isText(bad) {
				bad, at = acc, i+1
			}
			name := ""
			if at < len(names) && (at <= i || whole) {
				name = names[at]
			}
			concatError(L, bad, name)
		}
		acc, whole = l.call1(L, mm, vals[i], acc), false
		i--
	}
	return acc
}

func concatError(L *lua.LState, v lua.LValue, name string) {
	if name == "" {
		L.RaiseError("%s", "attempt to concatenate a "+v.Type().String()+" value")
	}
	L.RaiseError("%s", "attempt to concatenate "+name+" (a "+v.Type().String()+" value)")
}

func isText(v lua.LValue) bool {
	switch v.(type) {
	case lua.LString, lua.LNumber:
		return true
	}
	return false
}

// join builds vals and tail, all strings or numbers, into one string.
func (l *lib) join(L *lua.LState, vals []lua.LValue, tail lua.LValue) lua.LValue {
	var num [32]byte
	total := textLen(tail, num[:0])
	for _, v := range vals {
		total += textLen(v, num[:0])
	}
	l.room(L, total)
	var b strings.Builder
	b.Grow(total)
	for _, v := range vals {
		writeText(&b, v, num[:0])
	}
	writeText(&b, tail, num[:0])
	return lua.LString(b.String())
}

func textLen(v lua.LValue, num []byte) int {
	if s, ok := v.(lua.LString); ok {
		return len(s)
	}
	return len(appendNumber(num, float64(v.(lua.LNumber))))
}

func writeText(b *strings.Builder, v lua.LValue, num []byte) {
	if s, ok := v.(lua.LString); ok {
		b.WriteString(string(s))
		return
	}
	b.Write(appendNumber(num, float64(v.(lua.LNumber))))
}

// metaOf is the metamethod of a, or else of b; nil if neither has one.
func (l *lib) metaOf(L *lua.LState, a, b lua.LValue, event string) lua.LValue {
	if mm := L.GetMetaField(a, event); mm != lua.LNil {
		return mm
	}
	return L.GetMetaField(b, event)
}
