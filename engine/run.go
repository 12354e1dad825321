package engine

import (
	"context"
	"time"

	"bridgehost/delivery"
	"bridgehost/diag"
)

// Run is one try to handle an item, for whoever watches a script at work.
type Run struct {
	Item       delivery.Item
	Generation int
	Label      string // what the item is: "message $ev from @you:bh.test"
	At         time.Time
	Ended      bool // false: it begins, and what follows is not known yet
	Took       time.Duration
	Err        *diag.Error
}

// begun tells of a try that begins; ended of its end.
func (s *Script) begun(g *Generation, item *delivery.Item, label string) (ended func(*diag.Error)) {
	if s.cfg.OnRun == nil {
		return func(*diag.Error) {}
	}
	r := Run{Item: *item, Generation: g.Number, Label: label, At: s.clock.Now()}
	s.cfg.OnRun(r)
	return func(err *diag.Error) {
		r.Ended, r.Took, r.Err = true, s.clock.Since(r.At), err
		s.cfg.OnRun(r)
	}
}

type labelKey struct{}

// LabelFrom names the task whose context this is, when it handles no item: a service, a
// timer, `load`. "" for all others: their item is in their unit.
func LabelFrom(ctx context.Context) string {
	label, _ := ctx.Value(labelKey{}).(string)
	return label
}
