package host

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"bridgehost/engine"
	"bridgehost/store/sqlite"
)

// records keeps generations in the database; it satisfies engine.Records. What another script
// of that name left, a bundle that was there before, is not run again with this one's rights.
type records struct {
	db     *sqlite.DB
	origin string
}

// origin tells bundles from each other and from a person's own scripts, which are of "".
func (f found) origin() string {
	if f.bundle == nil {
		return ""
	}
	return f.bundle.entry.ID
}

// archive is how a generation's files lie in the database.
type archive struct {
	Source engine.Source `json:"source"`
	Pinned string        `json:"pinned,omitempty"`
	Origin string        `json:"origin,omitempty"`
}

// PutGeneration implements engine.Records.
func (r records) PutGeneration(ctx context.Context, script string, rec engine.Record) error {
	source, err := json.Marshal(archive{rec.Source, rec.Pinned, r.origin})
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
		if a.Origin != r.origin {
			continue
		}
		out = append(out, engine.Record{Number: g.Number, Hash: g.Hash, Source: a.Source, Loaded: g.Loaded, Result: g.Result, Pinned: a.Pinned})
	}
	slices.Reverse(out) // the database has the newest first
	return out, nil
}

// forgetOthers drops the generations of what was called f before and is another script.
func (h *Host) forgetOthers(f found) error {
	all, err := h.db.Generations(h.running, f.name)
	if err != nil {
		return err
	}
	own, err := records{h.db, f.origin()}.Generations(h.running, f.name)
	if err != nil || len(own) == len(all) {
		return err
	}
	return h.db.DropGenerations(h.running, f.name)
}
