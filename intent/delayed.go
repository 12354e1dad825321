package intent

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strconv"

	"bridgehost/matrix"
)

// SendDelayedEventOptions are those of SendDelayedEvent.
type SendDelayedEventOptions struct {
	StateKey *string // nil: no state
	EventOptions
}

// SendDelayedEvent lets the homeserver send an event after delayMS milliseconds, and
// returns the id under which that can be changed until then (DE-1, MSC4140).
// Errors: matrix.ErrForbidden where the homeserver does not let users do that.
func (i *Intent) SendDelayedEvent(ctx context.Context, room matrix.RoomID, typ string, content json.RawMessage, delayMS int64, o SendDelayedEventOptions) (string, error) {
	const op = "send_delayed_event"
	if err := i.needRoom(op, room); err != nil {
		return "", err
	}
	body, err := i.marked(content)
	if err != nil {
		return "", i.usage(op, room, err.Error())
	}
	delay := strconv.FormatInt(delayMS, 10)
	key := "no state"
	if o.StateKey != nil {
		key = "state " + *o.StateKey
	}
	txn := i.txnID(ctx, o.TxnID, "delayed", string(i.user), string(room), typ, key, delay, string(content))
	path := roomPath(room, "send", typ, txn)
	if o.StateKey != nil {
		path = statePath(room, typ, *o.StateKey)
	}
	id, err := i.effect(ctx, op, room, txn, func() (string, error) {
		return i.permitted(ctx, op, room, typ, o.StateKey != nil, o.EventOptions, func() (string, error) {
			answer, err := i.do(ctx, request{method: "PUT", path: path, query: url.Values{"org.matrix.msc4140.delay": {delay}},
				body: body, room: room, opts: &o.EventOptions})
			if err != nil {
				return "", err
			}
			id, err := field(answer, "delay_id")
			if _, now := field(answer, "event_id"); err != nil && now == nil {
				err = errors.New("the homeserver knows no delayed events, and has sent it at once")
			}
			return id, err
		})
	})
	return string(id), err
}

// UpdateDelayedEvent sends a delayed event now ("send"), starts its delay anew
// ("restart") or drops it ("cancel") (DE-1).
// Errors: matrix.ErrNotFound; matrix.ErrForbidden when the event may not be sent.
func (i *Intent) UpdateDelayedEvent(ctx context.Context, delayID, action string) error {
	path := "/_matrix/client/unstable/org.matrix.msc4140" + matrix.Path("delayed_events", delayID)
	_, err := i.do(ctx, request{method: "POST", path: path, body: one("action", action)})
	if action != "restart" && carriedOut(err, "M_NOT_FOUND") {
		err = nil
	}
	return i.fail("update_delayed_event", "", err)
}
