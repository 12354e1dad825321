package luabind

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/diag"
)

// maxSeconds is the longest duration that an argument may have: a century.
const maxSeconds = 100 * 366 * 86400

// ParseDuration reads "20s", "1.5h", "2h30m", "7d", or a bare number of seconds.
func ParseDuration(s string) (time.Duration, error) {
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		if math.IsNaN(f) || f < 0 || f > maxSeconds {
			return 0, fmt.Errorf("duration %q is out of range", s)
		}
		return time.Duration(f * float64(time.Second)), nil
	}
	var days time.Duration
	rest := s
	if n, after, ok := strings.Cut(s, "d"); ok {
		f, err := strconv.ParseFloat(n, 64)
		if err != nil || math.IsNaN(f) || f < 0 || f > maxSeconds/86400 {
			return 0, fmt.Errorf("%q is no duration", s)
		}
		days, rest = time.Duration(f*24*float64(time.Hour)), after
		if rest == "" {
			return days, nil
		}
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 || d > maxSeconds*time.Second {
		return 0, fmt.Errorf("%q is no duration", s)
	}
	return days + d, nil
}

// pointerKind reads *T: nil stays nil.
func pointerKind(where string, t reflect.Type, enum []string, name string) kind {
	inner := kindOf(where, t.Elem(), enum, name)
	return kind{name: inner.name, fields: inner.fields, read: func(c *Call, v lua.LValue, dst reflect.Value) string {
		made := reflect.New(t.Elem())
		if wrong := inner.read(c, v, made.Elem()); wrong != "" {
			return wrong
		}
		dst.Set(made)
		return ""
	}}
}

// listKind reads a list of values.
func listKind(where string, t reflect.Type, enum []string, name string) kind {
	inner := kindOf(where, t.Elem(), enum, "")
	if name == "" {
		name = "list of " + inner.name
	}
	return kind{name: name, fields: inner.fields, read: func(c *Call, v lua.LValue, dst reflect.Value) string {
		table, ok := v.(*lua.LTable)
		if !ok {
			return c.expected("list", v)
		}
		n, wrong := listLength(table)
		if wrong != "" {
			return wrong
		}
		list := reflect.MakeSlice(t, n, n)
		for i := range n {
			if wrong := inner.read(c, table.RawGetInt(i+1), list.Index(i)); wrong != "" {
				return fmt.Sprintf("item %d: %s", i+1, wrong)
			}
		}
		dst.Set(list)
		return ""
	}}
}

// listLength checks that the keys are 1 … n.
func listLength(t *lua.LTable) (n int, wrong string) {
	n = t.Len()
	for key, _ := t.Next(lua.LNil); key != lua.LNil; key, _ = t.Next(key) {
		i, ok := key.(lua.LNumber)
		if !ok {
			return 0, fmt.Sprintf("list expected, got a table with the key %s", keyText(key))
		}
		if i < 1 || int(i) > n || float64(i) != math.Trunc(float64(i)) {
			return 0, fmt.Sprintf("list expected, got a table with the key %s and gaps before it", keyText(key))
		}
	}
	for i := 1; i <= n; i++ {
		if t.RawGetInt(i) == lua.LNil {
			return 0, fmt.Sprintf("list expected, got a table in which item %d is missing", i)
		}
	}
	return n, ""
}

func keyText(key lua.LValue) string {
	switch k := key.(type) {
	case lua.LString:
		return string(k)
	case lua.LNumber:
		return formatNumber(float64(k))
	}
	return "a " + key.Type().String()
}

// mapKind reads a table with strings as keys.
func mapKind(where string, t reflect.Type, name string) kind {
	inner := kindOf(where, t.Elem(), nil, "")
	if name == "" {
		name = "table of " + inner.name
	}
	return kind{name: name, read: func(c *Call, v lua.LValue, dst reflect.Value) string {
		table, ok := v.(*lua.LTable)
		if !ok {
			return c.expected("table", v)
		}
		made := reflect.MakeMap(t)
		for key, v := table.Next(lua.LNil); key != lua.LNil; key, v = table.Next(key) {
			s, ok := key.(lua.LString)
			if !ok {
				return "table with strings as keys expected, got the key " + keyText(key)
			}
			item := reflect.New(t.Elem()).Elem()
			if wrong := inner.read(c, v, item); wrong != "" {
				return fmt.Sprintf("field '%s': %s", string(s), wrong)
			}
			made.SetMapIndex(reflect.ValueOf(string(s)).Convert(t.Key()), item)
		}
		dst.Set(made)
		return ""
	}}
}

// structKind reads a table with known names. All of its fields are optional unless
// their tag has no ",opt".
func structKind(where string, t reflect.Type, name string) kind {
	if name == "" {
		name = "table"
	}
	f := &Function{Name: where, Group: &Group{}}
	p := planOf(f, t)
	args, _ := p.documented()
	return kind{name: name, fields: args, read: func(c *Call, v lua.LValue, dst reflect.Value) string {
		table, ok := v.(*lua.LTable)
		if !ok {
			return c.expected(name, v)
		}
		for _, s := range p.defaults {
			dst.FieldByIndex(s.index).Set(s.fallback)
		}
		wrong := ""
		p.fields(c, table, dst, func(name string) *slot { return p.byName[name] }, func(s *slot, why string) {
			wrong = fmt.Sprintf("field '%s': %s", s.Name, why)
		}, func(key string) {
			known := append(optionNames(p.required), optionNames(p.options)...)
			wrong = fmt.Sprintf("unknown field '%s'", key)
			if s := diag.Suggest(key, known); s != "" {
				wrong += fmt.Sprintf("; did you mean '%s'?", s)
			}
		})
		for _, s := range p.required {
			if wrong == "" && !s.null && table.RawGetString(s.Name) == lua.LNil {
				wrong = fmt.Sprintf("field '%s': %s expected, got nil", s.Name, s.Type)
			}
		}
		return wrong
	}}
}

func isOpt(t reflect.Type) bool {
	return t.NumField() == 3 && strings.HasPrefix(t.Name(), "Opt[")
}

// takesNull tells whether a field itself tells json.null apart.
func takesNull(t reflect.Type) bool {
	return t == reflect.TypeFor[lua.LValue]() || t == reflect.TypeFor[JSON]() || t.Kind() == reflect.Struct && isOpt(t)
}

// optKind reads an Opt[T].
func optKind(where string, t reflect.Type, enum []string, name string) kind {
	inner := kindOf(where, t.Field(0).Type, enum, name)
	return kind{name: inner.name, fields: inner.fields, read: func(c *Call, v lua.LValue, dst reflect.Value) string {
		dst.Field(1).SetBool(true)
		if c.IsNull(v) {
			dst.Field(2).SetBool(true)
			return ""
		}
		return inner.read(c, v, dst.Field(0))
	}}
}

// parseDefault reads a default tag; a mistake in it shows when the program starts.
func parseDefault(where string, t reflect.Type, text string) reflect.Value {
	v := reflect.New(t).Elem()
	var err error
	switch {
	case t == reflect.TypeFor[time.Duration]():
		var d time.Duration
		d, err = ParseDuration(text)
		v.SetInt(int64(d))
	case t == reflect.TypeFor[ByteSize]():
		var n int64
		n, err = ParseSize(text)
		v.SetInt(n)
	case t.Kind() == reflect.String:
		v.SetString(strings.Trim(text, `"`))
	case t.Kind() == reflect.Bool:
		var b bool
		b, err = strconv.ParseBool(text)
		v.SetBool(b)
	case t.Kind() == reflect.Int, t.Kind() == reflect.Int64, t.Kind() == reflect.Int32:
		var n int64
		n, err = strconv.ParseInt(text, 10, 64)
		v.SetInt(n)
	case t.Kind() == reflect.Float64:
		var f float64
		f, err = strconv.ParseFloat(text, 64)
		v.SetFloat(f)
	default:
		return reflect.Value{} // documentation only
	}
	if err != nil {
		panic(fmt.Sprintf("%s: default %q: %v", where, text, err))
	}
	return v
}
