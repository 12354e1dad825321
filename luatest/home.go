package luatest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"bridgehost/devserver"
	"bridgehost/diag"
)

// Home is the homeserver of one script under test: a simulated one in virtual time, unless
// Options have others.
type Home interface {
	ServerName() string
	// Fill says in what a host is made for where it finds the homeserver.
	Fill(o *BridgeOptions)
	// Push is told what transactions go to, before anything happens.
	Push(to http.Handler)
	// Name is the name of a script, or a person, on this homeserver; a real one has had many.
	Name(name string) string
	User(name string) (User, error)
	State(room devserver.RoomID, eventType, stateKey string) json.RawMessage
	Members(room devserver.RoomID) map[devserver.UserID]string
	// Timeline is every event of every room that the bridge could see, in order.
	Timeline() []devserver.Event
	// Settle returns when everything that was done has reached the bridge.
	Settle() error
	Close()
}

// User is a person on a Home.
type User interface {
	ID() devserver.UserID
	Token() string
	CreateRoom(name string, private bool, invite ...devserver.UserID) (devserver.RoomID, error)
	// Admit makes the user a member, past the join rule.
	Admit(room devserver.RoomID) error
	// Membership does join, leave, invite, kick, ban or unban.
	Membership(room devserver.RoomID, verb string, user devserver.UserID, reason string) error
	Send(room devserver.RoomID, eventType string, content json.RawMessage) (devserver.EventID, error)
	SendState(room devserver.RoomID, eventType, stateKey string, content json.RawMessage) (devserver.EventID, error)
	Redact(room devserver.RoomID, event devserver.EventID, reason string) (devserver.EventID, error)
}

// world is how time passes for a run of specs.
type world interface {
	home(name string) (Home, error)
	// run runs f to its end.
	run(f func())
	// settle returns when nothing moves any more.
	settle(hosts []*hosted) error
	advance(d time.Duration) error
}

// virtual is a simulated homeserver in virtual time.
type virtual struct{ calm *calm }

func (virtual) run(f func())                  { Virtual(f) }
func (v virtual) settle([]*hosted) error      { v.calm.wait(); return nil }
func (virtual) advance(d time.Duration) error { time.Sleep(d); return nil }

func (virtual) home(string) (Home, error) {
	s := &simulated{}
	s.Server = devserver.New(devserver.Options{ServerName: "test", Transport: inside{handler: func() http.Handler { return s.push }}})
	return s, nil
}

// real is a homeserver outside.
type real struct {
	homes func(script string) (Home, error)
}

// mostReal is how long a sentence may wait for a real homeserver's time to pass.
const mostReal = 5 * time.Second

func (real) run(f func())                       { f() }
func (r real) home(script string) (Home, error) { return r.homes(script) }

func (real) settle(hosts []*hosted) error {
	for _, h := range hosts {
		if err := h.home.Settle(); err != nil {
			return err
		}
		for h.bridge.Busy() {
			time.Sleep(time.Millisecond)
		}
	}
	return nil
}

func (real) advance(d time.Duration) error {
	if d > mostReal {
		return &diag.Error{Kind: diag.KindUsage, Message: fmt.Sprintf("on a real homeserver %s take %s", d, d),
			Hint: "give the sentence { simulated_only = REASON }"}
	}
	time.Sleep(d)
	return nil
}

// simulated is a Home in this process.
type simulated struct {
	*devserver.Server
	push http.Handler
}

func (s *simulated) ServerName() string          { return "test" }
func (s *simulated) Push(to http.Handler)        { s.push = to }
func (s *simulated) Name(name string) string     { return name }
func (s *simulated) Timeline() []devserver.Event { return s.Everything() }
func (s *simulated) Settle() error               { return nil }

func (s *simulated) Fill(o *BridgeOptions) {
	o.ServerName, o.URL, o.Homeserver = "test", "http://homeserver.test", s.Server
	o.Transport = inside{handler: s.Handler}
}

func (s *simulated) User(name string) (User, error) { return simulatedUser{s.Server.User(name)}, nil }

func (s *simulated) State(room devserver.RoomID, eventType, stateKey string) json.RawMessage {
	if e := s.Server.State(room, eventType, stateKey); e != nil {
		return e.Content
	}
	return nil
}

// simulatedUser is a User of simulated.
type simulatedUser struct{ u *devserver.User }

func (s simulatedUser) ID() devserver.UserID { return s.u.ID }
func (s simulatedUser) Token() string        { return s.u.Token }

func (s simulatedUser) CreateRoom(name string, private bool, invite ...devserver.UserID) (devserver.RoomID, error) {
	return s.u.CreateRoom(devserver.RoomOptions{Preset: preset(private), Name: name, Invite: invite})
}

// furnish makes a public room of somebody's.
func (s *simulated) furnish(alias string) error {
	_, err := s.Server.User("owner").CreateRoom(devserver.RoomOptions{Preset: preset(false), Alias: alias})
	return err
}

func preset(private bool) string {
	if private {
		return "private_chat"
	}
	return "public_chat"
}

func (s simulatedUser) Admit(room devserver.RoomID) error { return s.u.Admit(room) }

func (s simulatedUser) Membership(room devserver.RoomID, verb string, user devserver.UserID, reason string) error {
	return s.u.Membership(room, verb, user, reason)
}

func (s simulatedUser) Send(room devserver.RoomID, eventType string, content json.RawMessage) (devserver.EventID, error) {
	return s.u.Send(room, eventType, content)
}

func (s simulatedUser) SendState(room devserver.RoomID, eventType, stateKey string, content json.RawMessage) (devserver.EventID, error) {
	return s.u.SendState(room, eventType, stateKey, content)
}

func (s simulatedUser) Redact(room devserver.RoomID, event devserver.EventID, reason string) (devserver.EventID, error) {
	return s.u.Redact(room, event, reason)
}
