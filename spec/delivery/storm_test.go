// Package delivery tests that no event is lost, doubled or out of order, whatever fails.
package delivery

import (
	"testing"

	"bridgehost/spec/bridgetest"
)

// TestStorm shows that nothing is lost, doubled or out of order; the same runs on a real
// homeserver in spec/synapse.
func TestStorm(t *testing.T) {
	bridgetest.Storm(t, bridgetest.NewDevserver(t), 1000, 50, 3)
}
