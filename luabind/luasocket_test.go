package luabind

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/jonboulle/clockwork"
)

func TestLuaSocketReceives(t *testing.T) {
	tests := []struct{ name, sent, lua, want string }{
		{"half a line at the end is no line", "one\r\ntwo", `print(tcp:receive()) print(tcp:receive()) print(tcp:receive())`, "one\nnil\tclosed\ttwo\nnil\tclosed\t"},
		{"the end of a line may come with a prefix", "lo\n", `print(tcp:receive("*l", "hel"))`, "hello"},
		{"fewer bytes than asked for", "abc", `print(tcp:receive(5)) print(tcp:receive(1))`, "nil\tclosed\tabc\nnil\tclosed\t"},
		{"all, once", "a\nb", `print(tcp:receive("*a")) print(tcp:receive("*a"))`, "a\nb\nnil\tclosed\t"},
		{"every carriage return of a line is left out", "a\rb\r\r\n", `print(tcp:receive())`, "ab"},
		{"no bytes are there at once", "abc", `print("<" .. tcp:receive(0) .. ">") print(tcp:receive(3))`, "<>\nabc"},
		{"more than the buffer", strings.Repeat("x", 200_000), `print(#tcp:receive(150000)) print(#tcp:receive("*a"))`, "150000\n50000"},
		{"a line that is too long", strings.Repeat("x", maxLine+5) + "\n", `local v, err, part = tcp:receive() print(v, err, #part > 1000)`, "nil\tthe line is longer than 256 KiB\ttrue"},
		{"patterns without a star, as files of Lua 5.3 take them", "a\nb", `print(tcp:receive("l"), tcp:receive("a"))`, "a\tb"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server, b := newLineServer(t), newModBench(t, clockwork.NewRealClock(), nil)
			b.mustLoad(fmt.Sprintf(`local bridge, socket = require "bridge", require "socket"
				bridge.on("org.test.go", function() local tcp = assert(socket.connect("127.0.0.1", %d)) %s print "done" end)`, server.port(), test.lua))
			b.deliver("go")
			conn := server.accept(t)
			if _, err := io.WriteString(conn, test.sent); err != nil {
				t.Fatal(err)
			}
			_ = conn.Close()
			b.printed("done")
			if got := strings.TrimSuffix(b.output(), "\ndone"); got != test.want {
				t.Errorf("printed %q, want %q", got, test.want)
			}
		})
	}
}

func TestLuaSocketPeer(t *testing.T) {
	server, b := newLineServer(t), newModBench(t, clockwork.NewRealClock(), nil)
	b.mustLoad(fmt.Sprintf(`local bridge, socket = require "bridge", require "socket"
		bridge.on("org.test.go", function() print(assert(socket.connect("127.0.0.1", %d)):getpeername()) print "done" end)`, server.port()))
	b.deliver("go")
	server.accept(t)
	b.printed("done")
	if want := fmt.Sprintf("127.0.0.1\t%d\tinet\ndone", server.port()); b.output() != want {
		t.Errorf("printed %q, want %q", b.output(), want)
	}
}

func TestSpan(t *testing.T) {
	const text = "hello"
	for _, x := range []struct {
		i, j int
		want string
	}{{1, -1, "hello"}, {2, 4, "ell"}, {-3, -2, "ll"}, {0, 99, "hello"}, {-99, 2, "he"}, {4, 2, ""}, {9, -1, ""}, {1, 0, ""}, {1, -9, ""}} {
		from, to := span(len(text), x.i, x.j)
		if got := text[from:to]; got != x.want {
			t.Errorf("%d, %d: %q, want %q", x.i, x.j, got, x.want)
		}
	}
}
