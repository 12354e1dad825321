package luabind

import (
	"encoding/json"

	"bridgehost/capability"
	"bridgehost/intent"
	"bridgehost/matrix"
)

var _ = method(intentClass, "batch_send", capability.MatrixSend, waits,
	"Puts events into a room's past, on homeservers that can do that (MSC2716; Synapse no longer does). Nothing is registered or joined first. M_UNRECOGNIZED: the homeserver cannot.",
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
	}, takes(sendsAs("events", "state_events_at_start", "beeper_mark_read_by")), asks("POST /_matrix/client/unstable/org.matrix.msc2716/rooms/{room_id}/batch_send"), errcodes("M_UNRECOGNIZED", "M_FORBIDDEN"),
	example(`local event    = { type = "m.room.message", sender = ghost.mxid, origin_server_ts = 1500000000000, content = { msgtype = "m.text", body = "long ago" } }
local ok, err  = pcall(intent.batch_send, intent, room_id, event_id, { event })
if not ok then intent.log:info("this homeserver has no past to write: " .. err.errcode) end`),
	returns("table"), results("{state_event_ids, event_ids, insertion_event_id, batch_event_id, next_batch_id, base_insertion_event_id?}"))

var _ = method(intentClass, "beeper_batch_send", capability.MatrixSend, waits,
	"Puts events into a room's past on Beeper's homeservers. Nothing is registered or joined first. M_UNRECOGNIZED: it is another homeserver.",
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
	}, takes(sendsAs("events", "", "mark_read_by")), asks("POST /_matrix/client/unstable/com.beeper.backfill/rooms/{room_id}/batch_send"), errcodes("M_UNRECOGNIZED", "M_FORBIDDEN"), returns("table"), results("{event_ids}"),
	example(`local event    = { type = "m.room.message", sender = ghost.mxid, timestamp = 1500000000000, content = { msgtype = "m.text", body = "long ago" } }
local ok, err  = pcall(intent.beeper_batch_send, intent, room_id, { event }, { forward_if_no_messages = true })
if not ok then intent.log:info("not one of Beeper's: " .. err.errcode) end`))

var _ = method(intentClass, "send_delayed_event", capability.MatrixSend, waits,
	"Lets the homeserver send an event later, by MSC4140, and returns the delay's ID. Joins the room first when needed, and checks the power level. Whether the event may be sent the homeserver looks at when the time has come; what may not be sent then is dropped. "+
		"State that is due is dropped when another user changes the same state before. ORG.MATRIX.MSC4140_DELAY_TOO_LARGE: the homeserver keeps no event that long; M_FORBIDDEN: it keeps none at all, or the room does not take the user in. A homeserver that knows nothing of delays sends the event at once, and that raises, too.",
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
	}, takes(sendsType), first(joined, powerful), asks("PUT /rooms/{room_id}/send/{event_type}/{txn_id}", "PUT /rooms/{room_id}/state/{event_type}", "PUT /rooms/{room_id}/state/{event_type}/{state_key}"),
	errcodes("M_FORBIDDEN", "M_LIMIT_EXCEEDED", "ORG.MATRIX.MSC4140_DELAY_TOO_LARGE"), results("the delay's ID, for update_delayed_event"), ours,
	example(`local delay_id = intent:send_delayed_event(room_id, "m.room.message", { msgtype = "m.text", body = "time for tea" }, 600000)`))

var _ = method(intentClass, "update_delayed_event", capability.MatrixSend, waits,
	"Sends a delayed event now, starts its delay anew, or drops it. Whoever has the ID may do that. M_NOT_FOUND: it was sent or dropped already; M_FORBIDDEN: it may not be sent, and is dropped; M_UNRECOGNIZED: the homeserver knows no delayed events.",
	func(c *Call, i *intent.Intent, a *struct {
		DelayID string `lua:"delay_id" doc:"what send_delayed_event returned"`
		Action  string `lua:"action" enum:"send|restart|cancel" doc:"what to do"`
	}) (none, error) {
		return none{}, i.UpdateDelayedEvent(c.Context(), a.DelayID, a.Action)
	}, asks("POST /_matrix/client/unstable/org.matrix.msc4140/delayed_events/{delay_id}"), errcodes("M_NOT_FOUND", "M_FORBIDDEN", "M_UNRECOGNIZED"), ours,
	example(`local delay_id = intent:send_delayed_event(room_id, "m.room.message", { msgtype = "m.text", body = "time for tea" }, 600000)
intent:update_delayed_event(delay_id, "cancel")`))
