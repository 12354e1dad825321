package luabind

import (
	"context"
	"encoding/json"
	"strings"
	"sync"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/capability"
	"bridgehost/intent"
	"bridgehost/matrix"
)

// Event is one Matrix event on its way to a script's handlers.
type Event struct {
	*matrix.Event
	Redelivered bool

	once sync.Once
	body messageContent
}

// NewEvent makes an Event; redelivered tells that this is not the first try.
func NewEvent(e *matrix.Event, redelivered bool) *Event {
	return &Event{Event: e, Redelivered: redelivered}
}

// messageContent is what the host itself reads of a content.
type messageContent struct {
	MsgType       string          `json:"msgtype"`
	Body          string          `json:"body"`
	FormattedBody string          `json:"formatted_body"`
	FileName      string          `json:"filename"`
	URL           string          `json:"url"`
	Info          json.RawMessage `json:"info"`
	Membership    string          `json:"membership"`
	NewContent    *messageContent `json:"m.new_content"`
	RelatesTo     struct {
		RelType       string         `json:"rel_type"`
		EventID       matrix.EventID `json:"event_id"`
		IsFallingBack bool           `json:"is_falling_back"`
		InReplyTo     struct {
			EventID matrix.EventID `json:"event_id"`
		} `json:"m.in_reply_to"`
	} `json:"m.relates_to"`
	PuppetSource string `json:"fi.mau.double_puppet_source"`
}

// content reads what can be read; strangers may send fields of any type, and a field
// of a wrong type counts as absent.
func (e *Event) content() *messageContent {
	e.once.Do(func() {
		if json.Unmarshal(e.Content, &e.body) == nil {
			return
		}
		e.body = messageContent{}
		var fields map[string]json.RawMessage
		if json.Unmarshal(e.Content, &fields) != nil {
			return
		}
		for key, raw := range fields {
			one, err := json.Marshal(map[string]json.RawMessage{key: raw})
			if err != nil {
				continue
			}
			next := e.body
			if json.Unmarshal(one, &next) == nil {
				e.body = next
			}
		}
	})
	return &e.body
}

// IsEdit tells whether the event replaces another one's content.
func (e *Event) IsEdit() bool {
	return e.Type == "m.room.message" && e.content().RelatesTo.RelType == "m.replace"
}

// shown is the content to be shown: of an edit the new one.
func (e *Event) shown() *messageContent {
	if c := e.content(); e.IsEdit() && c.NewContent != nil {
		return c.NewContent
	}
	return e.content()
}

// Text is the message's text without the quotation that old clients put before replies; "" when there is none.
func (e *Event) Text() string {
	text := e.shown().Body
	if e.content().RelatesTo.InReplyTo.EventID == "" || !strings.HasPrefix(text, "> ") {
		return text
	}
	quote, rest, ok := strings.Cut(text, "\n\n")
	for _, line := range strings.Split(quote, "\n") {
		if !strings.HasPrefix(line, ">") {
			return text
		}
	}
	if !ok {
		return text
	}
	return rest
}

// HTML is the message's formatted form, "" when there is none.
func (e *Event) HTML() string {
	html := e.shown().FormattedBody
	if strings.HasPrefix(html, "<mx-reply>") {
		if _, rest, ok := strings.Cut(html, "</mx-reply>"); ok {
			return rest
		}
	}
	return html
}

// ReplyTo is the event that this one answers, "" when it answers none.
func (e *Event) ReplyTo() matrix.EventID {
	r := &e.content().RelatesTo
	if r.RelType == "m.thread" && r.IsFallingBack {
		return "" // for old clients only
	}
	return r.InReplyTo.EventID
}

// Thread is the root of the thread that the event belongs to, "" when to none.
func (e *Event) Thread() matrix.EventID {
	if r := &e.content().RelatesTo; r.RelType == "m.thread" {
		return r.EventID
	}
	return ""
}

// answer is the relation of a message that answers this one, in its thread if it is in one.
func (e *Event) answer() json.RawMessage {
	relation := map[string]any{"m.in_reply_to": map[string]any{"event_id": e.EventID}}
	if root := e.Thread(); root != "" {
		relation["rel_type"], relation["event_id"] = "m.thread", root
	}
	raw, err := json.Marshal(relation)
	if err != nil {
		return nil
	}
	return raw
}

// media describes a file that was sent.
type media struct {
	URL      string          `json:"url"`
	FileName string          `json:"filename,omitempty"`
	Info     json.RawMessage `json:"info,omitempty"`
}

func (e *Event) media() *media {
	c := e.shown()
	if c.URL == "" {
		return nil
	}
	name := c.FileName
	if name == "" {
		name = c.Body
	}
	return &media{URL: c.URL, FileName: name, Info: c.Info}
}

var eventClass = class("event", "One Matrix event, as handlers get it: bridge.on(\"message\", function(evt) … end).",
	tableClass, holds[*Event]())

func text[S ~string](s S) lua.LValue {
	if s == "" {
		return lua.LNil
	}
	return lua.LString(s)
}

// eventField declares a field of events.
func eventField(name, typ, doc string, get func(*Event) lua.LValue) *Field {
	return field(eventClass, name, typ, doc, func(_ *Env, e *Event) lua.LValue { return get(e) })
}

var (
	_ = eventField("room_id", "string", "The room.", func(e *Event) lua.LValue { return text(e.RoomID) })
	_ = eventField("sender", "string", "Who sent it.", func(e *Event) lua.LValue { return text(e.Sender) })
	_ = eventField("event_id", "string", "The event's ID.", func(e *Event) lua.LValue { return text(e.EventID) })
	_ = eventField("type", "string", "The event's type on the wire, such as m.room.message.", func(e *Event) lua.LValue { return text(e.Type) })
	_ = eventField("ts", "integer", "When it was sent, in milliseconds.", func(e *Event) lua.LValue { return lua.LNumber(e.OriginServerTS) })
	_ = eventField("redelivered", "boolean", "True when this is not the first try.", func(e *Event) lua.LValue { return lua.LBool(e.Redelivered) })
	_ = eventField("text", "string", "The message's text; \"\" when there is none.", func(e *Event) lua.LValue { return lua.LString(e.Text()) })
	_ = eventField("html", "string?", "The message's formatted form.", func(e *Event) lua.LValue { return text(e.HTML()) })
	_ = eventField("reply_to", "string?", "The ID of the event that it answers.", func(e *Event) lua.LValue { return text(e.ReplyTo()) })
	_ = eventField("thread", "string?", "The ID of the first event of its thread.", func(e *Event) lua.LValue { return text(e.Thread()) })
	_ = eventField("is_edit", "boolean", "True when it replaces another event's content.", func(e *Event) lua.LValue { return lua.LBool(e.IsEdit()) })
	_ = eventField("redacts", "string?", "The ID of the event that a redaction takes back.", func(e *Event) lua.LValue { return text(e.redacted()) })
	_ = eventField("state_key", "string?", "Which piece of state of its type; nil when it is no state.", func(e *Event) lua.LValue {
		if e.StateKey == nil {
			return lua.LNil
		}
		return lua.LString(*e.StateKey)
	})
	_ = field(eventClass, "content", "table", "The content, with the wire's names.",
		func(env *Env, e *Event) lua.LValue { return env.Value(e.Content) })
	_ = field(eventClass, "unsigned", "table?", "What the homeserver added.",
		func(env *Env, e *Event) lua.LValue { return env.Value(e.Unsigned) })
	_ = field(eventClass, "media", "table?", "The file that was sent: {url, filename, info}.",
		func(env *Env, e *Event) lua.LValue { return env.ToLua(e.media()) })
	_ = field(eventClass, "sender_name", "string", "The sender's name in the room, or the user ID's first part.",
		func(env *Env, e *Event) lua.LValue { return lua.LString(env.nameOf(e.RoomID, e.Sender)) })
)

// redacted is what a redaction takes back; from room version 11 on it stands in the content.
func (e *Event) redacted() matrix.EventID {
	if e.Redacts != "" || e.Type != "m.room.redaction" {
		return e.Redacts
	}
	var c struct {
		Redacts matrix.EventID `json:"redacts"`
	}
	_ = json.Unmarshal(e.Content, &c) // anything else counts as absent
	return c.Redacts
}

// nameOf is a member's name as the state store knows it.
func (env *Env) nameOf(room matrix.RoomID, user matrix.UserID) string {
	if bot := env.Script.Bot; bot != nil {
		if m, err := bot.StateStore().Member(context.Background(), room, user); err == nil && m != nil && m.DisplayName != "" {
			return m.DisplayName
		}
	}
	return user.Localpart()
}

var _ = method(eventClass, "reply", capability.MatrixSend, waits,
	`Answers the message, in its thread if it is in one. Returns the answer's ID.`,
	func(c *Call, e *Event, a *struct {
		Content Content `lua:"content" doc:"a text, what bridge.markdown and bridge.html make, or a message's content"`
	}) (matrix.EventID, error) {
		return c.Script.reply(c.Context(), e, json.RawMessage(a.Content))
	}, scope("m.room.message"), errcodes("M_FORBIDDEN", "M_TOO_LARGE"), example(`evt:reply("you said: " .. evt.text)`))

// reply sends content as an answer to e, unless it says itself what it relates to.
func (s *Script) reply(ctx context.Context, e *Event, content json.RawMessage) (matrix.EventID, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(content, &fields); err != nil {
		return "", argumentError("the content is no table")
	}
	if fields["m.relates_to"] == nil {
		fields["m.relates_to"] = e.answer()
	}
	raw, err := json.Marshal(fields)
	if err != nil {
		return "", err
	}
	return s.Bot.SendMessage(ctx, e.RoomID, raw, intent.SendMessageOptions{})
}

var _ = method(eventClass, "react", capability.MatrixSend, waits, `Reacts to the event, and returns the reaction's ID.`,
	func(c *Call, e *Event, a *struct {
		Key string `lua:"key" doc:"usually an emoji"`
	}) (matrix.EventID, error) {
		return c.Script.Bot.React(c.Context(), e.RoomID, e.EventID, a.Key, intent.ReactOptions{})
	}, scope("m.reaction"), errcodes("M_FORBIDDEN"), example(`evt:react("👍")`))

var _ = method(eventClass, "edit", capability.MatrixSend, waits,
	`Replaces the content of a message that the bot sent: this one, or the one of event_id, such as evt:reply returns. Returns the edit's ID.`,
	func(c *Call, e *Event, a *struct {
		Content Content        `lua:"content" doc:"the new content, or a text"`
		Target  matrix.EventID `lua:"event_id,opt" doc:"another message than this one"`
	}) (matrix.EventID, error) {
		target := e.EventID
		if a.Target != "" {
			target = a.Target
		}
		raw, err := replacement(target, json.RawMessage(a.Content))
		if err != nil {
			return "", err
		}
		return c.Script.Bot.SendMessage(c.Context(), e.RoomID, raw, intent.SendMessageOptions{})
	}, scope("m.room.message"), errcodes("M_FORBIDDEN", "M_TOO_LARGE"), example(`evt:edit("done", { event_id = answer })`))

// replacement is the content of an edit. Source: specification, "Event replacements".
func replacement(target matrix.EventID, content json.RawMessage) (json.RawMessage, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(content, &fields); err != nil {
		return nil, argumentError("the content is no table")
	}
	whole := map[string]any{"m.new_content": content, "m.relates_to": map[string]any{"rel_type": "m.replace", "event_id": target}}
	for key, v := range fields {
		if whole[key] == nil {
			whole[key] = v
		}
	}
	var body string
	if json.Unmarshal(fields["body"], &body) == nil {
		whole["body"] = "* " + body // for clients that know no edits
	}
	return json.Marshal(whole)
}

var _ = method(eventClass, "redact", capability.MatrixRedact, waits, `Takes the event back, and returns the redaction's ID.`,
	func(c *Call, e *Event, a *struct {
		Reason string `lua:"reason,opt" doc:"shown to all"`
	}) (matrix.EventID, error) {
		return c.Script.Bot.Redact(c.Context(), e.RoomID, e.EventID, intent.RedactOptions{Reason: a.Reason})
	}, takes(redactsThis), errcodes("M_FORBIDDEN"), example(`evt:redact("spam")`))

var _ = method(eventClass, "mark_read", capability.MatrixEphemeral, waits, `Marks the room as read by the bot, up to this event.`,
	func(c *Call, e *Event, _ *struct{}) (none, error) {
		return none{}, c.Script.Bot.MarkRead(c.Context(), e.RoomID, e.EventID, intent.MarkReadOptions{})
	}, example(`evt:mark_read()`))

var _ = method(eventClass, "typing", capability.MatrixEphemeral, waits, `Shows the bot as typing in the event's room.`,
	func(c *Call, e *Event, a *struct {
		IsTyping *bool `lua:"is_typing,opt" default:"true" doc:"false stops"`
		Timeout  *int  `lua:"timeout,opt" default:"5000" doc:"milliseconds"`
	}) (none, error) {
		return none{}, c.Script.Bot.SetTyping(c.Context(), e.RoomID, intent.SetTypingOptions{IsTyping: a.IsTyping, Timeout: a.Timeout})
	}, example(`evt:typing { timeout = 20000 }`))

var _ = method(eventClass, "fail", capability.MatrixSend, waits,
	`Tells the room, in a notice that answers the message, why it was not handled. The event is finished: it does not run again.`,
	func(c *Call, e *Event, a *struct {
		Reason Text `lua:"reason" doc:"why"`
	}) (none, error) {
		if a.Reason.Body == "" {
			return none{}, usage("bad argument #1 'reason' to 'fail' (a text expected, got an empty string)")
		}
		content, err := Markup(a.Reason).content("m.notice")
		if err == nil {
			_, err = c.Script.reply(c.Context(), e, content)
		}
		return none{}, err
	}, scope("m.room.message"), errcodes("M_FORBIDDEN"), example(`evt:fail("not delivered to IRC: " .. tostring(err))`))
