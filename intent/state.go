package intent

import (
	"context"
	"encoding/json"

	"bridgehost/matrix"
)

// statePath leaves an empty key out, so that no slash ends the path (ST-1).
func statePath(room matrix.RoomID, typ, key string) string {
	if key == "" {
		return roomPath(room, "state", typ)
	}
	return roomPath(room, "state", typ, key)
}

// SendStateEventOptions are those of SendStateEvent.
type SendStateEventOptions struct {
	StateKey string
	EventOptions
}

// SendStateEvent sets state; the store takes the event in (ST-1). State has no
// transaction id on the wire, but its answer is remembered in a unit as those of sends.
func (i *Intent) SendStateEvent(ctx context.Context, room matrix.RoomID, typ string, content json.RawMessage,
	o SendStateEventOptions,
) (matrix.EventID, error) {
	return i.sendState(ctx, "send_state_event", room, typ, o.StateKey, content, o.EventOptions)
}

func (i *Intent) sendState(ctx context.Context, op string, room matrix.RoomID, typ, key string, content json.RawMessage,
	o EventOptions,
) (matrix.EventID, error) {
	if err := i.needRoom(op, room); err != nil {
		return "", err
	}
	if typ == "" {
		return "", i.usage(op, room, "the event type is empty")
	}
	body, err := i.marked(content)
	if err != nil {
		return "", i.usage(op, room, err.Error())
	}
	txn := i.txnID(ctx, o.TxnID, "state", string(i.user), string(room), typ, key, string(content))
	return i.effect(ctx, op, room, txn, func() (string, error) {
		return i.permitted(ctx, op, room, typ, true, o, func() (string, error) {
			return i.putState(ctx, room, typ, key, body, &o)
		})
	})
}

// putState is the bare request; the store takes the event in.
func (i *Intent) putState(ctx context.Context, room matrix.RoomID, typ, key string, content json.RawMessage, o *EventOptions) (string, error) {
	id, err := i.eventID(ctx, request{method: "PUT", path: statePath(room, typ, key), body: content, room: room, opts: o})
	if err != nil {
		return "", err
	}
	if typ == "m.room.create" {
		return id, nil // the server refuses those; nothing to remember
	}
	return id, i.tookState(ctx, room, typ, key, id, content)
}

// tookState is told of a state event that the homeserver took; the store takes it in.
func (i *Intent) tookState(ctx context.Context, room matrix.RoomID, typ, key, id string, content json.RawMessage) error {
	return i.pool.cfg.Store.UpdateState(ctx, &matrix.Event{
		Type: typ, RoomID: room, Sender: i.user, EventID: matrix.EventID(id), StateKey: &key, Content: content,
	})
}

// SetRoomNameOptions are those of SetRoomName.
type SetRoomNameOptions struct{ EventOptions }

// SetRoomName names the room (ST-2).
func (i *Intent) SetRoomName(ctx context.Context, room matrix.RoomID, name string, o SetRoomNameOptions) (matrix.EventID, error) {
	return i.sendState(ctx, "set_room_name", room, "m.room.name", "", one("name", name), o.EventOptions)
}

// SetRoomTopicOptions are those of SetRoomTopic.
type SetRoomTopicOptions struct{ EventOptions }

// SetRoomTopic sets the topic (ST-2).
func (i *Intent) SetRoomTopic(ctx context.Context, room matrix.RoomID, topic string, o SetRoomTopicOptions) (matrix.EventID, error) {
	return i.sendState(ctx, "set_room_topic", room, "m.room.topic", "", one("topic", topic), o.EventOptions)
}

// SetRoomAvatarOptions are those of SetRoomAvatar.
type SetRoomAvatarOptions struct{ EventOptions }

// SetRoomAvatar sets the room's picture, an mxc URI; "" removes it (ST-2).
func (i *Intent) SetRoomAvatar(ctx context.Context, room matrix.RoomID, avatarURL string, o SetRoomAvatarOptions) (matrix.EventID, error) {
	content := json.RawMessage("{}")
	if avatarURL != "" {
		content = one("url", avatarURL)
	}
	return i.sendState(ctx, "set_room_avatar", room, "m.room.avatar", "", content, o.EventOptions)
}

// SetJoinRuleOptions are those of SetJoinRule.
type SetJoinRuleOptions struct{ EventOptions }

// SetJoinRule says who may join: "public", "invite", "knock" … (ST-2).
func (i *Intent) SetJoinRule(ctx context.Context, room matrix.RoomID, joinRule string, o SetJoinRuleOptions) (matrix.EventID, error) {
	return i.sendState(ctx, "set_join_rule", room, "m.room.join_rules", "", one("join_rule", joinRule), o.EventOptions)
}

func one(key, value string) json.RawMessage {
	b, _ := json.Marshal(map[string]string{key: value})
	return b
}

// GetStateEventOptions are those of GetStateEvent.
type GetStateEventOptions struct {
	StateKey     string
	Format       string // "content" (default) or "event": the whole event
	EnsureJoined *bool  // default true
}

// GetStateEvent returns a piece of state, which the store takes in (GE-1).
// Errors: matrix.ErrNotFound.
func (i *Intent) GetStateEvent(ctx context.Context, room matrix.RoomID, typ string, o GetStateEventOptions) (json.RawMessage, error) {
	const op = "get_state_event"
	if typ == "" {
		return nil, i.usage(op, room, "the event type is empty")
	}
	r := request{method: "GET", path: statePath(room, typ, o.StateKey), room: room}
	if o.Format == "event" {
		r.query = map[string][]string{"format": {"event"}}
	}
	answer, err := i.get(ctx, op, room, o.EnsureJoined, r)
	if err != nil {
		return nil, err
	}
	if left, err := i.hasLeft(ctx, room, nil); err != nil || left {
		return answer, i.fail(op, room, err)
	}
	e := &matrix.Event{Type: typ, RoomID: room, StateKey: &o.StateKey, Content: answer}
	if o.Format == "event" {
		// COMPAT: a server that does not know format answers the content alone.
		if e, err = matrix.ParseEvent(answer); err != nil || e.StateKey == nil {
			return answer, nil
		}
		e.RoomID = room
	} else if typ == "m.room.create" {
		return answer, nil // without its sender it is of no use
	}
	return answer, i.fail(op, room, i.pool.cfg.Store.UpdateState(ctx, e))
}

// get joins the room first, unless told otherwise, and makes a request about it.
func (i *Intent) get(ctx context.Context, op string, room matrix.RoomID, join *bool, r request) (json.RawMessage, error) {
	if err := i.needRoom(op, room); err != nil {
		return nil, err
	}
	if wants(join) {
		if _, err := i.EnsureJoined(ctx, room, EnsureJoinedOptions{}); err != nil {
			return nil, err
		}
	}
	answer, err := i.do(ctx, r)
	return answer, i.fail(op, room, err)
}

// hasLeft tells whether the user has left the room, so that the homeserver shows it the
// state as it was then, which the store must not take for the present one. told are the
// members of that state, as far as they are known.
func (i *Intent) hasLeft(ctx context.Context, room matrix.RoomID, told map[matrix.UserID]Member) (bool, error) {
	if m, ok := told[i.user]; ok {
		return m.Membership == "leave", nil
	}
	m, err := i.pool.cfg.Store.Member(ctx, room, i.user)
	return m != nil && m.Membership == "leave", err
}

// GetEventOptions are those of GetEvent.
type GetEventOptions struct {
	EnsureJoined *bool // default true
}

// GetEvent returns one event of the room (GE-1).
func (i *Intent) GetEvent(ctx context.Context, room matrix.RoomID, event matrix.EventID, o GetEventOptions) (json.RawMessage, error) {
	return i.get(ctx, "get_event", room, o.EnsureJoined,
		request{method: "GET", path: roomPath(room, "event", string(event)), room: room})
}

// GetStateOptions are those of GetState.
type GetStateOptions struct {
	EnsureJoined *bool // default true
}

// GetState returns all state of the room, which the store takes in unless it is of the
// past: a list of events (GE-1).
func (i *Intent) GetState(ctx context.Context, room matrix.RoomID, o GetStateOptions) ([]json.RawMessage, error) {
	const op = "get_state"
	answer, err := i.get(ctx, op, room, o.EnsureJoined, request{method: "GET", path: roomPath(room, "state"), room: room})
	if err != nil {
		return nil, err
	}
	events := []json.RawMessage{}
	if err := json.Unmarshal(answer, &events); err != nil {
		return nil, i.fail(op, room, err)
	}
	store, members, rest := i.pool.cfg.Store, map[matrix.UserID]Member{}, []*matrix.Event{}
	for _, raw := range events {
		e, err := matrix.ParseEvent(raw)
		if err != nil || e.StateKey == nil {
			continue
		}
		e.RoomID = room
		switch e.Type {
		case "m.room.member":
			if m, ok := MemberFromContent(e.Content); ok {
				members[matrix.UserID(*e.StateKey)] = m
			}
		case "m.room.tombstone": // as old as the levels beside it
		default:
			rest = append(rest, e)
		}
	}
	if left, err := i.hasLeft(ctx, room, members); err != nil || left {
		return events, i.fail(op, room, err)
	}
	for _, e := range rest {
		if err := store.UpdateState(ctx, e); err != nil {
			return nil, i.fail(op, room, err)
		}
	}
	return events, i.fail(op, room, store.SetMembers(ctx, room, members, ""))
}
