package appservice

import (
	"context"
	"encoding/json"
)

// Accepted is one transaction as the homeserver sent it, split but not decoded.
type Accepted struct {
	TxnID     string
	Key       string            // names the transaction for good: a homeserver may use an id again
	Events    []json.RawMessage // in order; what cannot be read as an event was left out
	Ephemeral []json.RawMessage
}

// TransactionLog takes a transaction on disk before it is answered 200. The host
// satisfies it: store/sqlite keeps the rows, portal says who sees what.
type TransactionLog interface {
	// Seen tells whether a transaction of this key was accepted before, also before a restart.
	Seen(ctx context.Context, key string) (bool, error)
	// Last is the id of the transaction that was accepted last, "" when none was.
	Last() string
	// Accept returns when t is on disk. Accepting a seen key again changes nothing. It waits
	// while the inbox is full; ctx ends that wait (the answer is then 503 and the
	// homeserver repeats).
	Accept(ctx context.Context, t Accepted) error
}
