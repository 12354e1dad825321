package luabind

import (
	"net/url"
	"time"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/capability"
	"bridgehost/sse"
)

// SpecEvents is an event stream that a spec fakes.
type SpecEvents interface {
	SpecWeb
	Send(e sse.Event) error
	// HangUp ends the stream; with reset as if the server had crashed.
	HangUp(reset bool) error
	Connections() int
}

// specEventsClass is what t.fake_sse returns.
var specEventsClass = class("fake event stream", "What answers in the place of one address with server-sent events.")

var (
	_ = field(specEventsClass, "requests", "HttpRequest[]", "The requests that came, oldest first.", func(env *Env, s SpecEvents) lua.LValue { return env.requests(s) })
	_ = field(specEventsClass, "connections", "integer", "How many streams were opened so far.", func(_ *Env, s SpecEvents) lua.LValue { return lua.LNumber(s.Connections()) })
)

var _ = fn(specModule, "fake_sse", capability.None(noPowerSpec), never,
	"Answers the script's requests for an address with server-sent events, until it hangs up. As with t.fake_http, of several fakes that fit the last one that was made answers.",
	func(c *Call, a *struct {
		URL string `lua:"url" doc:"\"https://api.test/events\""`
	}) (lua.LValue, error) {
		u, err := url.Parse(a.URL)
		if err != nil || !knownScheme(u) {
			return nil, usage("bad argument #1 'url' to 'fake_sse' (an address with http:// or https:// expected, got %s)", quoted(a.URL))
		}
		s, err := c.Env.Script.Specs.FakeEvents(u)
		return c.Object(specEventsClass, s), err
	}, results("The stream."), returns("FakeEventStream"), example(`local feed = t.fake_sse("https://api.test/events")`))

var _ = method(specEventsClass, "send", capability.None(noPowerSpec), waits,
	"Sends an event to the script.",
	func(_ *Call, s SpecEvents, a *struct {
		Data  string        `lua:"data" doc:"what it says"`
		Type  string        `lua:"type,opt" doc:"what kind of event it is"`
		ID    string        `lua:"id,opt" doc:"its id"`
		Retry time.Duration `lua:"retry,opt" doc:"how long clients are to wait before they connect again"`
	}) (none, error) {
		return none{}, s.Send(sse.Event{Data: a.Data, Type: a.Type, ID: a.ID, Retry: a.Retry})
	}, errcodes("E_EXPECTED"), example(`feed:send("hello", { id = "7" })`))

var _ = method(specEventsClass, "hang_up", capability.None(noPowerSpec), waits,
	"Ends the stream. The script may connect again.",
	func(_ *Call, s SpecEvents, a *struct {
		Reset bool `lua:"reset,opt" doc:"as if the server had crashed: the script's reads fail with ECONNRESET"`
	}) (none, error) {
		return none{}, s.HangUp(a.Reset)
	}, errcodes("E_EXPECTED"), example(`feed:hang_up()`))
