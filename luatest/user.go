package luatest

import (
	"encoding/json"

	"bridgehost/devserver"
	"bridgehost/luabind"
)

// user implements luabind.SpecUser: what it does has had its effects when a call returns.
type user struct {
	User
	h *hosted
}

// done lets the script do what follows.
func done[T any](h *hosted, v T, err error) (T, error) {
	if err == nil {
		err = h.settle()
	}
	return v, err
}

// CreateRoom implements luabind.SpecUser.
func (u *user) CreateRoom(name string, private bool) (devserver.RoomID, error) {
	room, err := u.User.CreateRoom(name, private, u.h.bot)
	return done(u.h, room, err)
}

// Send implements luabind.SpecUser.
func (u *user) Send(room devserver.RoomID, eventType string, content json.RawMessage) (devserver.EventID, error) {
	if err := u.Admit(room); err != nil {
		return "", err
	}
	id, err := u.User.Send(room, eventType, content)
	return done(u.h, id, err)
}

// SendState implements luabind.SpecUser.
func (u *user) SendState(room devserver.RoomID, eventType, stateKey string, content json.RawMessage) (devserver.EventID, error) {
	id, err := u.User.SendState(room, eventType, stateKey, content)
	return done(u.h, id, err)
}

// Redact implements luabind.SpecUser.
func (u *user) Redact(room devserver.RoomID, event devserver.EventID, reason string) (devserver.EventID, error) {
	id, err := u.User.Redact(room, event, reason)
	return done(u.h, id, err)
}

// Membership implements luabind.SpecUser.
func (u *user) Membership(room devserver.RoomID, verb string, who devserver.UserID, reason string) error {
	_, err := done(u.h, none{}, u.User.Membership(room, verb, who, reason))
	return err
}

type none struct{}

var _ luabind.SpecUser = (*user)(nil)
