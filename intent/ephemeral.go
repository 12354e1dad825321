package intent

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"bridgehost/matrix"
)

// ephemeral remembers who types, who is there and what was read, in memory only.
type ephemeral struct {
	mu       sync.Mutex
	typing   map[userInRoom]time.Time // until when
	read     map[userInRoom]matrix.EventID
	presence map[matrix.UserID]presence
}

type userInRoom struct {
	room matrix.RoomID
	user matrix.UserID
}

// maxEphemeral bounds each of the maps; a full one starts anew, which costs a request each.
const maxEphemeral = 100_000

// Read is the event that user was last known to have read in room; "" when unknown.
func (p *Pool) Read(room matrix.RoomID, user matrix.UserID) matrix.EventID {
	p.cache.mu.Lock()
	defer p.cache.mu.Unlock()
	return p.cache.read[userInRoom{room, user}]
}

// SetRead remembers what user has read.
func (p *Pool) SetRead(room matrix.RoomID, user matrix.UserID, event matrix.EventID) {
	p.cache.mu.Lock()
	defer p.cache.mu.Unlock()
	if p.cache.read == nil || len(p.cache.read) >= maxEphemeral {
		p.cache.read = map[userInRoom]matrix.EventID{}
	}
	p.cache.read[userInRoom{room, user}] = event
}

// IsTyping tells whether user is shown as typing in room by our own doing.
func (p *Pool) IsTyping(room matrix.RoomID, user matrix.UserID) bool {
	p.cache.mu.Lock()
	defer p.cache.mu.Unlock()
	return p.cache.typing[userInRoom{room, user}].After(p.cfg.Clock.Now())
}

func (p *Pool) setTyping(room matrix.RoomID, user matrix.UserID, until time.Time) {
	p.cache.mu.Lock()
	defer p.cache.mu.Unlock()
	if p.cache.typing == nil || len(p.cache.typing) >= maxEphemeral {
		p.cache.typing = map[userInRoom]time.Time{}
	}
	if until.IsZero() {
		delete(p.cache.typing, userInRoom{room, user})
	} else {
		p.cache.typing[userInRoom{room, user}] = until
	}
}

// SetTypingOptions are those of SetTyping.
type SetTypingOptions struct {
	IsTyping    *bool // default true
	Timeout     *int  // milliseconds, default 5000; 0 and less stops
	IgnoreCache bool
}

// SetTyping shows the user as typing, or stops that. The same state again within its
// time makes no request (TY-1).
func (i *Intent) SetTyping(ctx context.Context, room matrix.RoomID, o SetTypingOptions) error {
	const op = "set_typing"
	if err := i.needRoom(op, room); err != nil {
		return err
	}
	if _, err := i.EnsureJoined(ctx, room, EnsureJoinedOptions{}); err != nil {
		return err
	}
	timeout := 5000
	if o.Timeout != nil {
		timeout = *o.Timeout
	}
	typing := wants(o.IsTyping) && timeout > 0
	// An end that a timeout of 0 asks for is always said, as the reference does.
	known := typing == i.pool.IsTyping(room, i.user) && typing == wants(o.IsTyping)
	if known && !o.IgnoreCache {
		return nil
	}
	body := map[string]any{"typing": typing}
	var until time.Time
	if typing {
		body["timeout"] = timeout
		until = i.pool.cfg.Clock.Now().Add(time.Duration(timeout) * time.Millisecond)
	}
	_, err := i.do(ctx, request{method: "PUT", path: roomPath(room, "typing", string(i.user)), body: body, room: room})
	if err == nil {
		i.pool.setTyping(room, i.user, until)
	}
	return i.fail(op, room, err)
}

// MarkReadOptions are those of MarkRead.
type MarkReadOptions struct{ ExtraContent json.RawMessage }

// MarkRead moves both of the user's markers to event; the same event again makes no
// request (RD-1).
func (i *Intent) MarkRead(ctx context.Context, room matrix.RoomID, event matrix.EventID, o MarkReadOptions) error {
	if i.pool.Read(room, i.user) == event {
		return nil
	}
	err := i.readMarkers(ctx, "mark_read", room, event, event, o.ExtraContent)
	if err == nil {
		i.pool.SetRead(room, i.user, event)
	}
	return err
}

// SetFullyReadMarkerOptions are those of SetFullyReadMarker.
type SetFullyReadMarkerOptions struct {
	ReadReceipt  matrix.EventID // also a public receipt
	ExtraContent json.RawMessage
}

// SetFullyReadMarker moves the user's own marker (RC-1).
func (i *Intent) SetFullyReadMarker(ctx context.Context, room matrix.RoomID, fullyRead matrix.EventID, o SetFullyReadMarkerOptions) error {
	return i.readMarkers(ctx, "set_fully_read_marker", room, fullyRead, o.ReadReceipt, o.ExtraContent)
}

func (i *Intent) readMarkers(ctx context.Context, op string, room matrix.RoomID, fully, receipt matrix.EventID, extra json.RawMessage) error {
	if err := i.needRoom(op, room); err != nil {
		return err
	}
	if err := i.EnsureRegistered(ctx); err != nil {
		return err
	}
	body, err := object(extra)
	if err != nil {
		return i.usage(op, room, err.Error())
	}
	body["m.fully_read"] = quoted(string(fully))
	if receipt != "" {
		body["m.read"] = quoted(string(receipt))
	}
	if i.mark() != "" {
		mark := one(puppetMark, i.mark())
		body["com.beeper.fully_read.extra"] = mark
		if receipt != "" {
			body["com.beeper.read.extra"] = mark
		}
	}
	_, err = i.do(ctx, request{method: "POST", path: roomPath(room, "read_markers"), body: body, room: room})
	return i.fail(op, room, err)
}

// SendReceiptOptions are those of SendReceipt.
type SendReceiptOptions struct {
	ReceiptType string // default m.read
}

// SendReceipt says that the user has read event (RC-1).
func (i *Intent) SendReceipt(ctx context.Context, room matrix.RoomID, event matrix.EventID, o SendReceiptOptions) error {
	const op = "send_receipt"
	if err := i.needRoom(op, room); err != nil {
		return err
	}
	if err := i.EnsureRegistered(ctx); err != nil {
		return err
	}
	if o.ReceiptType == "" {
		o.ReceiptType = "m.read"
	}
	_, err := i.do(ctx, request{method: "POST", path: roomPath(room, "receipt", o.ReceiptType, string(event)), room: room})
	return i.fail(op, room, err)
}

// SetTyping remembers, in memory only, that user is shown as typing for so long, or not.
func (p *Pool) SetTyping(room matrix.RoomID, user matrix.UserID, typing bool, timeout time.Duration) {
	until := time.Time{}
	if typing {
		until = p.cfg.Clock.Now().Add(timeout)
	}
	p.setTyping(room, user, until)
}
