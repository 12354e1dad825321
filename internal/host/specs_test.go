package host

import (
	"testing"

	"github.com/hashicorp/go-hclog"

	"bridgehost/luatest"
)

func TestSpecsOfTheExamplesPass(t *testing.T) {
	files, err := FindSpecs("../../scripts/examples")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range luatest.Run(t.Context(), luatest.Options{Files: files, Bridges: specBridges{hclog.NewNullLogger()}}) {
		if f.Error != "" {
			t.Errorf("%s: %s", f.File, f.Error)
		}
		for _, s := range f.Sentences {
			if !s.Passed {
				t.Errorf("%s: %s\n%s", f.File, s.Name, s.Text)
			}
		}
		t.Logf("%s: %d sentences, %v", f.File, len(f.Sentences), f.Took)
	}
}
