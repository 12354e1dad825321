package luabind

import (
	"fmt"
	"reflect"
	"slices"
	"sort"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// Opt is an optional argument that tells absent, json.null and a value apart. A plain
// optional field has its default when absent, and its zero value for json.null.
type Opt[T any] struct {
	Value T
	Given bool // it was there, maybe as json.null
	Null  bool // it was json.null: an explicit none
}

// Or is the value, or def when it was not given or null.
func (o Opt[T]) Or(def T) T {
	if o.Given && !o.Null {
		return o.Value
	}
	return def
}

// Ptr is the value's address, nil when it was not given or null.
func (o Opt[T]) Ptr() *T {
	if o.Given && !o.Null {
		return &o.Value
	}
	return nil
}

// A plan decodes the arguments of one function from the Lua stack straight into its
// argument struct. It is made once from the struct's type and tags:
//
//	lua:"name"        required, by position
//	lua:"name,null"   required, json.null (and nil) give the zero value
//	lua:"name,mid"    may be left out although required ones follow; at most one
//	lua:"name,opt"    optional: by name in the trailing table, or by position
//	lua:"...,rest"    all further arguments, a []lua.LValue or a list of another type
//	doc:"…"           its documentation
//	default:"…"       for optional ones: true, 5000, "join" …
//	enum:"a|b|c"      for strings: those that are allowed
//	luatype:"…"       the type in editors, when it is not the Go type's: "fun(evt: Event)"
//	type:"…"          the type's name in errors and documentation, when it is not the Go type's
//
// An embedded struct's fields count as the struct's own.
type plan struct {
	fn       string
	required []*slot // positional, the middle one included
	mid      int     // index in required of the one that may be left out; -1: none
	options  []*slot
	byName   map[string]*slot
	rest     *slot
	table    bool
	defaults []*slot
}

// slot is one argument: where it goes and how it is read.
type slot struct {
	Arg
	index    []int
	typ      reflect.Type
	read     reader
	null     bool          // json.null is allowed although it is required
	fallback reflect.Value // the default; invalid: zero
}

// reader puts v into dst. It answers "" or what was wrong: "number expected, got string".
type reader func(c *Call, v lua.LValue, dst reflect.Value) string

func planOf(f *Function, t reflect.Type) *plan {
	if t.Kind() != reflect.Struct {
		panic(f.FullName() + ": arguments must be a struct")
	}
	p := &plan{fn: f.Name, mid: -1, byName: map[string]*slot{}, table: f.Table}
	p.add(f, t, nil)
	if p.rest != nil && len(p.options) > 0 {
		panic(f.FullName() + ": options and a rest exclude each other")
	}
	return p
}

func (p *plan) add(f *Function, t reflect.Type, prefix []int) {
	for i := range t.NumField() {
		sf := t.Field(i)
		index := append(slices.Clone(prefix), i)
		if sf.Anonymous {
			p.add(f, sf.Type, index)
			continue
		}
		tag, ok := sf.Tag.Lookup("lua")
		if !ok || !sf.IsExported() {
			panic(fmt.Sprintf("%s: field %s needs a lua tag and a capital letter", f.FullName(), sf.Name))
		}
		p.addSlot(f, sf, tag, index)
	}
}

func (p *plan) addSlot(f *Function, sf reflect.StructField, tag string, index []int) {
	name, flag, _ := strings.Cut(tag, ",")
	s := slotOf(f.FullName(), sf, name)
	s.index = index
	switch flag {
	case "":
		p.required = append(p.required, s)
	case "null":
		s.null, s.Nil = true, true
		p.required = append(p.required, s)
	case "mid":
		s.Optional, s.Middle, p.mid = true, true, len(p.required)
		p.required = append(p.required, s)
	case "opt":
		s.Optional = true
		p.options = append(p.options, s)
	case "rest":
		p.rest = s
	default:
		panic(fmt.Sprintf("%s: unknown flag %q of %s", f.FullName(), flag, name))
	}
	if s.fallback.IsValid() {
		p.defaults = append(p.defaults, s)
	}
	if p.byName[name] != nil {
		panic(fmt.Sprintf("%s: two arguments are called %s", f.FullName(), name))
	}
	p.byName[name] = s
}

func slotOf(where string, sf reflect.StructField, name string) *slot {
	s := &slot{typ: sf.Type, Arg: Arg{Name: name, Doc: sf.Tag.Get("doc"), Default: sf.Tag.Get("default")}}
	if e := sf.Tag.Get("enum"); e != "" {
		s.Enum = strings.Split(e, "|")
	}
	k := kindOf(where+" "+name, sf.Type, s.Enum, sf.Tag.Get("type"))
	s.Type, s.read, s.Fields = k.name, k.read, k.fields
	if s.Lua = sf.Tag.Get("luatype"); s.Lua == "" {
		s.Lua = luaType(sf.Type, s.Enum)
	}
	if s.Default != "" {
		s.fallback = parseDefault(where+" "+name, sf.Type, s.Default)
	}
	return s
}

// documented lists the arguments in the reference's order.
func (p *plan) documented() (args []*Arg, rest *Arg) {
	for _, s := range append(slices.Clone(p.required), p.options...) {
		args = append(args, &s.Arg)
	}
	if p.rest != nil {
		rest = &p.rest.Arg
	}
	return args, rest
}

// decode reads the arguments from the stack, the first one at position first. It raises.
func (p *plan) decode(c *Call, first int, dst reflect.Value) {
	c.args = c.L.GetTop() - first + 1
	for _, s := range p.defaults {
		dst.FieldByIndex(s.index).Set(s.fallback)
	}
	if p.table {
		p.decodeTable(c, first, dst)
		return
	}
	for c.args > 0 && p.rest == nil && c.L.Get(first+c.args-1) == lua.LNil {
		c.args-- // trailing nils are as good as nothing
	}
	at := first
	for i, s := range p.required {
		if i == p.mid && first+c.args-at <= len(p.required)-i-1 {
			continue // left out: there are just enough for those after it
		}
		p.one(c, s, at, at-first+1, dst)
		at++
	}
	last := first + c.args
	if p.rest != nil {
		p.decodeRest(c, at, last, first, dst)
		return
	}
	if at < last {
		p.optional(c, at, last, first, dst)
	}
}

func (p *plan) one(c *Call, s *slot, at, n int, dst reflect.Value) {
	v := c.L.Get(at)
	if s.null || s.Middle {
		if v == lua.LNil || c.IsNull(v) {
			return
		}
		if s.Middle {
			c.observe(Observed{Option: s.Name})
		}
	}
	if wrong := s.read(c, v, dst.FieldByIndex(s.index)); wrong != "" {
		c.badUsage(fmt.Sprintf("bad argument #%d '%s' to '%s' (%s)", n, s.Name, c.fn.Name, wrong), p.mistaken(c, s, at-n+1, v))
	}
}

// optional reads what follows the required arguments: options by position, and the table of options.
func (p *plan) optional(c *Call, at, last, first int, dst reflect.Value) {
	var byPosition int
	if t, ok := c.L.Get(last - 1).(*lua.LTable); ok && p.isOptions(c, t, last-1-at) {
		last--
		byPosition = last - at
		p.named(c, t, byPosition, dst)
	} else {
		byPosition = last - at
	}
	if byPosition > len(p.options) {
		c.badUsage(fmt.Sprintf("too many arguments to '%s' (%d, it takes %d at most)", p.fn, c.args, len(p.required)+len(p.options)), "")
	}
	for i := range byPosition {
		v := c.L.Get(at + i)
		s := p.options[i]
		if v == lua.LNil {
			continue
		}
		if t, ok := v.(*lua.LTable); ok && !c.mayStand(s, t) {
			c.badUsage(fmt.Sprintf("bad argument #%d '%s' to '%s' (options stand in one table at the end, by name: { %s = … })",
				at+i-first+1, s.Name, p.fn, s.Name), "")
		}
		p.set(c, s, v, dst, func(wrong string) { c.badArgument(at+i-first+1, s.Name, wrong) })
	}
}

// isOptions tells whether a trailing table is the table of options; i is the option in whose place it stands.
func (p *plan) isOptions(c *Call, t *lua.LTable, i int) bool {
	if t.Metatable != lua.LNil {
		return false // a list that says so, or one of our objects
	}
	if len(p.options) == 0 {
		return false
	}
	if key, _ := t.Next(lua.LNil); key == lua.LNil {
		return true
	}
	// A list stands by position; anything else is meant as options, and wrong names are told.
	return t.RawGetInt(1) == lua.LNil || i >= len(p.options)
}

// mayStand tells whether a table may be an option by position: lists and our objects may, maps may not.
func (c *Call) mayStand(s *slot, t *lua.LTable) bool {
	if t.Metatable != lua.LNil || t.RawGetInt(1) != lua.LNil {
		return true
	}
	key, _ := t.Next(lua.LNil)
	return key == lua.LNil && strings.HasPrefix(s.Type, "list")
}

// named reads a table of options.
func (p *plan) named(c *Call, t *lua.LTable, byPosition int, dst reflect.Value) {
	p.fields(c, t, dst, p.isOption, func(s *slot, wrong string) {
		c.badUsage(fmt.Sprintf("bad option '%s' to '%s' (%s)", s.Name, p.fn, wrong), "")
	}, func(key string) {
		c.unknownName("option", key, optionNames(p.options))
	})
	for i := range min(byPosition, len(p.options)) {
		s := p.options[i]
		if t.RawGetString(s.Name) != lua.LNil {
			c.badUsage(fmt.Sprintf("option '%s' of '%s' is given twice: by position and by name", s.Name, p.fn), "")
		}
	}
}

func (p *plan) isOption(name string) *slot {
	if s := p.byName[name]; s != nil && s.Optional && !s.Middle {
		return s
	}
	return nil
}

// fields reads the named values of a table. Unknown names are told in a fixed order.
func (p *plan) fields(c *Call, t *lua.LTable, dst reflect.Value, find func(string) *slot, bad func(*slot, string), unknown func(string)) {
	var strange []string
	for key, v := t.Next(lua.LNil); key != lua.LNil; key, v = t.Next(key) {
		name, ok := key.(lua.LString)
		var s *slot
		if ok {
			s = find(string(name))
		}
		if s == nil {
			strange = append(strange, keyText(key))
			continue
		}
		p.set(c, s, v, dst, func(wrong string) { bad(s, wrong) })
	}
	if len(strange) > 0 {
		sort.Strings(strange)
		unknown(strange[0])
	}
}

func (p *plan) set(c *Call, s *slot, v lua.LValue, dst reflect.Value, bad func(wrong string)) {
	field := dst.FieldByIndex(s.index)
	if c.IsNull(v) && !takesNull(field.Type()) {
		field.SetZero()
		c.observe(Observed{Option: s.Name})
		return
	}
	if wrong := s.read(c, v, field); wrong != "" {
		bad(wrong)
	}
	c.observe(Observed{Option: s.Name})
}

// decodeTable reads the one table of a function that takes all arguments in it.
func (p *plan) decodeTable(c *Call, at int, dst reflect.Value) {
	v := c.L.Get(at)
	t, ok := v.(*lua.LTable)
	if !ok {
		if v != lua.LNil || p.requires() {
			c.badUsage(fmt.Sprintf("bad argument #1 to '%s' (table expected, got %s): write %s{ … }", p.fn, typeName(c.Env, v), p.fn), "")
		}
		return
	}
	if c.args > 1 && c.L.Get(at+1) != lua.LNil {
		c.badUsage(fmt.Sprintf("too many arguments to '%s': it takes one table", p.fn), "")
	}
	bad := func(s *slot, wrong string) {
		c.badUsage(fmt.Sprintf("bad field '%s' to '%s' (%s)", s.Name, p.fn, wrong), "")
	}
	p.fields(c, t, dst, func(name string) *slot { return p.byName[name] }, bad,
		func(key string) {
			c.unknownName("field", key, append(optionNames(p.required), optionNames(p.options)...))
		})
	for _, s := range p.required {
		if t.RawGetString(s.Name) == lua.LNil && !s.null && !s.Middle {
			bad(s, s.Type+" expected, got nil")
		}
	}
}

func (p *plan) requires() bool {
	return slices.ContainsFunc(p.required, func(s *slot) bool { return !s.null && !s.Middle })
}

// decodeRest reads all further arguments into a slice.
func (p *plan) decodeRest(c *Call, at, last, first int, dst reflect.Value) {
	n := last - at
	if n <= 0 {
		return
	}
	list := reflect.MakeSlice(dst.FieldByIndex(p.rest.index).Type(), n, n)
	for i := range n {
		if values, ok := list.Interface().([]lua.LValue); ok {
			values[i] = c.L.Get(at + i)
		} else if wrong := p.rest.read(c, c.L.Get(at+i), list.Index(i)); wrong != "" {
			c.badUsage(fmt.Sprintf("bad argument #%d to '%s' (%s)", at+i-first+1, p.fn, wrong), "")
		}
	}
	dst.FieldByIndex(p.rest.index).Set(list)
}

func optionNames(slots []*slot) []string {
	names := make([]string, len(slots))
	for i, s := range slots {
		names[i] = s.Name
	}
	return names
}
