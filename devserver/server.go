// Package devserver is a small homeserver in memory: for the dev prompt, for tests of
// scripts and for our own tests. It is strict where Synapse is strict (membership,
// power levels, namespaces, transaction ids, codes and texts of errors) and sends
// transactions as Synapse does. There is no federation, sync or encryption.
//
//	hs := devserver.New(devserver.Options{ServerName: "bh.test"})
//	url, err := hs.Start("127.0.0.1:0")
//	hs.AddAppservice(devserver.Appservice{ID: "bridgehost", URL: bridgeURL, …})
//	alice := hs.User("alice")
//	room, err := alice.CreateRoom(devserver.RoomOptions{Preset: "public_chat"})
//	_, err = alice.Say(room, "hello")
//	err = hs.Idle(ctx) // the bridge has it
package devserver

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/jonboulle/clockwork"

	"bridgehost/matrix"
)

// What a client sees: an event, and the identifiers.
type (
	Event   = matrix.Event
	UserID  = matrix.UserID
	RoomID  = matrix.RoomID
	EventID = matrix.EventID
)

// Options is what a Server is made of; everything has a default.
type Options struct {
	ServerName  string // "bh.test"
	Clock       clockwork.Clock
	Log         hclog.Logger
	RetryUnit   time.Duration // a refused transaction is repeated after 2, 4, 8 … 512 of it; 1 s
	RoomVersion string        // of rooms whose creator names none; "12"
	RequestLog  int           // how many requests are remembered; 1000
	// Transport carries what goes to application services; nil: the network.
	Transport http.RoundTripper
}

// Server is a homeserver. All methods may be called from any goroutine.
type Server struct {
	o      Options
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	client *http.Client

	mu       sync.Mutex
	accounts map[matrix.UserID]*account
	tokens   map[string]*account
	rooms    map[matrix.RoomID]*room
	aliases  map[matrix.RoomAlias]*aliasEntry
	services []*service
	answers  map[string]any // by path and client: what a transaction id was answered
	media    map[string]*medium
	delayed  map[string]*delayed
	delays   int // of delayed so far
	stored   int // events so far
	faults   Faults
	arrived  int // requests, for Faults.RateLimitEvery
	requests []Request
	oldest   int // of requests, once the ring is full
	changed  chan struct{}
	subs     map[*subscriber]bool
	server   *http.Server
}

// account is a user that exists here.
type account struct {
	id          matrix.UserID
	token       string
	device      string // that the token belongs to
	registered  bool   // false for a sender nobody registered yet
	displayname string
	avatarURL   string
	presence    string
	statusMsg   string
	active      time.Time // when the user last said to be online
	joined      map[matrix.RoomID]*room
	data        map[dataKey]json.RawMessage
	tags        map[matrix.RoomID]map[string]json.RawMessage
	filters     []json.RawMessage
	devices     map[string]string // names by id; made by application services only
}

type aliasEntry struct {
	room    *room
	creator matrix.UserID
}

// New makes a homeserver without users or rooms.
func New(o Options) *Server {
	if o.ServerName == "" {
		o.ServerName = "bh.test"
	}
	if o.Clock == nil {
		o.Clock = clockwork.NewRealClock()
	}
	if o.Log == nil {
		o.Log = hclog.NewNullLogger()
	}
	if o.RetryUnit == 0 {
		o.RetryUnit = time.Second
	}
	if o.RoomVersion == "" {
		o.RoomVersion = "12"
	}
	if o.RequestLog == 0 {
		o.RequestLog = 1000
	}
	if o.Transport == nil {
		o.Transport = &http.Transport{MaxIdleConnsPerHost: 4}
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Server{
		o: o, ctx: ctx, cancel: cancel, client: &http.Client{Transport: o.Transport},
		accounts: map[matrix.UserID]*account{}, tokens: map[string]*account{}, rooms: map[matrix.RoomID]*room{},
		aliases: map[matrix.RoomAlias]*aliasEntry{}, answers: map[string]any{}, media: map[string]*medium{}, delayed: map[string]*delayed{},
		changed: make(chan struct{}), subs: map[*subscriber]bool{},
	}
}

// Name is the server's name: what stands after the colon in ids.
func (s *Server) Name() string { return s.o.ServerName }

// Start listens on addr ("127.0.0.1:0" for any port) and returns the base URL.
func (s *Server) Start(addr string) (string, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return "", fmt.Errorf("start the homeserver: %w", err)
	}
	srv := &http.Server{Handler: s.Handler(), ReadHeaderTimeout: 10 * time.Second}
	s.mu.Lock()
	s.server = srv
	s.mu.Unlock()
	s.wg.Go(func() { _ = srv.Serve(l) }) // ends with Close
	return "http://" + l.Addr().String(), nil
}

// Close stops listening and sending. What was not delivered is lost.
func (s *Server) Close() {
	s.cancel()
	s.mu.Lock()
	srv := s.server
	s.mu.Unlock()
	if srv != nil {
		_ = srv.Close()
	}
	s.wg.Wait()
	s.client.CloseIdleConnections()
}

// ForgetTransactions makes the server forget all transaction ids of clients, as a
// restart or an hour does: a repeated send is then a second event.
func (s *Server) ForgetTransactions() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.answers)
}

// Rooms are all rooms, in no order.
func (s *Server) Rooms() []matrix.RoomID {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]matrix.RoomID, 0, len(s.rooms))
	for id := range s.rooms {
		out = append(out, id)
	}
	return out
}

// Profile is a user as others see it.
type Profile struct {
	ID          matrix.UserID
	Displayname string
	Service     bool // it belongs to an application service
}

// Users are the registered users, by id.
func (s *Server) Users() []Profile {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Profile
	for id, a := range s.accounts {
		if a.registered {
			out = append(out, Profile{id, a.displayname, s.exclusive(id, nil)})
		}
	}
	slices.SortFunc(out, func(a, b Profile) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return out
}

// Timeline is every event of a room, oldest first; nil when there is no such room.
func (s *Server) Timeline(id matrix.RoomID) []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	rm := s.rooms[id]
	if rm == nil {
		return nil
	}
	out := make([]Event, 0, len(rm.timeline))
	for _, e := range rm.timeline {
		out = append(out, s.export(e))
	}
	return out
}

// Everything is every event of every room, in the order in which they happened.
func (s *Server) Everything() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*event
	for _, rm := range s.rooms {
		all = append(all, rm.timeline...)
	}
	slices.SortFunc(all, func(a, b *event) int { return a.seq - b.seq })
	out := make([]Event, 0, len(all))
	for _, e := range all {
		out = append(out, s.export(e))
	}
	return out
}

// Members are the memberships of a room by user.
func (s *Server) Members(id matrix.RoomID) map[matrix.UserID]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[matrix.UserID]string{}
	if rm := s.rooms[id]; rm != nil {
		for key, e := range rm.state {
			if key.Type == "m.room.member" {
				out[matrix.UserID(key.Key)] = e.membership
			}
		}
	}
	return out
}

// State is the present state event, nil when there is none.
func (s *Server) State(id matrix.RoomID, eventType, stateKey string) *Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	rm := s.rooms[id]
	if rm == nil || rm.state[stateID{eventType, stateKey}] == nil {
		return nil
	}
	e := s.export(rm.state[stateID{eventType, stateKey}])
	return &e
}

// Idle waits until every event was taken by the application services.
func (s *Server) Idle(ctx context.Context) error {
	return s.await(ctx, func() bool {
		for _, svc := range s.services {
			if svc.busy || len(svc.queue) > 0 || len(svc.ephemeral) > 0 {
				return false
			}
		}
		return true
	})
}

// Wait returns as soon as done says so; it is asked again after every change of the server.
func (s *Server) Wait(ctx context.Context, done func() bool) error {
	for {
		s.mu.Lock()
		ch := s.changed
		s.mu.Unlock()
		if done() {
			return nil
		}
		select {
		case <-ch:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// await is Wait for a condition that needs s.mu held.
func (s *Server) await(ctx context.Context, done func() bool) error {
	return s.Wait(ctx, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return done()
	})
}

// notify wakes whoever waits. s.mu is held.
func (s *Server) notify() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// account finds or makes a user. s.mu is held.
func (s *Server) account(id matrix.UserID) *account {
	a := s.accounts[id]
	if a == nil {
		a = &account{id: id, joined: map[matrix.RoomID]*room{}}
		s.accounts[id] = a
	}
	return a
}

func (s *Server) local(id matrix.UserID) bool { return id.Server() == s.o.ServerName }

func (s *Server) now() int64 { return s.o.Clock.Now().UnixMilli() }
