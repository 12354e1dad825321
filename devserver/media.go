package devserver

import (
	"mime"
	"net/http"
	"strconv"
	"time"

	"bridgehost/matrix"
)

// Synapse's numbers.
const (
	maxMedia        = 50 << 20       // what media/config says
	maxPendingMedia = 5              // addresses without a file that a person may have
	mediaExpires    = 24 * time.Hour // of an address without a file
	mediaPoll       = 500 * time.Millisecond
	mediaWait       = 20_000 // milliseconds that a download waits for a file, when it does not say
	maxMediaWait    = 60_000
)

// medium is an uploaded file; data is nil before an announced upload came.
type medium struct {
	owner    matrix.UserID
	created  int64
	mimeType string
	filename string
	data     []byte
}

func (m *medium) expires() int64 { return m.created + mediaExpires.Milliseconds() }

func mediaConfig(*call) (any, *refusal) { return object{"m.upload.size": maxMedia}, nil }

func (c *call) mxc(id string) string { return "mxc://" + c.s.o.ServerName + "/" + id }

func upload(c *call) (any, *refusal) {
	id := randomID(18)
	m := &medium{owner: c.user, created: c.s.now()}
	if r := c.fillMedium(m); r != nil {
		return nil, r
	}
	c.s.media[id] = m
	return object{"content_uri": c.mxc(id)}, nil
}

// createMedia bounds what a person announces; application services may do as they like.
func createMedia(c *call) (any, *refusal) {
	now := c.s.now()
	if c.svc == nil {
		pending, first := 0, int64(0)
		for _, m := range c.s.media {
			if m.owner == c.user && m.data == nil && m.expires() > now {
				if pending++; first == 0 || m.expires() < first {
					first = m.expires()
				}
			}
		}
		if pending >= maxPendingMedia {
			return nil, limited(time.Duration(first-now) * time.Millisecond)
		}
	}
	id := randomID(18)
	m := &medium{owner: c.user, created: now}
	c.s.media[id] = m
	return object{"content_uri": c.mxc(id), "unused_expires_at": m.expires()}, nil
}

func uploadTo(c *call) (any, *refusal) {
	m := c.s.media[c.args[1]]
	switch {
	case c.args[0] != c.s.o.ServerName:
		return nil, notFound("Non-local server name specified")
	case m == nil:
		return nil, notFound("Unknown media ID")
	case m.owner != c.user:
		return nil, forbidden("Only the creator of the media ID can upload to it")
	case m.data != nil:
		return nil, fail(http.StatusConflict, "M_CANNOT_OVERWRITE_MEDIA", "Media ID already has content")
	case m.expires() < c.s.now():
		return nil, notFound("Media ID has expired")
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

// download is unlocked, and so is thumbnail: they may wait for a file.
func download(c *call) (any, *refusal) {
	m, r := c.awaitMedium()
	if r != nil {
		return nil, r
	}
	name := m.filename
	if len(c.args) == 3 && c.args[2] != "" {
		name = c.args[2]
	}
	if name != "" {
		c.w.Header().Set("Content-Disposition", mime.FormatMediaType("inline", map[string]string{"filename": name}))
	}
	c.writeMedia(m.mimeType, m.data)
	return written{}, nil
}

func (c *call) writeMedia(mimeType string, data []byte) {
	c.w.Header().Set("Content-Type", mimeType)
	c.w.Header().Set("X-Content-Type-Options", "nosniff")
	c.w.WriteHeader(http.StatusOK)
	_, _ = c.w.Write(data) // a client that hung up asks again
}

// awaitMedium finds a file that is there, and waits for one that was announced as long as
// it is asked to. What it returns does not change any more.
func (c *call) awaitMedium() (*medium, *refusal) {
	wait, r := c.number("timeout_ms", mediaWait)
	if r != nil {
		return nil, r
	}
	until := c.s.now() + int64(min(wait, maxMediaWait))
	for {
		now := c.s.now()
		c.s.mu.Lock()
		m := c.s.media[c.args[1]]
		there := m != nil && m.data != nil
		c.s.mu.Unlock()
		switch {
		case c.args[0] != c.s.o.ServerName || m == nil || !there && m.expires() < now:
			return nil, notFound("Not found '%s'", c.r.URL.Path)
		case there:
			return m, nil
		case now >= until:
			return nil, fail(http.StatusGatewayTimeout, "M_NOT_YET_UPLOADED", "Media has not been uploaded yet")
		}
		select {
		case <-c.s.o.Clock.After(mediaPoll):
		case <-c.r.Context().Done():
			return nil, fail(http.StatusGatewayTimeout, "M_NOT_YET_UPLOADED", "Media has not been uploaded yet")
		}
	}
}

// number reads a query parameter from 0 on, def when it is left out and def is from 0 on.
func (c *call) number(name string, def int) (int, *refusal) {
	q := c.r.URL.Query()
	if !q.Has(name) {
		if def < 0 {
			return 0, fail(http.StatusBadRequest, "M_MISSING_PARAM", "Missing required integer query parameter %s", name)
		}
		return def, nil
	}
	n, err := strconv.Atoi(q.Get(name))
	if err != nil {
		return 0, fail(http.StatusBadRequest, "M_INVALID_PARAM", "Query parameter %s must be an integer", name)
	}
	if n < 0 {
		return 0, fail(http.StatusBadRequest, "M_INVALID_PARAM", "Query parameter %s must be a positive integer.", name)
	}
	return n, nil
}
