package luatest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"bridgehost/luabind"
)

// maxStill is how many requests may be made without time passing: two scripts that answer
// each other would go on for ever.
const maxStill = 5_000

// wire is what carries a bridge's requests: it keeps those of the spec's own calls, and
// answers in the homeserver's place where the spec wants that.
type wire struct {
	to     http.RoundTripper
	still  atomic.Int64 // requests since time passed
	faults *faults
	seen   func(f *luabind.Function, r luabind.SpecRequest) // may be nil

	mu    sync.Mutex
	asked []luabind.SpecRequest
}

// RoundTrip implements http.RoundTripper.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	if w.still.Add(1) > maxStill {
		return nil, errors.New("too many requests without any time passing")
	}
	body := []byte{}
	if r.Body != nil {
		var err error
		body, err = io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil {
			return nil, err
		}
		r = r.Clone(r.Context())
		if r.Body = http.NoBody; len(body) > 0 { // its length stays known
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
	}
	answer, err := w.faults.answer(r, w.to)
	if f := luabind.Calling(r.Context()); f != nil {
		one := request(r, body)
		if err == nil {
			one.Status = answer.StatusCode
		}
		w.mu.Lock()
		w.asked = append(w.asked, one)
		w.mu.Unlock()
		if w.seen != nil {
			w.seen(f, one)
		}
	}
	return answer, err
}

// take returns what was asked since the last look.
func (w *wire) take() []luabind.SpecRequest {
	w.mu.Lock()
	defer w.mu.Unlock()
	asked := w.asked
	w.asked = nil
	return asked
}

// clientPrefix is left out of the paths that are shown.
const clientPrefix = "/_matrix/client/v3"

// request is a request for reading.
func request(r *http.Request, body []byte) luabind.SpecRequest {
	query := r.URL.Query()
	one := luabind.SpecRequest{Method: r.Method, Host: r.URL.Host, Path: r.URL.Path, RawPath: r.URL.EscapedPath(), Query: map[string]string{},
		User: query.Get("user_id"), Header: map[string]string{}}
	query.Del("user_id")
	for key := range query {
		one.Query[key] = query.Get(key)
	}
	for key := range r.Header {
		one.Header[strings.ToLower(key)] = r.Header.Get(key)
	}
	if json.Valid(body) {
		one.Content = body
	} else {
		one.Body = string(body)
	}
	one.Line = r.Method + " " + shortPath(r.URL.Path)
	if len(query) > 0 {
		plain, _ := url.QueryUnescape(query.Encode()) // was encoded just now
		one.Line += "?" + plain
	}
	return one
}

// shortPath leaves out what every path begins with, and names the transaction ids TXN.
func shortPath(path string) string {
	path = strings.TrimPrefix(path, clientPrefix)
	parts := strings.Split(path, "/")
	if n := len(parts); n > 4 && parts[1] == "rooms" && (parts[3] == "send" || parts[3] == "redact") {
		return strings.Join(parts[:n-1], "/") + "/TXN"
	}
	return path
}

// faults are answers in the homeserver's place, for one sentence.
type faults struct {
	mu  sync.Mutex
	all []*luabind.SpecFault
}

func (f *faults) add(one luabind.SpecFault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = append(f.all, &one)
}

func (f *faults) clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = nil
}

// next takes the fault that fits, nil when there is none.
func (f *faults) next(r *http.Request) *luabind.SpecFault {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, one := range f.all {
		if one.Times > 0 && (one.Method == "" || one.Method == r.Method) && strings.Contains(r.URL.Path, one.Path) {
			one.Times--
			return one
		}
	}
	return nil
}

func (f *faults) answer(r *http.Request, to http.RoundTripper) (*http.Response, error) {
	one := f.next(r)
	if one == nil {
		return to.RoundTrip(r)
	}
	if one.Done {
		was, err := to.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		was.Body.Close()
	}
	if one.Refused {
		return nil, syscall.ECONNREFUSED
	}
	body := []byte(one.Body)
	if one.Body == "" {
		content := map[string]any{}
		if len(one.Content) > 0 {
			_ = json.Unmarshal(one.Content, &content) // was an object in Lua
		}
		if one.Errcode != "" {
			maps.Copy(content, map[string]any{"errcode": one.Errcode, "error": one.Error})
		}
		body, _ = json.Marshal(content) // came from JSON
	}
	h, length := http.Header{"Content-Type": {"application/json"}}, int64(len(body))
	for key, value := range one.Headers {
		h.Set(key, value)
	}
	if n, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64); err == nil {
		length = n // as a connection would tell it
	}
	return &http.Response{StatusCode: one.Status, Status: http.StatusText(one.Status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: h, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: length, Request: r}, nil
}
