package luatest

import (
	"encoding/json"

	"bridgehost/devserver"
	"bridgehost/luabind"
)

// user implements luabind.SpecUser.
type user struct {
	*devserver.User
	h *hosted
}

// done lets the script do what follows.
func done[T any](v T, err error) (T, error) {
	settle()
	return v, err
}

// ID implements luabind.SpecUser.
func (u *user) ID() devserver.UserID { return u.User.ID }

// CreateRoom implements luabind.SpecUser.
func (u *user) CreateRoom(name string, private bool) (devserver.RoomID, error) {
	preset := "public_chat"
	if private {
		preset = "private_chat"
	}
	return done(u.User.CreateRoom(devserver.RoomOptions{Preset: preset, Name: name, Invite: []devserver.UserID{u.h.bot}}))
}

// Send implements luabind.SpecUser.
func (u *user) Send(room devserver.RoomID, eventType string, content json.RawMessage) (devserver.EventID, error) {
	if err := u.Admit(room); err != nil {
		return "", err
	}
	return done(u.User.Send(room, eventType, content))
}

// SendState implements luabind.SpecUser.
func (u *user) SendState(room devserver.RoomID, eventType, stateKey string, content json.RawMessage) (devserver.EventID, error) {
	return done(u.User.SendState(room, eventType, stateKey, content))
}

// Redact implements luabind.SpecUser.
func (u *user) Redact(room devserver.RoomID, event devserver.EventID, reason string) (devserver.EventID, error) {
	return done(u.User.Redact(room, event, reason))
}

// only is done for what has no result.
func only(err error) error {
	settle()
	return err
}

// Join implements luabind.SpecUser.
func (u *user) Join(room devserver.RoomID) error { return only(u.User.Join(room)) }

// Leave implements luabind.SpecUser.
func (u *user) Leave(room devserver.RoomID) error { return only(u.User.Leave(room)) }

// Invite implements luabind.SpecUser.
func (u *user) Invite(room devserver.RoomID, who devserver.UserID) error {
	return only(u.User.Invite(room, who))
}

// Kick implements luabind.SpecUser.
func (u *user) Kick(room devserver.RoomID, who devserver.UserID, reason string) error {
	return only(u.User.Kick(room, who, reason))
}

var _ luabind.SpecUser = (*user)(nil)
