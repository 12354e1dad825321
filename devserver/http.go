package devserver

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"bridgehost/matrix"
)

// maxBody is how much of a request is read; media may have that much.
const maxBody = 100 << 20

// call is one request on its way through a handler.
type call struct {
	s    *Server
	w    http.ResponseWriter
	r    *http.Request
	path string   // encoded
	args []string // what stood at the pattern's stars, decoded
	body []byte
	user matrix.UserID
	svc  *service // nil for ordinary users
	// device is the one that an application service acts as; "" for none.
	device string
}

// endpoint is one client-server call. Handlers run with s.mu held unless unlocked.
type endpoint struct {
	method, pattern string // segments; * is an argument
	public          bool   // no token needed
	named           bool   // but one that is given counts
	unlocked        bool
	f               func(*call) (any, *refusal)
	segments        []string
}

// written is the answer of a handler that wrote one itself.
type written struct{}

// Handler answers the client-server API.
func (s *Server) Handler() http.Handler {
	table := endpoints()
	bySize := map[int][]*endpoint{}
	for i := range table {
		e := &table[i]
		e.segments = strings.Split(e.pattern, "/")
		bySize[len(e.segments)] = append(bySize[len(e.segments)], e)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		done, later := s.faulty(w, r)
		if done {
			return
		}
		c := &call{s: s, w: w, r: r, path: r.URL.EscapedPath()}
		if later != nil {
			c.w = discard{http.Header{}}
		}
		status := c.serve(bySize)
		if later != nil {
			s.answerFault(w, r, later)
			return
		}
		s.mu.Lock()
		s.remember(Request{r.Method, c.path, c.user, status})
		s.mu.Unlock()
	})
}

// discard takes the answer that a fault then replaces.
type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

func (c *call) serve(bySize map[int][]*endpoint) (status int) {
	e, r := c.route(bySize)
	if r == nil {
		r = c.prepare(e)
	}
	var out any
	if r == nil {
		if e.unlocked {
			out, r = e.f(c)
		} else {
			c.s.mu.Lock()
			out, r = e.f(c)
			c.s.mu.Unlock()
		}
	}
	switch v := out.(type) {
	case written:
		if r == nil {
			return http.StatusOK
		}
	case json.RawMessage:
		if r == nil {
			writeJSON(c.w, http.StatusOK, v)
			return http.StatusOK
		}
	}
	if r != nil {
		if ms, ok := r.extra["retry_after_ms"].(int64); ok {
			c.w.Header().Set("Retry-After", strconv.FormatInt((ms+999)/1000, 10))
		}
		writeJSON(c.w, r.status, r.body())
		return r.status
	}
	body, err := json.Marshal(out)
	if err != nil {
		r = fail(http.StatusInternalServerError, "M_UNKNOWN", "Internal server error")
		writeJSON(c.w, r.status, r.body())
		return r.status
	}
	writeJSON(c.w, http.StatusOK, body)
	return http.StatusOK
}

// route finds the endpoint: an unknown path is 404, a wrong method 405.
func (c *call) route(bySize map[int][]*endpoint) (*endpoint, *refusal) {
	segments := strings.Split(normalized(c.path), "/")
	other := false
next:
	for _, e := range bySize[len(segments)] {
		args := c.args[:0]
		for i, want := range e.segments {
			if want != "*" {
				if want != segments[i] {
					continue next
				}
				continue
			}
			arg, err := url.PathUnescape(segments[i])
			if err != nil {
				continue next
			}
			args = append(args, arg)
		}
		if e.method == c.r.Method {
			c.args = args
			return e, nil
		}
		other = true
	}
	if other {
		return nil, fail(http.StatusMethodNotAllowed, "M_UNRECOGNIZED", "Unrecognized request")
	}
	return nil, fail(http.StatusNotFound, "M_UNRECOGNIZED", "Unrecognized request")
}

// normalized takes the prefix off, and reads r0 as v3.
func normalized(path string) string {
	p, ok := strings.CutPrefix(path, "/_matrix/")
	if !ok {
		return path
	}
	if rest, ok := strings.CutPrefix(p, "client/r0/"); ok {
		return "v3/" + rest
	}
	if rest, ok := strings.CutPrefix(p, "media/r0/"); ok {
		return "media/v3/" + rest
	}
	return strings.TrimPrefix(p, "client/")
}

// prepare reads the token and the body.
func (c *call) prepare(e *endpoint) *refusal {
	if !e.public || e.named && (c.r.Header.Get("Authorization") != "" || c.r.URL.Query().Has("access_token")) {
		c.s.mu.Lock()
		r := c.authenticate(e.pattern == "v3/register")
		c.s.mu.Unlock()
		if r != nil {
			return r
		}
	}
	if c.r.Method == http.MethodGet {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(c.r.Body, maxBody+1))
	if err != nil {
		return fail(http.StatusBadRequest, "M_UNKNOWN", "Error reading JSON content.")
	}
	if len(body) > maxBody {
		return fail(http.StatusRequestEntityTooLarge, "M_TOO_LARGE", "Request content is too large")
	}
	c.body = body
	return nil
}

// authenticate finds who calls. user_id counts for application services only, and
// for users of their namespace that exist. s.mu is held.
func (c *call) authenticate(registering bool) *refusal {
	token := c.r.URL.Query().Get("access_token")
	if h := c.r.Header.Get("Authorization"); h != "" {
		scheme, rest, _ := strings.Cut(h, " ")
		if scheme != "Bearer" || strings.Contains(rest, " ") {
			return fail(http.StatusUnauthorized, "M_MISSING_TOKEN", "Invalid Authorization header.")
		}
		token = rest
	}
	if token == "" {
		if registering {
			return nil
		}
		return fail(http.StatusUnauthorized, "M_MISSING_TOKEN", "Missing access token")
	}
	for _, svc := range c.s.services {
		if svc.ASToken == token {
			return c.masquerade(svc, registering)
		}
	}
	a := c.s.tokens[token]
	if a == nil {
		r := fail(http.StatusUnauthorized, "M_UNKNOWN_TOKEN", "Invalid access token passed.")
		r.extra = map[string]any{"soft_logout": false}
		return r
	}
	c.user = a.id
	return nil
}

func (c *call) masquerade(svc *service, registering bool) *refusal {
	c.svc, c.user = svc, svc.sender
	if registering {
		return nil
	}
	q := c.r.URL.Query()
	if q.Has("user_id") {
		u := matrix.UserID(q.Get("user_id"))
		switch a := c.s.accounts[u]; {
		case u == svc.sender:
		case !svc.wantsUser(u):
			return forbidden("Application service cannot masquerade as this user (%s).", u)
		case a == nil || !a.registered:
			return forbidden("Application service has not registered this user (%s)", u)
		}
		c.user = u
	}
	if c.device = q.Get("device_id"); q.Has("device_id") {
		return c.s.hasDevice(c.user, c.device)
	}
	return nil
}

// object reads the body into v. An empty body counts as {} where Synapse allows it.
func (c *call) object(v any, emptyAllowed bool) *refusal {
	if len(c.body) == 0 && emptyAllowed {
		return nil
	}
	if !json.Valid(c.body) {
		return fail(http.StatusBadRequest, "M_NOT_JSON", "Content not JSON.")
	}
	if body := strings.TrimSpace(string(c.body[:min(len(c.body), 64)])); body == "" || body[0] != '{' {
		return badJSON("Content must be a JSON object.")
	}
	if err := json.Unmarshal(c.body, v); err != nil {
		return badJSON("Bad JSON value: %v", err)
	}
	return nil
}

// ts is when an application service says that the event happened, 0: now.
func (c *call) ts() (int64, *refusal) {
	if c.svc == nil {
		return 0, nil
	}
	return c.integer("ts", 0)
}

// integer is a number in the query, from 0 on.
func (c *call) integer(name string, otherwise int64) (int64, *refusal) {
	q := c.r.URL.Query()
	if !q.Has(name) {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(q.Get(name), 10, 64)
	switch {
	case err != nil:
		return 0, fail(http.StatusBadRequest, "M_INVALID_PARAM", "Query parameter %s must be an integer", name)
	case n < 0:
		return 0, fail(http.StatusBadRequest, "M_INVALID_PARAM", "Query parameter %s must be a positive integer.", name)
	}
	return n, nil
}

// once answers a repeated transaction id as it was answered first. Synapse's key is
// path and application service, not the user. s.mu is held.
func (c *call) once(f func() (any, *refusal)) (any, *refusal) {
	key := c.path + " u " + string(c.user)
	if c.svc != nil {
		key = c.path + " a " + c.svc.ID
	}
	if out, ok := c.s.answers[key]; ok {
		return out, nil
	}
	out, r := f()
	if r == nil {
		c.s.answers[key] = out
	}
	return out, r
}

func writeJSON(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that hung up asks again
}

type object = map[string]any
