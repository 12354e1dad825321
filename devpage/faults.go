package devpage

import (
	"time"

	"bridgehost/devserver"
)

// What the switches of the page mean.
const (
	slowAnswer = 2 * time.Second
	rateEvery  = 2 // of two requests one is refused
	rateWait   = 500 * time.Millisecond
)

// faults are the switches of the page.
type faults struct {
	Slow       bool `json:"slow"`
	RateLimit  bool `json:"rate_limit"`
	ForbidJoin bool `json:"forbid_join"`
	Down       bool `json:"down"`
	Duplicate  bool `json:"duplicate"`
}

func faultsOf(f devserver.Faults) faults {
	return faults{f.Slow > 0, f.RateLimitEvery > 0, f.ForbidJoin, f.Down, f.DuplicateTransactions}
}

func (f faults) server() devserver.Faults {
	out := devserver.Faults{ForbidJoin: f.ForbidJoin, Down: f.Down, DuplicateTransactions: f.Duplicate}
	if f.Slow {
		out.Slow = slowAnswer
	}
	if f.RateLimit {
		out.RateLimitEvery, out.RetryAfter = rateEvery, rateWait
	}
	return out
}
