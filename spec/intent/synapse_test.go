package intent

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bridgehost/appservice"
	"bridgehost/devserver"
	"bridgehost/luatest"
	"bridgehost/spec/covered"
	"bridgehost/spec/synapsetest"
)

// TestSpecsOnSynapse runs the same specs on a real homeserver, but for the sentences that
// say why they cannot be.
func TestSpecsOnSynapse(t *testing.T) {
	s := newSynapse(t)
	tried, left := 0, 0
	for _, f := range covered.Run(t, luatest.Options{Homes: s.home}) {
		for _, sentence := range f.Sentences {
			if sentence.SimulatedOnly == "" {
				tried++
				continue
			}
			left++
			t.Logf("on devserver only: %s: %s", sentence.Name, sentence.SimulatedOnly)
		}
	}
	t.Logf("%d sentences on Synapse, %d on devserver only", tried, left)
	if left >= 10 {
		t.Errorf("%d sentences run on devserver only, fewer than 10 may", left)
	}
}

// synapse is one Synapse that all sentences use, each with names of its own.
type synapse struct {
	*synapsetest.Server
	t            *testing.T
	registration string
	admin        *synapsetest.Client
	marks        string // a room that nothing else happens in
	number       int    // of scripts so far

	mu       sync.Mutex
	push     http.Handler
	events   []devserver.Event
	answered map[string]chan struct{} // marks under way
}

func newSynapse(t *testing.T) *synapse {
	s := &synapse{t: t, answered: map[string]chan struct{}{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	reg, err := appservice.NewRegistration(appservice.NewOptions{URL: server.URL, ServerName: "localhost", Prefix: "_bh_"})
	if err != nil {
		t.Fatal(err)
	}
	s.registration = filepath.Join(t.TempDir(), "registration.yaml")
	if err := reg.Write(s.registration, true); err != nil {
		t.Fatal(err)
	}
	s.Server = synapsetest.Start(t, synapsetest.Options{Quiet: true, Registrations: []string{s.registration},
		Config: map[string]any{"experimental_features": map[string]any{"msc4140_enabled": true}, "max_event_delay_duration": "24h"}})
	s.admin = s.Server.Admin("admin")
	s.marks = s.admin.CreateRoom(map[string]any{"preset": "public_chat"})
	const marker = "@_bh_marks:localhost"
	bot := s.As(reg.ASToken, marker)
	status, body, err := s.As(reg.ASToken, "").Do("POST", "/_matrix/client/v3/register", nil,
		map[string]any{"type": "m.login.application_service", "username": "_bh_marks", "inhibit_login": true})
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("register %s: %d %s", marker, status, body)
	}
	if err == nil {
		status, body, err = bot.Do("POST", "/_matrix/client/v3/join/"+url.PathEscape(s.marks), url.Values{"user_id": {marker}}, struct{}{})
	}
	if err != nil || status != http.StatusOK {
		t.Fatalf("make the room of the marks: %v, %d %s", err, status, body)
	}
	return s
}

// ServeHTTP gives what Synapse pushes to the present bridge.
func (s *synapse) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	s.mu.Lock()
	push := s.push
	s.mu.Unlock()
	answer := httptest.NewRecorder()
	if push == nil {
		answer.WriteString("{}")
	} else {
		push.ServeHTTP(answer, r)
	}
	var transaction struct{ Events []json.RawMessage }
	if answer.Code == http.StatusOK && r.Method == "PUT" && json.Unmarshal(body, &transaction) == nil {
		s.take(transaction.Events)
	}
	for key, values := range answer.Header() {
		w.Header()[key] = values
	}
	w.WriteHeader(answer.Code)
	w.Write(answer.Body.Bytes())
}

// take notes events that the bridge has accepted.
func (s *synapse) take(events []json.RawMessage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, raw := range events {
		var e struct {
			EventID  devserver.EventID `json:"event_id"`
			RoomID   devserver.RoomID  `json:"room_id"`
			Type     string            `json:"type"`
			Sender   devserver.UserID  `json:"sender"`
			StateKey *string           `json:"state_key"`
			Content  json.RawMessage   `json:"content"`
		}
		if json.Unmarshal(raw, &e) != nil {
			continue
		}
		if waiting := s.answered[string(e.EventID)]; waiting != nil {
			close(waiting)
			delete(s.answered, string(e.EventID))
		}
		if string(e.RoomID) != s.marks {
			s.events = append(s.events, devserver.Event{EventID: e.EventID, RoomID: e.RoomID, Type: e.Type, Sender: e.Sender,
				StateKey: e.StateKey, Content: e.Content, Raw: raw})
		}
	}
}

// settleLimit is how long Synapse may take to push what was done.
const settleLimit = time.Minute

// settle waits until all that was done has been pushed: Synapse pushes in the order of events.
func (s *synapse) settle() error {
	done := make(chan struct{})
	s.mu.Lock() // until the mark's name is known, so that it cannot come before
	s.number++
	path := fmt.Sprintf("/_matrix/client/v3/rooms/%s/send/mark/m%d.%d", url.PathEscape(s.marks), time.Now().UnixNano(), s.number)
	status, body, err := s.admin.Do("PUT", path, nil, struct{}{})
	var sent struct {
		EventID string `json:"event_id"`
	}
	if err == nil && (status != http.StatusOK || json.Unmarshal(body, &sent) != nil) {
		err = fmt.Errorf("send a mark: %d %s", status, body)
	}
	if err == nil {
		s.answered[sent.EventID] = done
	}
	s.mu.Unlock()
	if err != nil {
		return err
	}
	select {
	case <-done:
		return nil
	case <-time.After(settleLimit):
		return fmt.Errorf("Synapse has not pushed what was done in %s", settleLimit)
	}
}

// home makes what one sentence sees of Synapse.
func (s *synapse) home(string) (luatest.Home, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.number++
	s.events = nil
	return &home{s: s, suffix: fmt.Sprintf("-%d", s.number)}, nil
}

// home implements luatest.Home.
type home struct {
	s      *synapse
	suffix string // of all names
	dirty  atomic.Bool
	users  []*person
}

func (h *home) ServerName() string      { return "localhost" }
func (h *home) Name(name string) string { return name + h.suffix }

func (h *home) Fill(o *luatest.BridgeOptions) {
	o.ServerName, o.URL, o.Transport, o.Registration = "localhost", h.s.URL, h, h.s.registration
}

// RoundTrip notes that something is done.
func (h *home) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != "GET" {
		defer h.dirty.Store(true)
	}
	return http.DefaultTransport.RoundTrip(r)
}

func (h *home) Push(to http.Handler) {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	h.s.push = to
}

func (h *home) Close() { h.Push(nil) }

func (h *home) Settle() error {
	if !h.dirty.Swap(false) {
		return nil
	}
	return h.s.settle()
}

func (h *home) Timeline() []devserver.Event {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	return append([]devserver.Event(nil), h.s.events...)
}

// event is one of a room's present state.
type event struct {
	Type     string          `json:"type"`
	StateKey string          `json:"state_key"`
	Content  json.RawMessage `json:"content"`
}

func (h *home) state(room devserver.RoomID) []event {
	var answer struct{ State []event }
	if err := do(h.s.admin, "GET", "/_synapse/admin/v1/rooms/"+url.PathEscape(string(room))+"/state", nil, &answer); err != nil {
		return nil
	}
	return answer.State
}

func (h *home) State(room devserver.RoomID, eventType, stateKey string) json.RawMessage {
	for _, e := range h.state(room) {
		if e.Type == eventType && e.StateKey == stateKey {
			return e.Content
		}
	}
	return nil
}

func (h *home) Members(room devserver.RoomID) map[devserver.UserID]string {
	all := map[devserver.UserID]string{}
	for _, e := range h.state(room) {
		var c struct{ Membership string }
		if e.Type == "m.room.member" && json.Unmarshal(e.Content, &c) == nil {
			all[devserver.UserID(e.StateKey)] = c.Membership
		}
	}
	return all
}

func (h *home) User(name string) (luatest.User, error) {
	for _, u := range h.users {
		if u.c.UserID == "@"+name+":localhost" {
			return u, nil
		}
	}
	u := &person{h: h, c: h.s.Server.User(name)}
	h.users = append(h.users, u)
	return u, nil
}

// person implements luatest.User.
type person struct {
	h *home
	c *synapsetest.Client
	n int // of transaction ids
}

func (p *person) ID() devserver.UserID { return devserver.UserID(p.c.UserID) }
func (p *person) Token() string        { return p.c.Token }

func (p *person) SetAlias(room devserver.RoomID, localpart string) error {
	path := "/_matrix/client/v3/directory/room/" + url.PathEscape("#"+localpart+":localhost")
	return do(p.c, "PUT", path, map[string]any{"room_id": room}, nil)
}

// do makes a request and decodes its answer; an error of the homeserver is one.
func do(c *synapsetest.Client, method, path string, body, into any) error {
	status, answer, err := c.Do(method, path, nil, body)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return fmt.Errorf("%s %s as %s: %d %s", method, path, c.UserID, status, answer)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}

func (p *person) do(method, path string, body, into any) error {
	p.h.dirty.Store(true)
	return do(p.c, method, "/_matrix/client/v3"+path, body, into)
}

func inRoom(room devserver.RoomID, rest ...string) string {
	path := "/rooms/" + url.PathEscape(string(room))
	for _, part := range rest {
		path += "/" + url.PathEscape(part)
	}
	return path
}

func (p *person) CreateRoom(name string, private bool, invite ...devserver.UserID) (devserver.RoomID, error) {
	body := map[string]any{"preset": "public_chat", "invite": invite}
	if private {
		body["preset"] = "private_chat"
	}
	if name != "" {
		body["name"] = name
	}
	var made struct {
		RoomID devserver.RoomID `json:"room_id"`
	}
	err := p.do("POST", "/createRoom", body, &made)
	return made.RoomID, err
}

func (p *person) Admit(room devserver.RoomID) error {
	if p.h.Members(room)[p.ID()] == "join" {
		return nil
	}
	return p.Membership(room, "join", p.ID(), "")
}

func (p *person) Membership(room devserver.RoomID, verb string, user devserver.UserID, reason string) error {
	body := map[string]any{}
	if reason != "" {
		body["reason"] = reason
	}
	if verb != "join" && verb != "leave" {
		body["user_id"] = user
	}
	return p.do("POST", inRoom(room, verb), body, nil)
}

type sent struct {
	EventID devserver.EventID `json:"event_id"`
}

func (p *person) Send(room devserver.RoomID, eventType string, content json.RawMessage) (devserver.EventID, error) {
	var s sent
	err := p.do("PUT", inRoom(room, "send", eventType, p.txn()), content, &s)
	return s.EventID, err
}

func (p *person) SendState(room devserver.RoomID, eventType, stateKey string, content json.RawMessage) (devserver.EventID, error) {
	var s sent
	err := p.do("PUT", inRoom(room, "state", eventType, stateKey), content, &s)
	return s.EventID, err
}

func (p *person) Redact(room devserver.RoomID, id devserver.EventID, reason string) (devserver.EventID, error) {
	body := map[string]any{}
	if reason != "" {
		body["reason"] = reason
	}
	var s sent
	err := p.do("PUT", inRoom(room, "redact", string(id), p.txn()), body, &s)
	return s.EventID, err
}

func (p *person) txn() string {
	p.n++
	return fmt.Sprintf("t%d", p.n)
}

var (
	_ luatest.Home = (*home)(nil)
	_ luatest.User = (*person)(nil)
)
