package luabind

import (
	"context"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"
	lua "github.com/yuin/gopher-lua"

	"bridgehost/capability"
)

// webSocketClass are WebSockets. Its methods return nil, err as the module's functions do.
var webSocketClass = class("web socket", "A WebSocket: messages in both directions. The host owns it: it is closed when the script is unloaded, unless bridge.keep passed it on. "+
	"Pings of the server are answered by the host.", returnsErrors)

var (
	_ = field(webSocketClass, "protocol", "string?", "The sub-protocol that the server chose; nil when it chose none.", func(_ *Env, w *webSocket) lua.LValue {
		if p := w.conn.Subprotocol(); p != "" {
			return lua.LString(p)
		}
		return lua.LNil
	})
	_ = field(webSocketClass, "close_code", "integer?", "The code that the server closed the connection with, once it has: 1000 is normal, 1005 is none.",
		func(_ *Env, w *webSocket) lua.LValue {
			return w.said(func(e *websocket.CloseError) lua.LValue { return lua.LNumber(e.Code) })
		})
	_ = field(webSocketClass, "close_reason", "string?", "The server's reason for closing the connection.",
		func(_ *Env, w *webSocket) lua.LValue {
			return w.said(func(e *websocket.CloseError) lua.LValue { return lua.LString(e.Reason) })
		})
)

func (w *webSocket) said(what func(*websocket.CloseError) lua.LValue) lua.LValue {
	if e := w.closing(); e != nil {
		return what(e)
	}
	return lua.LNil
}

var _ = metamethod(webSocketClass, "__tostring", stringOf[*webSocket])

var _ = fn(httpModule, "websocket", capability.HTTPFetch, waitsInside,
	"Opens a WebSocket.",
	func(c *Call, a *struct {
		URL        string            `lua:"url" doc:"beginning with ws:// or wss://"`
		Headers    map[string]string `lua:"headers,opt" doc:"further headers of the request, by name"`
		Protocols  []string          `lua:"protocols,opt" doc:"sub-protocols, the one liked best first; the server chooses one, or none"`
		Timeout    time.Duration     `lua:"timeout,opt" doc:"until the connection stands: name, TLS, redirects, handshake" default:"30s"`
		MaxMessage ByteSize          `lua:"max_message,opt" doc:"how long a message of the server may be; as much as a string may hold at most" default:"1MB"`
		Redirects  int               `lua:"redirects,opt" doc:"how many redirects are followed, 0 to 20" default:"10"`
	}) (results2, error) {
		u, err := url.Parse(a.URL)
		if err != nil || u.Scheme != "ws" && u.Scheme != "wss" {
			return nil, usage("bad argument 'url' to 'websocket' (an address with ws:// or wss:// expected, got %s)", quoted(a.URL))
		}
		if most := c.VM.Limits().String; a.MaxMessage < 1 || int(a.MaxMessage) > most {
			return nil, usage("bad option 'max_message' to 'websocket' (1 to %d bytes expected, got %d)", most, a.MaxMessage)
		}
		for _, p := range a.Protocols {
			if !isToken(p) {
				return nil, usage("bad option 'protocols' to 'websocket' (%s can be no name of a protocol)", quoted(p))
			}
		}
		for name := range a.Headers {
			if strings.HasPrefix(strings.ToLower(name), "sec-websocket-") {
				return nil, usage("bad option 'headers' to 'websocket' (%s is set by the host)", quoted(name))
			}
		}
		u.Scheme = "http" + strings.TrimPrefix(u.Scheme, "ws")
		r, err := c.httpRequest("GET", u.String(), httpOptions{Headers: a.Headers, Timeout: a.Timeout, MaxSize: errorSize, Redirects: a.Redirects}, httpContent{})
		if err != nil {
			return nil, err
		}
		r.socket = true
		return c.webSocket(&socketRequest{httpRequest: r, address: a.URL, protocols: a.Protocols, most: int(a.MaxMessage)})
	}, results("The WebSocket; or nil and an error, and after them the answer if its status is 400 or more."), returns("WebSocket?", "Error?", "HttpResponse?"),
	errcodes("E_WEBSOCKET", "E_STATUS", "E_REDIRECTS", "E_HTTP", "ECONNREFUSED", "ENOTFOUND", "ETIMEDOUT", "E_TLS", "E_CONNECTIONS"),
	example(`local ws = assert(http.websocket("wss://api.example.org/live", { headers = { authorization = "Bearer " .. key } }))`))

func (c *Call) webSocket(r *socketRequest) (results2, error) {
	g, err := c.generation()
	if err != nil {
		return nil, err
	}
	client, err := c.httpClient()
	if err != nil {
		return nil, err
	}
	var w *webSocket
	var answer *httpAnswer
	taken := false
	defer func() {
		if w != nil && !taken { // the handler was ended meanwhile: nobody would close it
			_ = w.Close()
		}
	}()
	c.Wait(func(ctx context.Context) { w, answer, err = client.webSocket(ctx, r) })
	if err != nil {
		return c.notOpened(answer, err)
	}
	taken = true
	w.onClose(func() { g.Disown(w) })
	g.Own(w)
	return results2{c.Object(webSocketClass, w)}, nil
}

// nextFrame are the results of the next message: its data and kind, or nil.
func (c *Call) nextFrame(w *webSocket) (results2, error) {
	f, ok, err := inputFrom(c, w.arrivals, nil)
	if err != nil || !ok {
		return results2{lua.LNil}, ended(err)
	}
	return results2{lua.LString(f.data), lua.LString(f.kind())}, nil
}

var _ = method(webSocketClass, "read", capability.None(streamPower), inputInside,
	"The next message, and \"text\" or \"binary\". nil when the server has closed the connection in good order (codes 1000, 1001, or none); nil and an error when it was another code, "+
		"or reading fails. Of several handlers that read, each message goes to one.",
	func(c *Call, w *webSocket, _ *struct{}) (results2, error) { return c.nextFrame(w) },
	results("A message and its kind, or nil, or nil and an error."), returns("string?", `"text"|"binary"|Error|nil`),
	errcodes("E_WEBSOCKET_CLOSED", "E_WEBSOCKET", "E_TOO_LONG", "ECONNRESET", "E_CLOSED"),
	example(`local data, kind = ws:read()`))

var _ = method(webSocketClass, "messages", capability.None(streamPower), never,
	"An iterator over messages and their kinds, as `read` gives them. It ends when the server has closed the connection in good order, and raises when reading fails.",
	func(c *Call, w *webSocket, _ *struct{}) (lua.LValue, error) {
		env, declared := c.Env, c.Function()
		return c.L.NewFunction(func(L *lua.LState) int {
			call := &Call{Env: env, L: L, fn: declared}
			found, err := call.nextFrame(w)
			if err != nil {
				call.Raise(err)
			}
			return pushResult(call, found)
		}), nil
	}, results("An iterator."), returns(`fun(): string?, "text"|"binary"|nil`), errcodes("E_WEBSOCKET_CLOSED", "E_WEBSOCKET", "E_TOO_LONG", "ECONNRESET", "E_CLOSED"),
	example("for data in ws:messages() do … end"))

var _ = method(webSocketClass, "send", capability.None(streamPower), waitsInside,
	"Sends a message. Returns true; nil and an error when the other side has hung up.",
	func(c *Call, w *webSocket, a *struct {
		Data   []byte `lua:"data" doc:"the message; UTF-8 unless it is binary"`
		Binary bool   `lua:"binary,opt" doc:"send it as a binary message"`
	}) (lua.LValue, error) {
		if !a.Binary && !utf8.Valid(a.Data) {
			return nil, usage("bad argument #1 'data' to 'send' (UTF-8 expected; with { binary = true } any bytes can be sent)")
		}
		return c.sent(func(ctx context.Context) error { return w.send(ctx, frame{a.Data, a.Binary}) })
	}, results("true, or nil and an error."), returns("boolean?", "Error?"), errcodes("EPIPE", "E_CLOSED", "ETIMEDOUT"),
	example(`assert(ws:send(json.encode { op = "subscribe" }))`))

var _ = method(webSocketClass, "ping", capability.None(streamPower), waitsInside,
	"Asks the server whether it is there, and waits for its answer. While more than 64 KiB of messages wait to be read, no answer is seen.",
	func(c *Call, w *webSocket, a *struct {
		Timeout time.Duration `lua:"timeout,opt" doc:"how long to wait" default:"10s"`
	}) (lua.LValue, error) {
		if a.Timeout <= 0 {
			return nil, usage("bad option 'timeout' to 'ping' (more than 0 expected)")
		}
		return c.sent(func(ctx context.Context) error { return w.ping(ctx, a.Timeout) })
	}, results("true, or nil and an error."), returns("boolean?", "Error?"), errcodes("EPIPE", "E_CLOSED", "ETIMEDOUT"),
	example(`if not ws:ping() then ws:close() end`))

// sent makes true of a send that went well.
func (c *Call) sent(f func(ctx context.Context) error) (lua.LValue, error) {
	var err error
	c.Wait(func(ctx context.Context) { err = f(ctx) })
	if err != nil {
		return nil, netFailure(err)
	}
	return lua.LTrue, nil
}

// maxCloseReason is how long a reason may be. Source: RFC 6455, 5.5.
const maxCloseReason = 123

var _ = method(webSocketClass, "close", capability.None(streamPower), waitsInside,
	"Closes the connection and waits for the server's goodbye, some seconds at most. To close it again does nothing.",
	func(c *Call, w *webSocket, a *struct {
		Code   int    `lua:"code,opt" doc:"why: 1000 is normal, 3000 to 4999 are free" default:"1000"`
		Reason string `lua:"reason,opt" doc:"why, in words: 123 bytes at most"`
	}) (none, error) {
		if a.Code != 1000 && (a.Code < 3000 || a.Code > 4999) {
			return none{}, usage("bad option 'code' to 'close' (1000, or 3000 to 4999 expected, got %d)", a.Code)
		}
		if len(a.Reason) > maxCloseReason || !utf8.ValidString(a.Reason) {
			return none{}, usage("bad option 'reason' to 'close' (UTF-8 of %d bytes at most expected)", maxCloseReason)
		}
		c.Wait(func(ctx context.Context) { w.goodbye(ctx, a.Code, a.Reason) })
		return none{}, nil
	}, example(`ws:close(1000, "done")`))
