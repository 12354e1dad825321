package luasrc

import "strings"

// Requires lists the modules that a source names in `require "x"` and `require("x")`,
// each once, in order. It reads up to what is no Lua, and never fails.
func Requires(source string) (names []string) {
	type unfinished struct{}
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(unfinished); !ok {
				panic(r)
			}
		}
	}()
	x := &lexer{src: prepare(source), line: 1, fail: func(token, string, string, string) { panic(unfinished{}) }}
	seen := map[string]bool{}
	var before, t token
	for t = x.next(); t.kind != kEOF; before, t = t, x.next() {
		if t.kind != kName || t.text != "require" || before.is(".") || before.is(":") {
			continue
		}
		argument := x.next()
		if argument.is("(") {
			argument = x.next()
		}
		if name, ok := literal(argument); ok && !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
		t = argument
	}
	return names
}

// literal is the value of a string without escapes: no name of a module needs one.
func literal(t token) (string, bool) {
	if t.kind != kString || strings.ContainsAny(t.text, "\\\r\n") {
		return "", false
	}
	if t.text[0] != '[' {
		return t.text[1 : len(t.text)-1], true
	}
	brackets := strings.IndexByte(t.text[1:], '[') + 2
	return t.text[brackets : len(t.text)-brackets], true
}
