package luatest

import (
	"net/http"
	"net/url"
	"strings"

	"bridgehost/luabind"
	"bridgehost/sse"
)

// fakeEvents implements luabind.SpecEvents.
type fakeEvents struct{ *live }

// FakeEvents implements luabind.SpecRunner.
func (r *runner) FakeEvents(u *url.URL) (luabind.SpecEvents, error) {
	l, err := r.liveAt("fake_sse", u, serveEvents)
	if err != nil {
		return nil, err
	}
	return fakeEvents{l}, nil
}

func serveEvents(l *live, to http.ResponseWriter, q *http.Request) {
	c := l.begin()
	to.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	to.WriteHeader(http.StatusOK)
	flush := http.NewResponseController(to).Flush
	for err := flush(); err == nil; err = flush() {
		s, ok := c.next(q.Context().Done())
		if !ok {
			break
		}
		if _, err := to.Write([]byte(s.data)); err != nil {
			break
		}
	}
	l.closed(c)
	if c.how.reset {
		panic(http.ErrAbortHandler)
	}
}

// Send implements luabind.SpecEvents.
func (f fakeEvents) Send(e sse.Event) error {
	text := e.String()
	return f.send(sent{data: text}, strings.TrimSuffix(text, "\n\n"))
}

// HangUp implements luabind.SpecEvents.
func (f fakeEvents) HangUp(reset bool) error { return f.hangUp(ending{reset: reset}) }
