package appservice

import (
	"strconv"
	"sync"
)

const (
	// gapProbes is how many refusals that brought nothing are allowed in a row: the
	// numbers of a homeserver with several application services have gaps by nature.
	gapProbes = 3
	// gapWidest is the largest gap whose numbers are remembered as missing.
	gapWidest = 100
)

// gaps finds transactions that a homeserver has left behind. Synapse numbers them and
// sends them one at a time; one that it stores in the moment in which it ends repeating
// refused ones stays with it until the next refusal, and would come after later ones
// (seen on Synapse 1.163). So a transaction that jumps over a number is refused once: the
// homeserver then sends the oldest that it has. Ids that are no numbers are not looked at.
type gaps struct {
	mu      sync.Mutex
	last    int          // the highest number taken; 0: none is known
	missing map[int]bool // numbers below last that were never seen
	refused int          // the number that was refused for a gap, until it was taken
	filled  bool         // since that refusal a missing one came
	probes  int          // refusals left
}

func newGaps(last string) *gaps {
	g := &gaps{probes: gapProbes, missing: map[int]bool{}}
	g.last, _ = number(last)
	return g
}

// number is what an id counts, if it counts.
func number(id string) (n int, ok bool) {
	n, err := strconv.Atoi(id)
	return n, err == nil && n > 0
}

// refuse tells whether a transaction should be refused this once.
func (g *gaps) refuse(id string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	n, ok := number(id)
	if !ok || g.last == 0 || n <= g.last+1 || n == g.refused || g.probes == 0 {
		return false
	}
	g.refused, g.filled = n, false
	return true
}

// taken notes a transaction that was accepted.
func (g *gaps) taken(id string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	n, ok := number(id)
	switch {
	case !ok:
		return
	case g.missing[n]: // it comes late
		delete(g.missing, n)
		return
	case n == g.refused:
		if g.refused = 0; g.filled {
			g.probes = gapProbes
		} else {
			g.probes--
		}
	case g.refused > 0 && n < g.refused:
		g.filled = true
	}
	switch {
	case n <= g.last: // it counts from the start again
		clear(g.missing)
	case g.last > 0 && n-g.last <= gapWidest && len(g.missing) < gapWidest:
		for i := g.last + 1; i < n; i++ {
			g.missing[i] = true
		}
	}
	g.last = n
}

// failed notes that a transaction was refused for another reason: from now on the
// homeserver repeats, and may leave one behind when it ends.
func (g *gaps) failed() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.probes = gapProbes
}
