package luabind

import (
	"context"
	"time"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/capability"
	"bridgehost/sse"
)

// eventStreamClass are streams of events. Its methods return nil, err as the module's functions do.
var eventStreamClass = class("event stream", "Server-sent events that come from one address. The host owns the connection: it is closed when the script is unloaded, "+
	"unless bridge.keep passed it on. It does not connect again by itself: a service that ends is started again, and `last_event_id` says where it was.", returnsErrors)

var sseEventClass = class("sse event", "One event of an event stream.", tableClass, holds[*sse.Event]())

var (
	_ = field(eventStreamClass, "url", "string", "The address that answers: another one than was asked for after a redirect.",
		func(_ *Env, s *eventStream) lua.LValue { return lua.LString(s.url) })
	_ = field(eventStreamClass, "last_event_id", "string", "The `id` of the last event that was read, for the next connection; \"\" when there was none.",
		func(_ *Env, s *eventStream) lua.LValue { id, _ := s.last(); return lua.LString(id) })
	_ = field(eventStreamClass, "retry", "number?", "How many seconds the server wants clients to wait before they connect again; nil when it did not say.",
		func(_ *Env, s *eventStream) lua.LValue { _, retry := s.last(); return seconds(retry) })

	_ = field(sseEventClass, "type", "string", "What kind of event it is; \"message\" when the server did not say.",
		func(_ *Env, e *sse.Event) lua.LValue { return lua.LString(e.Type) })
	_ = field(sseEventClass, "data", "string", "What it says; lines are separated by \\n.",
		func(_ *Env, e *sse.Event) lua.LValue { return lua.LString(e.Data) })
	_ = field(sseEventClass, "id", "string", "The last id that the server gave, with this event or before; \"\" when it gave none.",
		func(_ *Env, e *sse.Event) lua.LValue { return lua.LString(e.ID) })
	_ = field(sseEventClass, "retry", "number?", "How many seconds the server wants clients to wait before they connect again.",
		func(_ *Env, e *sse.Event) lua.LValue { return seconds(e.Retry) })
)

// seconds is a time that may not be known.
func seconds(d time.Duration) lua.LValue {
	if d == 0 {
		return lua.LNil
	}
	return lua.LNumber(d.Seconds())
}

var _ = metamethod(eventStreamClass, "__tostring", stringOf[*eventStream])

// stringOf makes tostring of objects that hold a T.
func stringOf[T interface{ String() string }](*Env) lua.LGFunction {
	return func(L *lua.LState) int {
		if s, ok := selfOf[T](L.Get(1)); ok {
			L.Push(lua.LString(s.String()))
			return 1
		}
		L.Push(lua.LString(typeNameOf(L.Get(1))))
		return 1
	}
}

// typeNameOf is the name in a value's metatable, or its Lua type.
func typeNameOf(v lua.LValue) string {
	return typeName(&Env{}, v)
}

const streamAnswered = "The stream; or nil and an error, and after them the answer if its status is 400 or more."

var _ = fn(httpModule, "sse", capability.HTTPFetch, waitsInside,
	"Opens a stream of server-sent events: `text/event-stream`.",
	func(c *Call, a *struct {
		URL         string            `lua:"url" doc:"beginning with http:// or https://"`
		Headers     map[string]string `lua:"headers,opt" doc:"further headers, by name"`
		LastEventID string            `lua:"last_event_id,opt" doc:"the id of the last event that is known already; the server goes on after it if it can"`
		Timeout     time.Duration     `lua:"timeout,opt" doc:"until the answer begins: connection, redirects, headers" default:"30s"`
		Quiet       time.Duration     `lua:"quiet,opt" doc:"how long the server may say nothing, comments included, until it counts as gone; for ever when it is left out"`
		MaxEvent    ByteSize          `lua:"max_event,opt" doc:"how long an event may be; as much as a string may hold at most" default:"1MB"`
		Redirects   int               `lua:"redirects,opt" doc:"how many redirects are followed, 0 to 20" default:"10"`
	}) (results2, error) {
		if most := c.VM.Limits().String; a.MaxEvent < 1 || int(a.MaxEvent) > most {
			return nil, usage("bad option 'max_event' to 'sse' (1 to %d bytes expected, got %d)", most, a.MaxEvent)
		}
		if !isHeaderValue(a.LastEventID) {
			return nil, usage("bad option 'last_event_id' to 'sse' (%s can stand in no header)", quoted(a.LastEventID))
		}
		r, err := c.httpRequest("GET", a.URL, httpOptions{Headers: a.Headers, Timeout: a.Timeout, MaxSize: errorSize, Redirects: a.Redirects}, httpContent{})
		if err != nil {
			return nil, err
		}
		r.header.Set("Accept", "text/event-stream")
		r.header.Set("Cache-Control", "no-store")
		r.header.Set("Accept-Encoding", "identity") // what is packed comes late
		if a.LastEventID != "" {
			r.header.Set("Last-Event-ID", a.LastEventID)
		}
		return c.sse(&streamRequest{httpRequest: r, most: int(a.MaxEvent), quiet: a.Quiet, id: a.LastEventID})
	}, results(streamAnswered), returns("EventStream?", "Error?", "HttpResponse?"),
	errcodes("E_EVENT_STREAM", "E_STATUS", "E_REDIRECTS", "E_HTTP", "ECONNREFUSED", "ENOTFOUND", "ETIMEDOUT", "E_TLS", "E_CONNECTIONS"),
	example(`local stream = assert(http.sse("https://ntfy.sh/mytopic/sse", { last_event_id = last }))`))

// errorSize is how much of the answer is kept that refuses a stream.
const errorSize = 64 << 10

func (c *Call) sse(r *streamRequest) (results2, error) {
	g, err := c.generation()
	if err != nil {
		return nil, err
	}
	client, err := c.httpClient()
	if err != nil {
		return nil, err
	}
	var s *eventStream
	var answer *httpAnswer
	taken := false
	defer func() {
		if s != nil && !taken { // the handler was ended meanwhile: nobody would close it
			_ = s.Close()
		}
	}()
	c.Wait(func(ctx context.Context) { s, answer, err = client.events(ctx, r) })
	if err != nil {
		return c.notOpened(answer, err)
	}
	taken = true
	s.onClose(func() { g.Disown(s) })
	g.Own(s)
	return results2{c.Object(eventStreamClass, s)}, nil
}

// notOpened are the results of what a server refused, with its answer if there is one.
func (c *Call) notOpened(answer *httpAnswer, err error) (results2, error) {
	if answer == nil {
		return nil, err
	}
	return append(c.returned(ErrorOf(err)), c.ToLua(answer)), nil
}

const streamPower = "the stream was opened already"

func (c *Call) nextEvent(s *eventStream) (lua.LValue, error) {
	e, ok, err := inputFrom(c, s.arrivals, s.taken)
	if err != nil || !ok {
		return lua.LNil, ended(err)
	}
	return c.ToLua(&e), nil
}

var _ = method(eventStreamClass, "next", capability.None(streamPower), inputInside,
	"The next event. nil at the end of the stream; nil and an error when reading fails. Of several handlers that read, each event goes to one.",
	func(c *Call, s *eventStream, _ *struct{}) (lua.LValue, error) { return c.nextEvent(s) },
	results("An event, or nil, or nil and an error."), returns("SseEvent?", "Error?"), errcodes("E_TOO_LONG", "ETIMEDOUT", "ECONNRESET", "E_CLOSED"),
	example(`local evt, err = stream:next()`))

var _ = method(eventStreamClass, "events", capability.None(streamPower), never,
	"An iterator over events, as `next` gives them. It ends at the end of the stream and raises when reading fails.",
	func(c *Call, s *eventStream, _ *struct{}) (lua.LValue, error) {
		env, declared := c.Env, c.Function()
		return c.L.NewFunction(func(L *lua.LState) int {
			call := &Call{Env: env, L: L, fn: declared}
			v, err := call.nextEvent(s)
			if err != nil {
				call.Raise(err)
			}
			L.Push(v)
			return 1
		}), nil
	}, results("An iterator."), returns("fun(): SseEvent?"), errcodes("E_TOO_LONG", "ETIMEDOUT", "ECONNRESET", "E_CLOSED"),
	example("for evt in stream:events() do … end"))

var _ = method(eventStreamClass, "close", capability.None(streamPower), never,
	"Closes the stream. To close it again does nothing.",
	func(_ *Call, s *eventStream, _ *struct{}) (none, error) {
		_ = s.Close() // nothing can be done about it, and nothing is lost
		return none{}, nil
	}, example(`stream:close()`))
