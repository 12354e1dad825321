package engine

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/diag"
)

// adviser finds out what to do about a run-time error, while the failed frames stand.
type adviser struct {
	vm *VM
	L  *lua.LState
	f  *frame // the innermost frame of Lua
}

// adviser looks at the innermost frame of Lua on L, nil when there is none.
func (vm *VM) adviser(L *lua.LState) *adviser {
	f := topFrame(L)
	for f != nil && f.Fn.IsG {
		f = f.Parent
	}
	if f == nil || f.Pc < 1 {
		return nil
	}
	return &adviser{vm, L, f}
}

// advise is one suggestion about the error text that was raised at the top of L; "" when
// nothing is known that the text does not say.
func (vm *VM) advise(L *lua.LState, v lua.LValue) string {
	text, ok := v.(lua.LString)
	refused := heldError(v)
	if !ok && refused == nil || vm.raisedByScript(L) {
		return ""
	}
	a := vm.adviser(L)
	if a == nil {
		return ""
	}
	f := a.f
	if refused != nil {
		return a.argument(refused)
	}
	msg := string(text)
	if m := position.FindString(msg); m != "" {
		msg = msg[len(m):]
	}
	what, rest, ok := strings.Cut(strings.TrimPrefix(msg, "attempt to "), " ")
	switch {
	case !ok || !strings.HasPrefix(msg, "attempt to "):
		return ""
	case what == "compare":
		return a.compare()
	case what == "concatenate":
		return a.concat(rest)
	}
	what = strings.Join(strings.Fields(msg)[2:4], " ") // "perform arithmetic", "get length", "index local"
	_, rk := failing(L, f, what)
	if rk < 0 {
		return ""
	}
	v = operand(L, f, rk)
	switch {
	case v == lua.LNil:
		return a.missing(rk)
	case strings.HasPrefix(what, "call"):
		return fmt.Sprintf("%s is a %s, not a function; leave out the ()", a.name(rk), v.Type())
	case what == "perform arithmetic" && v.Type() == lua.LTString:
		if int(f.Fn.Proto.Code[f.Pc-1]>>26) == lua.OP_ADD {
			return "strings are joined by .., not by +"
		}
		return "tonumber(…) makes a number of a string, or nil"
	}
	return ""
}

var nilArgument = regexp.MustCompile(`^bad argument #(\d+) .* got nil\)$`)

// argument says where a nil came from that a function of the host does not take.
func (a *adviser) argument(e *diag.Error) string {
	m := nilArgument.FindStringSubmatch(e.Message)
	in := a.f.Fn.Proto.Code[a.f.Pc-1]
	if op := int(in >> 26); m == nil || e.Hint != "" || op != lua.OP_CALL && op != lua.OP_TAILCALL {
		return ""
	}
	n, _ := strconv.Atoi(m[1])
	fn, given := int(in>>18)&0xff, int(in&0x1ff)-1
	if whence(a.f, fn, a.f.Pc-1).kind == "method" {
		n++ // behind the object
	}
	if given >= 0 && n > given {
		return "" // it is not there at all
	}
	return a.missing(fn + n)
}

// name is what the source calls the value of an operand.
func (a *adviser) name(rk int) string {
	if n := whence(a.f, rk, a.f.Pc-1); n.name != "" {
		return "'" + n.name + "'"
	}
	return "it"
}

// missing says where a nil came from.
func (a *adviser) missing(rk int) string {
	if rk&constantBit != 0 {
		return ""
	}
	switch n := whence(a.f, rk, a.f.Pc-1); n.kind {
	case "local":
		return a.local(n)
	case "upvalue":
		if line := a.declared(n.name); line > 0 {
			return fmt.Sprintf("'%s' of line %d has no value yet when this runs; give it one there", n.name, line)
		}
	case "field", "method":
		return a.field(n)
	case "element":
		return fmt.Sprintf("there is nothing under this key; test it first: if %s then … end", n.name)
	}
	return ""
}

// local says what a variable that is set once was set from.
func (a *adviser) local(n named) string {
	p := a.f.Fn.Proto
	info := variable(p, n.reg, n.at)
	if info == nil {
		return ""
	}
	for pc := info.StartPc; pc < min(info.EndPc, len(p.Code)); pc++ {
		in := p.Code[pc]
		if writes(int(in>>26), int(in>>18)&0xff, int(in&0x1ff), n.reg) && int(in>>26) != lua.OP_CALL {
			return "" // set again: nobody knows which one it was
		}
	}
	if info.StartPc == 0 {
		return a.parameter(n.name)
	}
	line := p.DbgSourcePositions[info.StartPc-1]
	value, many := a.assigned(line, n.name)
	switch {
	case value == "":
		return ""
	case value == "nil":
		return fmt.Sprintf("'%s' got no value in line %d", n.name, line)
	case many != "":
		value = "the " + many + " result of " + value
	}
	why := ""
	if strings.Contains(value, "match(") || strings.Contains(value, "find(") {
		why = ", the pattern did not match"
	}
	return fmt.Sprintf("%s in line %d gave nil%s; test it first: if %s then … end", value, line, why, n.name)
}

// parameter says who did not give it.
func (a *adviser) parameter(name string) string {
	p := a.f.Parent
	if p == nil || p.Fn.IsG || a.f.TailCall > 0 {
		return ""
	}
	if fn := funcName(a.f); identifier.MatchString(fn) {
		handed := regexp.MustCompile(`[,(]\s*` + fn + `\(\s*\)\s*[,)]`)
		if p.Fn.Proto.LineDefined == 0 && handed.MatchString(a.text(p)) {
			return fmt.Sprintf("line %d calls %s; hand it over without (): %s", p.line(), fn, fn)
		}
	}
	return fmt.Sprintf("'%s' is a parameter, and the call in %s:%d gives no value for it", name, p.Fn.Proto.SourceName, p.line())
}

var assignment = regexp.MustCompile(`(?:^|[^\w.])((?:[A-Za-z_]\w*\s*,\s*)*[A-Za-z_]\w*)\s*=\s*([^=].*)$`)

// assigned is what the source gives to a variable in a line, "nil" for nothing, "" when
// that cannot be told; many is "second" when it is the second result of a call.
func (a *adviser) assigned(line int, name string) (value, many string) {
	text := a.line(a.f.Fn.Proto.SourceName, line)
	if regexp.MustCompile(`^\s*local\s+` + name + `\s*(--.*)?$`).MatchString(text) {
		return "nil", ""
	}
	m := assignment.FindStringSubmatch(text)
	if m == nil {
		return "", ""
	}
	names := strings.FieldsFunc(m[1], func(c rune) bool { return c == ',' || c == ' ' })
	at := slices.Index(names, name)
	value, _, _ = strings.Cut(m[2], " --")
	value = strings.TrimRight(strings.TrimSpace(value), "; ")
	if at < 0 || len(value) > 50 || strings.Count(value, "(") != strings.Count(value, ")") || strings.ContainsAny(value, "{}") || strings.HasSuffix(value, " end") {
		return "", ""
	}
	if at > 0 {
		if at > 3 || !strings.HasSuffix(value, ")") {
			return "", ""
		}
		many = [...]string{"", "second", "third", "fourth"}[at]
	}
	return value, many
}

// field suggests one that the table has.
func (a *adviser) field(n named) string {
	switch base := a.value(n.reg, n.at).(type) {
	case *lua.LTable:
		if base.Metatable != lua.LNil {
			return ""
		}
		var has []string
		base.ForEach(func(k, _ lua.LValue) {
			if s, ok := k.(lua.LString); ok && identifier.MatchString(string(s)) {
				has = append(has, string(s))
			}
		})
		slices.Sort(has)
		owner := whence(a.f, n.reg, n.at).name
		switch near := diag.Suggest(n.name, has); {
		case near != "":
			return "did you mean '" + near + "'?"
		case owner == "":
		case base.Len() == 0 && len(has) == 0:
			return fmt.Sprintf("'%s' is an empty table", owner)
		case base.Len() == 0 && len(has) <= 8:
			return fmt.Sprintf("'%s' has %s, and no %s", owner, strings.Join(has, ", "), n.name)
		}
	case lua.LString:
		if lib, ok := a.L.GetMetaField(base, "__index").(*lua.LTable); ok {
			var has []string
			lib.ForEach(func(k, _ lua.LValue) { has = append(has, k.String()) })
			if near := diag.Suggest(n.name, has); near != "" {
				return "did you mean '" + near + "'?"
			}
			return "this is a string, and strings have no '" + n.name + "'"
		}
	}
	return ""
}

// value reads register r as it was at pc, nil when that cannot be told any more.
func (a *adviser) value(r, pc int) lua.LValue {
	if r&constantBit != 0 {
		return a.f.Fn.Proto.Constants[r&^constantBit]
	}
	n := whence(a.f, r, pc)
	switch n.kind {
	case "local":
		return register(a.L, a.f, n.reg)
	case "upvalue":
		if n.reg < len(a.f.Fn.Upvalues) {
			return a.f.Fn.Upvalues[n.reg].Value()
		}
	case "global":
		return a.L.G.Global.RawGetString(n.name)
	case "constant":
		return a.f.Fn.Proto.Constants[n.reg]
	case "field", "method":
		if t, ok := a.value(n.reg, n.at).(*lua.LTable); ok {
			return t.RawGetString(n.name)
		}
	}
	return lua.LNil
}

// concat advises about the operand that is no text.
func (a *adviser) concat(rest string) string {
	kind := rest
	if i := strings.LastIndex(rest, "(a "); i >= 0 {
		kind = rest[i+1:]
	}
	kind = strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(kind, "a "), ")"), " value")
	name := "…"
	if q := strings.Split(rest, "'"); len(q) == 3 {
		name = q[1]
	}
	switch kind {
	case "nil":
		if rk := a.nilOperand(); rk >= 0 {
			if hint := a.missing(rk); hint != "" && !strings.HasPrefix(rest, "element ") {
				return hint
			}
		}
		return fmt.Sprintf("where it may be missing, say what to write instead: (%s or \"\")", name)
	case "boolean", "userdata":
		return "tostring(" + name + ") makes a string of it"
	case "function":
		return "this is the function itself; " + name + "() calls it"
	case "table":
		return "a table is no text: name one of its fields, or join a list by table.concat"
	}
	return ""
}

// nilOperand is the register of the last nil that a concatenation was given.
func (a *adviser) nilOperand() int {
	in := a.f.Fn.Proto.Code[a.f.Pc-1]
	if op := int(in >> 26); op != lua.OP_CALL && op != lua.OP_TAILCALL {
		return -1
	}
	base := int(in>>18) & 0xff
	for i := a.L.GetTop(); i > 0; i-- {
		if a.L.Get(i) == lua.LNil {
			return base + i
		}
	}
	return -1
}

// compare advises about the operand that does not fit the other.
func (a *adviser) compare() string {
	in := a.f.Fn.Proto.Code[a.f.Pc-1]
	if op := int(in >> 26); op != lua.OP_LT && op != lua.OP_LE {
		return ""
	}
	for _, rk := range []int{int(in & 0x1ff), int(in>>9) & 0x1ff} {
		if rk&constantBit != 0 {
			continue
		}
		switch v := operand(a.L, a.f, rk); v.(type) {
		case *lua.LNilType:
			return a.missing(rk)
		case lua.LString:
			return a.name(rk) + " is a string; tonumber(…) makes a number of it"
		}
	}
	return ""
}

// text is the source line at which a frame stands.
func (a *adviser) text(f *frame) string { return a.line(f.Fn.Proto.SourceName, f.line()) }

func (a *adviser) line(file string, n int) string { return a.vm.sourceLine(file, n) }

func (vm *VM) sourceLine(file string, n int) string {
	source, ok := vm.cfg.Program.Source(file)
	if !ok || n < 1 {
		return ""
	}
	for ; n > 1; n-- {
		if _, source, ok = strings.Cut(source, "\n"); !ok {
			return ""
		}
	}
	line, _, _ := strings.Cut(source, "\n")
	return strings.TrimSuffix(line, "\r")
}

// CallText is how the author's line writes the function that it calls, of the given
// name: "intent:send_text", "evt.reply"; "" when the line does not show it. For binding
// functions that run.
func (vm *VM) CallText(L *lua.LState, name string) string {
	file, line, ok := strings.Cut(where(L, 0), ":")
	n, err := strconv.Atoi(line)
	if !ok || err != nil {
		return ""
	}
	return regexp.MustCompile(`[A-Za-z_][\w.]*[.:]` + regexp.QuoteMeta(name) + `\b`).FindString(vm.sourceLine(file, n))
}
