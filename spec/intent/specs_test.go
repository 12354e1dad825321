package intent

import (
	"os"
	"testing"

	"bridgehost/luatest"
	"bridgehost/spec/covered"
)

// coverage of what is specified here.
func coverage() *covered.Coverage { return covered.New("intent", "api", "intent_log", "state_store") }

// TestSpecs runs every spec on devserver and then looks at what none of them reached.
func TestSpecs(t *testing.T) {
	c := coverage()
	covered.Run(t, luatest.Options{Observe: c.Observe, Asked: c.Asked})
	if t.Failed() || !covered.Whole() {
		return
	}
	for _, f := range c.Functions() {
		file := f.Name + "_spec.lua"
		if f.Group.Name != "intent" {
			file = f.Group.Name + "." + file
		}
		if _, err := os.Stat(file); err != nil {
			t.Errorf("%s has no spec: %s", f.FullName(), file)
		}
	}
	c.Check(t)
}
