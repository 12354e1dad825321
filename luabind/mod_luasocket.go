package luabind

import (
	"context"
	"math"
	"strings"
	"time"

	"github.com/jonboulle/clockwork"
	lua "github.com/yuin/gopher-lua"

	"bridgehost/capability"
	"bridgehost/egress"
)

var luaSocketModule = module("socket", "LuaSocket's calls for TCP clients, for programs that were written for it; new ones are better off with bridge.net. "+
	"As there, errors are short texts behind nil: \"timeout\", \"closed\", \"connection refused\", \"host or service not provided, or not known\".")

// tcpSocketClass are LuaSocket's objects.
var tcpSocketClass = class("tcp socket", "A TCP connection with LuaSocket's calls. The host owns it, as it owns those of bridge.net; bridge.keep can pass it on.", holds[*tcpSocket]())

var _ = metamethod(tcpSocketClass, "__tostring", stringOf[*tcpSocket])

// failedAs are nil and a text.
func failedAs(err string, more ...lua.LValue) results2 {
	return append(results2{lua.LNil, lua.LString(err)}, more...)
}

const luaOne = lua.LNumber(1) // what LuaSocket returns when all went well

var _ = fn(luaSocketModule, "tcp", capability.None("connects nothing yet"), never,
	"Makes a socket that is not connected yet.",
	func(_ *Call, _ *struct{}) (*tcpSocket, error) { return newTCPSocket(), nil },
	results("The socket."), example(`local tcp = socket.tcp()`))

var _ = fn(luaSocketModule, "connect", capability.NetConnect, waitsInside,
	"Opens a connection, 30 seconds at most.",
	func(c *Call, a *struct {
		Host string `lua:"host" doc:"a name or an address"`
		Port int    `lua:"port" doc:"1 to 65535"`
	}) (results2, error) {
		s := newTCPSocket()
		failed, err := c.connectTCP(s, a.Host, a.Port)
		if err != nil || failed != "" {
			return failedAs(failed), err
		}
		return results2{c.ToLua(s)}, nil
	}, results("The socket, or nil and an error's text."), returns("TcpSocket?", "string?"), example(`local tcp = assert(socket.connect("localhost", 6379))`))

var _ = fn(luaSocketModule, "gettime", capability.None("tells the time"), never,
	"The time, in seconds since 1970 with their fractions.",
	func(c *Call, _ *struct{}) (float64, error) {
		return float64(c.VM.Clock().Now().UnixMicro()) / 1e6, nil
	}, example(`local began = socket.gettime()`))

var _ = fn(luaSocketModule, "sleep", capability.None("waits only"), inputInside,
	"Waits, as bridge.sleep does.",
	func(c *Call, a *struct {
		Time float64 `lua:"time" doc:"seconds; none when it is negative"`
	}) (none, error) {
		c.sleep(time.Duration(min(max(a.Time, 0), maxSeconds) * float64(time.Second)))
		return none{}, nil
	}, example(`socket.sleep(0.5)`))

// connectTCP connects s; failed is LuaSocket's word for what the network answered.
func (c *Call) connectTCP(s *tcpSocket, host string, port int) (failed string, err error) {
	if port < 1 || port > 65535 {
		return "", usage("bad argument #2 'port' to 'connect' (1 to 65535 expected, got %d)", port)
	}
	if host == "" {
		return "", usage("bad argument #1 'host' to 'connect' (a name or an address expected, got an empty string)")
	}
	if s.connected() != nil {
		return "already connected", nil
	}
	if s.isClosed() {
		return "closed", nil
	}
	target := egress.Target{Host: host, Port: port, Timeout: egress.DefaultTimeout}
	if limit, ok := s.limit(); ok {
		target.Timeout = max(limit, time.Millisecond) // 0 would be the default
	}
	if err := c.Env.Script.Check(capability.NetConnect, target.Address()); err != nil {
		return "", err
	}
	opened, err := c.openStream(target)
	if err != nil {
		return luaSocketError(err), nil
	}
	s.mu.Lock()
	s.stream = opened
	closed := s.closed
	s.mu.Unlock()
	if closed {
		_ = opened.Close() // somebody closed it meanwhile
		return "closed", nil
	}
	g, err := c.generation()
	if err != nil {
		_ = opened.Close() // err says why
		return "", err
	}
	opened.onClose(func() { g.Disown(s) })
	g.Own(s)
	return "", nil
}

// theStream is the connection of a socket that must have one.
func theStream(s *tcpSocket, call string) (*stream, error) {
	if stream := s.connected(); stream != nil {
		return stream, nil
	}
	return nil, usage("'%s' was called on a socket that is not connected; call tcp:connect(host, port) before", call)
}

var _ = method(tcpSocketClass, "connect", capability.NetConnect, waitsInside,
	"Connects, within the time of settimeout, or 30 seconds.",
	func(c *Call, s *tcpSocket, a *struct {
		Host string `lua:"host" doc:"a name or an address"`
		Port int    `lua:"port" doc:"1 to 65535"`
	}) (results2, error) {
		failed, err := c.connectTCP(s, a.Host, a.Port)
		if err != nil || failed != "" {
			return failedAs(failed), err
		}
		return results2{luaOne}, nil
	}, results("1, or nil and an error's text."), returns("1?", "string?"), example(`assert(tcp:connect("localhost", 6379))`))

var _ = method(tcpSocketClass, "send", capability.None(socketPower), waitsInside,
	"Sends a string, or the part of it from the byte `i` to the byte `j`. What was cut off by a timeout ends the connection.",
	func(c *Call, s *tcpSocket, a *struct {
		Data []byte `lua:"data" doc:"what to send"`
		I    int    `lua:"i,opt" doc:"the first byte; negative ones count from the end" default:"1"`
		J    int    `lua:"j,opt" doc:"the last byte; negative ones count from the end" default:"-1"`
	}) (results2, error) {
		stream, err := theStream(s, "send")
		if err != nil {
			return nil, err
		}
		from, to := span(len(a.Data), a.I, a.J)
		limit, limited := s.limit()
		clock := c.VM.Clock()
		var n int
		c.Wait(func(ctx context.Context) {
			if limited {
				var cancel context.CancelFunc
				ctx, cancel = clockwork.WithTimeout(ctx, clock, max(limit, time.Millisecond))
				defer cancel()
			}
			n, err = stream.write(ctx, a.Data[from:to])
		})
		if err != nil {
			return failedAs(luaSocketError(err), lua.LNumber(from+n)), nil
		}
		return results2{lua.LNumber(to)}, nil
	}, results("The last byte that was sent; or nil, an error's text and the last byte that was sent."), returns("integer?", "string?", "integer?"),
	example(`assert(tcp:send("PING\r\n"))`))

// span is data[from:to] of a string's bytes i to j, as string.sub counts.
func span(length, i, j int) (from, to int) {
	if i < 0 {
		i = max(length+i+1, 1)
	}
	if j < 0 {
		j = length + j + 1
	}
	from, to = max(i, 1)-1, min(j, length)
	if from >= to {
		return min(from, length), min(from, length)
	}
	return from, to
}

var _ = method(tcpSocketClass, "receive", capability.None(socketPower), inputInside,
	"Reads a line without its end (\"*l\"), all until the end of the connection (\"*a\"), or a number of bytes. After \"timeout\" or \"closed\" the third result is what "+
		"came until then, to be given as `prefix` to the next call.",
	func(c *Call, s *tcpSocket, a *struct {
		Pattern lua.LValue `lua:"pattern,opt" doc:"\"*l\" (when it is left out), \"*a\", or a number of bytes" luatype:"\"*l\"|\"*a\"|integer"`
		Prefix  []byte     `lua:"prefix,opt" doc:"put before what is read; it counts as read bytes"`
	}) (results2, error) {
		stream, err := theStream(s, "receive")
		if err != nil {
			return nil, err
		}
		p, finish, err := c.receivePattern(a.Pattern, len(a.Prefix))
		if err != nil {
			return nil, err
		}
		if p == nil {
			return results2{lua.LString(a.Prefix)}, nil
		}
		part, failed := c.receive(s, stream, p)
		text := lua.LString(string(a.Prefix) + finish(part))
		if failed != "" {
			return failedAs(failed, text), nil
		}
		return results2{text}, nil
	}, results("What was read; or nil, an error's text and what came until then."), returns("string?", "string?", "string?"),
	example(`local line, err, partial = tcp:receive("*l")`))

// receivePattern makes sense of receive's argument; nil when the prefix is enough.
func (c *Call) receivePattern(v lua.LValue, prefix int) (p wish, finish func([]byte) string, err error) {
	most := c.VM.Limits().String - prefix
	plain := func(b []byte) string { return string(b) }
	switch x := v.(type) {
	case nil, *lua.LNilType:
		return wholeLine, withoutCR, nil
	case lua.LString:
		switch strings.TrimPrefix(string(x), "*") {
		case "l":
			return wholeLine, withoutCR, nil
		case "a":
			return untilEnd(most), plain, nil
		}
	case lua.LNumber:
		n := float64(x)
		if n == math.Trunc(n) && n >= 0 && n <= float64(most+prefix) {
			if int(n) <= prefix {
				return nil, nil, nil
			}
			return bytesExactly(int(n) - prefix), plain, nil
		}
	}
	return nil, nil, usage("bad argument #1 'pattern' to 'receive' (\"*l\", \"*a\" or a number of bytes, at most %d, expected, got %s)", most+prefix, quoted(lua.LVAsString(v)))
}

// withoutCR leaves out every carriage return, as LuaSocket does in lines.
func withoutCR(b []byte) string { return strings.ReplaceAll(string(b), "\r", "") }

// receive waits for what p wants and takes it, or what there is when that does not come.
func (c *Call) receive(s *tcpSocket, stream *stream, p wish) (part []byte, failed string) {
	clock := c.VM.Clock()
	for {
		late := false
		c.WaitInput(func(ctx context.Context) bool {
			late = s.progress(ctx, clock, p)
			return false
		})
		part, ok, err := stream.take(p(true))
		switch {
		case ok:
			return part, ""
		case err != nil:
			failed = luaSocketError(err)
		case late:
			failed = "timeout"
		default: // another reader was quicker
			continue
		}
		part, _, _ = stream.take(whatThereIs(true))
		return part, failed
	}
}

var _ = method(tcpSocketClass, "settimeout", capability.None(socketPower), never,
	"Says how long later calls may take: each wait for the network within them (mode \"b\"), or all of a call (\"t\"). nil or a negative number: for ever; 0: not at all.",
	func(_ *Call, s *tcpSocket, a *struct {
		Value *float64 `lua:"value,opt" doc:"seconds"`
		Mode  string   `lua:"mode,opt" enum:"b|t|r" doc:"\"b\": each wait, \"t\" or \"r\": all of a call" default:"b"`
	}) (lua.LValue, error) {
		limit := time.Duration(-1)
		if a.Value != nil && *a.Value >= 0 {
			limit = time.Duration(min(*a.Value, maxSeconds) * float64(time.Second))
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if a.Mode == "b" {
			s.block = limit
		} else {
			s.total = limit
		}
		return luaOne, nil
	}, results("1."), returns("1"), example(`tcp:settimeout(5)`))

var _ = method(tcpSocketClass, "setoption", capability.None(socketPower), never,
	"Takes \"tcp-nodelay\" and \"keepalive\", which the host sets for all connections anyway. It has no others.",
	func(_ *Call, _ *tcpSocket, a *struct {
		Option string     `lua:"option" doc:"its name"`
		Value  lua.LValue `lua:"value,opt" doc:"its value"`
	}) (results2, error) {
		if a.Option == "tcp-nodelay" || a.Option == "keepalive" {
			return results2{luaOne}, nil
		}
		return failedAs("unsupported option '" + a.Option + "'"), nil
	}, results("1, or nil and an error's text."), returns("1?", "string?"), example(`tcp:setoption("tcp-nodelay", true)`))

var _ = method(tcpSocketClass, "getpeername", capability.None(socketPower), never,
	"The address, port and family (\"inet\" or \"inet6\") of the other side.",
	func(_ *Call, s *tcpSocket, _ *struct{}) (results2, error) {
		if s.connected() == nil {
			return failedAs("not connected"), nil
		}
		host, port, family := s.peer()
		return results2{lua.LString(host), lua.LNumber(port), lua.LString(family)}, nil
	}, results("Address, port and family; or nil and an error's text."), returns("string?", "integer|string", "string?"), example(`local host, port = tcp:getpeername()`))

var _ = method(tcpSocketClass, "shutdown", capability.None(socketPower), never,
	"Closes the connection in both directions; it cannot be closed in one alone.",
	func(_ *Call, s *tcpSocket, a *struct {
		Mode string `lua:"mode,opt" enum:"both|send|receive" doc:"in which direction" default:"both"`
	}) (results2, error) {
		if a.Mode != "both" {
			return failedAs("unsupported: a connection is closed in both directions only"), nil
		}
		_ = s.Close() // nothing can be done about it, and nothing is lost
		return results2{luaOne}, nil
	}, results("1, or nil and an error's text."), returns("1?", "string?"), example(`tcp:shutdown()`))

var _ = method(tcpSocketClass, "close", capability.None(socketPower), never,
	"Closes the connection. To close it again does nothing.",
	func(_ *Call, s *tcpSocket, _ *struct{}) (lua.LValue, error) {
		_ = s.Close() // nothing can be done about it, and nothing is lost
		return luaOne, nil
	}, results("1."), returns("1"), example(`tcp:close()`))
