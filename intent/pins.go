package intent

import (
	"context"
	"encoding/json"
	"slices"

	"bridgehost/matrix"
)

const pinnedEvents = "m.room.pinned_events"

// GetPinnedMessages returns the pinned events; none when the room has no list (PI-1).
func (i *Intent) GetPinnedMessages(ctx context.Context, room matrix.RoomID) ([]matrix.EventID, error) {
	return i.pinned(ctx, "get_pinned_messages", room)
}

func (i *Intent) pinned(ctx context.Context, op string, room matrix.RoomID) ([]matrix.EventID, error) {
	answer, err := i.get(ctx, op, room, nil, request{method: "GET", path: statePath(room, pinnedEvents, ""), room: room})
	if err != nil && !isNotFound(err) {
		return nil, err
	}
	var told struct {
		Pinned []matrix.EventID `json:"pinned"`
	}
	if json.Unmarshal(answer, &told) != nil || told.Pinned == nil {
		return []matrix.EventID{}, nil
	}
	return told.Pinned, nil
}

// SetPinnedMessagesOptions are those of SetPinnedMessages.
type SetPinnedMessagesOptions struct{ EventOptions }

// SetPinnedMessages replaces the list of pinned events (ST-2).
func (i *Intent) SetPinnedMessages(ctx context.Context, room matrix.RoomID, events []matrix.EventID, o SetPinnedMessagesOptions) (matrix.EventID, error) {
	return i.setPinned(ctx, "set_pinned_messages", room, events, o.EventOptions)
}

func (i *Intent) setPinned(ctx context.Context, op string, room matrix.RoomID, events []matrix.EventID, o EventOptions) (matrix.EventID, error) {
	if events == nil {
		events = []matrix.EventID{}
	}
	content, err := matrix.Encode(map[string]any{"pinned": events})
	if err != nil {
		return "", i.fail(op, room, err)
	}
	return i.sendState(ctx, op, room, pinnedEvents, "", content, o)
}

// PinMessage puts event at the end of the list, unless it is in it (PI-2).
func (i *Intent) PinMessage(ctx context.Context, room matrix.RoomID, event matrix.EventID) error {
	const op = "pin_message"
	events, err := i.pinned(ctx, op, room)
	if err != nil || slices.Contains(events, event) {
		return err
	}
	_, err = i.setPinned(ctx, op, room, append(events, event), EventOptions{})
	return err
}

// UnpinMessage takes event out of the list, if it is in it (PI-2).
func (i *Intent) UnpinMessage(ctx context.Context, room matrix.RoomID, event matrix.EventID) error {
	const op = "unpin_message"
	events, err := i.pinned(ctx, op, room)
	if err != nil || !slices.Contains(events, event) {
		return err
	}
	rest := slices.DeleteFunc(events, func(e matrix.EventID) bool { return e == event })
	_, err = i.setPinned(ctx, op, room, rest, EventOptions{})
	return err
}
