package luabind

import "testing"

// TestOwnTablesAreEvents holds the types for editors against the names that bridge.on knows.
func TestOwnTablesAreEvents(t *testing.T) {
	for name := range OwnTables() {
		if !KnownEvent(name) {
			t.Errorf("there is no event %s", name)
		}
	}
}
