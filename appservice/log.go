package appservice

import (
	"context"
	"encoding/json"
)

// Accepted is one transaction as the homeserver sent it, split but not decoded.
type Accepted struct {
	TxnID     string
	Events    []json.RawMessage // in order; what cannot be read as an event was left out
	Ephemeral []json.RawMessage
}

// TransactionLog takes a transaction on disk before it is answered 200. The host
// satisfies it: store/sqlite keeps the rows, portal says who sees what.
type TransactionLog interface {
	// Seen tells whether a transaction of this id was accepted before, also before a restart.
	Seen(ctx context.Context, txnID string) (bool, error)
	// Accept returns when t is on disk. Accepting a seen id again changes nothing. It waits
	// while the inbox is full; ctx ends that wait (the answer is then 503 and the
	// homeserver repeats).
	Accept(ctx context.Context, t Accepted) error
}
