package intent

import (
	"context"
	"encoding/json"
	"maps"

	"bridgehost/matrix"
)

// SetRoomDirectoryVisibility says whether the server's list of rooms shows the room:
// "public" or "private" (OT-1).
// Errors: matrix.ErrForbidden.
func (i *Intent) SetRoomDirectoryVisibility(ctx context.Context, room matrix.RoomID, visibility string) error {
	const op = "set_room_directory_visibility"
	if err := i.ready(ctx, op, room); err != nil {
		return err
	}
	_, err := i.do(ctx, request{method: "PUT", path: directoryPath(room), body: one("visibility", visibility), room: room})
	return i.fail(op, room, err)
}

// GetRoomDirectoryVisibility tells whether the server's list of rooms shows the room (OT-1).
// Errors: matrix.ErrNotFound.
func (i *Intent) GetRoomDirectoryVisibility(ctx context.Context, room matrix.RoomID) (string, error) {
	const op = "get_room_directory_visibility"
	if err := i.ready(ctx, op, room); err != nil {
		return "", err
	}
	answer, err := i.do(ctx, request{method: "GET", path: directoryPath(room), room: room})
	if err != nil {
		return "", i.fail(op, room, err)
	}
	visibility, err := field(answer, "visibility")
	return visibility, i.fail(op, room, err)
}

func directoryPath(room matrix.RoomID) string {
	return matrix.ClientPath("directory", "list", "room", string(room))
}

// ready registers the user for a request about room, without joining.
func (i *Intent) ready(ctx context.Context, op string, room matrix.RoomID) error {
	if err := i.needRoom(op, room); err != nil {
		return err
	}
	return i.EnsureRegistered(ctx)
}

// SearchUsersOptions are those of SearchUsers.
type SearchUsersOptions struct {
	Limit *int // default 10
}

// SearchUsers looks into the server's directory of users: {results, limited} (OT-1). What a
// user has not, such as a picture, is left out of its result.
func (i *Intent) SearchUsers(ctx context.Context, query string, o SearchUsersOptions) (json.RawMessage, error) {
	const op = "search_users"
	if err := i.EnsureRegistered(ctx); err != nil {
		return nil, err
	}
	body := map[string]any{"search_term": query, "limit": 10}
	if o.Limit != nil {
		body["limit"] = *o.Limit
	}
	answer, err := i.do(ctx, request{method: "POST", path: matrix.ClientPath("user_directory", "search"), body: body})
	if err != nil {
		return nil, i.fail(op, "", err)
	}
	var told struct {
		Results []map[string]json.RawMessage `json:"results"`
		Limited bool                         `json:"limited"`
	}
	if err := json.Unmarshal(answer, &told); err != nil || told.Results == nil {
		return nil, &Error{Op: op, User: i.user, Message: "the homeserver's answer has no results", Err: err}
	}
	for _, user := range told.Results {
		maps.DeleteFunc(user, func(_ string, v json.RawMessage) bool { return string(v) == "null" })
	}
	found, err := json.Marshal(told)
	return found, i.fail(op, "", err)
}
