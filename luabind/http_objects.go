package luabind

import (
	"net/http"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/capability"
	"bridgehost/diag"
)

var httpAnswerClass = class("http response", "What a server answered.", tableClass, returnsErrors, holds[*httpAnswer]())

var (
	_ = field(httpAnswerClass, "status", "integer", "The status, 200 for example.", func(_ *Env, a *httpAnswer) lua.LValue { return lua.LNumber(a.Status) })
	_ = field(httpAnswerClass, "headers", "table<string, string>", "The headers, by name in any case; pairs has them in small letters. Of several of one name the values are joined by \", \".",
		func(env *Env, a *httpAnswer) lua.LValue { return env.headers(a.Header) })
	_ = field(httpAnswerClass, "body", "string", "The body.", func(_ *Env, a *httpAnswer) lua.LValue { return lua.LString(a.Body) })
	_ = field(httpAnswerClass, "url", "string", "The address that answered: another one than was asked for after a redirect.",
		func(_ *Env, a *httpAnswer) lua.LValue { return lua.LString(a.URL) })
)

const noPowerHTTP = "reads what came already"

var _ = method(httpAnswerClass, "json", capability.None(noPowerHTTP), never,
	"The body, read as JSON. nil and an error when it is none.",
	func(c *Call, a *httpAnswer, _ *struct{}) (lua.LValue, error) { return c.bodyJSON(a.Body) },
	results("The value, or nil and an error."), returns("any", "Error?"), errcodes("E_JSON"), example(`local stars = assert(res:json()).stargazers_count`))

func (c *Call) bodyJSON(body []byte) (lua.LValue, error) {
	v, err := c.DecodeJSON(string(body))
	if err != nil {
		return nil, &diag.Error{Kind: diag.KindHTTP, Code: "E_JSON", Message: "the body is not JSON: " + err.Error(), Cause: err}
	}
	return v, nil
}

// headers are a table whose keys are in small letters; it finds a name in any case.
func (env *Env) headers(h http.Header) *lua.LTable {
	t := env.VM.L.CreateTable(0, len(h))
	for name, values := range h {
		t.RawSetString(strings.ToLower(name), lua.LString(strings.Join(values, ", ")))
	}
	if env.headerMT == nil {
		env.headerMT = env.VM.L.CreateTable(0, 1)
		env.headerMT.RawSetString("__index", env.VM.L.NewFunction(func(L *lua.LState) int {
			t, isTable := L.Get(1).(*lua.LTable)
			name, isName := L.Get(2).(lua.LString)
			if !isTable || !isName {
				L.Push(lua.LNil)
				return 1
			}
			L.Push(t.RawGetString(strings.ToLower(string(name))))
			return 1
		}))
	}
	t.Metatable = env.headerMT
	return t
}
