package luatest

import (
	"fmt"
	"net/http"
	"net/url"
	"sync"

	"bridgehost/diag"
)

// live is an address of the web whose answers last: an event stream or a WebSocket.
type live struct {
	*web
	settle func()

	mu    sync.Mutex
	conns []*liveConn
}

// liveConn is one answer that lasts.
type liveConn struct {
	out  chan sent     // what the spec sends
	done chan struct{} // closed when the server hangs up or the script closes
	once sync.Once
	how  ending // how the server hangs up; set before done is closed
}

// sent is what the spec sends: an event as it stands in a stream, or a message.
type sent struct {
	data   string
	binary bool
}

// ending is how a server hangs up.
type ending struct {
	reset  bool // as if it had crashed
	code   int  // of a WebSocket
	reason string
}

// liveAt makes a fake that serves u from now on.
func (r *runner) liveAt(name string, u *url.URL, serve func(l *live, to http.ResponseWriter, q *http.Request)) (*live, error) {
	if r.net == nil {
		return nil, &diag.Error{Kind: diag.KindUsage, Message: fmt.Sprintf("t.%s was called outside of a sentence", name), Hint: "put it into t.before_each or t.it"}
	}
	if _, outside := r.world.(real); outside {
		return nil, &diag.Error{Kind: diag.KindUsage, Message: "there is no fake network beside a real homeserver"}
	}
	l := &live{settle: r.Settle}
	l.web = &web{url: u, serve: func(to http.ResponseWriter, q *http.Request) { serve(l, to, q) }}
	r.net.web.lasts(l)
	r.net.web.add(l.web)
	return l, nil
}

// begin adds a connection.
func (l *live) begin() *liveConn {
	c := &liveConn{out: make(chan sent, unread), done: make(chan struct{})}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns = append(l.conns, c)
	l.say(fmt.Sprintf("-- connection %d", len(l.conns)))
	return c
}

// hangUp ends the connection; only the first end counts.
func (c *liveConn) hangUp(how ending) {
	c.once.Do(func() {
		c.how = how
		close(c.done)
	})
}

// next is what is to be sent next; false: the connection ends, and all was sent.
func (c *liveConn) next(gone <-chan struct{}) (s sent, ok bool) {
	select {
	case s = <-c.out:
		return s, true
	default:
	}
	select {
	case s = <-c.out:
		return s, true
	case <-c.done:
	case <-gone:
	}
	return s, false
}

// current is the last connection, if it stands.
func (l *live) current() (*liveConn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.conns) == 0 {
		return nil, l.Missing(fmt.Sprintf("the script has not connected to %s", l.url))
	}
	c := l.conns[len(l.conns)-1]
	select {
	case <-c.done:
		return nil, l.Missing(fmt.Sprintf("the connection to %s was closed, and the script has not connected again", l.url))
	default:
		return c, nil
	}
}

// send hands something to the current connection; line is how it is told.
func (l *live) send(s sent, line string) error {
	l.settle()
	c, err := l.current()
	if err != nil {
		return err
	}
	l.say("server: " + line) // before the script can answer
	select {
	case c.out <- s:
	default:
		return l.Missing(fmt.Sprintf("the script does not read: %d messages wait for it", unread))
	}
	l.settle()
	return nil
}

// hangUp ends the current connection.
func (l *live) hangUp(how ending) error {
	l.settle()
	c, err := l.current()
	if err != nil {
		return err
	}
	l.say("-- the server hung up")
	c.hangUp(how)
	l.settle()
	return nil
}

// closed is told when the script has closed a connection.
func (l *live) closed(c *liveConn) {
	c.once.Do(func() {
		l.say("-- the script closed it")
		close(c.done)
	})
}

// Connections is how many were opened so far.
func (l *live) Connections() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.conns)
}

// Missing is an error that shows what was said so far.
func (l *live) Missing(text string) *diag.Error {
	return unmet(text, l.web.story())
}

// end hangs up everywhere.
func (l *live) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns {
		c.hangUp(ending{reset: true})
	}
}
