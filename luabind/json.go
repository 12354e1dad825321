package luabind

import (
	"errors"
	"fmt"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/capability"
	"bridgehost/diag"
)

var pure = capability.None("works on the script's own values")

var jsonModule = module("bridge.json", "JSON texts to and from Lua values, exactly: what was decoded is encoded as it was.")

var nullClass = class("json.null", "JSON's null, apart from nil, which means absent.")

var integerClass = class("integer", "An integer beyond 2^53 with all its digits, as it came in JSON. It can be compared with ==, shown with tostring, and sent on.")

var (
	_ = metamethod(nullClass, "__tostring", func(*Env) lua.LGFunction {
		return func(L *lua.LState) int { L.Push(lua.LString("null")); return 1 }
	})
	_ = metamethod(integerClass, "__tostring", func(*Env) lua.LGFunction {
		return func(L *lua.LState) int {
			big, _ := selfOf[bigInteger](L.Get(1))
			L.Push(lua.LString(big))
			return 1
		}
	})
	_ = metamethod(integerClass, "__eq", func(*Env) lua.LGFunction {
		return func(L *lua.LState) int {
			a, okA := selfOf[bigInteger](L.Get(1))
			b, okB := selfOf[bigInteger](L.Get(2))
			L.Push(lua.LBool(okA && okB && a == b))
			return 1
		}
	})
	_ = metamethod(integerClass, "__concat", func(env *Env) lua.LGFunction {
		return func(L *lua.LState) int {
			var text string
			for i := 1; i <= 2; i++ {
				v := L.Get(i)
				if big, ok := selfOf[bigInteger](v); ok {
					text += string(big)
				} else if lua.LVCanConvToString(v) {
					text += v.String()
				} else {
					L.RaiseError("attempt to concatenate a %s value", v.Type())
				}
			}
			L.Push(lua.LString(text))
			return 1
		}
	})
)

// openJSON makes what is one of a kind in each VM.
func (env *Env) openJSON() {
	env.arrayMT = env.VM.L.CreateTable(0, 1)
	env.arrayMT.RawSetString("__name", lua.LString("list"))
	env.null = env.Object(nullClass, nil)
}

var _ = value(jsonModule, "null", "json.null", "JSON's null: an explicit none, where nil means absent.",
	func(env *Env) lua.LValue { return env.null })

var _ = fn(jsonModule, "decode", pure, never,
	`Reads a JSON text. Lists stay lists when they are empty, null becomes json.null, integers beyond 2^53 keep their digits. Returns nil and an error when the text is not JSON.`,
	func(c *Call, a *struct {
		Text string `lua:"text" doc:"the JSON text, in UTF-8"`
	}) (results2, error) {
		v, err := c.DecodeJSON(a.Text)
		if err != nil {
			return c.returned(&diag.Error{Kind: diag.KindScript, Code: "E_JSON", Message: err.Error()}), nil
		}
		return results2{v}, nil
	}, results("the value, or nil and an error"), errcodes("E_JSON"),
	example(`local payload, err = json.decode(body)`))

var _ = fn(jsonModule, "encode", pure, never,
	`Writes a value as JSON, keys in byte order. A table with the keys 1 … n is a list, any other an object; an empty one is {} unless it was made by json.array or decoded from []. Raises for what JSON cannot hold, with the path of the field.`,
	func(c *Call, a *struct {
		Value lua.LValue `lua:"value" doc:"any value but functions and objects"`
	}) (string, error) {
		out, err := c.EncodeJSON(a.Value)
		if err != nil {
			return "", usageError("E_JSON", err)
		}
		return string(out), nil
	}, errcodes("E_JSON"), example(`sock:write(json.encode({ type = "ping" }) .. "\n")`))

var _ = fn(jsonModule, "array", pure, never,
	`Marks a table as a list, so that it is written as [] when it is empty. Returns that table, or a new one.`,
	func(c *Call, a *struct {
		List *lua.LTable `lua:"list,mid" doc:"the table to mark; a new one when left out"`
	}) (lua.LValue, error) {
		t := a.List
		if t == nil {
			t = c.L.NewTable()
		}
		if _, wrong := listLength(t); wrong != "" {
			return nil, usageError("E_JSON", errors.New(wrong))
		}
		return c.Array(t), nil
	}, errcodes("E_JSON"), example(`local content = { users = json.array() }`))

var _ = fn(jsonModule, "integer", pure, never,
	`Makes an integer of any size from its digits: a number when it is at most 2^53, otherwise an object that keeps every digit.`,
	func(c *Call, a *struct {
		Digits string `lua:"digits" doc:"decimal digits, maybe with a sign"`
	}) (lua.LValue, error) {
		d := decoder{env: c.Env, in: a.Digits}
		if len(a.Digits) > 0 && (a.Digits[0] == '-' || a.Digits[0] >= '0' && a.Digits[0] <= '9') {
			at := 0
			if a.Digits[0] == '-' {
				at = 1
			}
			d.at = at
			if d.digits() && d.at == len(a.Digits) && (a.Digits[at] != '0' || len(a.Digits) == at+1) {
				return c.numberValue(a.Digits, true)
			}
		}
		return nil, usageError("E_JSON", fmt.Errorf("digits expected, got %s", quoted(a.Digits)))
	}, errcodes("E_JSON"), example(`local id = json.integer("12345678901234567890")`))

func usageError(code string, err error) error {
	return &diag.Error{Kind: diag.KindUsage, Code: code, Message: err.Error(), Cause: err}
}

// argumentError is a wrong argument that only the function itself can tell.
func argumentError(message string) error {
	return &diag.Error{Kind: diag.KindUsage, Code: "E_ARGUMENT", Message: message}
}
