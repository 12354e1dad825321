package luabind

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
)

// dial is the beginning of a script that connects to the server when it hears "go".
func dial(s *lineServer, body string) string {
	return fmt.Sprintf(`local bridge, net = require "bridge", require "bridge.net"
		local function connect() return assert(net.connect { host = "127.0.0.1", port = %d, timeout = "5s" }) end
		%s`, s.port(), body)
}

func TestSocketReads(t *testing.T) {
	tests := []struct {
		name, sent, lua, want string
		chunks                bool // sent byte by byte
	}{
		{"lines end at \\n and \\r\\n, and the last needs no end", "a\r\nb\n\nrest", `for l in sock:lines() do print("<" .. l .. ">") end print "end"`, "<a>\n<b>\n<>\n<rest>\nend", false},
		{"half lines wait for their end", "one\r\ntwo\n", `for l in sock:lines() do print(l) end print "end"`, "one\ntwo\nend", true},
		{"read_line is nil at the end of the stream, without an error", "", `print(sock:read_line())`, "nil", false},
		{"read takes exactly so many bytes, fewer at the end", "abcdefg", `print(sock:read(3), sock:read(3), sock:read(3), sock:read(3))`, "abc\tdef\tg\tnil", true},
		{"read_all takes everything", "x\ny", `print(#sock:read_all(), sock:read_all())`, "3\t", true},
		{"a line that is too long is an error, and no byte is lost", strings.Repeat("x", maxLine+5) + "\nshort\n",
			`local l, err = sock:read_line() print(l, err.code) print(#sock:read(` + fmt.Sprint(maxLine+6) + `), sock:read_line())`,
			fmt.Sprintf("nil\tE_TOO_LONG\n%d\tshort", maxLine+6), false},
		{"much more than the buffer passes through", strings.Repeat("line of text\n", 40000), `local n = 0 for l in sock:lines() do n = n + 1 end print(n)`, "40000", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server, b := newLineServer(t), newModBench(t, clockwork.NewRealClock(), nil)
			b.mustLoad(dial(server, `bridge.on("org.test.go", function() local sock = connect() `+test.lua+` print "done" end)`))
			b.deliver("go")
			conn := server.accept(t)
			step := max(len(test.sent), 1)
			if test.chunks {
				step = 1
			}
			for i := 0; i < len(test.sent); i += step {
				if _, err := io.WriteString(conn, test.sent[i:min(i+step, len(test.sent))]); err != nil {
					t.Fatal(err)
				}
			}
			_ = conn.Close()
			b.printed("done")
			if got := strings.TrimSuffix(b.output(), "\ndone"); got != test.want && !strings.HasPrefix(got, test.want) {
				t.Errorf("printed %q, want %q", got, test.want)
			}
		})
	}
}

func TestSocketWrites(t *testing.T) {
	server, b := newLineServer(t), newModBench(t, clockwork.NewRealClock(), nil)
	b.mustLoad(dial(server, `bridge.on("org.test.go", function()
		local sock = connect()
		local shown = tostring(sock)
		print("wrote", sock:write("hello\r\n"), sock:peer(), shown)
		print("end", sock:read_line())
		local n, err = sock:write("too late")
		print("refused", n, err.kind, err.code)
		sock:close() sock:close()
		print("closed", select(2, sock:write("x")).code, select(2, sock:read_line()).code, tostring(sock))
		print("misspelt", pcall(function() sock:wirte("x") end))
	end)`))
	b.deliver("go")
	conn := server.accept(t)
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || line != "hello\r\n" {
		t.Fatalf("the server read %q, %v", line, err)
	}
	_ = conn.Close()
	b.printed("misspelt")
	address := fmt.Sprintf("127.0.0.1:%d", server.port())
	for _, want := range []string{
		"wrote\t7\t" + address + "\tsocket (" + address + ")", "end\tnil", "refused\tnil\tnet\tEPIPE",
		"closed\tE_CLOSED\tE_CLOSED\tsocket (" + address + ", closed)", "socket has no method 'wirte'; did you mean 'write'?",
	} {
		if !strings.Contains(b.output(), want) {
			t.Errorf("not printed: %q in\n%s", want, b.output())
		}
	}
}

func TestConnectErrors(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free := l.Addr().(*net.TCPAddr).Port
	_ = l.Close() // nobody listens there now
	tests := []struct{ name, args, want string }{
		{"a refused connection is returned", fmt.Sprintf(`{ host = "127.0.0.1", port = %d }`, free), "nil\tnet\tECONNREFUSED\ttrue"},
		{"a wrong port raises", `{ host = "127.0.0.1", port = 70000 }`, "raised\tusage"},
		{"a missing host raises", `{ port = 1 }`, "raised\tusage"},
		{"an unknown field raises", `{ host = "h", port = 1, tsl = true }`, "raised\tusage\tunknown field 'tsl' to 'connect'; did you mean 'tls'?"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newModBench(t, clockwork.NewRealClock(), nil)
			b.mustLoad(`local bridge, net = require "bridge", require "bridge.net" bridge.on("load", function() end)
				bridge.on("org.test.go", function()
					local ok, sock, err = pcall(net.connect, ` + test.args + `)
					if not ok then print("raised", sock.kind, sock.message) else print(sock, err.kind, err.code, err.retryable) end
				end)`)
			b.deliver("go")
			b.printed(test.want)
		})
	}
}

func TestConnectionsAreCounted(t *testing.T) {
	server, b := newLineServer(t), newModBench(t, clockwork.NewRealClock(), nil)
	b.mustLoad(dial(server, `bridge.on("org.test.go", function()
		local all = {}
		for i = 1, 64 do all[i] = connect() end
		local s, err = net.connect { host = "127.0.0.1", port = 1 }
		print(s, err.code)
		all[1]:close()
		print("again", connect() ~= nil)
	end)`))
	b.deliver("go")
	b.printed("nil\tE_CONNECTIONS")
	b.printed("again\ttrue")
	if n := b.engine.OpenHandles(); n != 64 {
		t.Errorf("%d handles are owned, want 64", n)
	}
	b.mustLoad(`print "other"`)
	b.until("nothing is open", func() bool {
		b.tell()
		return b.dialer.Account("s", 64).Open() == 0
	})
}

// A service is reloaded while lines come in: every line is printed once, in order, over
// one connection.
func TestReloadWhileReadingLosesNothing(t *testing.T) {
	server, b := newLineServer(t), newModBench(t, clockwork.NewRealClock(), nil)
	source := dial(server, `bridge.service("s", function()
		local sock = bridge.keep("sock", connect)
		for line in sock:lines() do print(line) end
		error("hung up")
	end)`)
	b.mustLoad(source)
	conn := server.accept(t)
	const lines = 400
	go func() {
		for i := range lines {
			fmt.Fprintf(conn, "line %d\r", i) // half a line, and its end later
			fmt.Fprint(conn, "\n")
		}
	}()
	for range 8 {
		b.mustLoad(source)
	}
	b.printed(fmt.Sprintf("line %d", lines-1))
	got := strings.Split(b.output(), "\n")
	if len(got) != lines {
		t.Errorf("%d lines, want %d", len(got), lines)
	}
	for i, line := range got {
		if line != fmt.Sprintf("line %d", i) {
			t.Fatalf("line %d is %q", i, line)
		}
	}
	if len(server.conns) != 0 {
		t.Errorf("%d more connections", len(server.conns))
	}
}

func TestKeepOpensAnew(t *testing.T) {
	server, b := newLineServer(t), newModBench(t, clockwork.NewRealClock(), map[string]any{"n": int64(1)})
	source := dial(server, `bridge.on("load", function()
		local sock, fresh = bridge.keep("sock", connect)
		local _, second = bridge.keep("sock", connect)
		print("fresh", fresh, second)
	end)
	bridge.on("org.test.read", function() local sock = bridge.keep("sock", connect)
		print("reading") print("read", sock:read_line()) end)
	bridge.on("org.test.close", function() bridge.keep("sock", connect):close() print("fresh", select(2, bridge.keep("sock", connect))) end)`)
	load := func(want string) {
		t.Helper()
		b.mu.Lock()
		b.out = nil
		b.mu.Unlock()
		b.mustLoad(source)
		b.printed("fresh\t" + want)
	}
	load("true\tfalse")
	conn := server.accept(t)
	load("false\tfalse") // passed on
	b.deliver("read")
	b.printed("reading")
	_ = conn.Close()
	b.printed("read\tnil")
	load("true\tfalse") // the other side had hung up
	_ = server.accept(t)
	b.script.Config = map[string]any{"n": int64(2)}
	load("true\tfalse") // other config values
	_ = server.accept(t)
	b.deliver("close")
	b.printed("fresh\ttrue") // closed by the script
	_ = server.accept(t)
	b.until("one connection is left", func() bool { b.tell(); return b.dialer.Account("s", 64).Open() == 1 })
}

// Two handlers read from one socket: each line goes to one of them.
func TestTwoReaders(t *testing.T) {
	server, b := newLineServer(t), newModBench(t, clockwork.NewRealClock(), nil)
	b.mustLoad(dial(server, `bridge.on("org.test.go", function()
		local sock, seen, n = connect(), {}, 0
		local function reader() for line in sock:lines() do seen[line] = (seen[line] or 0) + 1 n = n + 1 end end
		bridge.parallel(4, { 1, 2, 3, 4 }, reader)
		for _, times in pairs(seen) do assert(times == 1) end
		print("seen", n)
	end)`))
	b.deliver("go")
	conn := server.accept(t)
	for i := range 1000 {
		fmt.Fprintf(conn, "%d\n", i)
	}
	_ = conn.Close()
	b.printed("seen\t1000")
}

// A stream whose peer hung up is alive until what it sent has been read.
func TestStreamAlive(t *testing.T) {
	server, b := newLineServer(t), newModBench(t, clockwork.NewRealClock(), nil)
	conn, err := b.dialer.Account("x", 1).Dial(t.Context(), targetOf(server))
	if err != nil {
		t.Fatal(err)
	}
	s := newStream(conn)
	peer := server.accept(t)
	fmt.Fprint(peer, "last words\n")
	_ = peer.Close()
	s.ready(t.Context(), everything(1000, false))
	if !s.Alive() {
		t.Error("dead before its last line was read")
	}
	if part, ok, err := s.take(line(true)); string(part) != "last words" || !ok || err != nil {
		t.Errorf("took %q, %v, %v", part, ok, err)
	}
	if s.Alive() {
		t.Error("alive after the end")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if n := b.dialer.Account("x", 1).Open(); n != 0 {
		t.Errorf("%d connections are counted after the close", n)
	}
}

// A write that nobody takes ends with the handler, and closes the socket.
func TestWriteIsCutOff(t *testing.T) {
	server, b := newLineServer(t), newModBench(t, clockwork.NewRealClock(), nil)
	b.mustLoad(dial(server, `bridge.on("org.test.go", function()
		local sock = connect()
		print("late", pcall(bridge.timeout, 0.2, function() return sock:write(("x"):rep(16000000)) end))
		print("now", tostring(sock):match("closed"))
	end)`))
	start := time.Now()
	b.deliver("go")
	_ = server.accept(t) // and reads nothing
	b.printed("now\tclosed")
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("took %s", took)
	}
}
