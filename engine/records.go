package engine

import (
	"context"
	"time"

	"bridgehost/diag"
)

// GenerationsKept is how many generations of a script are remembered.
const GenerationsKept = 10

// Record is one generation as it is remembered over a restart.
type Record struct {
	Number int
	Hash   string
	Source Source
	Loaded time.Time
	// Result is "" for one that began well, else why it was refused or replaced.
	Result string
	// Pinned: a rollback chose it; it runs until the file on disk is no longer the one of that hash.
	Pinned string
}

// Records keeps the last GenerationsKept generations of each script.
type Records interface {
	PutGeneration(ctx context.Context, script string, r Record) error
	// Generations lists them, oldest first.
	Generations(ctx context.Context, script string) ([]Record, error)
}

// LoadReport is what became of one source.
type LoadReport struct {
	Script  string
	Number  int // of the generation that began; 0 when none did
	Running int // the generation that answers now; 0 when none does
	Reason  string
	Hash    string
	At      time.Time
	Took    time.Duration // from reading the source to the first event
	Held    time.Duration // how long events were held
	Err     *diag.Error   // why it did not load
	Sources map[string]string
}
