package luabind

import (
	"encoding/json"

	"bridgehost/capability"
	"bridgehost/intent"
	"bridgehost/matrix"
)

var _ = method(intentClass, "send_message_event", capability.MatrixSend, waits,
	"Sends an event that is not state, and returns its ID. A power level that is too low raises before anything is asked of the homeserver. "+
		"When the homeserver says that the user is not in the room, joining is tried once more. "+
		"In the handler of an event it is sent once, even when the handler runs again.",
	func(c *Call, i *intent.Intent, a *struct {
		Room    matrix.RoomID `lua:"room_id" doc:"the room"`
		Type    string        `lua:"event_type" doc:"the event's type, such as com.example.thing"`
		Content Map           `lua:"content" doc:"the event's content"`
		txnArgs
	}) (matrix.EventID, error) {
		return i.SendMessageEvent(c.Context(), a.Room, a.Type, json.RawMessage(a.Content), intent.SendMessageEventOptions{EventOptions: a.options()})
	}, takes(sendsType), sends, asks("PUT /rooms/{room_id}/send/{event_type}/{txn_id}"), errcodes("M_FORBIDDEN", "M_TOO_LARGE"),
	results("The event ID."), example(`intent:send_message_event(room_id, "com.example.thing", { size = 3 })`))

var _ = method(intentClass, "send_message", capability.MatrixSend, waits,
	"Sends a message, an m.room.message of any content, and returns its ID. A text stands for a message of type m.text.",
	func(c *Call, i *intent.Intent, a *struct {
		Room    matrix.RoomID `lua:"room_id" doc:"the room"`
		Content Content       `lua:"content" doc:"the content, a text, or what bridge.markdown and bridge.html make"`
		txnArgs
	}) (matrix.EventID, error) {
		return i.SendMessage(c.Context(), a.Room, json.RawMessage(a.Content), intent.SendMessageOptions{EventOptions: a.options()})
	}, scope("m.room.message"), sends, asksMessage, errcodes("M_FORBIDDEN", "M_TOO_LARGE"), results("The event ID."),
	example(`intent:send_message(room_id, { msgtype = "m.text", body = "hello" })`))

// sends, asksMessage are of every function that sends a message.
var (
	sends       = first(joined, powerful)
	asksMessage = asks("PUT /rooms/{room_id}/send/m.room.message/{txn_id}")
)

// html is the formatted form: as given, or of the text.
func (t Text) html(given string) string {
	if given != "" {
		return given
	}
	return t.HTML
}

// mentions says that a markup mentions nobody: what was filled into it may be a name.
func (t Text) mentions() json.RawMessage {
	if t.HTML == "" {
		return nil
	}
	return json.RawMessage("{}")
}

var _ = method(intentClass, "send_text", capability.MatrixSend, waits,
	"Sends a text, and returns its ID. One of text and html is needed. With html alone the plain form is made from it; with text alone the message has no formatted form.",
	func(c *Call, i *intent.Intent, a *struct {
		Room      matrix.RoomID `lua:"room_id" doc:"the room"`
		Text      Text          `lua:"text,opt" doc:"the text; bridge.markdown and bridge.html give both forms"`
		HTML      string        `lua:"html,opt" doc:"the formatted form"`
		MsgType   string        `lua:"msgtype,opt" default:"m.text" doc:"the message's type"`
		RelatesTo Map           `lua:"relates_to,opt" doc:"the content's m.relates_to"`
		txnArgs
	}) (matrix.EventID, error) {
		return i.SendText(c.Context(), a.Room, intent.SendTextOptions{Text: a.Text.Body, HTML: a.Text.html(a.HTML), MsgType: a.MsgType,
			RelatesTo: json.RawMessage(a.RelatesTo), Mentions: a.Text.mentions(), EventOptions: a.options()})
	}, scope("m.room.message"), sends, asksMessage, errcodes("M_FORBIDDEN", "M_TOO_LARGE"), results("The event ID."), example(`intent:send_text(room_id, "hello")`))

// textArgs are those of send_notice and send_emote.
type textArgs struct {
	Room      matrix.RoomID `lua:"room_id" doc:"the room"`
	Text      Text          `lua:"text,opt" doc:"the text; bridge.markdown and bridge.html give both forms"`
	HTML      string        `lua:"html,opt" doc:"the formatted form"`
	RelatesTo Map           `lua:"relates_to,opt" doc:"the content's m.relates_to"`
	txnArgs
}

var _ = method(intentClass, "send_notice", capability.MatrixSend, waits,
	"Sends a text that bots do not answer, an m.notice, and returns its ID. Text and html are as for send_text.",
	func(c *Call, i *intent.Intent, a *textArgs) (matrix.EventID, error) {
		return i.SendNotice(c.Context(), a.Room, intent.SendNoticeOptions{Text: a.Text.Body, HTML: a.Text.html(a.HTML),
			RelatesTo: json.RawMessage(a.RelatesTo), Mentions: a.Text.mentions(), EventOptions: a.options()})
	}, scope("m.room.message"), sends, asksMessage, errcodes("M_FORBIDDEN", "M_TOO_LARGE"), results("The event ID."), example(`intent:send_notice(room_id, "back in five minutes")`))

var _ = method(intentClass, "send_emote", capability.MatrixSend, waits,
	"Sends what the user does (\"waves\"), an m.emote, and returns its ID. Text and html are as for send_text.",
	func(c *Call, i *intent.Intent, a *textArgs) (matrix.EventID, error) {
		return i.SendEmote(c.Context(), a.Room, intent.SendEmoteOptions{Text: a.Text.Body, HTML: a.Text.html(a.HTML),
			RelatesTo: json.RawMessage(a.RelatesTo), Mentions: a.Text.mentions(), EventOptions: a.options()})
	}, scope("m.room.message"), sends, asksMessage, errcodes("M_FORBIDDEN", "M_TOO_LARGE"), results("The event ID."), example(`intent:send_emote(room_id, "waves")`))

var _ = method(intentClass, "react", capability.MatrixSend, waits,
	"Reacts to an event with an m.reaction, and returns the reaction's ID. The same reaction of the same user again is refused with M_DUPLICATE_ANNOTATION.",
	func(c *Call, i *intent.Intent, a *struct {
		Room  matrix.RoomID  `lua:"room_id" doc:"the room"`
		Event matrix.EventID `lua:"event_id" doc:"the event"`
		Key   string         `lua:"key" doc:"usually an emoji"`
		txnArgs
	}) (matrix.EventID, error) {
		return i.React(c.Context(), a.Room, a.Event, a.Key, intent.ReactOptions{EventOptions: a.options()})
	}, scope("m.reaction"), sends, asks("PUT /rooms/{room_id}/send/m.reaction/{txn_id}"), errcodes("M_FORBIDDEN", "M_DUPLICATE_ANNOTATION"),
	results("The event ID."), example(`intent:react(room_id, event_id, "👍")`))

var _ = method(intentClass, "redact", capability.MatrixRedact, waits,
	"Takes an event back: its content goes. Returns the redaction's ID. Events of other users take the level `redact` in the room's power levels, "+
		"which the homeserver looks at: M_FORBIDDEN when it is too low. M_NOT_FOUND: there is no such event. Homeservers need not heed `timestamp` here; Synapse does not.",
	func(c *Call, i *intent.Intent, a *struct {
		Room         matrix.RoomID  `lua:"room_id" doc:"the room"`
		Event        matrix.EventID `lua:"event_id" doc:"the event"`
		Reason       string         `lua:"reason,opt" doc:"shown to all"`
		ExtraContent Map            `lua:"extra_content,opt" doc:"further fields of the redaction"`
		txnArgs
	}) (matrix.EventID, error) {
		return i.Redact(c.Context(), a.Room, a.Event, intent.RedactOptions{Reason: a.Reason, ExtraContent: json.RawMessage(a.ExtraContent), EventOptions: a.options()})
	}, judges(redacts), sends, asks("PUT /rooms/{room_id}/redact/{event_id}/{txn_id}"), errcodes("M_FORBIDDEN", "M_NOT_FOUND"), results("The event ID."),
	example(`intent:redact(room_id, event_id, { reason = "said twice" })`))

var _ = method(intentClass, "set_typing", capability.MatrixEphemeral, waits,
	"Shows the user as typing for `timeout` milliseconds; homeservers take two minutes at most. `is_typing = false`, or no time, ends it. The same again within its time asks nothing of the homeserver, whatever its timeout.",
	func(c *Call, i *intent.Intent, a *struct {
		Room        matrix.RoomID `lua:"room_id" doc:"the room"`
		IsTyping    *bool         `lua:"is_typing,opt" default:"true" doc:"false stops"`
		Timeout     *int          `lua:"timeout,opt" default:"5000" doc:"milliseconds"`
		IgnoreCache bool          `lua:"ignore_cache,opt" default:"false" doc:"ask the homeserver even when it knows"`
	}) (none, error) {
		return none{}, i.SetTyping(c.Context(), a.Room, intent.SetTypingOptions{IsTyping: a.IsTyping, Timeout: a.Timeout, IgnoreCache: a.IgnoreCache})
	}, first(joined), asks("PUT /rooms/{room_id}/typing/{user_id}"), errcodes("M_FORBIDDEN"), example(`ghost:set_typing(room_id, { timeout = 20000 })`))

var _ = method(intentClass, "mark_read", capability.MatrixEphemeral, waits,
	`Marks the room as read up to an event, for the user itself and for all others. The same event again asks nothing of the homeserver. Joins nothing: a user who is not in the room is refused.`,
	func(c *Call, i *intent.Intent, a *struct {
		Room         matrix.RoomID  `lua:"room_id" doc:"the room"`
		Event        matrix.EventID `lua:"event_id" doc:"the last event that was read"`
		ExtraContent Map            `lua:"extra_content,opt" doc:"further fields of the read marks"`
	}) (none, error) {
		return none{}, i.MarkRead(c.Context(), a.Room, a.Event, intent.MarkReadOptions{ExtraContent: json.RawMessage(a.ExtraContent)})
	}, first(registered), asks("POST /rooms/{room_id}/read_markers"), errcodes("M_FORBIDDEN"), example(`intent:mark_read(room_id, event_id)`))

var _ = method(intentClass, "set_fully_read_marker", capability.MatrixEphemeral, waits,
	`Sets the user's own mark of what is read, and with read_receipt the one that others see too. Homeservers move the own mark forward only. Joins nothing.`,
	func(c *Call, i *intent.Intent, a *struct {
		Room         matrix.RoomID  `lua:"room_id" doc:"the room"`
		FullyRead    matrix.EventID `lua:"fully_read" doc:"the last event that was read"`
		ReadReceipt  matrix.EventID `lua:"read_receipt,opt" doc:"the event that others see as read"`
		ExtraContent Map            `lua:"extra_content,opt" doc:"further fields of the read marks"`
	}) (none, error) {
		return none{}, i.SetFullyReadMarker(c.Context(), a.Room, a.FullyRead, intent.SetFullyReadMarkerOptions{ReadReceipt: a.ReadReceipt, ExtraContent: json.RawMessage(a.ExtraContent)})
	}, first(registered), asks("POST /rooms/{room_id}/read_markers"), errcodes("M_FORBIDDEN", "M_UNKNOWN"),
	example(`intent:set_fully_read_marker(room_id, event_id, { read_receipt = event_id })`))

var _ = method(intentClass, "send_receipt", capability.MatrixEphemeral, waits,
	`Tells the others that an event was read, each time anew. Joins nothing: a user who is not in the room is refused.`,
	func(c *Call, i *intent.Intent, a *struct {
		Room        matrix.RoomID  `lua:"room_id" doc:"the room"`
		Event       matrix.EventID `lua:"event_id" doc:"the event"`
		ReceiptType string         `lua:"receipt_type,opt" default:"m.read" doc:"m.read, m.read.private (only for the user itself), or m.fully_read"`
	}) (none, error) {
		return none{}, i.SendReceipt(c.Context(), a.Room, a.Event, intent.SendReceiptOptions{ReceiptType: a.ReceiptType})
	}, first(registered), asks("POST /rooms/{room_id}/receipt/{receipt_type}/{event_id}"), errcodes("M_FORBIDDEN"), example(`intent:send_receipt(room_id, event_id)`))
