package engine

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	lua "github.com/yuin/gopher-lua"
)

// How much of a value the console shows.
const (
	displayDepth   = 5
	displayEntries = 100   // of one table
	displayBytes   = 16384 // of all
	displayText    = 4096  // of one string
	displayLine    = 88    // a table that fits is on one line
)

// display writes the values from L's index first on as Lua literals. Called in a task:
// objects are asked for their text.
func (vm *VM) display(L *lua.LState, first int) string {
	d := &displayer{vm: vm, L: L, inside: map[*lua.LTable]bool{}}
	var all []string
	for i := first; i <= L.GetTop(); i++ {
		all = append(all, d.value(L.Get(i), 0))
	}
	return strings.Join(all, ", ")
}

type displayer struct {
	vm     *VM
	L      *lua.LState
	inside map[*lua.LTable]bool
	size   int
}

func (d *displayer) value(v lua.LValue, depth int) string {
	s := d.one(v, depth)
	d.size += len(s)
	return s
}

func (d *displayer) one(v lua.LValue, depth int) string {
	switch x := v.(type) {
	case lua.LString:
		return quote(string(x))
	case *lua.LTable:
		if e := heldError(x); e != nil {
			return "error " + quote(d.vm.Text(d.L, x))
		}
		switch {
		case d.inside[x]:
			return "{ … }" // it contains itself
		case depth >= displayDepth:
			return "{…}"
		}
		d.inside[x] = true
		defer delete(d.inside, x)
		return d.table(x, depth)
	case *lua.LFunction:
		return show(x, 0)
	case *lua.LUserData:
		return d.vm.Text(d.L, x)
	}
	return v.String()
}

func (d *displayer) table(t *lua.LTable, depth int) string {
	var parts []string
	next := 1 // of the list part, whose keys are not written
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		if len(parts) == displayEntries || d.size > displayBytes {
			parts = append(parts, "…")
			break
		}
		part := d.value(v, depth+1)
		switch key := k.(type) {
		case lua.LNumber:
			if int(key) == next && float64(next) == float64(key) {
				next++
			} else {
				part = "[" + k.String() + "] = " + part
			}
		case lua.LString:
			if identifier.MatchString(string(key)) && !reserved[string(key)] {
				part = string(key) + " = " + part
			} else {
				part = "[" + quote(string(key)) + "] = " + part
			}
		default:
			part = "[" + d.one(k, displayDepth) + "] = " + part
		}
		parts = append(parts, part)
	}
	if mt, ok := t.Metatable.(*lua.LTable); ok && mt.RawGetString("__index").Type() == lua.LTFunction {
		parts = append(parts, "…") // fields that are made when they are asked for
	}
	if len(parts) == 0 {
		return "{}"
	}
	line := "{ " + strings.Join(parts, ", ") + " }"
	if utf8.RuneCountInString(line) <= displayLine && !strings.Contains(line, "\n") {
		return line
	}
	pad := strings.Repeat("  ", depth+1)
	return "{\n" + pad + strings.Join(parts, ",\n"+pad) + "\n" + pad[2:] + "}"
}

// reserved words of Lua cannot stand as a bare key.
var reserved = map[string]bool{
	"and": true, "break": true, "do": true, "else": true, "elseif": true, "end": true, "false": true, "for": true,
	"function": true, "goto": true, "if": true, "in": true, "local": true, "nil": true, "not": true, "or": true,
	"repeat": true, "return": true, "then": true, "true": true, "until": true, "while": true,
}

// quote writes s as a Lua literal; a long one is cut.
func quote(s string) string {
	more := ""
	if len(s) > displayText {
		more = fmt.Sprintf(" … (%d bytes)", len(s))
		s = strings.ToValidUTF8(s[:displayText], "")
	}
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == utf8.RuneError && size == 1 || !unicode.IsPrint(r):
			for _, c := range []byte(s[i : i+size]) {
				fmt.Fprintf(&b, `\%03d`, c)
			}
		default:
			b.WriteString(s[i : i+size])
		}
		i += size
	}
	b.WriteByte('"')
	return b.String() + more
}
