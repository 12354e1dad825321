package luatest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/coder/websocket"

	"bridgehost/luabind"
)

// fakeSocket implements luabind.SpecSocket.
type fakeSocket struct {
	*live
	protocols []string
	deaf      bool

	mu     sync.Mutex
	frames []luabind.SpecFrame // of the script, not taken yet
	bye    websocket.CloseError
}

// FakeWebSocket implements luabind.SpecRunner.
func (r *runner) FakeWebSocket(u *url.URL, protocols []string, deaf bool) (luabind.SpecSocket, error) {
	f := &fakeSocket{protocols: protocols, deaf: deaf}
	var err error
	f.live, err = r.liveAt("fake_websocket", u, func(_ *live, to http.ResponseWriter, q *http.Request) { f.serve(to, q) })
	if err != nil {
		return nil, err
	}
	return f, nil
}

// serve speaks with the script until one of them hangs up.
func (f *fakeSocket) serve(to http.ResponseWriter, q *http.Request) {
	if !strings.EqualFold(q.Header.Get("Upgrade"), "websocket") {
		http.Error(to, "the spec has a t.fake_websocket here", http.StatusUpgradeRequired)
		return
	}
	conn, err := websocket.Accept(to, q, &websocket.AcceptOptions{Subprotocols: f.protocols, InsecureSkipVerify: true})
	if err != nil {
		return // the script was told
	}
	conn.SetReadLimit(maxWebBody)
	c := f.begin()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if !f.deaf {
		go func() {
			defer cancel()
			f.read(c, conn)
		}()
	}
	for {
		s, ok := c.next(ctx.Done())
		if !ok {
			break
		}
		kind := websocket.MessageText
		if s.binary {
			kind = websocket.MessageBinary
		}
		if err := conn.Write(ctx, kind, []byte(s.data)); err != nil {
			break
		}
	}
	f.closed(c)
	if c.how.code != 0 && !c.how.reset {
		_ = conn.Close(websocket.StatusCode(c.how.code), c.how.reason) // the script may be gone
	}
	_ = conn.CloseNow() // nothing can be done about it
}

// read takes what the script says.
func (f *fakeSocket) read(c *liveConn, conn *websocket.Conn) {
	for {
		kind, data, err := conn.Read(context.Background())
		if err != nil {
			f.ended(c, err)
			return
		}
		f.mu.Lock()
		f.frames = append(f.frames, luabind.SpecFrame{Data: string(data), Binary: kind == websocket.MessageBinary})
		f.mu.Unlock()
		f.say(fmt.Sprintf("script: %.200s", data))
	}
}

// ended remembers what the script closed with, if it was the first to do so.
func (f *fakeSocket) ended(c *liveConn, err error) {
	select {
	case <-c.done:
	default:
		f.mu.Lock()
		defer f.mu.Unlock()
		_ = errors.As(err, &f.bye)
	}
}

// Frames implements luabind.SpecSocket.
func (f *fakeSocket) Frames() []luabind.SpecFrame {
	f.settle()
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]luabind.SpecFrame(nil), f.frames...)
}

// Take implements luabind.SpecSocket.
func (f *fakeSocket) Take(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.frames = f.frames[n:]
}

// Send implements luabind.SpecSocket.
func (f *fakeSocket) Send(m luabind.SpecFrame) error {
	return f.send(sent{m.Data, m.Binary}, fmt.Sprintf("%.200s", m.Data))
}

// HangUp implements luabind.SpecSocket.
func (f *fakeSocket) HangUp(code int, reason string, reset bool) error {
	return f.hangUp(ending{code: code, reason: reason, reset: reset})
}

// Closed implements luabind.SpecSocket.
func (f *fakeSocket) Closed() (code int, reason string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return int(f.bye.Code), f.bye.Reason
}
