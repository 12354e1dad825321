package luabind

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/jonboulle/clockwork"

	"bridgehost/capability"
	"bridgehost/diag"
	"bridgehost/egress"
)

// frame is one message of a WebSocket.
type frame struct {
	data   []byte
	binary bool
}

// kind is what the message is called in Lua.
func (f frame) kind() string {
	if f.binary {
		return "binary"
	}
	return "text"
}

// webSocket is one connection. It is an engine.Handle.
type webSocket struct {
	*arrivals[frame]
	r     *socketRequest
	conn  *websocket.Conn
	clock clockwork.Clock

	once  sync.Once // whoever closes first
	bye   *websocket.CloseError
	byeMu sync.Mutex
}

// socketRequest is what websocket asks for.
type socketRequest struct {
	*httpRequest // its url begins with http
	address      string
	protocols    []string
	most         int // bytes of a message
}

// handshake are the headers that make a request one for a WebSocket: a redirect keeps them.
var handshake = []string{"Connection", "Upgrade", "Sec-Websocket-Key", "Sec-Websocket-Version", "Sec-Websocket-Protocol"}

// webSocket connects. An answer with a status from 400 on is returned with its error.
func (h *httpClient) webSocket(ctx context.Context, r *socketRequest) (*webSocket, *httpAnswer, error) {
	if err := h.script.Check(capability.HTTPFetch, r.scope(r.url)); err != nil {
		return nil, nil, err
	}
	limited, cancel := clockwork.WithTimeout(ctx, h.clock, r.timeout)
	defer cancel()
	client := &http.Client{Transport: h.transport, CheckRedirect: func(next *http.Request, via []*http.Request) error {
		kept := next.Header.Clone()
		if err := h.redirected(r.httpRequest, next, via); err != nil {
			return err
		}
		for _, name := range handshake {
			if values := kept[name]; values != nil {
				next.Header[name] = values
			}
		}
		return nil
	}}
	conn, res, err := websocket.Dial(limited, r.url.String(), &websocket.DialOptions{HTTPClient: client, HTTPHeader: r.header, Subprotocols: r.protocols})
	switch {
	case err == nil:
		conn.SetReadLimit(int64(r.most))
		w := &webSocket{arrivals: newArrivals[frame](), r: r, conn: conn, clock: h.clock}
		go w.pump()
		return w, nil, nil
	case limited.Err() != nil && ctx.Err() == nil:
		return nil, nil, r.late()
	case res != nil && res.StatusCode >= 400:
		body, _ := io.ReadAll(res.Body) // the first KiB of it, which has been read already
		answer := &httpAnswer{Status: res.StatusCode, Header: res.Header, Body: body, URL: r.address}
		return nil, answer, r.refused(answer, h.clock.Now())
	case res != nil:
		return nil, nil, &diag.Error{Kind: diag.KindHTTP, Code: "E_WEBSOCKET", Status: res.StatusCode, Request: r.name(), Cause: err,
			Message: fmt.Sprintf("%s: the server does not speak WebSocket here: %s", r.name(), reasonOf(err))}
	}
	return nil, nil, r.failed(err)
}

// reasonOf is the innermost error, without what the library says around it.
func reasonOf(err error) string {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return err.Error()
}

// pump reads until the end, never more ahead than the buffer may hold.
func (w *webSocket) pump() {
	for {
		kind, data, err := w.conn.Read(context.Background())
		if err != nil {
			w.end(w.failure(err))
			_ = w.conn.CloseNow() // it may be closed already
			return
		}
		if !w.put(frame{data, kind == websocket.MessageBinary}, len(data)) {
			return
		}
	}
}

// failure is why nothing more comes; io.EOF when the server closed as servers do that have said all.
func (w *webSocket) failure(err error) error {
	var bye websocket.CloseError
	switch {
	case errors.As(err, &bye):
		w.byeMu.Lock()
		w.bye = &bye
		w.byeMu.Unlock()
		if slices.Contains([]websocket.StatusCode{websocket.StatusNormalClosure, websocket.StatusGoingAway, websocket.StatusNoStatusRcvd}, bye.Code) {
			return io.EOF
		}
		reason := ""
		if bye.Reason != "" {
			reason = ": " + bye.Reason
		}
		return &diag.Error{Kind: diag.KindNet, Code: "E_WEBSOCKET_CLOSED", Request: w.r.name(), Retryable: bye.Code >= 1011 && bye.Code <= 1014,
			Message: fmt.Sprintf("%s: the server closed the connection with code %d%s", w.r.name(), bye.Code, reason)}
	case errors.Is(err, websocket.ErrMessageTooBig):
		return &diag.Error{Kind: diag.KindLimit, Code: "E_TOO_LONG", Request: w.r.name(),
			Message: fmt.Sprintf("%s: a message is longer than %d bytes", w.r.name(), w.r.most), Hint: "raise the option max_message"}
	case errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed):
		return &diag.Error{Kind: diag.KindNet, Code: egress.CodeReset, Retryable: true, Request: w.r.name(),
			Message: w.r.name() + ": the server hung up without saying so"}
	}
	var conn *egress.Error
	if errors.As(err, &conn) {
		return w.r.failed(err)
	}
	return &diag.Error{Kind: diag.KindNet, Code: "E_WEBSOCKET", Request: w.r.name(), Cause: err,
		Message: fmt.Sprintf("%s: what came is no WebSocket: %s", w.r.name(), reasonOf(err))}
}

// send sends one message. One that was cut off in the middle closes the connection.
func (w *webSocket) send(ctx context.Context, f frame) error {
	if err := w.writable(); err != nil {
		return err
	}
	limited, cancel := clockwork.WithTimeout(ctx, w.clock, egress.WriteStall)
	defer cancel()
	kind := websocket.MessageText
	if f.binary {
		kind = websocket.MessageBinary
	}
	return w.gone("write to", w.conn.Write(limited, kind, f.data), limited)
}

// ping asks whether the server is there, and waits for its answer.
func (w *webSocket) ping(ctx context.Context, limit time.Duration) error {
	if err := w.writable(); err != nil {
		return err
	}
	limited, cancel := clockwork.WithTimeout(ctx, w.clock, limit)
	defer cancel()
	return w.gone("ping", w.conn.Ping(limited), limited)
}

// writable says why nothing can be sent.
func (w *webSocket) writable() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.arrivals.closed:
		return w.closedHere()
	case w.err != nil:
		return &egress.Error{Op: "write to", Address: w.r.url.Host, Code: egress.CodePipe}
	}
	return nil
}

// gone is why sending failed.
func (w *webSocket) gone(op string, err error, ctx context.Context) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded): // the library has limits of its own for pings
		return &egress.Error{Op: op, Address: w.r.url.Host, Code: egress.CodeTimeout, Err: err}
	}
	if known := w.writable(); known != nil { // somebody found out why
		return known
	}
	var conn *egress.Error
	if errors.As(err, &conn) {
		return conn
	}
	return &egress.Error{Op: op, Address: w.r.url.Host, Code: egress.CodePipe, Err: err}
}

func (w *webSocket) closedHere() error {
	return &diag.Error{Kind: diag.KindNet, Code: egress.CodeClosed, Request: w.r.name(), Message: w.r.name() + ": the connection was closed here"}
}

// goodbye closes with a code and waits, for some seconds, until the server has closed as well.
func (w *webSocket) goodbye(ctx context.Context, code int, reason string) {
	w.once.Do(func() {
		w.close(w.closedHere())
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = w.conn.Close(websocket.StatusCode(code), reason) // nothing can be done about it
		}()
		select {
		case <-done:
		case <-ctx.Done(): // it ends by itself
		}
	})
}

// Close implements engine.Handle. It does not wait for the server.
func (w *webSocket) Close() error {
	w.once.Do(func() {
		w.close(w.closedHere())
		_ = w.conn.CloseNow() // nothing can be done about it
	})
	return nil
}

// closing is what the server closed with; nil when it did not.
func (w *webSocket) closing() *websocket.CloseError {
	w.byeMu.Lock()
	defer w.byeMu.Unlock()
	return w.bye
}

// String is what tostring shows.
func (w *webSocket) String() string { return fmt.Sprintf("web socket (%s%s)", w.r.url.Host, w.state()) }
