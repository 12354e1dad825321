package luabind

import (
	"bridgehost/capability"
	"bridgehost/intent"
	"bridgehost/matrix"
)

// roomEventArgs are those of calls about one event.
type roomEventArgs struct {
	Room  matrix.RoomID  `lua:"room_id" doc:"the room"`
	Event matrix.EventID `lua:"event_id" doc:"the event"`
}

var _ = method(intentClass, "get_pinned_messages", capability.MatrixRead, waits,
	"Returns the IDs of the pinned events, in order; an empty list when there are none. Asks the homeserver each time, and joins the room first when needed.",
	func(c *Call, i *intent.Intent, a *roomArgs) ([]matrix.EventID, error) {
		return i.GetPinnedMessages(c.Context(), a.Room)
	}, scope("m.room.pinned_events"), first(joined), asks("GET /rooms/{room_id}/state/m.room.pinned_events"), errcodes("M_FORBIDDEN"),
	example(`local newest = intent:get_pinned_messages(room_id)[1]`))

var _ = method(intentClass, "set_pinned_messages", capability.MatrixState, waits,
	"Replaces the list of pinned events (m.room.pinned_events), and returns the state event's ID."+levelFirst,
	func(c *Call, i *intent.Intent, a *struct {
		Room   matrix.RoomID    `lua:"room_id" doc:"the room"`
		Events []matrix.EventID `lua:"events" doc:"the events' IDs"`
		eventArgs
	}) (matrix.EventID, error) {
		return i.SetPinnedMessages(c.Context(), a.Room, a.Events, intent.SetPinnedMessagesOptions{EventOptions: a.options()})
	}, scope("m.room.pinned_events"), first(joined, powerful), asks("PUT /rooms/{room_id}/state/m.room.pinned_events"), errcodes("M_FORBIDDEN"),
	example(`intent:set_pinned_messages(room_id, { event_id })`))

var _ = method(intentClass, "pin_message", capability.MatrixState, waits,
	"Puts an event at the end of the room's pinned events: reads the list, and sets it only when the event is not in it. "+
		"Only that takes power: without it an error without errcode is raised.",
	func(c *Call, i *intent.Intent, a *roomEventArgs) (none, error) {
		return none{}, i.PinMessage(c.Context(), a.Room, a.Event)
	}, scope("m.room.pinned_events"), first(joined, powerful), asks("GET /rooms/{room_id}/state/m.room.pinned_events", "PUT /rooms/{room_id}/state/m.room.pinned_events"),
	errcodes("M_FORBIDDEN"), example(`intent:pin_message(room_id, event_id)`))

var _ = method(intentClass, "unpin_message", capability.MatrixState, waits,
	"Takes an event out of the room's pinned events: reads the list, and sets it only when the event is in it. "+
		"Only that takes power: without it an error without errcode is raised.",
	func(c *Call, i *intent.Intent, a *roomEventArgs) (none, error) {
		return none{}, i.UnpinMessage(c.Context(), a.Room, a.Event)
	}, scope("m.room.pinned_events"), first(joined, powerful), asks("GET /rooms/{room_id}/state/m.room.pinned_events", "PUT /rooms/{room_id}/state/m.room.pinned_events"),
	errcodes("M_FORBIDDEN"), example(`intent:unpin_message(room_id, event_id)`))
