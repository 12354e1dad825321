package synapse

import (
	"testing"

	"bridgehost/spec/bridgetest"
)

// TestStorm is the storm of spec/delivery on a real homeserver.
func TestStorm(t *testing.T) {
	bridgetest.Storm(t, bridgetest.NewSynapse(t), 1000, 50, 3)
}
