package luabind

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/intent"
	"bridgehost/matrix"
)

// Types for arguments, beside Go's own and those of matrix.
type (
	// RoomOrAlias is a room ID or an alias.
	RoomOrAlias string
	// JSON is any value that JSON can hold, keys sorted.
	JSON json.RawMessage
	// Map is a table that is written as a JSON object, also when it is empty.
	Map json.RawMessage
	// List is a table that is written as a JSON list, also when it is empty.
	List json.RawMessage
	// Content is an event's content: a table. For messages a text, or what
	// bridge.markdown and bridge.html make, stands for one as well.
	Content json.RawMessage
	// Text is a text for people: a string, or what bridge.markdown and bridge.html make.
	Text Markup
	// MXC is a mxc:// URI; it is not checked here.
	MXC string
	// ByteSize is a number of bytes: a number, or "64KB", "1MB".
	ByteSize int64
)

// Markup is a text with its HTML form: what bridge.markdown and bridge.html make.
// An object of markupClass holds a *Markup.
type Markup struct {
	Body string
	HTML string // "" when the text is plain
}

// kind is how one Go type is read from Lua.
type kind struct {
	name   string
	read   reader
	fields []*Arg
}

// kindOf finds the reader of a type. name replaces the type's own name in errors.
func kindOf(where string, t reflect.Type, enum []string, name string) kind {
	named := func(own string) string {
		if name != "" {
			return name
		}
		return own
	}
	if k, ok := exactKind(t, named); ok {
		return k
	}
	if t.Kind() == reflect.String && enum != nil {
		return enumKind(enum, named)
	}
	switch t.Kind() {
	case reflect.String:
		return kind{name: named("string"), read: readString(named("string"))}
	case reflect.Bool:
		return kind{name: named("boolean"), read: func(c *Call, v lua.LValue, dst reflect.Value) string {
			b, ok := v.(lua.LBool)
			if !ok {
				return c.expected(named("boolean"), v)
			}
			dst.SetBool(bool(b))
			return ""
		}}
	case reflect.Int, reflect.Int32, reflect.Int64:
		return kind{name: named("integer"), read: readInteger(named("integer"))}
	case reflect.Float64:
		return kind{name: named("number"), read: readNumber(named("number"))}
	case reflect.Pointer:
		return pointerKind(where, t, enum, name)
	case reflect.Slice:
		return listKind(where, t, enum, name)
	case reflect.Map:
		return mapKind(where, t, name)
	case reflect.Struct:
		if isOpt(t) {
			return optKind(where, t, enum, name)
		}
		return structKind(where, t, name)
	}
	panic(where + ": no way to read a " + t.String())
}

// exactKind knows the types that mean something of their own.
func exactKind(t reflect.Type, named func(string) string) (kind, bool) {
	switch t {
	case reflect.TypeFor[matrix.RoomID]():
		return idKind(named("room ID"), "!"), true
	case reflect.TypeFor[matrix.UserID]():
		return idKind(named("user ID"), "@"), true
	case reflect.TypeFor[matrix.EventID]():
		return idKind(named("event ID"), "$"), true
	case reflect.TypeFor[matrix.RoomAlias]():
		return idKind(named("room alias"), "#"), true
	case reflect.TypeFor[RoomOrAlias]():
		return idKind(named("room ID or alias"), "!#"), true
	case reflect.TypeFor[time.Duration]():
		return kind{name: named("duration"), read: readDuration(named("duration"))}, true
	case reflect.TypeFor[ByteSize]():
		return kind{name: named("size"), read: readSize(named("size"))}, true
	case reflect.TypeFor[[]byte]():
		return kind{name: named("bytes"), read: func(c *Call, v lua.LValue, dst reflect.Value) string {
			s, ok := v.(lua.LString)
			if !ok {
				return c.expected(named("string"), v)
			}
			dst.SetBytes([]byte(s))
			return ""
		}}, true
	case reflect.TypeFor[JSON]():
		return kind{name: named("value"), read: readJSON(named("value"), nil)}, true
	case reflect.TypeFor[Map]():
		return kind{name: named("table"), read: readJSON(named("table"), (*encoder).object)}, true
	case reflect.TypeFor[List]():
		return kind{name: named("list"), read: readJSON(named("list"), (*encoder).list)}, true
	case reflect.TypeFor[Content]():
		return kind{name: named("content"), read: readContent(named("table"))}, true
	case reflect.TypeFor[Text]():
		return kind{name: named("string"), read: readText(named("string"))}, true
	case reflect.TypeFor[*intent.Intent]():
		return kind{name: named("intent"), read: readObject[*intent.Intent](named("intent"))}, true
	case reflect.TypeFor[*Markup]():
		return kind{name: named("markup"), read: readObject[*Markup](named("markup"))}, true
	case reflect.TypeFor[lua.LValue]():
		return kind{name: named("value"), read: func(_ *Call, v lua.LValue, dst reflect.Value) string {
			dst.Set(reflect.ValueOf(v))
			return ""
		}}, true
	case reflect.TypeFor[*lua.LFunction]():
		return kind{name: named("function"), read: readLua[*lua.LFunction](named("function"))}, true
	case reflect.TypeFor[*lua.LTable]():
		return kind{name: named("table"), read: readLua[*lua.LTable](named("table"))}, true
	}
	if held := classTypes[t]; held != nil {
		name := named(held.group.Name)
		return kind{name: name, read: held.read(name)}, true
	}
	return kind{}, false
}

// expected says what was wanted and what came.
func (c *Call) expected(want string, v lua.LValue) string {
	return want + " expected, got " + typeName(c.Env, v)
}

// typeName names a value's type as scripts know it: our objects by their kind.
func typeName(env *Env, v lua.LValue) string {
	switch x := v.(type) {
	case *lua.LUserData:
		if x == env.null {
			return "json.null"
		}
		if mt, ok := x.Metatable.(*lua.LTable); ok {
			if name, ok := mt.RawGetString("__name").(lua.LString); ok {
				return string(name)
			}
		}
	case *lua.LTable:
		if mt, ok := x.Metatable.(*lua.LTable); ok {
			if name, ok := mt.RawGetString("__name").(lua.LString); ok {
				return string(name)
			}
		}
	}
	return v.Type().String()
}

func idKind(name, sigils string) kind {
	return kind{name: name, read: func(c *Call, v lua.LValue, dst reflect.Value) string {
		s, ok := v.(lua.LString)
		switch {
		case !ok:
			return c.expected(name, v)
		case s == "":
			return name + " expected, got an empty string"
		case strings.IndexByte(sigils, s[0]) < 0:
			return fmt.Sprintf("%s expected, got %s", name, quoted(string(s)))
		case len(s) > matrix.MaxIDLength || strings.IndexByte(string(s), 0) >= 0:
			return fmt.Sprintf("%s expected, got one of %d bytes that no server accepts", name, len(s))
		}
		dst.SetString(string(s))
		return ""
	}}
}

// quoted shows the beginning of a string in an error.
func quoted(s string) string {
	const most = 60
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strconv.Quote(s)
}

// readString takes numbers too, as Lua's own functions do.
func readString(name string) reader {
	return func(c *Call, v lua.LValue, dst reflect.Value) string {
		switch s := v.(type) {
		case lua.LString:
			dst.SetString(string(s))
		case lua.LNumber:
			dst.SetString(formatNumber(float64(s)))
		default:
			return c.expected(name, v)
		}
		return ""
	}
}

func enumKind(enum []string, named func(string) string) kind {
	words := make([]string, len(enum))
	for i, e := range enum {
		words[i] = strconv.Quote(e)
	}
	name := named("one of " + strings.Join(words, ", "))
	return kind{name: name, read: func(c *Call, v lua.LValue, dst reflect.Value) string {
		s, ok := v.(lua.LString)
		if !ok {
			return c.expected(name, v)
		}
		if !slices.Contains(enum, string(s)) {
			return name + " expected, got " + quoted(string(s))
		}
		dst.SetString(string(s))
		return ""
	}}
}

func readNumber(name string) reader {
	return func(c *Call, v lua.LValue, dst reflect.Value) string {
		n, ok := v.(lua.LNumber)
		if !ok {
			return c.expected(name, v)
		}
		dst.SetFloat(float64(n))
		return ""
	}
}

// readInteger takes numbers without a fraction that the Go type can hold exactly.
func readInteger(name string) reader {
	return func(c *Call, v lua.LValue, dst reflect.Value) string {
		n, ok := v.(lua.LNumber)
		if !ok {
			if big, is := selfOf[bigInteger](v); is {
				if i, err := strconv.ParseInt(string(big), 10, 64); err == nil && !dst.OverflowInt(i) {
					dst.SetInt(i)
					return ""
				}
				return fmt.Sprintf("%s expected, got %s, which is out of range", name, string(big))
			}
			// The word that Lua uses: 1.4's example says "number expected, got string".
			return c.expected(strings.Replace(name, "integer", "number", 1), v)
		}
		f := float64(n)
		if f != math.Trunc(f) || math.IsInf(f, 0) || math.IsNaN(f) {
			return fmt.Sprintf("%s expected, got %s", name, formatNumber(f))
		}
		if math.Abs(f) > 1<<53 || dst.OverflowInt(int64(f)) {
			return fmt.Sprintf("%s expected, got %s, which is out of range", name, formatNumber(f))
		}
		dst.SetInt(int64(f))
		return ""
	}
}

// readDuration takes seconds, or "20s", "5m", "2h30m", "7d".
func readDuration(name string) reader {
	return func(c *Call, v lua.LValue, dst reflect.Value) string {
		switch x := v.(type) {
		case lua.LNumber:
			s := float64(x)
			if math.IsNaN(s) || s < 0 || s > maxSeconds {
				return fmt.Sprintf("%s expected, got %s seconds", name, formatNumber(s))
			}
			dst.SetInt(int64(s * float64(time.Second)))
		case lua.LString:
			d, err := ParseDuration(string(x))
			if err != nil {
				return fmt.Sprintf(`%s expected (seconds, or "20s", "5m", "2h30m", "7d"), got %s`, name, quoted(string(x)))
			}
			dst.SetInt(int64(d))
		default:
			return c.expected(name, v)
		}
		return ""
	}
}

// readObject reads the Go value of one of our objects.
func readObject[T any](name string) reader {
	return func(c *Call, v lua.LValue, dst reflect.Value) string {
		x, ok := selfOf[T](v)
		if !ok {
			return c.expected(name, v)
		}
		dst.Set(reflect.ValueOf(x))
		return ""
	}
}

// readLua keeps a Lua value of one type. It may be touched with the lock held only.
func readLua[T lua.LValue](name string) reader {
	return func(c *Call, v lua.LValue, dst reflect.Value) string {
		x, ok := v.(T)
		if !ok {
			return c.expected(name, v)
		}
		dst.Set(reflect.ValueOf(x))
		return ""
	}
}

// readJSON writes a value as JSON; how says whether it must be a list or an object.
func readJSON(name string, how func(*encoder, *lua.LTable) error) reader {
	return func(c *Call, v lua.LValue, dst reflect.Value) string {
		e := encoder{env: c.Env}
		var err error
		if how == nil {
			if v == lua.LNil {
				return c.expected(name, v)
			}
			err = e.value(v)
		} else {
			t, ok := v.(*lua.LTable)
			if !ok {
				return c.expected(name, v)
			}
			err = how(&e, t)
		}
		if err != nil {
			return err.Error()
		}
		dst.SetBytes(e.out)
		return ""
	}
}
