package devserver

import (
	"encoding/json"
	"regexp"
	"strings"

	"bridgehost/matrix"
)

// Appservice is what the homeserver knows from a registration file.
type Appservice struct {
	ID              string
	URL             string // empty: nothing is pushed
	ASToken         string
	HSToken         string
	SenderLocalpart string
	UserRegex       []string // exclusive, matched from the start as Synapse does
	AliasRegex      []string
	PushEphemeral   bool
}

// service is an application service with what is still to be sent. Guarded by Server.mu.
type service struct {
	Appservice
	sender    matrix.UserID
	users     []*regexp.Regexp
	aliasRe   []*regexp.Regexp
	wanted    map[matrix.UserID]bool // answers of users, remembered
	queue     []*event
	ephemeral []json.RawMessage
	busy      bool
	txn       int
	left      []transaction // kept until a refusal; of run alone
	wake      chan struct{} // something is queued
	force     chan struct{} // try again now
	server    *Server
}

// AddAppservice makes an application service known and starts to send it what
// happens from now on. A pattern that does not compile panics: it is the test's fault.
// A known ID is replaced (a bridge that comes back at another address): what is
// queued for it stays queued.
func (s *Server) AddAppservice(a Appservice) {
	svc := &service{
		Appservice: a, sender: matrix.NewUserID(a.SenderLocalpart, s.o.ServerName), wanted: map[matrix.UserID]bool{},
		wake: make(chan struct{}, 1), force: make(chan struct{}, 1), server: s,
	}
	svc.URL = strings.TrimRight(a.URL, "/")
	for _, re := range a.UserRegex {
		svc.users = append(svc.users, regexp.MustCompile("^(?:"+re+")"))
	}
	for _, re := range a.AliasRegex {
		svc.aliasRe = append(svc.aliasRe, regexp.MustCompile("^(?:"+re+")"))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, known := range s.services {
		if known.ID == a.ID {
			known.Appservice, known.sender = svc.Appservice, svc.sender
			known.users, known.aliasRe, known.wanted = svc.users, svc.aliasRe, svc.wanted
			s.recount(known)
			known.poke(known.force)
			return
		}
	}
	s.services = append(s.services, svc)
	s.recount(svc)
	s.account(svc.sender)
	s.wg.Go(svc.run)
}

// recount counts the users of a service in every room.
func (s *Server) recount(svc *service) {
	for _, rm := range s.rooms {
		rm.serviceIn[svc] = 0
		for u := range rm.joined {
			if s.local(u) && svc.wantsUser(u) {
				rm.serviceIn[svc]++
			}
		}
	}
}

// wantsUser tells whether a user is the service's own.
func (svc *service) wantsUser(u matrix.UserID) bool {
	yes, known := svc.wanted[u]
	if !known {
		yes = u == svc.sender || matches(svc.users, string(u))
		svc.wanted[u] = yes
	}
	return yes
}

func (svc *service) wantsAlias(a matrix.RoomAlias) bool { return matches(svc.aliasRe, string(a)) }

func (svc *service) wantsRoom(rm *room) bool {
	if rm.serviceIn[svc] > 0 {
		return true
	}
	for a := range rm.aliases {
		if svc.wantsAlias(a) {
			return true
		}
	}
	return false
}

func matches(list []*regexp.Regexp, id string) bool {
	for _, re := range list {
		if re.MatchString(id) {
			return true
		}
	}
	return false
}

// queue gives an event to the services that it concerns. s.mu is held.
func (s *Server) queue(e *event) {
	for _, svc := range s.services {
		member := e.typ == "m.room.member" && e.key != nil && svc.wantsUser(matrix.UserID(*e.key))
		if member || svc.wantsUser(e.sender) || svc.wantsRoom(e.room) {
			svc.queue = append(svc.queue, e)
			svc.poke(svc.wake)
		}
	}
}

// queueEphemeral gives typing, receipts and presence to those who asked for them.
// s.mu is held. rm is nil for presence, which goes by the user's rooms.
func (s *Server) queueEphemeral(rm *room, user matrix.UserID, edu any) {
	raw, _ := json.Marshal(edu) // made of strings and numbers
	for _, svc := range s.services {
		if !svc.PushEphemeral {
			continue
		}
		want := rm != nil && svc.wantsRoom(rm)
		if rm == nil {
			want = svc.wantsUser(user)
			for _, in := range s.account(user).joined {
				want = want || svc.wantsRoom(in)
			}
		}
		if want {
			svc.ephemeral = append(svc.ephemeral, raw)
			svc.poke(svc.wake)
		}
	}
}

func (svc *service) poke(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// exclusive is another service that a user belongs to. s.mu is held.
func (s *Server) exclusive(u matrix.UserID, but *service) bool {
	for _, svc := range s.services {
		if svc != but && svc.wantsUser(u) {
			return true
		}
	}
	return false
}

func (s *Server) exclusiveAlias(a matrix.RoomAlias, but *service) bool {
	for _, svc := range s.services {
		if svc != but && svc.wantsAlias(a) {
			return true
		}
	}
	return false
}

// Reserved tells whether a user belongs to an application service, which alone acts as it.
func (s *Server) Reserved(u matrix.UserID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.exclusive(u, nil)
}
