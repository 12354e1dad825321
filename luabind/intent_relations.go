package luabind

import (
	"encoding/json"

	"bridgehost/capability"
	"bridgehost/intent"
	"bridgehost/matrix"
)

// answerArgs are those of calls that send content about an earlier event.
type answerArgs struct {
	Room    matrix.RoomID  `lua:"room_id" doc:"the room"`
	Event   matrix.EventID `lua:"event_id" doc:"the earlier event"`
	Content Content        `lua:"content" doc:"the content, a text, or what bridge.markdown and bridge.html make"`
	txnArgs
}

var _ = method(intentClass, "send_reply", capability.MatrixSend, waits,
	"Sends a message as the answer to an event, and returns its ID. A thread named in the content's m.relates_to stays.",
	func(c *Call, i *intent.Intent, a *answerArgs) (matrix.EventID, error) {
		return i.SendReply(c.Context(), a.Room, a.Event, json.RawMessage(a.Content), a.options())
	}, scope("m.room.message"), ours, sends, asksMessage, errcodes("M_FORBIDDEN", "M_TOO_LARGE"), results("The event ID."), example(`intent:send_reply(room_id, intent:send_text(room_id, "ping"), "pong")`))

var _ = method(intentClass, "edit_message", capability.MatrixSend, waits,
	"Puts new content in place of an earlier message of the same user, and returns the edit's ID. `event_id` is the first message, not a later edit of it. Clients without edits show the text with \"* \" before it.",
	func(c *Call, i *intent.Intent, a *answerArgs) (matrix.EventID, error) {
		return i.EditMessage(c.Context(), a.Room, a.Event, json.RawMessage(a.Content), a.options())
	}, scope("m.room.message"), ours, sends, asksMessage, errcodes("M_FORBIDDEN", "M_TOO_LARGE"), results("The event ID."), example(`intent:edit_message(room_id, intent:send_text(room_id, "helo"), "hello")`))

var _ = method(intentClass, "send_markdown", capability.MatrixSend, waits,
	"Sends a text written in Markdown as it is, without filling in, and returns its ID. HTML in it is shown as text. The message always has both forms.",
	func(c *Call, i *intent.Intent, a *struct {
		Room      matrix.RoomID `lua:"room_id" doc:"the room"`
		Markdown  string        `lua:"markdown" doc:"the text"`
		MsgType   string        `lua:"msgtype,opt" default:"m.text" doc:"the message's type"`
		RelatesTo Map           `lua:"relates_to,opt" doc:"the content's m.relates_to"`
		txnArgs
	}) (matrix.EventID, error) {
		if len(a.Markdown) > maxMarkdown {
			return "", tooLong("Markdown", maxMarkdown)
		}
		m := (&filled{text: unmarked(a.Markdown)}).markdown()
		return i.SendMarkdown(c.Context(), a.Room, intent.SendTextOptions{Text: m.Body, HTML: m.HTML, MsgType: a.MsgType,
			RelatesTo: json.RawMessage(a.RelatesTo), EventOptions: a.options()})
	}, scope("m.room.message"), ours, sends, asksMessage, errcodes("M_FORBIDDEN", "M_TOO_LARGE"), results("The event ID."), example(`intent:send_markdown(room_id, "**well**", { msgtype = "m.notice" })`))

var _ = method(intentClass, "send_location", capability.MatrixSend, waits,
	"Sends a place, an m.location, and returns the event's ID.",
	func(c *Call, i *intent.Intent, a *struct {
		Room      matrix.RoomID `lua:"room_id" doc:"the room"`
		GeoURI    string        `lua:"geo_uri" doc:"such as geo:51.5,-0.12 (latitude, longitude)"`
		Body      string        `lua:"body,opt" doc:"the place in words; the URI when left out"`
		Info      Map           `lua:"info,opt" doc:"{thumbnail_url, thumbnail_info}"`
		RelatesTo Map           `lua:"relates_to,opt" doc:"the content's m.relates_to"`
		txnArgs
	}) (matrix.EventID, error) {
		return i.SendLocation(c.Context(), a.Room, a.GeoURI, intent.SendLocationOptions{Body: a.Body, Info: json.RawMessage(a.Info),
			RelatesTo: json.RawMessage(a.RelatesTo), EventOptions: a.options()})
	}, scope("m.room.message"), ours, sends, asksMessage, errcodes("M_FORBIDDEN"), results("The event ID."), example(`intent:send_location(room_id, "geo:51.5,-0.12", { body = "London" })`))

var _ = method(intentClass, "get_relations", capability.MatrixRead, waits,
	"Returns the events that relate to an event, newest first: reactions, edits, those of a thread. Replies are no such relation. "+
		"Joins the room first when needed. An event that is not there is refused with M_UNKNOWN, status 404 (by some homeservers with M_NOT_FOUND).",
	func(c *Call, i *intent.Intent, a *struct {
		Room         matrix.RoomID  `lua:"room_id" doc:"the room"`
		Event        matrix.EventID `lua:"event_id" doc:"the event"`
		RelType      string         `lua:"rel_type,opt" doc:"only these: m.annotation, m.replace, m.thread …"`
		EventType    string         `lua:"event_type,opt" doc:"only events of that type; goes with rel_type"`
		FromToken    string         `lua:"from_token,opt" doc:"where to go on: next_batch of an earlier answer"`
		ToToken      string         `lua:"to_token,opt" doc:"where to end"`
		Limit        *int           `lua:"limit,opt" doc:"how many events at most; the homeserver's choice (5) when left out"`
		Direction    string         `lua:"direction,opt" enum:"b|f" doc:"f: oldest first"`
		EnsureJoined *bool          `lua:"ensure_joined,opt" default:"true" doc:"join the room first when needed"`
	}) (json.RawMessage, error) {
		return i.GetRelations(c.Context(), a.Room, a.Event, intent.GetRelationsOptions{RelType: a.RelType, EventType: a.EventType,
			FromToken: a.FromToken, ToToken: a.ToToken, Limit: a.Limit, Direction: a.Direction, EnsureJoined: a.EnsureJoined})
	}, scope(AnyType), ours, first(joined), asks("GET /_matrix/client/v1/rooms/{room_id}/relations/{event_id}",
		"GET /_matrix/client/v1/rooms/{room_id}/relations/{event_id}/{rel_type}",
		"GET /_matrix/client/v1/rooms/{room_id}/relations/{event_id}/{rel_type}/{event_type}"),
	errcodes("M_FORBIDDEN", "M_UNKNOWN"), returns("table"), results("`{chunk, next_batch?, prev_batch?}`: `chunk` is a list of events, `next_batch` a token when there are more."),
	example(`local reactions = intent:get_relations(room_id, event_id, { rel_type = "m.annotation" }).chunk`))

var _ = method(intentClass, "get_messages", capability.MatrixRead, waits,
	"Reads a part of the room's history. Joins the room first when needed.",
	func(c *Call, i *intent.Intent, a *struct {
		Room         matrix.RoomID `lua:"room_id" doc:"the room"`
		Direction    string        `lua:"direction" enum:"b|f" doc:"b: into the past, f: towards the present"`
		FromToken    string        `lua:"from_token,opt" doc:"where to begin: end of an earlier answer; the newest or oldest event when left out"`
		ToToken      string        `lua:"to_token,opt" doc:"where to end"`
		Limit        *int          `lua:"limit,opt" doc:"how many events at most; the homeserver's choice (10) when left out"`
		FilterJSON   string        `lua:"filter_json,opt" doc:"a filter for events, as JSON text"`
		EnsureJoined *bool         `lua:"ensure_joined,opt" default:"true" doc:"join the room first when needed"`
	}) (*intent.MessagesPage, error) {
		return i.GetMessages(c.Context(), a.Room, a.Direction, intent.GetMessagesOptions{FromToken: a.FromToken, ToToken: a.ToToken,
			Limit: a.Limit, FilterJSON: a.FilterJSON, EnsureJoined: a.EnsureJoined})
	}, scope(AnyType), first(joined), asks("GET /rooms/{room_id}/messages"), errcodes("M_FORBIDDEN"),
	results("`{start, end?, events, state?}`: tokens, and a list of events. There is no `end` when there are no more; it is written `page[\"end\"]`. "+
		"`state` holds the senders' member events when the filter has `lazy_load_members`."),
	example(`local page = intent:get_messages(room_id, "b", { limit = 20 })`))

var _ = method(intentClass, "get_event_context", capability.MatrixRead, waits,
	"Returns an event with those around it. Joins the room first when needed.",
	func(c *Call, i *intent.Intent, a *struct {
		Room         matrix.RoomID  `lua:"room_id" doc:"the room"`
		Event        matrix.EventID `lua:"event_id" doc:"the event"`
		Limit        *int           `lua:"limit,opt" doc:"how many events around it; the homeserver's choice (10) when left out"`
		Filter       string         `lua:"filter,opt" doc:"a filter for events, as JSON text"`
		EnsureJoined *bool          `lua:"ensure_joined,opt" default:"true" doc:"join the room first when needed"`
	}) (json.RawMessage, error) {
		return i.GetEventContext(c.Context(), a.Room, a.Event, intent.GetEventContextOptions{Limit: a.Limit, Filter: a.Filter, EnsureJoined: a.EnsureJoined})
	}, scope(AnyType), first(joined), asks("GET /rooms/{room_id}/context/{event_id}"), errcodes("M_NOT_FOUND", "M_FORBIDDEN"),
	returns("table"), results("`{event, events_before, events_after, start, end, state}`: `events_before` has the newest first, `state` is the room's as it was after the last event, "+
		"`start` and `end` are tokens for get_messages."),
	example(`local before = intent:get_event_context(room_id, event_id, { limit = 4 }).events_before`))
