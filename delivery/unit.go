package delivery

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash"
	"maps"
	"sync"
	"time"
)

// Write is one value that a unit set (Value) or deleted (Value nil).
type Write struct {
	Script, Store, Key string
	Value              []byte
	Expires            time.Time // zero: never
}

// Unit is what one run of a handler is about: all that it writes is committed
// together, and its sends have transaction ids made from its item. It travels in
// the handler's context (With, From). A Unit without an item (timers, services)
// makes no transaction ids: TxnID answers "".
type Unit struct {
	Item Item

	mu      sync.Mutex
	equal   map[string]int    // how many equal calls there were
	effects map[string]string // transaction id → answer
	fresh   []Effect          // effects of this try
	data    *Data             // whose values it wrote; guarded by mu
	entries []*entry          // what it wrote, oldest first; guarded by data.mu
	pushes  []Push            // into queues, not yet on disk; guarded by mu
	pushed  []Item            // that are on disk, for the lanes
	put     func(Effect)      // tells the store of an effect early; nil: only with Finish
}

// NewUnit starts a unit for item. known are the effects of earlier tries; put is
// called with each new effect.
func NewUnit(item Item, known []Effect, put func(Effect)) *Unit {
	u := &Unit{Item: item, put: put}
	for _, e := range known {
		u.setEffect(e.TxnID, e.Answer)
	}
	return u
}

// TxnID makes the transaction id of the n-th call with equal parts in this unit.
// The same item, run again, gets the same ids for equal calls. It answers "" when
// the unit has no item that could run again.
func (u *Unit) TxnID(parts ...string) string {
	if u == nil || u.Item.Key == "" {
		return ""
	}
	call := digest(sha256.New(), parts...)
	u.mu.Lock()
	if u.equal == nil {
		u.equal = map[string]int{}
	}
	n := u.equal[call]
	u.equal[call] = n + 1
	u.mu.Unlock()
	return "bh" + digest(sha256.New(), u.Item.Key, call, fmt.Sprint(n))
}

// digest is injective over the list of parts: each is preceded by its length.
func digest(h hash.Hash, parts ...string) string {
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:18])
}

// Effect returns the remembered answer of a call that an earlier try made.
func (u *Unit) Effect(txnID string) (answer string, ok bool) {
	if u == nil || txnID == "" {
		return "", false
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	answer, ok = u.effects[txnID]
	return answer, ok
}

// SetEffect remembers that the call with that transaction id was answered.
func (u *Unit) SetEffect(txnID, answer string) {
	if u == nil || txnID == "" {
		return
	}
	e := Effect{Item: u.Item.Key, TxnID: txnID, Answer: answer}
	u.mu.Lock()
	u.setEffect(txnID, answer)
	u.fresh = append(u.fresh, e)
	put := u.put
	u.mu.Unlock()
	if put != nil {
		put(e)
	}
}

func (u *Unit) setEffect(txnID, answer string) {
	if u.effects == nil {
		u.effects = map[string]string{}
	}
	u.effects[txnID] = answer
}

// Part is the unit of the i-th part of u's work, which commits its writes by itself. Its
// transaction ids are the same when u's item runs again, and what its calls answered is
// remembered for that item. A unit without an item has no parts: nil.
func (u *Unit) Part(i int) *Unit {
	if u == nil || u.Item.Key == "" {
		return nil
	}
	item := u.Item
	item.Key = fmt.Sprintf("%s/part/%s", u.Item.Key, u.TxnID("part", fmt.Sprint(i)))
	part := NewUnit(item, nil, func(e Effect) { u.SetEffect(e.TxnID, e.Answer) })
	u.mu.Lock()
	defer u.mu.Unlock()
	part.effects = maps.Clone(u.effects)
	return part
}

// Fresh returns the effects of this try, for Store.Finish.
func (u *Unit) Fresh() []Effect {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.fresh
}

type unitKey struct{}

// With returns a context that carries u.
func With(ctx context.Context, u *Unit) context.Context { return context.WithValue(ctx, unitKey{}, u) }

// From returns the unit of ctx, nil when there is none. All methods that packages
// outside of the engine call work on a nil Unit.
func From(ctx context.Context) *Unit {
	u, _ := ctx.Value(unitKey{}).(*Unit)
	return u
}
