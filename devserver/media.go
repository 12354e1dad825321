package devserver

import (
	"mime"
	"net/http"

	"bridgehost/matrix"
)

// maxMedia is what media/config says, Synapse's default.
const maxMedia = 50 << 20

// medium is an uploaded file; data is nil before an announced upload came.
type medium struct {
	owner    matrix.UserID
	mimeType string
	filename string
	data     []byte
}

func mediaConfig(*call) (any, *refusal) { return object{"m.upload.size": maxMedia}, nil }

func (c *call) mxc(id string) string { return "mxc://" + c.s.o.ServerName + "/" + id }

func upload(c *call) (any, *refusal) {
	id := randomID(18)
	m := &medium{owner: c.user}
	if r := c.fillMedium(m); r != nil {
		return nil, r
	}
	c.s.media[id] = m
	return object{"content_uri": c.mxc(id)}, nil
}

func createMedia(c *call) (any, *refusal) {
	id := randomID(18)
	c.s.media[id] = &medium{owner: c.user}
	return object{"content_uri": c.mxc(id), "unused_expires_at": c.s.now() + 24*3600*1000}, nil
}

func uploadTo(c *call) (any, *refusal) {
	m := c.s.media[c.args[1]]
	switch {
	case c.args[0] != c.s.o.ServerName || m == nil:
		return nil, notFound("Unknown media ID")
	case m.owner != c.user:
		return nil, forbidden("Only the creator of the media ID can upload to it")
	case m.data != nil:
		return nil, fail(http.StatusConflict, "M_CANNOT_OVERWRITE_MEDIA", "Media ID already has content")
	}
	if r := c.fillMedium(m); r != nil {
		return nil, r
	}
	return object{}, nil
}

func (c *call) fillMedium(m *medium) *refusal {
	if len(c.body) > maxMedia {
		return fail(http.StatusRequestEntityTooLarge, "M_TOO_LARGE", "Upload request body is too large")
	}
	m.mimeType = c.r.Header.Get("Content-Type")
	if m.mimeType == "" {
		m.mimeType = "application/octet-stream"
	}
	m.filename = c.r.URL.Query().Get("filename")
	m.data = append([]byte{}, c.body...)
	return nil
}

func download(c *call) (any, *refusal) {
	m := c.s.media[c.args[1]]
	if c.args[0] != c.s.o.ServerName || m == nil {
		return nil, notFound("Not found")
	}
	if m.data == nil {
		return nil, fail(http.StatusGatewayTimeout, "M_NOT_YET_UPLOADED", "Media has not been uploaded yet")
	}
	c.w.Header().Set("Content-Type", m.mimeType)
	c.w.Header().Set("X-Content-Type-Options", "nosniff")
	if m.filename != "" {
		c.w.Header().Set("Content-Disposition", mime.FormatMediaType("inline", map[string]string{"filename": m.filename}))
	}
	c.w.WriteHeader(http.StatusOK)
	_, _ = c.w.Write(m.data) // a client that hung up asks again
	return written{}, nil
}
