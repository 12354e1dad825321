package luatest

import (
	"encoding/json"

	"bridgehost/devserver"
	"bridgehost/luabind"
	"bridgehost/matrix"
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
func (u *user) ID() matrix.UserID { return u.User.ID }

// CreateRoom implements luabind.SpecUser.
func (u *user) CreateRoom(name string, private bool) (matrix.RoomID, error) {
	preset := "public_chat"
	if private {
		preset = "private_chat"
	}
	return done(u.User.CreateRoom(devserver.RoomOptions{Preset: preset, Name: name, Invite: []matrix.UserID{u.h.bot}}))
}

// Send implements luabind.SpecUser.
func (u *user) Send(room matrix.RoomID, eventType string, content json.RawMessage) (matrix.EventID, error) {
	if err := u.Admit(room); err != nil {
		return "", err
	}
	return done(u.User.Send(room, eventType, content))
}

// SendState implements luabind.SpecUser.
func (u *user) SendState(room matrix.RoomID, eventType, stateKey string, content json.RawMessage) (matrix.EventID, error) {
	return done(u.User.SendState(room, eventType, stateKey, content))
}

// Redact implements luabind.SpecUser.
func (u *user) Redact(room matrix.RoomID, event matrix.EventID, reason string) (matrix.EventID, error) {
	return done(u.User.Redact(room, event, reason))
}

// only is done for what has no result.
func only(err error) error {
	settle()
	return err
}

// Join implements luabind.SpecUser.
func (u *user) Join(room matrix.RoomID) error { return only(u.User.Join(room)) }

// Leave implements luabind.SpecUser.
func (u *user) Leave(room matrix.RoomID) error { return only(u.User.Leave(room)) }

// Invite implements luabind.SpecUser.
func (u *user) Invite(room matrix.RoomID, who matrix.UserID) error {
	return only(u.User.Invite(room, who))
}

// Kick implements luabind.SpecUser.
func (u *user) Kick(room matrix.RoomID, who matrix.UserID, reason string) error {
	return only(u.User.Kick(room, who, reason))
}

var _ luabind.SpecUser = (*user)(nil)
