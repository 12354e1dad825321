package luabind

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/capability"
	"bridgehost/diag"
)

// SpecSocket is a WebSocket server that a spec fakes.
type SpecSocket interface {
	SpecWeb
	Connections() int
	// Frames are the script's messages that came and were not taken yet, once the script has
	// nothing more to do; Take takes the first n.
	Frames() []SpecFrame
	Take(n int)
	// Missing is an error that shows what was said so far.
	Missing(text string) *diag.Error
	Send(f SpecFrame) error
	// HangUp closes the connection with a code; with reset as if the server had crashed.
	HangUp(code int, reason string, reset bool) error
	// Closed is what the script has closed its last connection with; 0 when it has not.
	Closed() (code int, reason string)
}

// SpecFrame is one message.
type SpecFrame struct {
	Data   string
	Binary bool
}

// specSocketClass is what t.fake_websocket returns.
var specSocketClass = class("fake web socket", "What stands where the script's WebSockets for one address end up. TLS is taken as given.")

var (
	_ = field(specSocketClass, "requests", "HttpRequest[]", "The requests that came, oldest first.", func(env *Env, s SpecSocket) lua.LValue { return env.requests(s) })
	_ = field(specSocketClass, "connections", "integer", "How many connections were opened so far.", func(_ *Env, s SpecSocket) lua.LValue { return lua.LNumber(s.Connections()) })
	_ = field(specSocketClass, "close_code", "integer?", "The code that the script has closed its last connection with; nil when it has not.", func(_ *Env, s SpecSocket) lua.LValue {
		if code, _ := s.Closed(); code != 0 {
			return lua.LNumber(code)
		}
		return lua.LNil
	})
	_ = field(specSocketClass, "close_reason", "string?", "The script's reason.", func(_ *Env, s SpecSocket) lua.LValue {
		if code, reason := s.Closed(); code != 0 {
			return lua.LString(reason)
		}
		return lua.LNil
	})
)

var _ = fn(specModule, "fake_websocket", capability.None(noPowerSpec), never,
	"Answers the script's WebSockets for an address. As with t.fake_http, of several fakes that fit the last one that was made answers.",
	func(c *Call, a *struct {
		URL       string   `lua:"url" doc:"\"wss://api.test/live\""`
		Protocols []string `lua:"protocols,opt" doc:"the sub-protocols that the server speaks"`
		Deaf      bool     `lua:"deaf,opt" doc:"the server reads nothing: neither messages nor pings"`
	}) (lua.LValue, error) {
		u, err := url.Parse(a.URL)
		if err != nil || u.Scheme != "ws" && u.Scheme != "wss" || u.Hostname() == "" {
			return nil, usage("bad argument #1 'url' to 'fake_websocket' (an address with ws:// or wss:// expected, got %s)", quoted(a.URL))
		}
		u.Scheme = "http" + strings.TrimPrefix(u.Scheme, "ws")
		s, err := c.Env.Script.Specs.FakeWebSocket(u, a.Protocols, a.Deaf)
		return c.Object(specSocketClass, s), err
	}, results("The server."), returns("FakeWebSocket"), example(`local live = t.fake_websocket("wss://api.test/live")`))

var _ = method(specSocketClass, "expect", capability.None(noPowerSpec), waitsInside,
	"The next message of the script that fits, and \"text\" or \"binary\"; those before it are passed over. Fails when there is none.",
	func(c *Call, s SpecSocket, a *struct {
		Data string `lua:"data" doc:"the message, or a Lua pattern for the whole of it"`
	}) (results2, error) {
		var frames []SpecFrame
		c.Wait(func(context.Context) { frames = s.Frames() })
		for i, f := range frames {
			if c.fits(f.Data, a.Data) {
				s.Take(i + 1)
				return results2{lua.LString(f.Data), lua.LString(frame{binary: f.Binary}.kind())}, nil
			}
		}
		return nil, s.Missing(fmt.Sprintf("expected the message %q, and it did not come", a.Data))
	}, results("The message and its kind."), returns("string", `"text"|"binary"`), errcodes("E_EXPECTED"), example(`live:expect('.*"subscribe".*')`))

var _ = method(specSocketClass, "send", capability.None(noPowerSpec), waits,
	"Sends a message to the script.",
	func(_ *Call, s SpecSocket, a *struct {
		Data   string `lua:"data" doc:"the message"`
		Binary bool   `lua:"binary,opt" doc:"send it as a binary message"`
	}) (none, error) {
		return none{}, s.Send(SpecFrame{a.Data, a.Binary})
	}, errcodes("E_EXPECTED"), example(`live:send('{"op":"hello"}')`))

var _ = method(specSocketClass, "hang_up", capability.None(noPowerSpec), waits,
	"Closes the connection. The script may connect again.",
	func(_ *Call, s SpecSocket, a *struct {
		Code   int    `lua:"code,opt" doc:"the code to close with" default:"1000"`
		Reason string `lua:"reason,opt" doc:"why, in words"`
		Reset  bool   `lua:"reset,opt" doc:"as if the server had crashed: no goodbye"`
	}) (none, error) {
		return none{}, s.HangUp(a.Code, a.Reason, a.Reset)
	}, errcodes("E_EXPECTED"), example(`live:hang_up { code = 1012 }`))
