package luabind

import (
	"context"
	"errors"
	"io"
	"time"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/capability"
	"bridgehost/diag"
	"bridgehost/egress"
)

var netModule = module("bridge.net", "Connections over TCP and TLS. What the network answers is returned as nil, err.", returnsErrors)

// socketClass are connections. Its methods return nil, err as the module's functions do.
var socketClass = class("socket", "A connection. The host owns it: it is closed when the script is unloaded, unless bridge.keep passed it on.",
	returnsErrors)

var _ = metamethod(socketClass, "__tostring", func(*Env) lua.LGFunction {
	return func(L *lua.LState) int {
		text := "socket"
		if s, ok := selfOf[*stream](L.Get(1)); ok {
			text = s.String()
		}
		L.Push(lua.LString(text))
		return 1
	}
})

var _ = fn(netModule, "connect", capability.NetConnect, waitsInside,
	"Opens a connection. With `tls` the certificate must name the host and come from an authority that this machine trusts.",
	func(c *Call, a *struct {
		Host    string        `lua:"host" doc:"a name or an address"`
		Port    int           `lua:"port" doc:"1 to 65535"`
		TLS     bool          `lua:"tls,opt" doc:"true: TLS from the first byte"`
		Timeout time.Duration `lua:"timeout,opt" doc:"for name, connection and TLS together" default:"30s"`
	}) (lua.LValue, error) {
		if a.Port < 1 || a.Port > 65535 {
			return nil, usage("bad field 'port' to 'connect' (1 to 65535 expected, got %d)", a.Port)
		}
		if a.Host == "" {
			return nil, usage("bad field 'host' to 'connect' (a name or an address expected, got an empty string)")
		}
		target := egress.Target{Need: capability.NetConnect, Host: a.Host, Port: a.Port, TLS: a.TLS, Timeout: a.Timeout}
		if err := c.Script.Check(capability.NetConnect, target.Address()); err != nil {
			return nil, c.refused(err)
		}
		return c.connect(target)
	}, tableArg, scopeInside, results("A socket, or nil and an error."), returns("Socket?", "Error?"), errcodes("ECONNREFUSED", "ENOTFOUND", "ETIMEDOUT", "E_TLS", "E_CONNECTIONS"),
	example(`local sock = assert(net.connect { host = "irc.libera.chat", port = 6697, tls = true, timeout = "20s" })`))

func (c *Call) connect(target egress.Target) (lua.LValue, error) {
	g, err := c.generation()
	if err != nil {
		return nil, err
	}
	s, err := c.openStream(target)
	if err != nil {
		return nil, netFailure(err)
	}
	s.onClose(func() { g.Disown(s) })
	g.Own(s)
	return c.Object(socketClass, s), nil
}

// openStream connects without the lock. Nobody owns the stream yet.
func (c *Call) openStream(target egress.Target) (*stream, error) {
	account, err := c.account()
	if err != nil {
		return nil, err
	}
	var s *stream
	taken := false
	defer func() {
		if s != nil && !taken { // the handler was ended meanwhile: nobody would close it
			_ = s.Close()
		}
	}()
	c.Wait(func(ctx context.Context) {
		var conn *egress.Conn
		if conn, err = account.Dial(ctx, target); err == nil {
			s = newStream(conn)
		}
	})
	taken = true
	return s, err
}

// netFailure is what went wrong with a connection as scripts see it.
func netFailure(err error) error {
	var e *egress.Error
	if !errors.As(err, &e) {
		if errors.Is(err, errLineTooLong) || errors.Is(err, errTooMuch) {
			return &diag.Error{Kind: diag.KindLimit, Code: "E_TOO_LONG", Message: err.Error(), Cause: err}
		}
		return err
	}
	d := &diag.Error{Kind: diag.KindNet, Code: e.Code, Message: e.Error(), Hint: e.Hint(), Retryable: e.Retryable(), Cause: err}
	switch {
	case e.Timeout():
		d.Kind = diag.KindTimeout
	case e.Code == egress.CodeAddress:
		d.Kind = diag.KindPermission
	}
	return d
}

// input waits for what w is after and takes it, with the lock held in between: a wait
// that is given up has taken nothing. ok is false at the end of the stream.
func (c *Call) input(s *stream, L *lua.LState, w func(taking bool) want) (part []byte, ok bool, err error) {
	for {
		c.VM.WaitInput(L, func(ctx context.Context) bool {
			s.ready(ctx, w(false))
			return false
		})
		part, ok, err = s.take(w(true))
		switch {
		case errors.Is(err, io.EOF):
			return nil, false, nil
		case err != nil:
			return nil, false, netFailure(err)
		case ok:
			return part, true, nil
		}
	}
}

func (c *Call) inputValue(s *stream, w func(taking bool) want) (lua.LValue, error) {
	part, ok, err := c.input(s, c.L, w)
	if err != nil || !ok {
		return lua.LNil, err
	}
	return lua.LString(part), nil
}

const socketPower = "the connection was opened already"

var _ = method(socketClass, "read_line", capability.None(socketPower), inputInside,
	"The next line, without its end (\\n or \\r\\n). nil at the end of the stream; nil and an error when reading fails, "+
		"or when the line is longer than 256 KiB. Of several handlers that read, each line goes to one.",
	func(c *Call, s *stream, _ *struct{}) (lua.LValue, error) { return c.inputValue(s, line) },
	results("A line, or nil, or nil and an error."), returns("string?", "Error?"), errcodes("E_TOO_LONG", "ECONNRESET", "E_CLOSED"),
	example(`local line, err = sock:read_line()`))

var _ = method(socketClass, "read", capability.None(socketPower), inputInside,
	"The next `n` bytes; fewer at the end of the stream, nil after it.",
	func(c *Call, s *stream, a *struct {
		N int `lua:"n" doc:"how many bytes"`
	}) (lua.LValue, error) {
		if most := c.VM.Limits().String; a.N < 1 || a.N > most {
			return nil, usage("bad argument #1 'n' to 'read' (1 to %d expected, got %d)", most, a.N)
		}
		return c.inputValue(s, func(taking bool) want { return atMost(a.N, taking) })
	}, results("A string, or nil, or nil and an error."), returns("string?", "Error?"), errcodes("ECONNRESET", "E_CLOSED"),
	example(`local header = assert(sock:read(4))`))

var _ = method(socketClass, "read_all", capability.None(socketPower), inputInside,
	"All that comes until the end of the stream.",
	func(c *Call, s *stream, _ *struct{}) (lua.LValue, error) {
		return c.inputValue(s, func(taking bool) want { return everything(c.VM.Limits().String, taking) })
	}, results("A string, or nil and an error."), returns("string?", "Error?"), errcodes("E_TOO_LONG", "ECONNRESET", "E_CLOSED"),
	example(`local answer = assert(sock:read_all())`))

var _ = method(socketClass, "lines", capability.None(socketPower), never,
	"An iterator over lines, as `read_line` gives them. It ends at the end of the stream and raises when reading fails.",
	func(c *Call, s *stream, _ *struct{}) (lua.LValue, error) {
		env, declared := c.Env, c.Function()
		return c.L.NewFunction(func(L *lua.LState) int {
			call := &Call{Env: env, L: L, fn: declared}
			part, ok, err := call.input(s, L, line)
			if err != nil {
				call.Raise(err)
			}
			if !ok {
				L.Push(lua.LNil)
				return 1
			}
			L.Push(lua.LString(part))
			return 1
		}), nil
	}, results("An iterator."), returns("fun(): string?"), errcodes("E_TOO_LONG", "ECONNRESET", "E_CLOSED"), example("for line in sock:lines() do … end"))

var _ = method(socketClass, "write", capability.None(socketPower), waitsInside,
	"Sends a string, all of it. Returns how many bytes; nil and an error when the other side has hung up.",
	func(c *Call, s *stream, a *struct {
		Data []byte `lua:"data" doc:"what to send"`
	}) (lua.LValue, error) {
		var n int
		var err error
		c.Wait(func(ctx context.Context) { n, err = s.write(ctx, a.Data) })
		if err != nil {
			return nil, netFailure(err)
		}
		return lua.LNumber(n), nil
	}, results("The number of bytes, or nil and an error."), returns("integer?", "Error?"), errcodes("EPIPE", "ECONNRESET", "E_CLOSED", "ETIMEDOUT"),
	example(`local ok, err = sock:write("PING :" .. name .. "\r\n")`))

var _ = method(socketClass, "close", capability.None(socketPower), never,
	"Closes the connection. To close it again does nothing.",
	func(_ *Call, s *stream, _ *struct{}) (none, error) {
		_ = s.Close() // nothing can be done about it, and nothing is lost
		return none{}, nil
	}, example(`sock:close()`))

var _ = method(socketClass, "peer", capability.None(socketPower), never,
	"What was connected to, as \"host:port\".",
	func(_ *Call, s *stream, _ *struct{}) (string, error) { return s.conn.Address(), nil },
	example(`bridge.log.info("connected", { to = sock:peer() })`))
