package intent

import (
	"context"
	"encoding/json"

	"bridgehost/matrix"
)

// AccountDataOptions are those of GetAccountData and SetAccountData.
type AccountDataOptions struct {
	Room matrix.RoomID // data of that room; "": of the account
}

func (i *Intent) accountPath(typ string, room matrix.RoomID) string {
	if room == "" {
		return matrix.ClientPath("user", string(i.user), "account_data", typ)
	}
	return matrix.ClientPath("user", string(i.user), "rooms", string(room), "account_data", typ)
}

// GetAccountData returns what the user keeps on the server under typ (OT-1).
// Errors: matrix.ErrNotFound.
func (i *Intent) GetAccountData(ctx context.Context, typ string, o AccountDataOptions) (json.RawMessage, error) {
	answer, err := i.do(ctx, request{method: "GET", path: i.accountPath(typ, o.Room), room: o.Room})
	return answer, i.fail("get_account_data", o.Room, err)
}

// SetAccountData keeps data on the server under typ (OT-1).
func (i *Intent) SetAccountData(ctx context.Context, typ string, data json.RawMessage, o AccountDataOptions) error {
	_, err := i.do(ctx, request{method: "PUT", path: i.accountPath(typ, o.Room), body: data, room: o.Room})
	return i.fail("set_account_data", o.Room, err)
}

func (i *Intent) tagPath(room matrix.RoomID, tag ...string) string {
	return matrix.ClientPath(append([]string{"user", string(i.user), "rooms", string(room), "tags"}, tag...)...)
}

// GetRoomTags returns the user's tags of a room: {tags = {name = {order?}}} (OT-1).
func (i *Intent) GetRoomTags(ctx context.Context, room matrix.RoomID) (json.RawMessage, error) {
	const op = "get_room_tags"
	if err := i.ready(ctx, op, room); err != nil {
		return nil, err
	}
	answer, err := i.do(ctx, request{method: "GET", path: i.tagPath(room), room: room})
	return answer, i.fail(op, room, err)
}

// SetRoomTagOptions are those of SetRoomTag.
type SetRoomTagOptions struct {
	Order *float64 // 0 to 1, smaller first
	Info  json.RawMessage
}

// SetRoomTag tags a room for this user alone, "m.favourite" (OT-1).
func (i *Intent) SetRoomTag(ctx context.Context, room matrix.RoomID, tag string, o SetRoomTagOptions) error {
	const op = "set_room_tag"
	if err := i.ready(ctx, op, room); err != nil {
		return err
	}
	body, err := object(o.Info)
	if err != nil {
		return i.usage(op, room, err.Error())
	}
	if o.Order != nil {
		if body["order"], err = json.Marshal(*o.Order); err != nil {
			return i.usage(op, room, err.Error())
		}
	}
	_, err = i.do(ctx, request{method: "PUT", path: i.tagPath(room, tag), body: body, room: room})
	return i.fail(op, room, err)
}

// RemoveRoomTag takes a tag of this user's off a room (OT-1).
func (i *Intent) RemoveRoomTag(ctx context.Context, room matrix.RoomID, tag string) error {
	const op = "remove_room_tag"
	if err := i.ready(ctx, op, room); err != nil {
		return err
	}
	_, err := i.do(ctx, request{method: "DELETE", path: i.tagPath(room, tag), room: room})
	return i.fail(op, room, err)
}

// CreateFilter keeps a filter on the server and returns its id (OT-1).
func (i *Intent) CreateFilter(ctx context.Context, filter json.RawMessage) (string, error) {
	const op = "create_filter"
	answer, err := i.do(ctx, request{method: "POST", path: matrix.ClientPath("user", string(i.user), "filter"), body: filter})
	if err != nil {
		return "", i.fail(op, "", err)
	}
	id, err := field(answer, "filter_id")
	return id, i.fail(op, "", err)
}
