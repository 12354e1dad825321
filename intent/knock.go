package intent

import (
	"context"
	"net/url"

	"bridgehost/matrix"
)

// KnockRoomOptions are those of KnockRoom.
type KnockRoomOptions struct {
	Reason  string
	Servers []string
}

// KnockRoom asks to be let into a room and returns its id (KN-1). Like the reference it
// registers nobody.
// Errors: matrix.ErrForbidden, matrix.ErrNotFound.
func (i *Intent) KnockRoom(ctx context.Context, roomIDOrAlias string, o KnockRoomOptions) (matrix.RoomID, error) {
	const op = "knock_room"
	room := matrix.RoomID(roomIDOrAlias)
	if err := i.needRoom(op, room); err != nil {
		return "", err
	}
	body := map[string]string{}
	if o.Reason != "" {
		body["reason"] = o.Reason
	}
	r := request{method: "POST", path: matrix.ClientPath("knock", roomIDOrAlias), body: body, room: room}
	if len(o.Servers) > 0 {
		r.query = url.Values{"server_name": o.Servers}
	}
	answer, err := i.do(ctx, r)
	if err != nil {
		return "", i.fail(op, room, err)
	}
	id, err := field(answer, "room_id")
	if err != nil {
		return "", i.fail(op, room, err)
	}
	return matrix.RoomID(id), i.fail(op, room, i.pool.cfg.Store.SetMembership(ctx, matrix.RoomID(id), i.user, "knock"))
}
