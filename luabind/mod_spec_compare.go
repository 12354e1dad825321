package luabind

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/capability"
	"bridgehost/diag"
)

var _ = fn(specModule, "eq", capability.None(noPowerSpec), never,
	"Fails unless both values are equal; tables are compared by what is in them.",
	func(c *Call, a *struct {
		Got  lua.LValue `lua:"got" doc:"what came out"`
		Want lua.LValue `lua:"want" doc:"what should have"`
	}) (none, error) {
		if same(c, a.Got, a.Want, 0) {
			return none{}, nil
		}
		return none{}, expectation("got %s, expected %s", shownValue(c, a.Got), shownValue(c, a.Want))
	}, errcodes("E_EXPECTED"), example(`t.eq(srv.connections, 1)`))

var _ = fn(specModule, "snapshot", capability.None(noPowerSpec), waitsInside,
	"Fails unless a text, or any value as JSON, is the one that is kept in snapshots/SPEC/NAME.txt beside the spec. "+
		"`bridgehost test --update` writes what came out there: look at it before it is committed.",
	func(c *Call, a *struct {
		Name  string     `lua:"name" doc:"a name for it, of letters, digits and ._-"`
		Value lua.LValue `lua:"value" doc:"the text, or a value that JSON has"`
	}) (none, error) {
		text, err := c.snapshotText(a.Value)
		if err == nil {
			c.Wait(func(context.Context) { err = c.Env.Script.Specs.Snapshot(a.Name, text) })
		}
		return none{}, err
	}, errcodes("E_EXPECTED"), example(`t.snapshot("help", hs:expect_notice().content.body)`))

// snapshotText is a value as a file keeps it: the same each time.
func (c *Call) snapshotText(v lua.LValue) (string, error) {
	if s, ok := v.(lua.LString); ok {
		return string(s), nil
	}
	raw, err := c.EncodeJSON(v)
	if err != nil {
		return "", err
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var sorted any
	if err := d.Decode(&sorted); err != nil {
		return "", err
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err = e.Encode(sorted)
	return strings.TrimSuffix(b.String(), "\n"), err
}

var _ = fn(specModule, "matches", capability.None(noPowerSpec), waitsInside,
	"Fails unless a Lua pattern is found in the text.",
	func(c *Call, a *struct {
		Text    string `lua:"text" doc:"the text"`
		Pattern string `lua:"pattern" doc:"a Lua pattern; ^ and $ hold it to the ends"`
	}) (none, error) {
		if c.found(a.Text, a.Pattern) {
			return none{}, nil
		}
		return none{}, expectation("%q does not match %q", a.Text, a.Pattern)
	}, errcodes("E_EXPECTED"), example(`t.matches(hs:expect_notice().content.body, "not delivered")`))

var _ = fn(specModule, "raises", capability.None(noPowerSpec), waitsInside,
	"Fails unless the function raises. Returns the error, always a table.",
	func(c *Call, a *struct {
		Fn      *lua.LFunction `lua:"fn" doc:"the function"`
		Pattern string         `lua:"pattern,opt" doc:"a Lua pattern that is to be found in the message"`
	}) (lua.LValue, error) {
		_, failed, raw := c.VM.Protect(c.L, a.Fn)
		if failed == nil {
			return nil, expectation("the function was expected to raise, and returned")
		}
		if a.Pattern != "" && !c.found(failed.Message, a.Pattern) {
			return nil, expectation("raised %q, which does not match %q", failed.Message, a.Pattern)
		}
		return errorTable(c.Env, failed, raw), nil
	}, results("The error."), errcodes("E_EXPECTED"), example(`local err = t.raises(function() hs:reload("x x") end, "unexpected symbol")`))

// expectation is a failed one.
func expectation(format string, args ...any) error {
	return &diag.Error{Kind: diag.KindScript, Code: "E_EXPECTED", Raised: true, Message: fmt.Sprintf(format, args...)}
}

// found tells whether a Lua pattern is found in a text.
func (c *Call) found(text, pattern string) bool {
	find := c.VM.L.G.Global.RawGetString("string").(*lua.LTable).RawGetString("find")
	c.VM.Call(c.L, find, 1, lua.LString(text), lua.LString(pattern))
	at := c.L.Get(-1)
	c.L.Pop(1)
	return at != lua.LNil
}

// fits tells whether a text is, or as a whole matches, what was expected.
func (c *Call) fits(text, want string) bool {
	if text == want {
		return true
	}
	return c.found(text, "^"+strings.TrimSuffix(strings.TrimPrefix(want, "^"), "$")+"$")
}

// same compares what is in two values.
func same(c *Call, a, b lua.LValue, depth int) bool {
	x, isTable := a.(*lua.LTable)
	y, alsoTable := b.(*lua.LTable)
	if !isTable || !alsoTable || depth > maxJSONDepth {
		return a == b || tostring(c, a) == tostring(c, b) && a.Type() == b.Type() && a.Type() == lua.LTUserData
	}
	n := 0
	for k, v := x.Next(lua.LNil); k != lua.LNil; k, v = x.Next(k) {
		if !same(c, v, y.RawGet(k), depth+1) {
			return false
		}
		n++
	}
	for k, _ := y.Next(lua.LNil); k != lua.LNil; k, _ = y.Next(k) {
		n--
	}
	return n == 0
}

func tostring(c *Call, v lua.LValue) string { return c.L.ToStringMeta(v).String() }

// shownValue is a value for reading.
func shownValue(c *Call, v lua.LValue) string {
	switch v.(type) {
	case lua.LString:
		return fmt.Sprintf("%q", v.String())
	case *lua.LTable:
		if raw, err := c.EncodeJSON(v); err == nil {
			return string(raw)
		}
	}
	return tostring(c, v)
}
