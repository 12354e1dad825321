package intent

import (
	"context"
	"encoding/json"

	"bridgehost/matrix"
)

// AttachmentOptions are those of SendImage, SendFile and SendSticker.
type AttachmentOptions struct {
	Info      json.RawMessage // {mimetype, size, w, h, …}
	Name      string          // the file's name, of a sticker its text
	MsgType   string          // of SendFile: m.file (default), m.audio, m.video
	RelatesTo json.RawMessage
	EventOptions
}

// SendImage sends a picture that was uploaded (SE-3).
func (i *Intent) SendImage(ctx context.Context, room matrix.RoomID, url matrix.MXC, o AttachmentOptions) (matrix.EventID, error) {
	return i.sendAttachment(ctx, "send_image", room, "m.room.message", url, o, "m.image", "image")
}

// SendFile sends a file that was uploaded. A file without a name is called "file": the
// specification asks for a body (SE-3).
func (i *Intent) SendFile(ctx context.Context, room matrix.RoomID, url matrix.MXC, o AttachmentOptions) (matrix.EventID, error) {
	kind := o.MsgType
	if kind == "" {
		kind = "m.file"
	}
	return i.sendAttachment(ctx, "send_file", room, "m.room.message", url, o, kind, "file")
}

// SendSticker sends a sticker (SE-3).
func (i *Intent) SendSticker(ctx context.Context, room matrix.RoomID, url matrix.MXC, o AttachmentOptions) (matrix.EventID, error) {
	return i.sendAttachment(ctx, "send_sticker", room, "m.sticker", url, o, "", "")
}

func (i *Intent) sendAttachment(ctx context.Context, op string, room matrix.RoomID, typ string, url matrix.MXC,
	o AttachmentOptions, msgtype, unnamed string,
) (matrix.EventID, error) {
	name := o.Name
	if name == "" {
		name = unnamed
	}
	content := map[string]any{"body": name, "url": url}
	if msgtype != "" {
		content["msgtype"] = msgtype
	} else {
		content["info"] = struct{}{} // a sticker must have one
	}
	if len(o.Info) > 0 {
		content["info"] = o.Info
	}
	return i.sendContent(ctx, op, room, typ, content, o.RelatesTo, o.EventOptions)
}

// sendContent sends content that was put together here.
func (i *Intent) sendContent(ctx context.Context, op string, room matrix.RoomID, typ string, content map[string]any,
	relatesTo json.RawMessage, o EventOptions,
) (matrix.EventID, error) {
	if len(relatesTo) > 0 {
		content["m.relates_to"] = relatesTo
	}
	raw, err := matrix.Encode(content)
	if err != nil {
		return "", i.usage(op, room, err.Error())
	}
	return i.send(ctx, op, room, typ, raw, o)
}

// SendLocationOptions are those of SendLocation.
type SendLocationOptions struct {
	Body      string // default: the URI
	Info      json.RawMessage
	RelatesTo json.RawMessage
	EventOptions
}

// SendLocation sends a place, a geo URI (SE-3).
func (i *Intent) SendLocation(ctx context.Context, room matrix.RoomID, geoURI string, o SendLocationOptions) (matrix.EventID, error) {
	content := map[string]any{"msgtype": "m.location", "geo_uri": geoURI, "body": o.Body}
	if o.Body == "" {
		content["body"] = geoURI
	}
	if len(o.Info) > 0 {
		content["info"] = o.Info
	}
	return i.sendContent(ctx, "send_location", room, "m.room.message", content, o.RelatesTo, o.EventOptions)
}

// SendReply sends a message as the answer to event; what content says of relations
// beside that, such as its thread, stays (SE-3).
func (i *Intent) SendReply(ctx context.Context, room matrix.RoomID, event matrix.EventID, content json.RawMessage, o EventOptions) (matrix.EventID, error) {
	raw, err := matrix.Reply(event, content)
	if err != nil {
		return "", i.usage("send_reply", room, err.Error())
	}
	return i.send(ctx, "send_reply", room, "m.room.message", raw, o)
}

// EditMessage puts new content in place of an earlier message of the user's own (SE-3).
func (i *Intent) EditMessage(ctx context.Context, room matrix.RoomID, event matrix.EventID, content json.RawMessage, o EventOptions) (matrix.EventID, error) {
	raw, err := matrix.Edit(event, content)
	if err != nil {
		return "", i.usage("edit_message", room, err.Error())
	}
	return i.send(ctx, "edit_message", room, "m.room.message", raw, o)
}
