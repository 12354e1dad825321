package intent

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"bridgehost/matrix"
)

// JoinRoomOptions are those of JoinRoom.
type JoinRoomOptions struct {
	Servers          []string
	ThirdPartySigned json.RawMessage
	MaxRetries       *int // of joins that failed for no lasting reason; default 4
}

// JoinRoom joins a room by id or alias, always asking the server and never the bot
// (JO-1), and returns its id.
func (i *Intent) JoinRoom(ctx context.Context, roomIDOrAlias string, o JoinRoomOptions) (matrix.RoomID, error) {
	room := matrix.RoomID(roomIDOrAlias)
	if err := i.needRoom("join_room", room); err != nil {
		return "", err
	}
	if err := i.EnsureRegistered(ctx); err != nil {
		return "", err
	}
	left := 4
	if o.MaxRetries != nil {
		left = *o.MaxRetries
	}
	for wait := 2 * time.Second; ; wait *= 2 {
		joined, err := i.join(ctx, roomIDOrAlias, o.Servers, o.ThirdPartySigned)
		if err == nil || left <= 0 || lasting(err) {
			return joined, i.fail("join_room", room, err)
		}
		left--
		select {
		case <-i.pool.cfg.Clock.After(wait):
		case <-ctx.Done():
			return "", i.fail("join_room", room, err)
		}
	}
}

// lasting tells refusals that a repeat does not change. Joins over federation fail for
// other reasons as well.
func lasting(err error) bool {
	for _, code := range []error{matrix.ErrForbidden, matrix.ErrBadState, matrix.ErrExclusive,
		matrix.ErrUnknownToken, matrix.ErrUnknownDevice, matrix.ErrUserDeactivated, matrix.ErrUnableAuthorise, matrix.ErrUnableGrant, context.Canceled} {
		if errors.Is(err, code) {
			return true
		}
	}
	return isNotFound(err)
}

// join is the bare request; the store remembers the room that the server names.
func (i *Intent) join(ctx context.Context, room string, servers []string, signed json.RawMessage) (matrix.RoomID, error) {
	body := map[string]any{}
	if len(signed) > 0 {
		body["third_party_signed"] = signed
	}
	r := request{method: "POST", path: matrix.ClientPath("join", room), body: body, room: matrix.RoomID(room)}
	if len(servers) > 0 {
		r.query = map[string][]string{"server_name": servers}
	}
	return i.joined(ctx, r)
}

func (i *Intent) joined(ctx context.Context, r request) (matrix.RoomID, error) {
	answer, err := i.do(ctx, r)
	if err != nil {
		return "", err
	}
	id, err := field(answer, "room_id")
	if err != nil {
		return "", err
	}
	return matrix.RoomID(id), i.pool.cfg.Store.SetMembership(ctx, matrix.RoomID(id), i.user, "join")
}

// JoinRoomByIDOptions are those of JoinRoomByID.
type JoinRoomByIDOptions struct {
	ThirdPartySigned json.RawMessage
	ExtraContent     json.RawMessage
}

// JoinRoomByID joins a room by its own join resource, or with extra content (and as a
// marked double puppet) by a state event.
func (i *Intent) JoinRoomByID(ctx context.Context, room matrix.RoomID, o JoinRoomByIDOptions) (matrix.RoomID, error) {
	const op = "join_room_by_id"
	if err := i.needRoom(op, room); err != nil {
		return "", err
	}
	if err := i.EnsureRegistered(ctx); err != nil {
		return "", err
	}
	extra, err := i.extra(o.ExtraContent)
	if err != nil {
		return "", i.usage(op, room, err.Error())
	}
	if len(extra) > 0 {
		return room, i.fail(op, room, i.sendMembership(ctx, room, i.user, "join", "", extra))
	}
	body := map[string]any{}
	if len(o.ThirdPartySigned) > 0 {
		body["third_party_signed"] = o.ThirdPartySigned
	}
	id, err := i.joined(ctx, request{method: "POST", path: roomPath(room, "join"), body: body, room: room})
	return id, i.fail(op, room, err)
}

// LeaveRoomOptions are those of LeaveRoom.
type LeaveRoomOptions struct {
	Reason         string
	ExtraContent   json.RawMessage
	RaiseNotInRoom bool
}

// LeaveRoom leaves. That the user is not in the room is no error unless asked for (LE-1, LE-2);
// a ban that is known stays known.
func (i *Intent) LeaveRoom(ctx context.Context, room matrix.RoomID, o LeaveRoomOptions) error {
	const op = "leave_room"
	if err := i.needRoom(op, room); err != nil {
		return err
	}
	if err := i.EnsureRegistered(ctx); err != nil {
		return err
	}
	extra, err := i.extra(o.ExtraContent)
	if err != nil {
		return i.usage(op, room, err.Error())
	}
	if len(extra) > 0 {
		err = i.sendMembership(ctx, room, i.user, "leave", o.Reason, extra)
	} else {
		body := map[string]string{}
		if o.Reason != "" {
			body["reason"] = o.Reason
		}
		_, err = i.do(ctx, request{method: "POST", path: roomPath(room, "leave"), body: body, room: room})
	}
	if err != nil && (o.RaiseNotInRoom || !saysNotInRoom(err)) {
		return i.fail(op, room, err)
	}
	store := i.pool.cfg.Store
	if err != nil {
		known, err := store.Member(ctx, room, i.user)
		if err != nil || known != nil && known.Membership == "ban" {
			return i.fail(op, room, err)
		}
	}
	return i.fail(op, room, store.SetMembership(ctx, room, i.user, "leave"))
}

// ErrorAndLeaveOptions are those of ErrorAndLeave.
type ErrorAndLeaveOptions struct {
	Text, HTML string
	Mentions   json.RawMessage // the content's m.mentions; nil: none
}

// ErrorAndLeave says why in a notice and leaves (EL-1). With nothing to say it is
// refused, and the user stays, as recorded of the reference.
func (i *Intent) ErrorAndLeave(ctx context.Context, room matrix.RoomID, o ErrorAndLeaveOptions) error {
	if o.Text == "" && o.HTML == "" {
		return i.usage("error_and_leave", room, "text or html is needed")
	}
	if _, err := i.EnsureJoined(ctx, room, EnsureJoinedOptions{}); err != nil {
		return err
	}
	if _, err := i.SendNotice(ctx, room, SendNoticeOptions{Text: o.Text, HTML: o.HTML, Mentions: o.Mentions}); err != nil {
		return err
	}
	return i.LeaveRoom(ctx, room, LeaveRoomOptions{})
}

// roomPath is a path under /rooms/ROOM.
func roomPath(room matrix.RoomID, segments ...string) string {
	return matrix.ClientPath(append([]string{"rooms", string(room)}, segments...)...)
}
