package luabind

import (
	"encoding/json"

	"bridgehost/capability"
	"bridgehost/intent"
	"bridgehost/matrix"
)

var _ = method(intentClass, "upload_media", capability.MatrixMedia, waits,
	"Puts a file of at most 16 MiB on the homeserver, and returns its mxc:// URI. Registers the user first. With `mxc` the file is put at an address that create_mxc gave; with `async_upload` such an address is asked for first. "+
		"The call returns when the file is there. After a crash in between it may be uploaded twice. M_FORBIDDEN: another user asked for the address; M_CANNOT_OVERWRITE_MEDIA: it has its file; M_NOT_FOUND: it is unknown, or too old.",
	func(c *Call, i *intent.Intent, a *struct {
		Data        []byte `lua:"data" doc:"the file's bytes, a string"`
		MimeType    string `lua:"mime_type,opt" default:"application/octet-stream" doc:"what it is, such as image/png"`
		Filename    string `lua:"filename,opt" doc:"the file's name"`
		Size        int64  `lua:"size,opt" doc:"its length in bytes; checked when given"`
		MXC         MXC    `lua:"mxc,opt" doc:"the address that create_mxc gave"`
		AsyncUpload bool   `lua:"async_upload,opt" default:"false" doc:"ask for the address first, then put the file there"`
	}) (matrix.MXC, error) {
		if len(a.Data) > intent.MaxMedia {
			return "", argumentError("a file of more than 16 MiB cannot be uploaded by a script")
		}
		return i.UploadMedia(c.Context(), a.Data, intent.UploadMediaOptions{MimeType: a.MimeType, Filename: a.Filename, Size: a.Size,
			MXC: matrix.MXC(a.MXC), AsyncUpload: a.AsyncUpload})
	}, first(registered), asks("POST /_matrix/media/v3/upload", "POST /_matrix/media/v1/create", "PUT /_matrix/media/v3/upload/{server_name}/{media_id}"),
	errcodes("M_TOO_LARGE", "M_FORBIDDEN", "M_NOT_FOUND", "M_CANNOT_OVERWRITE_MEDIA"), results("the mxc:// URI"),
	example(`local url = intent:upload_media("hello", { mime_type = "text/plain", filename = "hello.txt" })`))

var _ = method(intentClass, "create_mxc", capability.MatrixMedia, waits,
	"Asks for the address of a file that is uploaded later, with upload_media's `mxc`: it may be sent before the file is there. Registers the user first. M_LIMIT_EXCEEDED: too many addresses wait for their files; M_UNRECOGNIZED: the homeserver gives none ahead.",
	func(c *Call, i *intent.Intent, _ *struct{}) (*intent.CreatedMXC, error) {
		return i.CreateMXC(c.Context())
	},
	first(registered), asks("POST /_matrix/media/v1/create"), errcodes("M_LIMIT_EXCEEDED", "M_UNRECOGNIZED"), results("{content_uri, unused_expires_at?}; the latter in milliseconds since 1970"),
	example(`local url = intent:create_mxc().content_uri`))

var _ = method(intentClass, "download_media", capability.MatrixMedia, waits,
	"Fetches a file of at most 16 MiB from the homeserver, with the user's token. Nothing is registered first: M_FORBIDDEN comes to a user that the homeserver does not know. M_NOT_YET_UPLOADED: create_mxc gave the address, and the file has not come in time.",
	func(c *Call, i *intent.Intent, a *struct {
		URL     string `lua:"url" doc:"its mxc:// URI"`
		Timeout *int64 `lua:"timeout_ms,opt" doc:"how long the homeserver waits, in milliseconds, for a file that is not there yet; its own choice, usually 20000, when left out"`
	}) ([]byte, error) {
		return i.DownloadMedia(c.Context(), matrix.MXC(a.URL), intent.DownloadMediaOptions{TimeoutMS: a.Timeout})
	}, asks("GET /_matrix/client/v1/media/download/{server_name}/{media_id}"),
	errcodes("M_NOT_FOUND", "M_NOT_YET_UPLOADED", "M_TOO_LARGE"), results("the file's bytes"),
	example(`local bytes = intent:download_media(intent:upload_media("hello"))`))

var _ = method(intentClass, "download_thumbnail", capability.MatrixMedia, waits,
	"Fetches a picture in a smaller size, with the user's token. The homeserver has a few sizes, and gives the one that fits best: it may be larger than what is asked for, but is no larger than the picture. "+
		"Nothing is registered first. M_UNKNOWN, with status 400: the file is no picture that can be made smaller.",
	func(c *Call, i *intent.Intent, a *struct {
		URL      string `lua:"url" doc:"its mxc:// URI"`
		Width    int    `lua:"width,opt" default:"96" doc:"in pixels"`
		Height   int    `lua:"height,opt" default:"96" doc:"in pixels"`
		Method   string `lua:"method,opt" enum:"scale|crop" default:"scale" doc:"scale: all of it, in its own proportions; crop: as wide and as high as asked for"`
		Animated *bool  `lua:"animated,opt" doc:"whether it may move; the homeserver's choice when left out"`
		Timeout  *int64 `lua:"timeout_ms,opt" doc:"how long the homeserver waits, in milliseconds, for a file that is not there yet; its own choice, usually 20000, when left out"`
	}) ([]byte, error) {
		return i.DownloadThumbnail(c.Context(), matrix.MXC(a.URL), intent.DownloadThumbnailOptions{Width: a.Width, Height: a.Height,
			Method: a.Method, Animated: a.Animated, TimeoutMS: a.Timeout})
	}, asks("GET /_matrix/client/v1/media/thumbnail/{server_name}/{media_id}"),
	errcodes("M_NOT_FOUND", "M_NOT_YET_UPLOADED", "M_TOO_LARGE", "M_UNKNOWN"), results("the picture's bytes, a PNG or JPEG"),
	example(`local small = intent:download_thumbnail(url, { width = 96, height = 96, method = "crop" })`))

// sentLikeAMessage is what holds for all that refer to an uploaded file.
const sentLikeAMessage = "Joins the room first when needed, and checks the power level."

var _ = method(intentClass, "send_image", capability.MatrixSend, waits,
	"Sends a picture that was uploaded, an m.image, and returns the event's ID. Without a name it is called image. "+sentLikeAMessage,
	func(c *Call, i *intent.Intent, a *struct {
		Room      matrix.RoomID `lua:"room_id" doc:"the room"`
		URL       string        `lua:"url" doc:"its mxc:// URI"`
		Info      Map           `lua:"info,opt" doc:"{mimetype, size, w, h, …}: bytes and pixels"`
		FileName  string        `lua:"file_name,opt" doc:"the file's name, the message's body"`
		RelatesTo Map           `lua:"relates_to,opt" doc:"the content's m.relates_to"`
		txnArgs
	}) (matrix.EventID, error) {
		return i.SendImage(c.Context(), a.Room, matrix.MXC(a.URL), intent.AttachmentOptions{Info: json.RawMessage(a.Info), Name: a.FileName,
			RelatesTo: json.RawMessage(a.RelatesTo), EventOptions: a.options()})
	}, scope("m.room.message"), first(joined, powerful), asks("PUT /rooms/{room_id}/send/m.room.message/{txn_id}"), errcodes("M_FORBIDDEN", "M_TOO_LARGE"),
	example(`intent:send_image(room_id, url, { file_name = "cat.png", info = { mimetype = "image/png", size = 12000, w = 640, h = 480 } })`))

var _ = method(intentClass, "send_file", capability.MatrixSend, waits,
	"Sends a file that was uploaded, an m.file, and returns the event's ID. Without a name it is called file. "+sentLikeAMessage,
	func(c *Call, i *intent.Intent, a *struct {
		Room      matrix.RoomID `lua:"room_id" doc:"the room"`
		URL       string        `lua:"url" doc:"its mxc:// URI"`
		Info      Map           `lua:"info,opt" doc:"{mimetype, size, duration, …}: bytes and milliseconds"`
		FileName  string        `lua:"file_name,opt" doc:"the file's name, the message's body"`
		FileType  string        `lua:"file_type,opt" default:"m.file" doc:"m.file, m.audio or m.video"`
		RelatesTo Map           `lua:"relates_to,opt" doc:"the content's m.relates_to"`
		txnArgs
	}) (matrix.EventID, error) {
		return i.SendFile(c.Context(), a.Room, matrix.MXC(a.URL), intent.AttachmentOptions{Info: json.RawMessage(a.Info), Name: a.FileName,
			MsgType: a.FileType, RelatesTo: json.RawMessage(a.RelatesTo), EventOptions: a.options()})
	}, scope("m.room.message"), first(joined, powerful), asks("PUT /rooms/{room_id}/send/m.room.message/{txn_id}"), errcodes("M_FORBIDDEN", "M_TOO_LARGE"),
	example(`intent:send_file(room_id, url, { file_name = "song.ogg", file_type = "m.audio", info = { mimetype = "audio/ogg", duration = 3500 } })`))

var _ = method(intentClass, "send_sticker", capability.MatrixSend, waits,
	"Sends a sticker, a picture that was uploaded, as an m.sticker, and returns the event's ID. Without `info` it has an empty one. "+sentLikeAMessage,
	func(c *Call, i *intent.Intent, a *struct {
		Room      matrix.RoomID `lua:"room_id" doc:"the room"`
		URL       string        `lua:"url" doc:"its mxc:// URI"`
		Info      Map           `lua:"info,opt" doc:"{mimetype, size, w, h, …}: bytes and pixels"`
		Text      string        `lua:"text,opt" default:"" doc:"what it shows, in words"`
		RelatesTo Map           `lua:"relates_to,opt" doc:"the content's m.relates_to"`
		txnArgs
	}) (matrix.EventID, error) {
		return i.SendSticker(c.Context(), a.Room, matrix.MXC(a.URL), intent.AttachmentOptions{Info: json.RawMessage(a.Info), Name: a.Text,
			RelatesTo: json.RawMessage(a.RelatesTo), EventOptions: a.options()})
	}, scope("m.sticker"), first(joined, powerful), asks("PUT /rooms/{room_id}/send/m.sticker/{txn_id}"), errcodes("M_FORBIDDEN", "M_TOO_LARGE"),
	example(`intent:send_sticker(room_id, url, { text = "a cat that waves", info = { mimetype = "image/png", w = 128, h = 128 } })`))
