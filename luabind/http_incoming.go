package luabind

import (
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"sync"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/capability"
)

// HTTPCall is a request as the function that answers it sees it.
type HTTPCall struct {
	Method string
	URL    *url.URL
	Header http.Header
	Body   []byte
	Params map[string]string // what stood in the place of {name} in a route's path
	Remote string            // who asked, "127.0.0.1:4711"
}

// HTTPReply is what is answered.
type HTTPReply struct {
	Status int
	Header http.Header
	Body   []byte
}

var httpCallClass = class("http request", "A request that came: what a route's function gets, and what fake servers remember.", tableClass, returnsErrors, holds[*HTTPCall]())

var (
	_ = field(httpCallClass, "method", "string", "GET, POST …", func(_ *Env, r *HTTPCall) lua.LValue { return lua.LString(r.Method) })
	_ = field(httpCallClass, "path", "string", "The path, decoded. Of a route the part below /hook/NAME.", func(_ *Env, r *HTTPCall) lua.LValue { return lua.LString(r.URL.Path) })
	_ = field(httpCallClass, "url", "string", "The address, with host and query as far as they are known.", func(_ *Env, r *HTTPCall) lua.LValue { return lua.LString(r.URL.String()) })
	_ = field(httpCallClass, "query", "table<string, string>", "What stands behind the ?, decoded; of equal names the first.", func(env *Env, r *HTTPCall) lua.LValue {
		t := env.VM.L.NewTable()
		for name, values := range r.URL.Query() {
			t.RawSetString(name, lua.LString(values[0]))
		}
		return t
	})
	_ = field(httpCallClass, "headers", "table<string, string>", "The headers, by name in any case; pairs has them in small letters.", func(env *Env, r *HTTPCall) lua.LValue { return env.headers(r.Header) })
	_ = field(httpCallClass, "body", "string", "The body.", func(_ *Env, r *HTTPCall) lua.LValue { return lua.LString(r.Body) })
	_ = field(httpCallClass, "params", "table<string, string>", "What stood in the place of each {name} in a route's path.", func(env *Env, r *HTTPCall) lua.LValue {
		t := env.VM.L.NewTable()
		for name, value := range r.Params {
			t.RawSetString(name, lua.LString(value))
		}
		return t
	})
	_ = field(httpCallClass, "remote", "string", "The address that it came from; \"\" when it is not known.", func(_ *Env, r *HTTPCall) lua.LValue { return lua.LString(r.Remote) })
)

var _ = method(httpCallClass, "json", capability.None(noPowerHTTP), never,
	"The body, read as JSON. nil and an error when it is none.",
	func(c *Call, r *HTTPCall, _ *struct{}) (lua.LValue, error) { return c.bodyJSON(r.Body) },
	results("The value, or nil and an error."), returns("any", "Error?"), errcodes("E_JSON"), example(`local payload, err = req:json()`))

// httpReply is a table that says what to answer.
type httpReply struct {
	Status  int               `lua:"status,opt" doc:"the status" default:"200"`
	Headers map[string]string `lua:"headers,opt" doc:"the headers"`
	Body    Opt[[]byte]       `lua:"body,opt" doc:"the body as it is"`
	JSON    JSON              `lua:"json,opt" doc:"a value that is sent as JSON"`
}

// httpReplyKind reads such tables.
var httpReplyKind = sync.OnceValue(func() kind { return kindOf("answer", reflect.TypeFor[httpReply](), nil, "table") })

// replyOf is what a script answers: a text, a table, or nothing (204).
func (c *Call) replyOf(v lua.LValue) (*HTTPReply, error) {
	switch x := v.(type) {
	case *lua.LNilType:
		return &HTTPReply{Status: http.StatusNoContent, Header: http.Header{}}, nil
	case lua.LString:
		return &HTTPReply{Status: http.StatusOK, Header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}}, Body: []byte(x)}, nil
	}
	var r httpReply
	if _, ok := v.(*lua.LTable); !ok {
		return nil, usage("a table, a string or nil expected as the answer of a request, got %s", typeName(c.Env, v))
	}
	if wrong := httpReplyKind().read(c, v, reflect.ValueOf(&r).Elem()); wrong != "" {
		return nil, usage("the answer of a request is wrong: %s", wrong)
	}
	if r.Status < 200 || r.Status > 599 {
		return nil, usage("the answer of a request is wrong: field 'status': 200 to 599 expected, got %d", r.Status)
	}
	reply := &HTTPReply{Status: r.Status, Header: http.Header{}, Body: r.Body.Value}
	switch {
	case r.JSON != nil && r.Body.Given && !r.Body.Null:
		return nil, usage("the answer of a request is wrong: only one of body and json")
	case r.JSON != nil:
		reply.Body = r.JSON
		reply.Header.Set("Content-Type", "application/json")
	case len(reply.Body) > 0:
		reply.Header.Set("Content-Type", "text/plain; charset=utf-8")
	}
	for name, value := range r.Headers {
		switch name = http.CanonicalHeaderKey(name); {
		case !isToken(name) || !isHeaderValue(value):
			return nil, usage("the answer of a request is wrong: %s: %s can stand in no header", quoted(name), quoted(value))
		case ownHeaders[name]:
			return nil, usage("the answer of a request is wrong: the header %s is set by the host", name)
		}
		reply.Header.Set(name, value)
	}
	return reply, nil
}

// knownScheme tells an address of the web.
func knownScheme(u *url.URL) bool {
	return (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.Opaque == "" && !strings.ContainsAny(u.Host, " ")
}
