package intent

import (
	"context"
	"encoding/json"
	"net/url"

	"bridgehost/matrix"
)

// BatchSendOptions are those of BatchSend.
type BatchSendOptions struct {
	BatchID            string
	StateEventsAtStart []json.RawMessage
	BeeperNewMessages  bool
	BeeperMarkReadBy   matrix.UserID
}

// BatchSend puts events into a room's past, on homeservers that can do that (MSC2716,
// or Beeper's form of it), and returns the server's answer (BS-1).
// Errors: M_UNRECOGNIZED where the homeserver cannot.
func (i *Intent) BatchSend(ctx context.Context, room matrix.RoomID, prev matrix.EventID, events []json.RawMessage, o BatchSendOptions) (json.RawMessage, error) {
	const op = "batch_send"
	if err := i.needRoom(op, room); err != nil {
		return nil, err
	}
	q := url.Values{}
	put(q, "prev_event_id", string(prev))
	put(q, "batch_id", o.BatchID)
	if events == nil {
		events = []json.RawMessage{}
	}
	state := o.StateEventsAtStart
	if state == nil {
		state = []json.RawMessage{}
	}
	body := map[string]any{"events": events, "state_events_at_start": state}
	if o.BeeperNewMessages {
		q.Set("com.beeper.new_messages", "true")
	}
	put(q, "com.beeper.mark_read_by", string(o.BeeperMarkReadBy))
	path := "/_matrix/client/unstable/org.matrix.msc2716" + matrix.Path("rooms", string(room), "batch_send")
	answer, err := i.do(ctx, request{method: "POST", path: path, query: q, body: body, room: room})
	return answer, i.fail(op, room, err)
}

// BeeperBatchSendOptions are those of BeeperBatchSend.
type BeeperBatchSendOptions struct {
	Forward             bool // after the newest message, not before the oldest
	ForwardIfNoMessages bool
	SendNotification    bool
	MarkReadBy          matrix.UserID
}

// BeeperBatchSend puts events into a room's past on Beeper's homeservers: {event_ids} (BS-1).
// Errors: M_UNRECOGNIZED where the homeserver cannot.
func (i *Intent) BeeperBatchSend(ctx context.Context, room matrix.RoomID, events []json.RawMessage, o BeeperBatchSendOptions) (json.RawMessage, error) {
	const op = "beeper_batch_send"
	if err := i.needRoom(op, room); err != nil {
		return nil, err
	}
	if events == nil {
		events = []json.RawMessage{}
	}
	body := map[string]any{"events": events}
	for key, set := range map[string]bool{
		"forward": o.Forward, "forward_if_no_messages": o.ForwardIfNoMessages, "send_notification": o.SendNotification,
	} {
		if set {
			body[key] = true
		}
	}
	if o.MarkReadBy != "" {
		body["mark_read_by"] = o.MarkReadBy
	}
	path := "/_matrix/client/unstable/com.beeper.backfill" + matrix.Path("rooms", string(room), "batch_send")
	answer, err := i.do(ctx, request{method: "POST", path: path, body: body, room: room})
	return answer, i.fail(op, room, err)
}
