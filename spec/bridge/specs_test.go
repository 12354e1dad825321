package bridge

import (
	"testing"

	"bridgehost/luabind"
	"bridgehost/luatest"
	"bridgehost/spec/covered"
)

// elsewhere are the groups that spec/intent is about.
var elsewhere = map[string]bool{"intent": true, "api": true, "intent_log": true, "state_store": true}

// TestSpecs runs every spec and then looks at what none of them reached.
func TestSpecs(t *testing.T) {
	var groups []string
	for _, g := range luabind.Groups() {
		if !elsewhere[g.Name] {
			groups = append(groups, g.Name)
		}
	}
	c := covered.New(groups...)
	for _, f := range c.Functions() {
		if f.Example == "" {
			t.Errorf("%s has no example", f.FullName())
		}
	}
	covered.Run(t, luatest.Options{Observe: c.Observe})
	if !t.Failed() && covered.Whole() {
		c.Check(t)
	}
}
