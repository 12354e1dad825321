package luabind

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/jonboulle/clockwork"

	"bridgehost/capability"
	"bridgehost/diag"
	"bridgehost/egress"
	"bridgehost/sse"
)

// open sends a request and returns the answer as soon as it begins, after redirects.
func (h *httpClient) open(ctx context.Context, r *httpRequest) (*http.Response, error) {
	q, err := http.NewRequestWithContext(ctx, r.method, r.url.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	q.Header = r.header
	client := http.Client{Transport: h.transport, CheckRedirect: func(next *http.Request, via []*http.Request) error { return h.redirected(r, next, via) }}
	return client.Do(q)
}

// beginning is a context for what outlives the call that begins it: it ends with ctx, or after
// the request's time, until settle is called, and with cancel.
func (h *httpClient) beginning(ctx context.Context, r *httpRequest) (live context.Context, settle func() error, cancel context.CancelFunc) {
	live, cancel = context.WithCancel(context.Background())
	var late atomic.Bool
	timer := h.clock.AfterFunc(r.timeout, func() {
		late.Store(true)
		cancel()
	})
	stop := context.AfterFunc(ctx, cancel)
	return live, func() error {
		timer.Stop()
		switch {
		case late.Load():
			return r.late()
		case !stop():
			return context.Cause(ctx)
		}
		return nil
	}, cancel
}

// late is the error of a request whose time is over.
func (r *httpRequest) late() error {
	return &diag.Error{Kind: diag.KindTimeout, Code: egress.CodeTimeout, Retryable: true, Request: r.name(),
		Message: fmt.Sprintf("%s: no answer within %s", r.name(), r.timeout)}
}

// eventStream is one answer of text/event-stream that is read as it comes. It is an engine.Handle.
type eventStream struct {
	*arrivals[sse.Event]
	r      *httpRequest
	url    string // that answers, after redirects
	body   io.ReadCloser
	cancel context.CancelFunc
	id     string        // of the last event that was taken; guarded by arrivals.mu, as retry is
	retry  time.Duration // what the server asked for
}

// streamRequest is what sse asks for, beside the request.
type streamRequest struct {
	*httpRequest
	most  int           // bytes of an event
	quiet time.Duration // the server says nothing for longer: it is gone; 0: for ever
	id    string
}

// events opens a stream. An answer with a status from 400 on is returned with its error.
func (h *httpClient) events(ctx context.Context, r *streamRequest) (*eventStream, *httpAnswer, error) {
	if err := h.script.Check(capability.HTTPFetch, r.url.String()); err != nil {
		return nil, nil, err
	}
	live, settle, cancel := h.beginning(ctx, r.httpRequest)
	res, answer, err := h.begin(live, r)
	if ended := settle(); ended != nil {
		err = ended
	}
	if err != nil {
		cancel()
		if res != nil {
			_ = res.Body.Close() // err says what is to be said
		}
		return nil, answer, r.failed(err)
	}
	s := &eventStream{arrivals: newArrivals[sse.Event](), r: r.httpRequest, url: res.Request.URL.String(), body: res.Body, cancel: cancel, id: r.id}
	go s.pump(h.clock, r)
	return s, nil, nil
}

// begin sends the request and looks at the beginning of the answer. A response that comes
// back has a body to be closed.
func (h *httpClient) begin(ctx context.Context, r *streamRequest) (*http.Response, *httpAnswer, error) {
	res, err := h.open(ctx, r.httpRequest)
	if err != nil {
		return nil, nil, err
	}
	if res.StatusCode >= 400 {
		body, err := io.ReadAll(io.LimitReader(res.Body, int64(r.maxSize)))
		if err != nil {
			return res, nil, err
		}
		answer := &httpAnswer{Status: res.StatusCode, Header: res.Header, Body: body, URL: res.Request.URL.String()}
		return res, answer, r.refused(answer, h.clock.Now())
	}
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if res.StatusCode != http.StatusOK || kind != "text/event-stream" {
		return res, nil, &diag.Error{Kind: diag.KindHTTP, Code: "E_EVENT_STREAM", Status: res.StatusCode, Request: r.name(),
			Message: fmt.Sprintf("%s: the answer is no event stream: status %d, content type %s", r.name(), res.StatusCode, quoted(res.Header.Get("Content-Type"))),
			Hint:    "http.get reads other answers; a status of 204 means that there will be no more events"}
	}
	return res, nil, nil
}

// pump reads until the end, never more ahead than the buffer may hold.
func (s *eventStream) pump(clock clockwork.Clock, r *streamRequest) {
	watched := &watchedBody{r: s.body, quiet: r.quiet, clock: clock, cancel: s.cancel}
	events := sse.NewReader(watched, r.most)
	for {
		e, err := events.Next()
		if err != nil {
			s.end(s.failure(err, watched.late.Load(), r))
			s.cancel()
			_ = s.body.Close() // nothing more is wanted
			return
		}
		if !s.put(e, len(e.Data)+len(e.Type)+len(e.ID)) {
			return
		}
	}
}

// failure is why nothing more comes.
func (s *eventStream) failure(err error, late bool, r *streamRequest) error {
	switch {
	case late:
		return &diag.Error{Kind: diag.KindTimeout, Code: egress.CodeTimeout, Retryable: true, Request: r.name(),
			Message: fmt.Sprintf("%s: the server said nothing for %s", r.name(), r.quiet)}
	case errors.Is(err, sse.ErrTooLong):
		return &diag.Error{Kind: diag.KindLimit, Code: "E_TOO_LONG", Request: r.name(),
			Message: fmt.Sprintf("%s: an event is longer than %d bytes", r.name(), r.most), Hint: "raise the option max_event"}
	case err == io.EOF:
		return io.EOF
	}
	return r.failed(err)
}

// Close implements engine.Handle.
func (s *eventStream) Close() error {
	closed := &diag.Error{Kind: diag.KindNet, Code: egress.CodeClosed, Request: s.r.name(), Message: s.r.name() + ": the stream was closed here"}
	if !s.close(closed) {
		return nil
	}
	s.cancel()
	return s.body.Close()
}

// String is what tostring shows.
func (s *eventStream) String() string {
	return fmt.Sprintf("event stream (%s%s)", s.r.url.Host, s.state())
}

// taken remembers what the script has seen.
func (s *eventStream) taken(e sse.Event) { s.id, s.retry = e.ID, e.Retry }

// last is the id of the last event that was taken, and the wait that the server asked for.
func (s *eventStream) last() (id string, retry time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.id, s.retry
}

// watchedBody ends when nothing comes for too long.
type watchedBody struct {
	r      io.Reader
	quiet  time.Duration
	clock  clockwork.Clock
	cancel context.CancelFunc
	late   atomic.Bool
}

func (w *watchedBody) Read(p []byte) (int, error) {
	if w.quiet > 0 {
		timer := w.clock.AfterFunc(w.quiet, func() {
			w.late.Store(true)
			w.cancel()
		})
		defer timer.Stop()
	}
	return w.r.Read(p)
}
