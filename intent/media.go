package intent

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"

	"bridgehost/matrix"
)

// MaxMedia is how many bytes a file may have on its way through a script: as much as
// a string may be long.
const MaxMedia = 16 << 20

// UploadMediaOptions are those of UploadMedia.
type UploadMediaOptions struct {
	MimeType    string // default application/octet-stream
	Filename    string
	Size        int64      // when given, must be the length of the data
	MXC         matrix.MXC // put the file there, an address of CreateMXC's
	AsyncUpload bool       // ask for an address first, then put the file there
}

// UploadMedia puts a file on the homeserver and returns its address (MD-1).
// Errors: M_TOO_LARGE.
func (i *Intent) UploadMedia(ctx context.Context, data []byte, o UploadMediaOptions) (matrix.MXC, error) {
	const op = "upload_media"
	if o.Size != 0 && o.Size != int64(len(data)) {
		return "", i.usage(op, "", "size is "+strconv.FormatInt(o.Size, 10)+", but the data has "+strconv.Itoa(len(data))+" bytes")
	}
	if err := i.EnsureRegistered(ctx); err != nil {
		return "", err
	}
	if o.AsyncUpload && o.MXC == "" {
		made, err := i.createMXC(ctx)
		if err != nil {
			return "", i.fail(op, "", err)
		}
		o.MXC = made.ContentURI
	}
	r := request{method: "POST", path: matrix.UploadPath("", ""), body: matrix.Bytes(data), contentType: o.MimeType}
	if data == nil {
		r.body = matrix.Bytes{}
	}
	if r.contentType == "" {
		r.contentType = "application/octet-stream"
	}
	if o.MXC != "" {
		server, id, err := matrix.ParseMXC(string(o.MXC))
		if err != nil {
			return "", i.usage(op, "", err.Error())
		}
		r.method, r.path = "PUT", matrix.UploadPath(server, id)
	}
	if o.Filename != "" {
		r.query = url.Values{"filename": {o.Filename}}
	}
	answer, err := i.do(ctx, r)
	if carriedOut(err, "M_CANNOT_OVERWRITE_MEDIA") {
		err = nil
	}
	if err != nil || o.MXC != "" {
		return o.MXC, i.fail(op, "", err)
	}
	uri, err := field(answer, "content_uri")
	return matrix.MXC(uri), i.fail(op, "", err)
}

// CreatedMXC is an address without a file yet.
type CreatedMXC struct {
	ContentURI      matrix.MXC `json:"content_uri"`
	UnusedExpiresAt *int64     `json:"unused_expires_at,omitempty"` // milliseconds since 1970
}

// CreateMXC asks for an address ahead of the file (MD-1).
func (i *Intent) CreateMXC(ctx context.Context) (*CreatedMXC, error) {
	if err := i.EnsureRegistered(ctx); err != nil {
		return nil, err
	}
	made, err := i.createMXC(ctx)
	return made, i.fail("create_mxc", "", err)
}

func (i *Intent) createMXC(ctx context.Context) (*CreatedMXC, error) {
	answer, err := i.do(ctx, request{method: "POST", path: matrix.CreateMediaPath})
	if err != nil {
		return nil, err
	}
	uri, err := field(answer, "content_uri")
	if err != nil {
		return nil, err
	}
	made := CreatedMXC{}
	_ = json.Unmarshal(answer, &made) // the address is all that is needed
	made.ContentURI = matrix.MXC(uri)
	return &made, nil
}

// DownloadMediaOptions are those of DownloadMedia.
type DownloadMediaOptions struct {
	TimeoutMS *int64 // how long the server waits for a file that is not there yet
}

// DownloadMedia fetches a file, at most MaxMedia bytes of it, with the user's token (MD-2).
// Errors: matrix.ErrNotFound, M_NOT_YET_UPLOADED, M_TOO_LARGE.
func (i *Intent) DownloadMedia(ctx context.Context, mxc matrix.MXC, o DownloadMediaOptions) ([]byte, error) {
	q := url.Values{}
	if o.TimeoutMS != nil {
		q.Set("timeout_ms", strconv.FormatInt(*o.TimeoutMS, 10))
	}
	return i.fetch(ctx, "download_media", mxc, matrix.DownloadPath, q)
}

// DownloadThumbnailOptions are those of DownloadThumbnail.
type DownloadThumbnailOptions struct {
	Width, Height int    // default 96
	Method        string // "scale" (default) or "crop"
	Animated      *bool
	TimeoutMS     *int64 // how long the server waits for a file that is not there yet
}

// DownloadThumbnail fetches a picture in a smaller size (MD-2).
// Errors: matrix.ErrNotFound, M_NOT_YET_UPLOADED, M_TOO_LARGE.
func (i *Intent) DownloadThumbnail(ctx context.Context, mxc matrix.MXC, o DownloadThumbnailOptions) ([]byte, error) {
	const size = 96
	q := url.Values{"width": {strconv.Itoa(size)}, "height": {strconv.Itoa(size)}, "method": {"scale"}}
	if o.Width > 0 {
		q.Set("width", strconv.Itoa(o.Width))
	}
	if o.Height > 0 {
		q.Set("height", strconv.Itoa(o.Height))
	}
	if o.Method != "" {
		q.Set("method", o.Method)
	}
	if o.Animated != nil {
		q.Set("animated", strconv.FormatBool(*o.Animated))
	}
	if o.TimeoutMS != nil {
		q.Set("timeout_ms", strconv.FormatInt(*o.TimeoutMS, 10))
	}
	return i.fetch(ctx, "download_thumbnail", mxc, matrix.ThumbnailPath, q)
}

// fetch asks for no redirects: the token would have to follow them.
func (i *Intent) fetch(ctx context.Context, op string, mxc matrix.MXC, path func(server, id string) string, q url.Values) ([]byte, error) {
	server, id, err := matrix.ParseMXC(string(mxc))
	if err != nil {
		return nil, i.usage(op, "", err.Error())
	}
	data, err := i.do(ctx, request{method: "GET", path: path(server, id), query: q, binary: true, maxAnswer: MaxMedia})
	return data, i.fail(op, "", err)
}
