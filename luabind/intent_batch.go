package luabind

import (
	"encoding/json"

	"bridgehost/capability"
	"bridgehost/intent"
	"bridgehost/matrix"
)

var _ = method(intentClass, "batch_send", capability.MatrixSend, waits,
	"Puts events into a room's past, on homeservers that can do that (MSC2716). The caller needs not be in the room.",
	func(c *Call, i *intent.Intent, a *struct {
		Room              matrix.RoomID  `lua:"room_id" doc:"the room"`
		Prev              matrix.EventID `lua:"prev_event_id" doc:"the event before them"`
		Events            []Map          `lua:"events" doc:"{type, sender, origin_server_ts, content}, oldest first"`
		BatchID           string         `lua:"batch_id,opt" doc:"next_batch_id of an earlier answer"`
		StateEvents       []Map          `lua:"state_events_at_start,opt" doc:"state before them, such as the senders' joins"`
		BeeperNewMessages bool           `lua:"beeper_new_messages,opt" default:"false" doc:"they are new, on Beeper's homeservers"`
		BeeperMarkReadBy  matrix.UserID  `lua:"beeper_mark_read_by,opt" doc:"who has read them, on Beeper's homeservers"`
	}) (json.RawMessage, error) {
		return i.BatchSend(c.Context(), a.Room, a.Prev, raws(a.Events), intent.BatchSendOptions{BatchID: a.BatchID,
			StateEventsAtStart: raws(a.StateEvents), BeeperNewMessages: a.BeeperNewMessages, BeeperMarkReadBy: a.BeeperMarkReadBy})
	}, errcodes("M_UNRECOGNIZED", "M_FORBIDDEN"),
	results("{state_event_ids, event_ids, insertion_event_id, batch_event_id, next_batch_id, base_insertion_event_id?}"))

var _ = method(intentClass, "beeper_batch_send", capability.MatrixSend, waits,
	"Puts events into a room's past on Beeper's homeservers.",
	func(c *Call, i *intent.Intent, a *struct {
		Room                matrix.RoomID `lua:"room_id" doc:"the room"`
		Events              []Map         `lua:"events" doc:"{type, sender, timestamp, content}, oldest first"`
		Forward             bool          `lua:"forward,opt" default:"false" doc:"after the newest event in place of before the oldest"`
		ForwardIfNoMessages bool          `lua:"forward_if_no_messages,opt" default:"false" doc:"the same, when the room has no messages"`
		SendNotification    bool          `lua:"send_notification,opt" default:"false" doc:"tell people of them"`
		MarkReadBy          matrix.UserID `lua:"mark_read_by,opt" doc:"who has read them"`
	}) (json.RawMessage, error) {
		return i.BeeperBatchSend(c.Context(), a.Room, raws(a.Events), intent.BeeperBatchSendOptions{Forward: a.Forward,
			ForwardIfNoMessages: a.ForwardIfNoMessages, SendNotification: a.SendNotification, MarkReadBy: a.MarkReadBy})
	}, errcodes("M_UNRECOGNIZED", "M_FORBIDDEN"), results("{event_ids}"))

var _ = method(intentClass, "send_delayed_event", capability.MatrixSend, waits,
	"Lets the homeserver send an event later, by MSC4140, and returns the delay's ID. Joins the room first when needed, and checks the level.",
	func(c *Call, i *intent.Intent, a *struct {
		Room     matrix.RoomID `lua:"room_id" doc:"the room"`
		Type     string        `lua:"event_type" doc:"the event's type"`
		Content  Map           `lua:"content" doc:"the event's content"`
		Delay    int64         `lua:"delay_ms" doc:"after how many milliseconds"`
		StateKey *string       `lua:"state_key,opt" doc:"makes it state"`
		txnArgs
	}) (string, error) {
		if a.Delay <= 0 {
			return "", argumentError("delay_ms must be more than 0")
		}
		return i.SendDelayedEvent(c.Context(), a.Room, a.Type, json.RawMessage(a.Content), a.Delay,
			intent.SendDelayedEventOptions{StateKey: a.StateKey, EventOptions: a.options()})
	}, errcodes("M_UNRECOGNIZED", "M_FORBIDDEN", "M_MAX_DELAY_EXCEEDED"))

var _ = method(intentClass, "update_delayed_event", capability.MatrixSend, waits,
	"Sends a delayed event now, starts its delay anew, or drops it.",
	func(c *Call, i *intent.Intent, a *struct {
		DelayID string `lua:"delay_id" doc:"what send_delayed_event returned"`
		Action  string `lua:"action" enum:"send|restart|cancel" doc:"what to do"`
	}) (none, error) {
		return none{}, i.UpdateDelayedEvent(c.Context(), a.DelayID, a.Action)
	}, errcodes("M_NOT_FOUND", "M_UNRECOGNIZED"))
