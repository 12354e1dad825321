package capability

import "testing"

func TestNamesAreKnownAndUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range Names() {
		if seen[name] || !Known(name) {
			t.Errorf("%q: twice, or not known", name)
		}
		seen[name] = true
	}
	if Known("exec") || Known("") {
		t.Error("exec must not exist, nor a capability without a name")
	}
}

func TestAForgottenNeedIsNotValid(t *testing.T) {
	if (Need{}).Valid() || None("").Valid() {
		t.Error("a Need without name and reason counts as valid")
	}
	if !None("pure").Valid() || !KV.Valid() {
		t.Error("a Need that was made counts as forgotten")
	}
	if KV.String() != "kv" || None("pure").String() != "none" {
		t.Errorf("String: %s, %s", KV, None("pure"))
	}
}
