package intent

import (
	"context"
	"encoding/json"

	"bridgehost/matrix"
)

// SendMessageOptions are those of SendMessage.
type SendMessageOptions struct{ EventOptions }

// SendMessage sends an m.room.message of any content (SE-2).
func (i *Intent) SendMessage(ctx context.Context, room matrix.RoomID, content json.RawMessage, o SendMessageOptions) (matrix.EventID, error) {
	return i.send(ctx, "send_message", room, "m.room.message", content, o.EventOptions)
}

// SendTextOptions are those of SendText. One of Text and HTML is needed.
type SendTextOptions struct {
	Text, HTML string
	MsgType    string // default m.text
	RelatesTo  json.RawMessage
	Mentions   json.RawMessage // the content's m.mentions; nil: none
	EventOptions
}

// SendText sends a text (SE-3).
func (i *Intent) SendText(ctx context.Context, room matrix.RoomID, o SendTextOptions) (matrix.EventID, error) {
	return i.sendText(ctx, "send_text", room, o)
}

// SendMarkdown sends a text that was written in Markdown; o.HTML is what was made of it (SE-3).
func (i *Intent) SendMarkdown(ctx context.Context, room matrix.RoomID, o SendTextOptions) (matrix.EventID, error) {
	return i.sendText(ctx, "send_markdown", room, o)
}

// SendNoticeOptions are those of SendNotice. One of Text and HTML is needed.
type SendNoticeOptions struct {
	Text, HTML string
	RelatesTo  json.RawMessage
	Mentions   json.RawMessage // the content's m.mentions; nil: none
	EventOptions
}

// SendNotice sends a text that bots do not answer (SE-3).
func (i *Intent) SendNotice(ctx context.Context, room matrix.RoomID, o SendNoticeOptions) (matrix.EventID, error) {
	return i.sendText(ctx, "send_notice", room, SendTextOptions{o.Text, o.HTML, "m.notice", o.RelatesTo, o.Mentions, o.EventOptions})
}

// SendEmoteOptions are those of SendEmote. One of Text and HTML is needed.
type SendEmoteOptions struct {
	Text, HTML string
	RelatesTo  json.RawMessage
	Mentions   json.RawMessage // the content's m.mentions; nil: none
	EventOptions
}

// SendEmote sends what the user does: "waves" (SE-3).
func (i *Intent) SendEmote(ctx context.Context, room matrix.RoomID, o SendEmoteOptions) (matrix.EventID, error) {
	return i.sendText(ctx, "send_emote", room, SendTextOptions{o.Text, o.HTML, "m.emote", o.RelatesTo, o.Mentions, o.EventOptions})
}

func (i *Intent) sendText(ctx context.Context, op string, room matrix.RoomID, o SendTextOptions) (matrix.EventID, error) {
	if o.MsgType == "" {
		o.MsgType = "m.text"
	}
	if o.Text == "" && o.HTML == "" {
		return "", i.usage(op, room, "text or html is needed")
	}
	if len(o.RelatesTo) > 0 && !json.Valid(o.RelatesTo) {
		return "", i.usage(op, room, "relates_to is not JSON")
	}
	m := matrix.NewMessage(o.MsgType, o.Text, o.HTML, o.RelatesTo)
	m.Mentions = o.Mentions
	content := m.JSON()
	return i.send(ctx, op, room, "m.room.message", content, o.EventOptions)
}

// ReactOptions are those of React.
type ReactOptions struct{ EventOptions }

// React answers an event with key, usually an emoji (SE-3).
func (i *Intent) React(ctx context.Context, room matrix.RoomID, event matrix.EventID, key string, o ReactOptions) (matrix.EventID, error) {
	return i.send(ctx, "react", room, "m.reaction", matrix.Reaction(event, key), o.EventOptions)
}
