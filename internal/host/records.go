package host

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"bridgehost/engine"
	"bridgehost/store/sqlite"
)

// records keeps generations in the database; it satisfies engine.Records.
type records struct{ db *sqlite.DB }

// archive is how a generation's files lie in the database.
type archive struct {
	Source engine.Source `json:"source"`
	Pinned string        `json:"pinned,omitempty"`
}

// PutGeneration implements engine.Records.
func (r records) PutGeneration(ctx context.Context, script string, rec engine.Record) error {
	source, err := json.Marshal(archive{rec.Source, rec.Pinned})
	if err != nil {
		return fmt.Errorf("generation %d of %s: %w", rec.Number, script, err)
	}
	return r.db.PutGeneration(ctx, sqlite.Generation{Script: script, Number: rec.Number, Hash: rec.Hash,
		Source: source, Loaded: rec.Loaded, Result: rec.Result, Pinned: rec.Pinned != ""})
}

// Generations implements engine.Records.
func (r records) Generations(ctx context.Context, script string) ([]engine.Record, error) {
	list, err := r.db.Generations(ctx, script)
	if err != nil {
		return nil, err
	}
	var out []engine.Record
	for _, g := range list {
		var a archive
		if err := json.Unmarshal(g.Source, &a); err != nil {
			return nil, fmt.Errorf("generation %d of %s: %w", g.Number, script, err)
		}
		out = append(out, engine.Record{Number: g.Number, Hash: g.Hash, Source: a.Source, Loaded: g.Loaded, Result: g.Result, Pinned: a.Pinned})
	}
	slices.Reverse(out) // the database has the newest first
	return out, nil
}
