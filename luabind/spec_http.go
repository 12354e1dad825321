package luabind

import (
	"context"
	"fmt"
	"net/url"
	"time"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/capability"
	"bridgehost/delivery"
	"bridgehost/engine"
)

// SpecWeb is one address of the web that a spec answers for.
type SpecWeb interface {
	// Requests are those that came, oldest first.
	Requests() []*HTTPCall
}

// specWebClass is what t.fake_http returns.
var specWebClass = class("fake address", "What answers in the place of one address of the web. TLS is taken as given.")

var _ = field(specWebClass, "requests", "HttpRequest[]", "The requests that came, oldest first.", func(env *Env, w SpecWeb) lua.LValue { return env.requests(w) })

func (env *Env) requests(w SpecWeb) lua.LValue {
	t := env.Array(env.VM.L.NewTable())
	for _, r := range w.Requests() {
		t.Append(env.ToLua(r))
	}
	return t
}

// answerTime is how long a function of a spec may take to answer a request.
const answerTime = time.Minute

var _ = fn(specModule, "fake_http", capability.None(noPowerSpec), never,
	"Answers the script's requests for an address. A `*` at its end stands for anything; an address without a query answers any query. "+
		"Of several that fit, the last that was made answers; what none fits is answered 404.",
	func(c *Call, a *struct {
		URL      string     `lua:"url" doc:"\"https://api.test/items\", \"https://api.test/*\""`
		Response lua.LValue `lua:"response" doc:"a text, a table {status, headers, body, json}, or a function that gets the request and returns one of them" luatype:"string|table|fun(req: HttpRequest): any"`
	}) (lua.LValue, error) {
		u, err := url.Parse(a.URL)
		if err != nil || !knownScheme(u) {
			return nil, usage("bad argument #1 'url' to 'fake_http' (an address with http:// or https:// expected, got %s)", quoted(a.URL))
		}
		var answer func(context.Context, *HTTPCall) (*HTTPReply, error)
		if f, isFunction := a.Response.(*lua.LFunction); isFunction {
			answer = c.answering(a.URL, f)
		} else {
			reply, err := c.replyOf(a.Response)
			if err != nil {
				return nil, err
			}
			answer = func(context.Context, *HTTPCall) (*HTTPReply, error) { return reply, nil }
		}
		w, err := c.Env.Script.Specs.FakeHTTP(u, answer)
		return c.Object(specWebClass, w), err
	}, results("The fake address, with `requests`."), returns("FakeAddress"),
	example(`local api = t.fake_http("https://api.test/items", { json = { { id = 1 } } })`))

// answering asks the spec's function for the answer. It is called without the lock.
func (c *Call) answering(address string, f *lua.LFunction) func(context.Context, *HTTPCall) (*HTTPReply, error) {
	env, declared := c.Env, c.fn
	return func(ctx context.Context, r *HTTPCall) (reply *HTTPReply, err error) {
		t := &engine.Task{Label: fmt.Sprintf("the answer of t.fake_http(%q)", address), Deadline: answerTime,
			Unit: delivery.NewUnit(delivery.Item{Kind: delivery.KindTimer}, nil, nil)}
		var asked *lua.LFunction
		env.VM.Locked(func() {
			asked = env.VM.L.NewFunction(func(L *lua.LState) int {
				env.VM.Call(L, f, 1, env.ToLua(r))
				c := &Call{Env: env, L: L, fn: declared}
				if reply, err = c.replyOf(L.Get(-1)); err != nil {
					c.Raise(err)
				}
				return 0
			})
		})
		if _, failed := env.VM.Run(ctx, t, asked, nil); failed != nil {
			return nil, failed
		}
		return reply, nil
	}
}
