// Package delivery is an event's way through the host, as types and interfaces:
// an Item waits in its Lane, a handler works on it as one Unit, what the handler
// changed on the homeserver is remembered as Effects until the item is finished,
// and an item that failed for good becomes a DeadLetter.
//
// The package knows neither Lua nor SQL. Package engine takes items and finishes
// them, package store/sqlite keeps them, and neither knows the other.
package delivery

import (
	"context"
	"time"
)

// Lane is one ordered queue: what one script hears about one room, or one key of a queue
// of its own.
type Lane struct {
	Script string
	Room   string
}

// Kind says what an item is.
type Kind string

const (
	KindEvent Kind = "event" // a Matrix event: Payload is its JSON
	KindCron  Kind = "cron"  // one run of a cron schedule: has no row, its last run has
	KindTimer Kind = "timer" // every, after, spawn, a service: nothing on disk, never repeated
)

// Item is one thing to be handled by one script.
type Item struct {
	Seq         int64     // order; 0 for kinds without a row
	Key         string    // names the item for ever, also over restarts: transaction ids are made from it
	Lane        Lane      //
	Kind        Kind      //
	Payload     []byte    // for KindEvent the event as the homeserver sent it
	Attempts    int       // tries that ended in a retryable error
	TimedOut    int       // those of them that ran into their deadline, since the host started
	Redelivered bool      // may have been tried before: a retry, a replay, or found in the inbox at start
	NotBefore   time.Time // a retry, or what was pushed for later, waits until then; zero: now. For KindCron the time that was due
	Schedule    string    // for KindCron: names the schedule on disk
}

// Outcome is how a try ended.
type Outcome int

const (
	Done  Outcome = iota // finished; also when no handler matched
	Retry                // goes back to the head of its lane until Result.NotBefore
	Dead                 // becomes a dead letter
)

// Result tells the store what became of an item.
type Result struct {
	Outcome   Outcome
	NotBefore time.Time // for Retry
	Failure   []byte    // for Dead and Retry: the error as JSON (diag.Error)
}

// Effect is a call that changed the homeserver while an item was handled.
type Effect struct {
	Item  string // Item.Key
	TxnID string
	// Answer is what the call returned, an event id for sends.
	Answer string
}

// DeadLetter is an item that failed for good, kept for a replay.
type DeadLetter struct {
	ID       int64
	Item     Item
	Failure  []byte // diag.Error as JSON
	Died     time.Time
	Attempts int
}

// Store keeps items, what handlers wrote, effects and dead letters on disk.
// All methods may be called from many goroutines at once; commits are shared.
type Store interface {
	// Lanes lists the lanes of script that have unfinished items, oldest item first.
	Lanes(ctx context.Context, script string) ([]Lane, error)
	// Next returns up to n unfinished items of lane in order, after the item of that Seq (0: from the first).
	Next(ctx context.Context, lane Lane, after int64, n int) ([]Item, error)
	// Finish ends a try in one transaction: the item's row, the unit's writes, pushes and effects.
	// For KindCron it records the run instead of a row. u may be nil.
	Finish(ctx context.Context, item Item, r Result, u *Unit) error
	// Commit makes the writes and pushes of a unit without an item durable (timers, a service at its next wait).
	Commit(ctx context.Context, u *Unit) error
	// Effects returns what is remembered of an item that may have been tried before.
	Effects(ctx context.Context, item Item) ([]Effect, error)
	// PutEffects remembers effects; it may return before they are on disk and is
	// then at most a quarter of a second late. Those of an item that is finished meanwhile are dropped.
	PutEffects(ctx context.Context, e ...Effect) error
	// LastCron is when a schedule last ran; zero when never.
	LastCron(ctx context.Context, script, schedule string) (time.Time, error)

	// DeadLetters lists them, oldest first; script "" means all.
	DeadLetters(ctx context.Context, script string) ([]DeadLetter, error)
	// Replay takes a dead letter back into its lane, behind what waits there, and returns the item.
	Replay(ctx context.Context, id int64) (Item, error)
	// Drop forgets a dead letter.
	Drop(ctx context.Context, id int64) error
}

// Values is where the committed values of bridge.store and once live.
// Get and Keys answer at once (from memory or one indexed read): they are called with a script's lock held.
type Values interface {
	// Get returns nil when there is no such value or it has expired at now.
	Get(script, store, key string, now time.Time) ([]byte, error)
	// Keys lists the live keys of one store, in byte order.
	Keys(script, store string, now time.Time) ([]string, error)
}
