package host

import (
	"reflect"
	"slices"
	"testing"

	"bridgehost/bundle"
	"bridgehost/luabind"
)

// TestManifestKnowsWhatScriptsAndConfigurationsKnow: a manifest may say of limits and
// configuration what bridgehost.toml and bridge.config may.
func TestManifestKnowsWhatScriptsAndConfigurationsKnow(t *testing.T) {
	var limits []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[LimitsConfig]()) {
		if key := f.Tag.Get("toml"); key != "" {
			limits = append(limits, key)
		}
	}
	types, fields := luabind.ConfigWords()
	manifestTypes, manifestFields := bundle.ConfigWords()
	for _, c := range []struct {
		what      string
		got, want []string
	}{
		{"limits", bundle.LimitKeys(), limits},
		{"types of the configuration", manifestTypes, types},
		{"fields of the configuration", manifestFields, fields},
	} {
		slices.Sort(c.got)
		slices.Sort(c.want)
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%s: a manifest may have %v, elsewhere %v", c.what, c.got, c.want)
		}
	}
}
