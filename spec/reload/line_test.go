package reload

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"bridgehost/spec/bridgetest"
)

// lineServer is a server of lines: it counts connections, sends and remembers what it hears.
type lineServer struct {
	listener net.Listener

	mu    sync.Mutex
	conns []net.Conn
	heard []string
	news  chan struct{}
}

func newLineServer(t *testing.T) *lineServer {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &lineServer{listener: l, news: make(chan struct{}, 1)}
	t.Cleanup(func() { l.Close(); s.hangUp() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns = append(s.conns, conn)
			s.mu.Unlock()
			s.tell()
			go s.listen(conn)
		}
	}()
	return s
}

func (s *lineServer) listen(conn net.Conn) {
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		s.mu.Lock()
		s.heard = append(s.heard, lines.Text())
		s.mu.Unlock()
		s.tell()
	}
}

func (s *lineServer) tell() {
	select {
	case s.news <- struct{}{}:
	default:
	}
}

// wait returns when done says so.
func (s *lineServer) wait(t *testing.T, what string, done func(conns int, heard []string) bool) {
	t.Helper()
	end := time.After(time.Minute)
	for {
		s.mu.Lock()
		ok := done(len(s.conns), s.heard)
		s.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-s.news:
		case <-end:
			t.Fatalf("after a minute it still does not hold that %s", what)
		}
	}
}

func (s *lineServer) send(t *testing.T, line string) {
	s.mu.Lock()
	conn := s.conns[len(s.conns)-1]
	s.mu.Unlock()
	if _, err := fmt.Fprintf(conn, "%s\r\n", line); err != nil {
		t.Fatal(err)
	}
}

func (s *lineServer) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		c.Close()
	}
}

// lineScript joins a room and a line server. broken says what is wrong with this version.
func lineScript(version int, address, room, broken string) string {
	host, port, _ := net.SplitHostPort(address)
	extra := map[string]string{
		"":         "",
		"syntax":   "if true then\n",
		"run time": "local t = nil\nprint(t.field)\n",
		"send":     fmt.Sprintf("intent:send_text(%q, \"too early\")\n", room),
	}[broken]
	return fmt.Sprintf(`-- version %d
local bridge = require "bridge"
local net = require "bridge.net"
%s
local sock
bridge.service("lines", function()
  local fresh
  sock, fresh = bridge.keep("socket", function()
    return assert(net.connect { host = %q, port = %s, timeout = "5s" })
  end)
  if fresh then sock:write("HELLO\r\n") end
  for line in sock:lines() do
    bridge.ghost("far", { displayname = "far" }):send_text(%q, line)
  end
  error("the server hung up")
end)

bridge.on("message", function(evt)
  if not sock then return evt:fail("not connected") end
  assert(sock:write("<" .. evt.sender_name .. "> " .. evt.text .. "\r\n"))
end)
`, version, extra, host, port, room)
}

// TestLineServer: a service over one TCP connection while the script is saved 8 times, three of
// the saves broken: every line arrives once, in order, both ways, over one connection.
func TestLineServer(t *testing.T) {
	const lines, saves = 400, 8
	hs := bridgetest.NewDevserver(t)
	server := newLineServer(t)
	host := bridgetest.NewHost(t, hs, "")
	user := hs.User(t, "alice")
	room := user.CreateRoom(t, "public_chat", "@_bh_line:"+hs.Name())
	address := server.listener.Addr().String()
	broken := map[int]string{2: "syntax", 4: "run time", 6: "send"}

	host.Save(t, "line.lua", lineScript(0, address, room, ""))
	host.Start(t)
	server.wait(t, "the script is connected", func(conns int, heard []string) bool { return conns == 1 && len(heard) == 1 })
	server.send(t, "line first")
	user.WaitMessages(t, room, func(all []bridgetest.Message) bool { return len(from(all, "@_bh_line_far:")) == 1 })

	version := 0
	for n := range lines {
		server.send(t, fmt.Sprintf("line %d", n))
		user.Say(t, room, fmt.Sprintf("word %d", n))
		if n%(lines/saves) == lines/saves/2 {
			version++
			host.Save(t, "line.lua", lineScript(version, address, room, broken[version]))
		}
	}
	all := user.WaitMessages(t, room, func(all []bridgetest.Message) bool { return len(from(all, "@_bh_line_far:")) > lines })
	in := from(all, "@_bh_line_far:")
	wantIn := []string{"line first"}
	wantOut := []string{"HELLO"}
	for n := range lines {
		wantIn = append(wantIn, fmt.Sprintf("line %d", n))
		wantOut = append(wantOut, fmt.Sprintf("<alice> word %d", n))
	}
	server.wait(t, "all words arrived", func(_ int, heard []string) bool { return len(heard) >= len(wantOut) })
	same(t, "line server to Matrix", in, wantIn)
	same(t, "Matrix to line server", server.heard, wantOut)
	if len(server.conns) != 1 {
		t.Errorf("%d connections, want 1", len(server.conns))
	}
	t.Logf("%d lines in: %d delivered; %d words out: %d delivered; %d saves (%d broken), %d connection(s)",
		lines+1, len(in), lines, len(server.heard)-1, version, len(broken), len(server.conns))

	server.hangUp()
	server.wait(t, "the script connected again by itself", func(conns int, _ []string) bool { return conns == 2 })
	server.send(t, "line after")
	user.WaitMessages(t, room, func(all []bridgetest.Message) bool {
		in := from(all, "@_bh_line_far:")
		return in[len(in)-1] == "line after"
	})
}

func from(all []bridgetest.Message, prefix string) []string {
	var bodies []string
	for _, m := range all {
		if strings.HasPrefix(m.Sender, prefix) {
			bodies = append(bodies, m.Body)
		}
	}
	return bodies
}

// same compares two lists and names the first difference.
func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		g, w := "(nothing)", "(nothing)"
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			t.Errorf("%s, at %d: got %q, want %q (%d of %d in all)", what, i, g, w, len(got), len(want))
			return
		}
	}
}
