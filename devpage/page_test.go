package devpage

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"bridgehost/devserver"
)

// fakeHost is a host that runs nothing.
type fakeHost struct {
	script   Script
	reloads  int
	rollback error
	tests    bool
}

func (h *fakeHost) Script() Script                 { return h.script }
func (h *fakeHost) Reload(context.Context) error   { h.reloads++; return nil }
func (h *fakeHost) Rollback(context.Context) error { return h.rollback }
func (h *fakeHost) TestsAvailable() bool           { return h.tests }
func (h *fakeHost) Test(context.Context) (string, bool, error) {
	return "3 passed", true, nil
}

// site is a page under test, as its own browser sees it.
type site struct {
	t      *testing.T
	page   *Page
	hs     *devserver.Server
	host   *fakeHost
	server *httptest.Server
}

const bot = "@_bh_echo:bh.test"

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, hs: devserver.New(devserver.Options{}), host: &fakeHost{script: Script{Name: "echo", File: "echo.lua", Bot: bot, Ghosts: "@_bh_echo_", State: Running, Generation: 1}}}
	s.hs.AddAppservice(devserver.Appservice{ID: "bridgehost", SenderLocalpart: "_bh_bot", UserRegex: []string{"@_bh_.*"}})
	s.server = httptest.NewUnstartedServer(nil)
	s.page = newPage(Options{Server: s.hs, Host: s.host}, s.server.Listener.Addr().String())
	s.page.stop = s.hs.Subscribe(s.page.happened)
	s.server.Config.Handler = s.page.Handler()
	s.server.Start()
	t.Cleanup(func() { s.page.Close(); s.server.Close(); s.hs.Close() })
	return s
}

// request is what the page's own script would send; change makes it another's.
func (s *site) request(method, path, body string, change func(*http.Request)) (int, string, http.Header) {
	s.t.Helper()
	r, err := http.NewRequest(method, s.server.URL+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.AddCookie(&http.Cookie{Name: s.page.cookie, Value: s.page.key})
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Origin", s.server.URL)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	if change != nil {
		change(r)
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, string(text), res.Header
}

// post does what a button does and returns the answer.
func (s *site) post(path string, body any) map[string]any {
	s.t.Helper()
	raw, _ := json.Marshal(body)
	status, text, _ := s.request(http.MethodPost, "/api/"+path, string(raw), nil)
	var out map[string]any
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		s.t.Fatalf("POST %s: %d %s", path, status, text)
	}
	if (status == http.StatusOK) == (out["error"] != nil) {
		s.t.Errorf("POST %s: status %d with %s", path, status, text)
	}
	return out
}

func TestTheKeyOpensThePageAndBecomesACookie(t *testing.T) {
	s := newSite(t)
	if len(s.page.key) < 26 {
		t.Errorf("a key of %d letters can be guessed", len(s.page.key))
	}
	noCookie := func(r *http.Request) { r.Header.Del("Cookie") }
	status, text, head := s.request(http.MethodGet, "/?k="+s.page.key, "", noCookie)
	if status != http.StatusOK || !strings.Contains(text, "<title>bridgehost dev</title>") {
		t.Fatalf("the page: %d %s", status, text)
	}
	for _, part := range []string{s.page.cookie + "=" + s.page.key, "HttpOnly", "SameSite=Strict", "Path=/"} {
		if !strings.Contains(head.Get("Set-Cookie"), part) {
			t.Errorf("the cookie has no %s: %s", part, head.Get("Set-Cookie"))
		}
	}
	for _, part := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"} {
		if csp := head.Get("Content-Security-Policy"); !strings.Contains(csp, part) || strings.Contains(csp, "unsafe") {
			t.Errorf("the policy is %s", csp)
		}
	}
	for _, text := range []string{"<script>", "onclick=", "style=", "http://", "https://"} {
		if _, page, _ := s.request(http.MethodGet, "/", "", nil); strings.Contains(page, text) {
			t.Errorf("the page holds %s", text)
		}
	}
	for path, kind := range map[string]string{"/page.js": "text/javascript", "/page.css": "text/css", "/icon.svg": "image/svg+xml"} {
		if status, _, head := s.request(http.MethodGet, path, "", nil); status != http.StatusOK || !strings.HasPrefix(head.Get("Content-Type"), kind) {
			t.Errorf("%s: %d %s", path, status, head.Get("Content-Type"))
		}
	}
}

func TestStrangersAreRefused(t *testing.T) {
	s := newSite(t)
	port := s.page.port
	say := `{"name":"mallory"}`
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for name, c := range map[string]struct {
		method, path string
		change       func(*http.Request)
		want         int
	}{
		"no key":                       {"GET", "/", header("Cookie", ""), 403},
		"a wrong key":                  {"GET", "/?k=7f3a", header("Cookie", ""), 403},
		"an old cookie":                {"GET", "/", header("Cookie", s.page.cookie+"=7f3a"), 403},
		"no key for the script":        {"GET", "/page.js", header("Cookie", ""), 403},
		"no key for the stream":        {"GET", "/api/stream", header("Cookie", ""), 403},
		"no key for an action":         {"POST", "/api/user", header("Cookie", ""), 403},
		"the key in an action":         {"POST", "/api/user?k=" + s.page.key, header("Cookie", ""), 403},
		"another name (rebinding)":     {"GET", "/", func(r *http.Request) { r.Host = "evil.example:" + port }, 403},
		"another name with the key":    {"GET", "/?k=" + s.page.key, func(r *http.Request) { r.Host = "evil.example:" + port }, 403},
		"another port":                 {"GET", "/", func(r *http.Request) { r.Host = "127.0.0.1:1" }, 403},
		"no port":                      {"GET", "/", func(r *http.Request) { r.Host = "127.0.0.1" }, 403},
		"another origin":               {"POST", "/api/user", header("Origin", "https://evil.example"), 403},
		"another port of this machine": {"POST", "/api/user", header("Origin", "http://127.0.0.1:1"), 403},
		"an origin of null":            {"POST", "/api/user", header("Origin", "null"), 403},
		"the same site only":           {"POST", "/api/user", header("Sec-Fetch-Site", "same-site"), 403},
		"a stream for another site":    {"GET", "/api/stream", header("Sec-Fetch-Site", "cross-site"), 403},
		"a script for another site":    {"GET", "/page.js", header("Sec-Fetch-Site", "same-site"), 403},
		"a frame of another site": {"GET", "/", func(r *http.Request) {
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			r.Header.Set("Sec-Fetch-Mode", "no-cors")
		}, 403},
		"a form":     {"POST", "/api/user", header("Content-Type", "application/x-www-form-urlencoded"), 415},
		"plain text": {"POST", "/api/user", header("Content-Type", "text/plain"), 415},
		"a link that stands elsewhere": {"GET", "/", func(r *http.Request) {
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			r.Header.Set("Sec-Fetch-Mode", "navigate")
		}, 200},
		"the page by its other name":    {"GET", "/", func(r *http.Request) { r.Host = "localhost:" + port }, 200},
		"an action of the page":         {"POST", "/api/user", nil, 200},
		"an action by its other name":   {"POST", "/api/user", func(r *http.Request) { r.Host = "localhost:" + port; r.Header.Set("Origin", "http://localhost:"+port) }, 200},
		"a file that is not the page's": {"GET", "/static/page.js", nil, 404},
		"an action by GET":              {"GET", "/api/user", nil, 405},
	} {
		body := ""
		if c.method == "POST" {
			body = say
		}
		if status, text, _ := s.request(c.method, c.path, body, c.change); status != c.want {
			t.Errorf("%s: %d, not %d: %s", name, status, c.want, text)
		}
	}
}

func TestOnlyThisMachineIsListenedTo(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":0", "192.0.2.1:80", "[::]:0", "example.org:80"} {
		if _, err := New(Options{Listen: address}); !errors.Is(err, ErrNotLoopback) {
			t.Errorf("%s: %v", address, err)
		}
	}
	if _, err := New(Options{Listen: "8470"}); err == nil || !strings.Contains(err.Error(), "write it as 127.0.0.1:8470") {
		t.Errorf("no address: %v", err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if _, err := New(Options{Listen: taken.Addr().String()}); err == nil || !strings.Contains(err.Error(), "choose another port") {
		t.Errorf("a port that is taken: %v", err)
	}
	hs := devserver.New(devserver.Options{})
	defer hs.Close()
	var last string
	for range 2 { // the second gets the next free port
		p, err := New(Options{Server: hs, Host: &fakeHost{}})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		if !strings.HasPrefix(p.URL(), "http://127.0.0.1:") || p.URL() == last || p.host == last {
			t.Errorf("the address is %s", p.URL())
		}
		last = p.host
	}
}

// listener is an open stream.
type listener struct {
	t     *testing.T
	lines *bufio.Scanner
}

func (s *site) listen() *listener {
	s.t.Helper()
	r, _ := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.server.URL+"/api/stream", nil)
	r.AddCookie(&http.Cookie{Name: s.page.cookie, Value: s.page.key})
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { res.Body.Close() })
	if kind := res.Header.Get("Content-Type"); res.StatusCode != http.StatusOK || kind != "text/event-stream" {
		s.t.Fatalf("the stream: %d %s", res.StatusCode, kind)
	}
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 1<<20)
	return &listener{s.t, lines}
}

// next reads up to the next message of that name.
func (l *listener) next(name string, out any) {
	l.t.Helper()
	for l.lines.Scan() {
		if l.lines.Text() != "event: "+name {
			continue
		}
		l.lines.Scan()
		data, ok := strings.CutPrefix(l.lines.Text(), "data: ")
		if !ok || json.Unmarshal([]byte(data), out) != nil {
			l.t.Fatalf("%s: %s", name, l.lines.Text())
		}
		return
	}
	l.t.Fatalf("the stream ended before %s: %v", name, l.lines.Err())
}

func TestWhatHappensIsStreamed(t *testing.T) {
	s := newSite(t)
	room := s.post("room", map[string]any{"name": "#den", "as": "you"})["room_id"].(string)
	s.page.Put(Row{ID: 1, Kind: Work, Title: `message "hello"`, Busy: true})
	var first snapshot
	l := s.listen()
	l.next("snapshot", &first)
	if first.Script.File != "echo.lua" || len(first.Rooms) != 1 || first.Rooms[0].Name != "den" || first.Rooms[0].Members[bot] != "invite" ||
		len(first.Rows) != 1 || len(first.Events) < 5 || first.Script.Tests {
		t.Fatalf("the snapshot: %+v", first)
	}
	s.post("say", map[string]any{"room": room, "as": "you", "body": "hello"})
	var e struct {
		Raw struct {
			Sender  string
			Content struct{ Body string }
		}
	}
	for e.Raw.Content.Body != "hello" { // the room's first events may still be under way
		l.next("event", &e)
	}
	if e.Raw.Sender != "@you:bh.test" {
		t.Errorf("the event: %+v", e)
	}
	s.page.Put(Row{ID: 1, Kind: Work, Title: `message "hello"`, Took: time.Millisecond, Calls: []Call{{Name: "send_message", Status: 200}}})
	var r Row
	l.next("row", &r)
	if r.ID != 1 || r.Busy || len(r.Calls) != 1 {
		t.Errorf("the row: %+v", r)
	}
	s.host.script.State, s.host.script.Problem, s.host.tests = NotLoaded, "error: echo.lua:15: 'end' expected", true
	s.page.Refresh()
	var side Side
	for side.Script.State != NotLoaded {
		l.next("side", &side)
	}
	if !side.Script.Tests || side.Script.Problem == "" {
		t.Errorf("the script: %+v", side.Script)
	}
	var again snapshot
	s.listen().next("snapshot", &again)
	if len(again.Rows) != 1 || again.Rows[0].Busy {
		t.Errorf("a row that was put twice: %+v", again.Rows)
	}
	s.page.Close()
	if l.lines.Scan(); l.lines.Err() == nil && l.lines.Scan() && l.lines.Scan() {
		t.Error("the stream goes on after the page was closed")
	}
}

func TestAPageThatDoesNotReadIsCutOff(t *testing.T) {
	s := &subscriber{wake: make(chan struct{}, 1)}
	for range most + 10 {
		s.put(message{name: "event"})
	}
	queue, side, late := s.take()
	if len(queue) != most || !side || !late {
		t.Errorf("%d wait, side %t, late %t", len(queue), side, late)
	}
}

func TestOldRowsGo(t *testing.T) {
	s := newSite(t)
	for i := range rowsKept + 5 {
		s.page.Put(Row{ID: int64(i + 1)})
	}
	if len(s.page.rows) != rowsKept || s.page.rows[0].ID != 6 {
		t.Errorf("%d rows from %d on", len(s.page.rows), s.page.rows[0].ID)
	}
}

func TestMessagesAreSentAnsweredEditedAndTakenBack(t *testing.T) {
	s := newSite(t)
	room := s.post("room", map[string]any{"name": "den", "as": "you"})["room_id"]
	said := s.post("say", map[string]any{"room": room, "as": "@alice:bh.test", "body": "hello"})["event_id"] // who joins by it
	s.post("reply", map[string]any{"room": room, "as": "you", "body": "yes?", "event": said})
	s.post("edit", map[string]any{"room": room, "as": "alice", "body": "hallo", "event": said})
	s.post("react", map[string]any{"room": room, "as": "you", "event": said, "key": "👍"})
	s.post("say", map[string]any{"room": room, "as": "you", "body": "/me waves"})
	s.post("redact", map[string]any{"room": room, "as": "alice", "event": said})
	var all bytes.Buffer
	for _, e := range s.hs.Timeline(devserver.RoomID(room.(string))) {
		all.WriteString(string(e.Sender) + " " + e.Type + " " + string(e.Content) + "\n")
	}
	rest := strings.ReplaceAll(all.String(), said.(string), "$1")
	for _, want := range []string{
		`@alice:bh.test m.room.member`,
		`@alice:bh.test m.room.message {}`,
		`@you:bh.test m.room.message {"body":"yes?","m.relates_to":{"m.in_reply_to":{"event_id":"$1"}},"msgtype":"m.text"}`,
		`@alice:bh.test m.room.message {"body":"* hallo","m.new_content":{"body":"hallo","msgtype":"m.text"},"m.relates_to":{"event_id":"$1","rel_type":"m.replace"},"msgtype":"m.text"}`,
		`@you:bh.test m.reaction {"m.relates_to":{"event_id":"$1","key":"👍","rel_type":"m.annotation"}}`,
		`@you:bh.test m.room.message {"body":"waves","msgtype":"m.emote"}`,
		`@alice:bh.test m.room.redaction`,
	} {
		_, after, ok := strings.Cut(rest, want)
		if !ok {
			t.Fatalf("not there, or not in this order: %s\n%s", want, rest)
		}
		rest = after
	}
}

func TestMistakesAreAnswered(t *testing.T) {
	s := newSite(t)
	room := s.post("room", map[string]any{"name": "den", "as": "you"})["room_id"]
	s.host.rollback = errors.New("script echo has no generation to roll back to")
	for name, c := range map[string]struct {
		path, want string
		body       map[string]any
	}{
		"nothing said":    {"say", "the message is empty", map[string]any{"room": room, "as": "you", "body": " \n"}},
		"no such room":    {"say", "Unknown room", map[string]any{"room": "!x:bh.test", "as": "you", "body": "hi"}},
		"as the bot":      {"say", "belongs to the bridge", map[string]any{"room": room, "as": bot, "body": "hi"}},
		"as a ghost":      {"user", "belongs to the bridge", map[string]any{"name": "_bh_echo_bob"}},
		"a bad name":      {"user", `cannot be called "Bob Smith"`, map[string]any{"name": "Bob Smith"}},
		"no name":         {"room", "needs a name", map[string]any{"name": " # ", "as": "you"}},
		"no older":        {"rollback", "no generation to roll back to", nil},
		"no tests":        {"test", "no tests", nil},
		"not one's right": {"redact", "Could not find event", map[string]any{"room": room, "as": "alice", "event": "$none"}},
	} {
		if text, _ := s.post(c.path, c.body)["error"].(string); !strings.Contains(text, c.want) {
			t.Errorf("%s: %q", name, text)
		}
	}
	if status, text, _ := s.request(http.MethodPost, "/api/say", "{", nil); status != http.StatusBadRequest || !strings.Contains(text, "not understood") {
		t.Errorf("half a request: %d %s", status, text)
	}
	if status, _, _ := s.request(http.MethodPost, "/api/say", `{"body":"`+strings.Repeat("x", maxAction)+`"}`, nil); status != http.StatusBadRequest {
		t.Errorf("a request without end: %d", status)
	}
}

func TestButtonsOfTheScript(t *testing.T) {
	s := newSite(t)
	s.post("reload", nil)
	s.host.tests = true
	if out := s.post("test", nil); s.host.reloads != 1 || out["report"] != "3 passed" || out["passed"] != true {
		t.Errorf("%d reloads, tests %v", s.host.reloads, out)
	}
}

func TestFaultsAreSetAndShown(t *testing.T) {
	s := newSite(t)
	l := s.listen()
	for _, name := range []string{"slow", "rate_limit", "forbid_join", "down", "duplicate"} {
		s.post("faults", map[string]any{name: true})
		var side struct{ Faults map[string]bool }
		for !side.Faults[name] {
			l.next("side", &side)
		}
		f := s.hs.Faults()
		if set := []bool{f.Slow > 0, f.RateLimitEvery > 0, f.ForbidJoin, f.Down, f.DuplicateTransactions}; countTrue(set) != 1 {
			t.Errorf("%s: %v", name, set)
		}
	}
	s.post("faults", map[string]any{})
	if f := s.hs.Faults(); f.Down || f.Slow > 0 {
		t.Errorf("a healthy server: %+v", f)
	}
}

func countTrue(list []bool) (n int) {
	for _, yes := range list {
		if yes {
			n++
		}
	}
	return n
}
