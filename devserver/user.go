package devserver

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"bridgehost/matrix"
)

// User acts as one ordinary user, with the rules that hold for clients. Errors wrap
// *matrix.Error.
type User struct {
	s     *Server
	ID    matrix.UserID
	Token string // for requests of one's own over HTTP
}

// User makes an ordinary user, or finds it again.
func (s *Server) User(localpart string) *User {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.account(matrix.NewUserID(localpart, s.o.ServerName))
	if !a.registered {
		a.registered, a.displayname = true, localpart
	}
	if a.token == "" {
		s.login(a)
	}
	return &User{s: s, ID: a.id, Token: a.token}
}

// CreateRoom makes a room.
func (u *User) CreateRoom(o RoomOptions) (matrix.RoomID, error) {
	u.s.mu.Lock()
	defer u.s.mu.Unlock()
	if b, err := json.Marshal(o); err != nil || json.Unmarshal(b, &o) != nil { // as it would come over the wire
		return "", fmt.Errorf("create a room as %s: the options are no JSON", u.ID)
	}
	rm, r := u.s.createRoom(u.ID, nil, o)
	if r != nil {
		return "", fmt.Errorf("create a room as %s: %w", u.ID, r.public())
	}
	return rm.id, nil
}

// in runs f on a room with the server's lock held.
func (u *User) in(what string, id matrix.RoomID, f func(*room) (*event, *refusal)) (matrix.EventID, error) {
	u.s.mu.Lock()
	defer u.s.mu.Unlock()
	rm := u.s.rooms[id]
	if rm == nil {
		return "", fmt.Errorf("%s %s as %s: %w", what, id, u.ID, notFound("Unknown room").public())
	}
	e, r := f(rm)
	if r != nil {
		return "", fmt.Errorf("%s %s as %s: %w", what, id, u.ID, r.public())
	}
	if e == nil {
		return "", nil
	}
	return e.id, nil
}

// Membership does join, leave, invite, kick, ban or unban; reason may be "".
func (u *User) Membership(id matrix.RoomID, verb string, target matrix.UserID, reason string) error {
	return u.change(verb, id, target, reason)
}

func (u *User) change(action string, id matrix.RoomID, target matrix.UserID, reason string) error {
	extra := object{}
	if reason != "" {
		extra["reason"] = reason
	}
	_, err := u.in(action, id, func(rm *room) (*event, *refusal) {
		return u.s.change(rm, change{action: action, sender: u.ID, target: target, extra: extra})
	})
	return err
}

// Join joins a room.
func (u *User) Join(id matrix.RoomID) error { return u.change("join", id, u.ID, "") }

// JoinAlias joins the room that an alias leads to.
func (u *User) JoinAlias(alias matrix.RoomAlias) (matrix.RoomID, error) {
	u.s.mu.Lock()
	a := u.s.aliases[alias]
	u.s.mu.Unlock()
	if a == nil {
		return "", fmt.Errorf("join as %s: %w", u.ID, notFound("Room alias %s not found", alias).public())
	}
	return a.room.id, u.Join(a.room.id)
}

// Leave leaves a room, or refuses an invitation.
func (u *User) Leave(id matrix.RoomID) error { return u.change("leave", id, u.ID, "") }

// Invite invites somebody.
func (u *User) Invite(id matrix.RoomID, target matrix.UserID) error {
	return u.change("invite", id, target, "")
}

// Kick removes somebody from a room.
func (u *User) Kick(id matrix.RoomID, target matrix.UserID, reason string) error {
	return u.change("kick", id, target, reason)
}

// Ban bans somebody from a room.
func (u *User) Ban(id matrix.RoomID, target matrix.UserID, reason string) error {
	return u.change("ban", id, target, reason)
}

// Unban takes a ban back.
func (u *User) Unban(id matrix.RoomID, target matrix.UserID) error {
	return u.change("unban", id, target, "")
}

// Say sends a text.
func (u *User) Say(id matrix.RoomID, text string) (matrix.EventID, error) {
	return u.Send(id, "m.room.message", object{"msgtype": "m.text", "body": text})
}

// Send sends a message event; content is anything that encodes as a JSON object.
func (u *User) Send(id matrix.RoomID, eventType string, content any) (matrix.EventID, error) {
	raw, err := json.Marshal(content)
	if err != nil {
		return "", fmt.Errorf("send %s: %w", eventType, err)
	}
	return u.in("send "+eventType+" to", id, func(rm *room) (*event, *refusal) {
		return u.s.send(rm, draft{typ: eventType, sender: u.ID, content: raw})
	})
}

// SendState sends a state event.
func (u *User) SendState(id matrix.RoomID, eventType, stateKey string, content any) (matrix.EventID, error) {
	raw, err := json.Marshal(content)
	if err != nil {
		return "", fmt.Errorf("send %s: %w", eventType, err)
	}
	return u.in("set "+eventType+" of", id, func(rm *room) (*event, *refusal) {
		return u.s.sendState(rm, draft{typ: eventType, sender: u.ID, key: &stateKey, content: raw})
	})
}

// React annotates an event.
func (u *User) React(id matrix.RoomID, target matrix.EventID, key string) (matrix.EventID, error) {
	return u.Send(id, "m.reaction", object{"m.relates_to": object{"rel_type": "m.annotation", "event_id": target, "key": key}})
}

// Redact takes an event's content away.
func (u *User) Redact(id matrix.RoomID, target matrix.EventID, reason string) (matrix.EventID, error) {
	content := object{}
	if reason != "" {
		content["reason"] = reason
	}
	raw, _ := json.Marshal(content) // strings always encode
	return u.in("redact in", id, func(rm *room) (*event, *refusal) {
		return u.s.sendRedaction(rm, draft{typ: "m.room.redaction", sender: u.ID, content: raw}, target)
	})
}

// Typing shows the user as typing for as long as timeout; 0 stops.
func (u *User) Typing(id matrix.RoomID, timeout time.Duration) error {
	_, err := u.in("type in", id, func(rm *room) (*event, *refusal) {
		if !rm.joined[u.ID] {
			return nil, unstable("NOT_JOINED", "User %s not in room %s", u.ID, rm.id)
		}
		u.s.setTyping(rm, u.ID, timeout > 0, timeout)
		return nil, nil
	})
	return err
}

// Read marks an event as read.
func (u *User) Read(id matrix.RoomID, seen matrix.EventID) error {
	_, err := u.in("read in", id, func(rm *room) (*event, *refusal) {
		if !rm.joined[u.ID] {
			return nil, unstable("NOT_JOINED", "User %s not in room %s", u.ID, rm.id)
		}
		u.s.setRead(rm, u.ID, seen)
		return nil, nil
	})
	return err
}

// SetDisplayname changes the profile, and with it the member events.
func (u *User) SetDisplayname(name string) { u.setProfile("displayname", name) }

// SetAvatarURL changes the profile, and with it the member events.
func (u *User) SetAvatarURL(url string) { u.setProfile("avatar_url", url) }

func (u *User) setProfile(field, value string) {
	u.s.mu.Lock()
	defer u.s.mu.Unlock()
	u.s.setProfile(u.ID, field, value)
}

// SetAlias gives a room a local alias.
func (u *User) SetAlias(id matrix.RoomID, localpart string) (matrix.RoomAlias, error) {
	alias := matrix.RoomAlias("#" + strings.TrimPrefix(localpart, "#") + ":" + u.s.o.ServerName)
	_, err := u.in("give an alias to", id, func(rm *room) (*event, *refusal) {
		if r := u.s.mayAlias(alias, nil); r != nil {
			return nil, r
		}
		if u.s.aliases[alias] != nil {
			return nil, fail(409, "M_UNKNOWN", "Room alias %s already exists", alias)
		}
		u.s.aliases[alias] = &aliasEntry{rm, u.ID}
		rm.aliases[alias] = true
		return nil, nil
	})
	return alias, err
}

// Admit makes the user a member of a room that it is not in, past the join rule: a member
// of the room invites it.
func (u *User) Admit(id matrix.RoomID) error {
	u.s.mu.Lock()
	rm := u.s.rooms[id]
	in := rm != nil && rm.joined[u.ID]
	if rm != nil && !in && rm.membership(u.ID) != "invite" {
		u.s.inviteByForce(rm, u.ID)
	}
	u.s.mu.Unlock()
	if in {
		return nil
	}
	return u.Join(id)
}
