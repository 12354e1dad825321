package luabind

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"bridgehost/egress"
)

// newWebServer answers as the paths say, and shows what it was asked.
func newWebServer(t *testing.T) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Add("X-Two", "a")
		w.Header().Add("X-Two", "b")
		fmt.Fprintf(w, "%s %s type=%s key=%s agent=%s body=%s", r.Method, r.URL.RawQuery, r.Header.Get("Content-Type"), r.Header.Get("X-Key"), r.Header.Get("User-Agent"), body)
	})
	mux.HandleFunc("/json", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"n":7,"list":[]}`) })
	mux.HandleFunc("/status/", func(w http.ResponseWriter, r *http.Request) {
		var status int
		_, _ = fmt.Sscanf(r.URL.Path, "/status/%d", &status)
		w.Header().Set("Retry-After", "120")
		w.WriteHeader(status)
		fmt.Fprint(w, "the reason")
	})
	mux.HandleFunc("/big", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("x", 5000)) })
	mux.HandleFunc("/circle", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/circle", http.StatusFound) })
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/echo?away", http.StatusFound) })
	mux.HandleFunc("/file", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "file:///etc/passwd")
		w.WriteHeader(http.StatusFound)
	})
	mux.HandleFunc("/hang", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/short", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		fmt.Fprint(w, "not that much")
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	other := httptest.NewServer(mux)
	t.Cleanup(other.Close)
	mux.HandleFunc("/other", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+"/echo", http.StatusTemporaryRedirect)
	})
	return s
}

func TestHTTPClient(t *testing.T) {
	server := newWebServer(t)
	broken := newLineServer(t)
	go func() {
		for conn := range broken.conns {
			fmt.Fprint(conn, "this is no HTTP\r\n\r\n")
			_ = conn.Close()
		}
	}()
	tests := []struct{ name, lua, want string }{
		{"get", `show(http.get(URL .. "/echo?a=1"))`, "200 GET a=1 type= key= agent=bridgehost body="},
		{"headers are sent, and found in any case", `local res = http.get(URL .. "/echo", { headers = { ["x-key"] = "k", ["User-Agent"] = "me" } })
			print(res.body, res.headers["x-two"], res.headers["X-Two"])`, "GET  type= key=k agent=me body=\ta, b\ta, b"},
		{"post a text by position", `show(http.post(URL .. "/echo", "hello"))`, "200 POST  type= key= agent=bridgehost body=hello"},
		{"post JSON", `show(http.post(URL .. "/echo", { json = { b = 1, a = "x" } }))`, `200 POST  type=application/json key= agent=bridgehost body={"a":"x","b":1}`},
		{"post a form", `show(http.post(URL .. "/echo", { form = { b = "1 2", a = "&" } }))`, "type=application/x-www-form-urlencoded key= agent=bridgehost body=a=%26&b=1+2"},
		{"request", `show(http.request { method = "put", url = URL .. "/echo", body = "x" })`, "200 PUT  type= key= agent=bridgehost body=x"},
		{"request is a GET", `show(http.request { url = URL .. "/echo" })`, "200 GET"},
		{"json", `print(http.get(URL .. "/json"):json().n, http.get(URL .. "/json").status)`, "7\t200"},
		{"no json", `local v, err = http.get(URL .. "/big"):json() print(v, err.kind, err.code)`, "nil\thttp\tE_JSON"},
		{"a status from 400 on is an error, and the answer comes third", `local res, err, answer = http.get(URL .. "/status/404?secret=1")
			print(res, err.kind, err.code, err.status, err.retryable, answer.body, err.message)`, "nil\thttp\tE_STATUS\t404\tfalse\tthe reason\tGET URL/status/404: 404 Not Found"},
		{"some of them may go better later", `local res, err = http.get(URL .. "/status/503") print(res, err.status, err.retryable, err.retry_after)`, "nil\t503\ttrue\t120"},
		{"304 is an answer", `show(http.get(URL .. "/status/304"))`, "304"},
		{"too large", `local res, err = http.get(URL .. "/big", { max_size = "4KB" }) print(res, err.kind, err.code, err.message)`, "nil\thttp\tE_TOO_LARGE\tGET URL/big: the answer is longer than 4096 bytes"},
		{"just large enough", `print(#http.get(URL .. "/big", { max_size = 5000 }).body)`, "5000"},
		{"a redirect is followed", `local res = http.get(URL .. "/away") print(res.body, res.url)`, "GET away type= key= agent=bridgehost body=\tURL/echo?away"},
		{"or not", `local res = http.get(URL .. "/away", { redirects = 0 }) print(res.status, res.headers.location)`, "302\t/echo?away"},
		{"not for ever", `local res, err = http.get(URL .. "/circle", { redirects = 3 }) print(res, err.kind, err.code, err.message)`, "nil\thttp\tE_REDIRECTS\tGET URL/circle: more than 3 redirects"},
		{"not to files", `local res, err = http.get(URL .. "/file") print(res, err.code, err.message)`, "nil\tE_REDIRECTS\tGET URL/file: the server redirects to \"file:///etc/passwd\", which is no http or https address"},
		{"what was meant for one server goes to no other", `show(http.request { method = "POST", url = URL .. "/other", json = 1, headers = { ["X-Key"] = "k", ["User-Agent"] = "me" } })`,
			"200 POST  type=application/json key= agent=me body=1"},
		{"no answer in time", `local res, err = http.get(URL .. "/hang", { timeout = 0.05 }) print(res, err.kind, err.code, err.retryable, err.message)`, "nil\ttimeout\tETIMEDOUT\ttrue\tGET URL/hang: no answer within 50ms"},
		{"half an answer", `local res, err = http.get(URL .. "/short") print(res, err.kind, err.code)`, "nil\tnet\tECONNRESET"},
		{"no HTTP", `local res, err = http.get("http://127.0.0.1:` + fmt.Sprint(broken.port()) + `/") print(res, err.kind, err.code)`, "nil\thttp\tE_HTTP"},
		{"nobody there", `local res, err = http.get("http://127.0.0.1:1/") print(res, err.kind, err.code, err.message)`, "nil\tnet\tECONNREFUSED\tGET http://127.0.0.1:1/: cannot connect to 127.0.0.1:1: connection refused"},
		{"no TLS there", `local res, err = http.get((URL:gsub("http", "https"))) print(res, err.kind, err.code)`, "nil\tnet\tE_TLS"},
		{"wrong addresses raise", `for _, u in ipairs { "", "example.org", "ftp://example.org", "http://", "http:x" } do raised(http.get, u) end`, "bad argument 'url' to 'get' (an address with http:// or https:// expected, got \"http:x\")"},
		{"wrong headers raise", `raised(http.get, URL, { headers = { a = "x\r\nb: y" } })`, `bad option 'headers' to 'get' ("A": "x\r\nb: y" can stand in no header)`},
		{"headers of the connection raise", `raised(http.get, URL, { headers = { host = "other.test" } })`, "bad option 'headers' to 'get' (Host is set by the host)"},
		{"two bodies raise", `raised(http.post, URL, { body = "x", form = { a = "b" } })`, "bad arguments to 'post' (only one of body, json and form)"},
		{"a wrong size raises", `raised(http.get, URL, { max_size = "much" })`, `bad option 'max_size' to 'get' (size expected (bytes, or "64KB", "1MB"), got "much")`},
		{"more than a string holds raises", `raised(http.get, URL, { max_size = "1GB" })`, "bad option 'max_size' to 'get' (1 to 16777216 bytes expected, got 1073741824)"},
		{"a wrong number of redirects raises", `raised(http.get, URL, { redirects = 21 })`, "bad option 'redirects' to 'get' (0 to 20 expected, got 21)"},
		{"no time raises", `raised(http.get, URL, { timeout = 0 })`, "bad option 'timeout' to 'get' (more than 0 expected)"},
		{"a wrong method raises", `raised(http.request, { method = "GET /", url = URL })`, "bad field 'method' to 'request'"},
		{"CONNECT raises", `raised(http.request, { method = "connect", url = URL })`, "bad field 'method' to 'request'"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newModBench(t, clockwork.NewRealClock(), nil)
			b.mustLoad(`local bridge, http = require "bridge", require "bridge.http"
				local URL = "` + server.URL + `"
				local function show(res) print(res.status, res.body) end
				local function raised(fn, ...) local ok, err = pcall(fn, ...) assert(not ok) print("raised", err.message) end
				bridge.on("org.test.go", function() ` + test.lua + ` print "done" end)`)
			b.deliver("go")
			b.printed("done")
			got := strings.ReplaceAll(strings.ReplaceAll(b.output(), server.URL, "URL"), "200\t", "200 ")
			if !strings.Contains(got, test.want) {
				t.Errorf("printed %q, want %q", got, test.want)
			}
		})
	}
}

// Connections are kept for the next request, and closed with the version of the script.
func TestHTTPKeepsConnections(t *testing.T) {
	server := newWebServer(t)
	b := newModBench(t, clockwork.NewRealClock(), nil)
	source := `local bridge, http = require "bridge", require "bridge.http"
		bridge.on("org.test.go", function()
			for i = 1, 10 do assert(http.get("` + server.URL + `/json")) end
			print "done"
		end)`
	b.mustLoad(source)
	b.deliver("go")
	b.printed("done")
	if n := b.dialer.Account("s", 64).Open(); n != 1 {
		t.Errorf("%d connections for 10 requests, want 1", n)
	}
	b.mustLoad(`print "other"`)
	b.until("nothing is open", func() bool { b.tell(); return b.dialer.Account("s", 64).Open() == 0 })
}

// Kept connections give way to those that are wanted.
func TestHTTPGivesPlacesBack(t *testing.T) {
	account := egress.New(egress.Config{}).Account("s", 1)
	clock := clockwork.NewRealClock()
	h := newHTTPClient(&Script{Name: "s"}, account, clock)
	defer h.Close()
	first, second := newWebServer(t), newWebServer(t)
	for range 3 {
		for _, server := range []*httptest.Server{first, second} {
			address, _ := url.Parse(server.URL + "/json")
			answer, err := h.do(t.Context(), &httpRequest{method: "GET", url: address, header: http.Header{}, timeout: time.Minute, maxSize: 100})
			if err != nil || answer.Status != 200 || account.Open() > 1 {
				t.Fatalf("%v, %v, %d open", answer, err, account.Open())
			}
		}
	}
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "512": 512, "512B": 512, "64KB": 64 << 10, " 1 mb ": 1 << 20, "2GB": 2 << 30} {
		if got, err := ParseSize(text); err != nil || got != want {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "x", "-1", "1.5MB", "KB", "9999999999999GB", "9223372036854775808"} {
		if n, err := ParseSize(text); err == nil {
			t.Errorf("%q is %d", text, n)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "5": 5 * time.Second, "-5": 0, "x": 0, "99999999999": maxRetryAfter,
		"Sun, 01 Mar 2026 12:01:00 GMT": time.Minute, "Sun, 01 Mar 2026 11:00:00 GMT": 0, "Sun, 01 Mar 2036 11:00:00 GMT": maxRetryAfter,
	} {
		if got := retryAfter(text, now); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}
