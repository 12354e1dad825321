package intent

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"

	"bridgehost/delivery"
	"bridgehost/matrix"
)

// SendMessageEventOptions are those of SendMessageEvent.
type SendMessageEventOptions struct{ EventOptions }

// SendMessageEvent sends an event that is not state (SE-1). Inside a unit the
// transaction id is made from (item, user, room, type, content), and an earlier try's
// answer is returned without a request; content must be encoded in a stable order.
func (i *Intent) SendMessageEvent(ctx context.Context, room matrix.RoomID, typ string, content json.RawMessage,
	o SendMessageEventOptions,
) (matrix.EventID, error) {
	return i.send(ctx, "send_message_event", room, typ, content, o.EventOptions)
}

func (i *Intent) send(ctx context.Context, op string, room matrix.RoomID, typ string, content json.RawMessage,
	o EventOptions,
) (matrix.EventID, error) {
	if err := i.needRoom(op, room); err != nil {
		return "", err
	}
	if typ == "" {
		return "", i.usage(op, room, "the event type is empty")
	}
	body, err := i.marked(content)
	if err != nil {
		return "", i.usage(op, room, err.Error())
	}
	delivery.Sending(ctx, string(room))
	txn := i.txnID(ctx, o.TxnID, "send", string(i.user), string(room), typ, string(content))
	return i.effect(ctx, op, room, txn, func() (string, error) {
		return i.permitted(ctx, op, room, typ, false, o, func() (string, error) {
			return i.eventID(ctx, request{method: "PUT", path: roomPath(room, "send", typ, txn), body: body, room: room, opts: &o})
		})
	})
}

// txnID is the given id, or the unit's, or a random one of 128 bits (TR-6).
func (i *Intent) txnID(ctx context.Context, given string, parts ...string) string {
	if given != "" {
		return given
	}
	if txn := delivery.From(ctx).TxnID(parts...); txn != "" {
		return txn
	}
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, says its contract
	return "bh" + base64.RawURLEncoding.EncodeToString(b[:])
}

// effect runs f unless an earlier try of the unit has its answer, and remembers the answer.
func (i *Intent) effect(ctx context.Context, op string, room matrix.RoomID, txn string, f func() (string, error)) (matrix.EventID, error) {
	unit := delivery.From(ctx)
	if unit != nil && unit.Item.Key == "" {
		unit = nil // a timer's: never run again, so nothing is to be remembered
	}
	if answer, ok := unit.Effect(txn); ok {
		return matrix.EventID(answer), nil
	}
	answer, err := f()
	if err != nil {
		return "", i.fail(op, room, err)
	}
	unit.SetEffect(txn, answer)
	return matrix.EventID(answer), nil
}

// permitted runs f once the user is in the room and has the level (PL-1). When the
// server says, to the look at the levels or to f, that a user whom the store thinks joined
// is not in the room, the entry is dropped and the join path is tried once more (SS-5).
func (i *Intent) permitted(ctx context.Context, op string, room matrix.RoomID, typ string, state bool,
	o EventOptions, f func() (string, error),
) (string, error) {
	fresh := false
	if wants(o.EnsureJoined) {
		var err error
		if fresh, err = i.EnsureJoined(ctx, room, EnsureJoinedOptions{}); err != nil {
			return "", err
		}
	}
	try := func() (string, error) {
		if err := i.checkLevel(ctx, op, room, typ, state); err != nil {
			return "", err
		}
		return f()
	}
	answer, err := try()
	if err == nil || fresh || !wants(o.EnsureJoined) || !saysNotInRoom(err) {
		return answer, err
	}
	if err := i.pool.cfg.Store.ForgetMember(ctx, room, i.user); err != nil {
		return "", err
	}
	if _, err := i.EnsureJoined(ctx, room, EnsureJoinedOptions{}); err != nil {
		return "", err
	}
	return try()
}

func (i *Intent) eventID(ctx context.Context, r request) (string, error) {
	answer, err := i.do(ctx, r)
	if err != nil {
		return "", err
	}
	return field(answer, "event_id")
}

// RedactOptions are those of Redact.
type RedactOptions struct {
	Reason       string
	ExtraContent json.RawMessage
	EventOptions
}

// Redact takes an event back (SE-4).
func (i *Intent) Redact(ctx context.Context, room matrix.RoomID, event matrix.EventID, o RedactOptions) (matrix.EventID, error) {
	const op = "redact"
	if err := i.needRoom(op, room); err != nil {
		return "", err
	}
	content, err := i.extra(o.ExtraContent)
	if err != nil {
		return "", i.usage(op, room, err.Error())
	}
	if o.Reason != "" {
		content["reason"] = quoted(o.Reason)
	}
	body, err := json.Marshal(content)
	if err != nil {
		return "", i.fail(op, room, err)
	}
	txn := i.txnID(ctx, o.TxnID, "redact", string(i.user), string(room), string(event), string(body))
	return i.effect(ctx, op, room, txn, func() (string, error) {
		return i.permitted(ctx, op, room, "m.room.redaction", false, o.EventOptions, func() (string, error) {
			return i.eventID(ctx, request{method: "PUT", path: roomPath(room, "redact", string(event), txn), body: json.RawMessage(body),
				room: room, opts: &o.EventOptions})
		})
	})
}
