package intent

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"bridgehost/matrix"
)

// CreateRoomOptions are those of CreateRoom.
type CreateRoomOptions struct {
	AliasLocalpart        string
	Visibility            string // default private
	Preset                string // default private_chat
	Name                  string
	Topic                 string
	IsDirect              bool
	Invitees              []matrix.UserID
	InitialState          []json.RawMessage
	RoomVersion           string
	CreationContent       json.RawMessage
	PowerLevelOverride    json.RawMessage
	BeeperAutoJoinInvites bool
	CustomRequestFields   json.RawMessage // those named above win
}

// CreateRoom makes a room and remembers who is in it and its initial state (CR-1).
// Inside a unit the room is remembered; but what the server made and could not answer
// may be made again by a later try.
func (i *Intent) CreateRoom(ctx context.Context, o CreateRoomOptions) (matrix.RoomID, error) {
	const op = "create_room"
	body, err := o.body()
	if err != nil {
		return "", i.usage(op, "", err.Error())
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return "", i.usage(op, "", err.Error())
	}
	txn := i.txnID(ctx, "", "createRoom", string(i.user), string(raw))
	id, err := i.effect(ctx, op, "", txn, func() (string, error) {
		if err := i.EnsureRegistered(ctx); err != nil {
			return "", err
		}
		answer, err := i.do(ctx, request{method: "POST", path: matrix.ClientPath("createRoom"), body: json.RawMessage(raw), once: true})
		if err != nil {
			return "", err
		}
		id, err := field(answer, "room_id")
		if err != nil {
			return "", err
		}
		return id, i.roomMade(ctx, matrix.RoomID(id), o)
	})
	return matrix.RoomID(id), err
}

func (o *CreateRoomOptions) body() (map[string]json.RawMessage, error) {
	body, err := object(o.CustomRequestFields)
	if err != nil {
		return nil, err
	}
	creation, err := object(o.CreationContent)
	if err != nil {
		return nil, err
	}
	delete(creation, "room_version") // has a field of its own
	text := func(key, value, otherwise string) {
		if value == "" {
			value = otherwise
		}
		if value != "" {
			body[key] = quoted(value)
		}
	}
	text("visibility", o.Visibility, "private")
	text("preset", o.Preset, "private_chat")
	text("room_alias_name", o.AliasLocalpart, "")
	text("name", o.Name, "")
	text("topic", o.Topic, "")
	text("room_version", o.RoomVersion, "")
	for key, value := range map[string]struct {
		set bool
		v   any
	}{
		"is_direct":                    {true, o.IsDirect},
		"invite":                       {len(o.Invitees) > 0, o.Invitees},
		"initial_state":                {len(o.InitialState) > 0, o.InitialState},
		"creation_content":             {len(creation) > 0, creation},
		"power_level_content_override": {len(o.PowerLevelOverride) > 0, o.PowerLevelOverride},
		"com.beeper.auto_join_invites": {o.BeeperAutoJoinInvites, true},
	} {
		if !value.set {
			continue
		}
		if body[key], err = json.Marshal(value.v); err != nil {
			return nil, err
		}
	}
	return body, nil
}

// roomMade takes in what is known of a room that was just made.
func (i *Intent) roomMade(ctx context.Context, room matrix.RoomID, o CreateRoomOptions) error {
	store := i.pool.cfg.Store
	if err := store.SetMembership(ctx, room, i.user, "join"); err != nil {
		return err
	}
	membership := "invite"
	if o.BeeperAutoJoinInvites {
		membership = "join"
	}
	for _, user := range o.Invitees {
		if err := store.SetMembership(ctx, room, user, membership); err != nil {
			return err
		}
	}
	for _, raw := range o.InitialState {
		e, err := matrix.ParseEvent(raw)
		if err != nil {
			continue // the server took it
		}
		if e.StateKey == nil {
			e.StateKey = new(string)
		}
		e.RoomID, e.Sender = room, i.user
		if err := store.UpdateState(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// ForgetRoom makes the server forget that the user was in the room (FO-1).
func (i *Intent) ForgetRoom(ctx context.Context, room matrix.RoomID) error {
	if err := i.needRoom("forget_room", room); err != nil {
		return err
	}
	if err := i.EnsureRegistered(ctx); err != nil {
		return err
	}
	_, err := i.do(ctx, request{method: "POST", path: roomPath(room, "forget"), room: room})
	return i.fail("forget_room", room, err)
}

// GetJoinedRooms lists the rooms in which the user is (FO-1).
func (i *Intent) GetJoinedRooms(ctx context.Context) ([]matrix.RoomID, error) {
	const op = "get_joined_rooms"
	if err := i.EnsureRegistered(ctx); err != nil {
		return nil, err
	}
	answer, err := i.do(ctx, request{method: "GET", path: matrix.ClientPath("joined_rooms")})
	if err != nil {
		return nil, i.fail(op, "", err)
	}
	var told struct {
		Rooms []matrix.RoomID `json:"joined_rooms"`
	}
	if err := json.Unmarshal(answer, &told); err != nil || told.Rooms == nil {
		return nil, &Error{Op: op, User: i.user, Message: "the homeserver's answer has no joined_rooms", Err: err}
	}
	return told.Rooms, nil
}

// AddRoomAliasOptions are those of AddRoomAlias.
type AddRoomAliasOptions struct {
	Override bool // a taken alias is removed and then set
}

// AddRoomAlias gives the room an alias on the user's own server (AL-1).
// Errors: matrix.ErrRoomInUse when it is taken.
func (i *Intent) AddRoomAlias(ctx context.Context, room matrix.RoomID, aliasLocalpart string, o AddRoomAliasOptions) error {
	const op = "add_room_alias"
	if err := i.needRoom(op, room); err != nil {
		return err
	}
	if err := i.EnsureRegistered(ctx); err != nil {
		return err
	}
	err := i.putAlias(ctx, room, aliasLocalpart)
	if o.Override && errors.Is(err, matrix.ErrRoomInUse) {
		if err := i.RemoveRoomAlias(ctx, aliasLocalpart, RemoveRoomAliasOptions{}); err != nil {
			return err
		}
		err = i.putAlias(ctx, room, aliasLocalpart)
	}
	return i.fail(op, room, err)
}

func (i *Intent) putAlias(ctx context.Context, room matrix.RoomID, localpart string) error {
	_, err := i.do(ctx, request{method: "PUT", path: i.aliasPath(localpart), body: one("room_id", string(room)), room: room})
	var refused *matrix.Error
	if errors.As(err, &refused) && refused.Status == http.StatusConflict {
		taken := *refused // servers differ in the code, not in the status
		taken.Code = "M_ROOM_IN_USE"
		return &taken
	}
	return err
}

func (i *Intent) aliasPath(localpart string) string {
	return matrix.ClientPath("directory", "room", "#"+localpart+":"+i.user.Server())
}

// RemoveRoomAliasOptions are those of RemoveRoomAlias.
type RemoveRoomAliasOptions struct{ Raise404 bool }

// RemoveRoomAlias removes an alias on the user's own server; that there is none is no
// error unless asked for (AL-1).
func (i *Intent) RemoveRoomAlias(ctx context.Context, aliasLocalpart string, o RemoveRoomAliasOptions) error {
	if err := i.EnsureRegistered(ctx); err != nil {
		return err
	}
	_, err := i.do(ctx, request{method: "DELETE", path: i.aliasPath(aliasLocalpart)})
	if isNotFound(err) && !o.Raise404 {
		return nil
	}
	return i.fail("remove_room_alias", "", err)
}

// ResolvedAlias is what an alias stands for.
type ResolvedAlias struct {
	RoomID  matrix.RoomID `json:"room_id"`
	Servers []string      `json:"servers"`
}

// ResolveRoomAlias asks what an alias stands for (AL-1).
func (i *Intent) ResolveRoomAlias(ctx context.Context, alias matrix.RoomAlias) (*ResolvedAlias, error) {
	const op = "resolve_room_alias"
	if err := i.EnsureRegistered(ctx); err != nil {
		return nil, err
	}
	answer, err := i.do(ctx, request{method: "GET", path: matrix.ClientPath("directory", "room", string(alias))})
	if err != nil {
		return nil, i.fail(op, matrix.RoomID(alias), err)
	}
	var told ResolvedAlias
	if err := json.Unmarshal(answer, &told); err != nil || told.RoomID == "" {
		return nil, &Error{Op: op, User: i.user, Room: string(alias), Message: "the homeserver's answer has no room_id", Err: err}
	}
	return &told, nil
}
