package devserver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"bridgehost/matrix"
)

// bridge is an application service of the test: it keeps what it is sent.
type bridge struct {
	t       *testing.T
	hs      *Server
	url     string
	mu      sync.Mutex
	txns    []string // ids, in order, repeated ones too
	events  []Event
	sizes   []int
	edus    []map[string]any
	status  int           // what it answers; 0: 200
	refused chan struct{} // one for every refusal
}

func (b *bridge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer hs" {
		w.WriteHeader(403)
		return
	}
	_, txn, _ := strings.Cut(r.URL.Path, "/transactions/")
	b.txns = append(b.txns, txn)
	if b.status != 0 {
		w.WriteHeader(b.status)
		select {
		case b.refused <- struct{}{}:
		default:
		}
		return
	}
	var in struct {
		Events    []json.RawMessage
		Ephemeral []map[string]any
	}
	switch err := json.NewDecoder(r.Body).Decode(&in); {
	case errors.Is(err, io.ErrUnexpectedEOF): // the server was closed while it pushed: the test is over
		return
	case err != nil:
		b.t.Errorf("transaction %s: %v", txn, err)
	}
	for _, raw := range in.Events {
		e, err := matrix.ParseEvent(raw)
		if err != nil {
			b.t.Errorf("event: %v", err)
			continue
		}
		b.events = append(b.events, *e)
	}
	b.sizes = append(b.sizes, len(in.Events))
	b.edus = append(b.edus, in.Ephemeral...)
	_, _ = w.Write([]byte("{}"))
}

// set changes what the bridge answers.
func (b *bridge) set(status int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.status = status
}

func (b *bridge) idle() {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := b.hs.Idle(ctx); err != nil {
		b.t.Fatal("not idle:", err)
	}
	b.mu.Lock() // what was sent before is seen after
	defer b.mu.Unlock()
}

func setUp(t *testing.T, o Options) (*Server, *bridge) {
	t.Helper()
	if o.RetryUnit == 0 {
		o.RetryUnit = time.Millisecond
	}
	hs := New(o)
	base, err := hs.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &bridge{t: t, hs: hs, url: base, refused: make(chan struct{}, 100)}
	as := httptest.NewServer(b)
	t.Cleanup(as.Close)
	t.Cleanup(hs.Close)
	hs.AddAppservice(Appservice{ID: "br", URL: as.URL, ASToken: "as", HSToken: "hs", SenderLocalpart: "_bh_bot",
		UserRegex: []string{`^@_bh_.*:bh\.test$`}, AliasRegex: []string{`^#_bh_.*:bh\.test$`}, PushEphemeral: true})
	return hs, b
}

// answer is one answer of the client-server API.
type answer struct {
	status int
	body   map[string]any
	raw    string
}

// as makes a request as one of the bridge's users ("" for the sender), or with the
// token of an ordinary user.
func (b *bridge) as(who, method, path string, body any) answer {
	b.t.Helper()
	token, query := "as", ""
	if strings.HasPrefix(who, "syt_") || who == "bad" {
		token = who
	} else if who != "" {
		query = "user_id=" + url.QueryEscape(who)
	}
	var in io.Reader
	switch v := body.(type) {
	case nil:
	case string:
		in = strings.NewReader(v)
	default:
		raw, err := json.Marshal(v)
		if err != nil {
			b.t.Fatal(err)
		}
		in = bytes.NewReader(raw)
	}
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	if !strings.HasPrefix(path, "/") {
		path = "/_matrix/client/" + path
	}
	req, err := http.NewRequest(method, b.url+path+sep+query, in)
	if err != nil {
		b.t.Fatal(err)
	}
	if who != "none" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{raw: err.Error()}
	}
	defer res.Body.Close()
	raw, _ := io.ReadAll(res.Body)
	a := answer{status: res.StatusCode, raw: string(raw)}
	_ = json.Unmarshal(raw, &a.body) // lists are looked at as text
	return a
}

func (b *bridge) register(localpart string) string {
	b.t.Helper()
	a := b.as("", "POST", "v3/register", object{"type": "m.login.application_service", "username": localpart, "inhibit_login": true})
	if a.status != 200 {
		b.t.Fatal(a.raw)
	}
	return "@" + localpart + ":bh.test"
}

// expect compares status, errcode and the beginning of the text ("" for success).
func (a answer) expect(t *testing.T, what string, status int, code, text string) {
	t.Helper()
	got, _ := a.body["error"].(string)
	errcode, _ := a.body["errcode"].(string)
	if a.status != status || errcode != code || !strings.Contains(got, text) {
		t.Errorf("%s: %d %s, want %d %s %q", what, a.status, a.raw, status, code, text)
	}
}

func ok[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func done(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
