package host

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"bridgehost/engine"
)

// hookHost serves the routes of a script called "web" with that source.
func hookHost(t *testing.T, limits LimitsConfig, source string) (h *Host, reload func(source string), url string) {
	t.Helper()
	h, _ = quietHost(t)
	h.cfg.HTTP.Listen, h.cfg.Scripts.Limits = "127.0.0.1:0", limits
	path := filepath.Join(t.TempDir(), "web.lua")
	write := func(source string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(source)
	stop := h.serveHooks()
	t.Cleanup(stop)
	if err := h.add(t.Context(), found{name: "web", path: path}); err != nil {
		t.Fatal(err)
	}
	return h, func(source string) {
		t.Helper()
		write(source)
		if err := h.reloadOne(t.Context(), h.script("web"), engine.ReasonAsked); err != nil {
			t.Fatal(err)
		}
	}, "http://" + h.hooks.address + "/hook/web"
}

func answer(t *testing.T, method, url, body string) string {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d %s", res.StatusCode, text)
}

func TestHooks(t *testing.T) {
	_, _, url := hookHost(t, LimitsConfig{}, `local http = require "bridge.http"
		http.route("POST", "/echo", { max_body = 10 }, function(req) return req.remote:match("^127.0.0.1:") .. req.body end)`)
	for _, test := range []struct{ method, path, body, want string }{
		{"POST", "/echo", "hello", "200 127.0.0.1:hello"},
		{"POST", "/echo", "hello, world", "413 the body is longer than 10 bytes\n"},
		{"GET", "/echo", "", "405 the script has no route for that method here\n"},
		{"POST", "/other", "", "404 the script has no such route\n"},
	} {
		if got := answer(t, test.method, url+test.path, test.body); got != test.want {
			t.Errorf("%s %s: %q, want %q", test.method, test.path, got, test.want)
		}
	}
	if got := answer(t, "GET", strings.TrimSuffix(url, "/hook/web"), ""); got != "404 there is no such script\n" {
		t.Errorf("outside of /hook/: %q", got)
	}
}

// Requests come while the script is loaded again: each is answered 200 once, what it wrote
// is there, and both loaded versions count together.
func TestHooksHaveNoGap(t *testing.T) {
	const reloads, clients = 20, 4
	source := `local bridge, http = require "bridge", require "bridge.http"
		local store = bridge.store("s")
		local counts, memory = bridge.store("counts"), bridge.memory("counts")
		local function more(n) return (n or 0) + 1 end
		http.route("POST", "/", function(req)
			store:set(req.remote .. req.body, true)
			counts:update("n", more) memory:update("n", more)
			return "%d"
		end)
		http.route("GET", "/", function() return ("%%d %%d %%d"):format(#store:keys(), counts:get("n"), memory:get("n")) end)`
	_, reload, url := hookHost(t, LimitsConfig{}, fmt.Sprintf(source, 0))
	var asked, serial atomic.Int64
	var running sync.WaitGroup
	done, begun := make(chan struct{}), make(chan struct{}, clients)
	for range clients {
		running.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if got := answer(t, "POST", url+"/", fmt.Sprint(serial.Add(1))); !strings.HasPrefix(got, "200 ") {
					t.Errorf("answered %q", got)
					return
				}
				asked.Add(1)
				select {
				case begun <- struct{}{}:
				default:
				}
			}
		})
	}
	<-begun
	for i := range reloads {
		reload(fmt.Sprintf(source, i+1))
		if got := answer(t, "POST", url+"/", fmt.Sprint(serial.Add(1))); got != fmt.Sprintf("200 %d", i+1) {
			t.Errorf("after reload %d: %q", i+1, got)
		}
		asked.Add(1)
	}
	close(done)
	running.Wait()
	if got, want := answer(t, "GET", url+"/", ""), fmt.Sprintf("200 %[1]d %[1]d %[1]d", asked.Load()); got != want {
		t.Errorf("written: %q, want %q", got, want)
	}
	t.Logf("%d requests during %d reloads", asked.Load(), reloads)
}

// As many requests as handlers may run are answered at once.
func TestHooksAtOnce(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, _, url := hookHost(t, LimitsConfig{Handlers: 2}, fmt.Sprintf(`local http, net = require "bridge.http", require "bridge.net"
		http.route("GET", "/", function()
			local sock = assert(net.connect { host = "127.0.0.1", port = %d })
			return sock:read_line()
		end)`, l.Addr().(*net.TCPAddr).Port))
	answers := make(chan string, 2)
	var conns []net.Conn
	for range 2 {
		go func() { answers <- answer(t, "GET", url+"/", "") }()
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
	}
	if got := answer(t, "GET", url+"/", ""); got != "503 too many requests at once\n" {
		t.Errorf("the third: %q", got)
	}
	for _, conn := range conns {
		fmt.Fprint(conn, "go on\n")
		if got := <-answers; got != "200 go on" {
			t.Errorf("answered %q", got)
		}
		_ = conn.Close()
	}
}

// The listener is open while there are routes.
func TestHooksListenForRoutesOnly(t *testing.T) {
	h, reload, _ := hookHost(t, LimitsConfig{}, `print "no route"`)
	listening := func() bool {
		h.hooks.mu.Lock()
		defer h.hooks.mu.Unlock()
		return h.hooks.server != nil
	}
	if listening() {
		t.Error("open without a route")
	}
	reload(`require "bridge.http".route("GET", "/", function() return "here" end)`)
	if !listening() {
		t.Fatal("closed with a route")
	}
	if got := answer(t, "GET", "http://"+h.hooks.address+"/hook/web/", ""); got != "200 here" {
		t.Errorf("answered %q", got)
	}
	reload(`print "no route"`)
	if listening() {
		t.Error("open after the last route")
	}
}

// A body that does not come ends the request.
func TestHooksSlowBody(t *testing.T) {
	h, _, _ := hookHost(t, LimitsConfig{}, `require "bridge.http".route("POST", "/", { timeout = 0.1 }, function() return "here" end)`)
	conn, err := net.Dial("tcp", h.hooks.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "POST /hook/web/ HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || line != "HTTP/1.1 408 Request Timeout\r\n" {
		t.Errorf("answered %q, %v", line, err)
	}
}
