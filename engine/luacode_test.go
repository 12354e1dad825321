package engine

import (
	"slices"
	"testing"

	"bridgehost/diag"
)

// TestErrorsOfRunningLuaHaveTheirCodes: each wrong example gives its code, each right one nothing.
func TestErrorsOfRunningLuaHaveTheirCodes(t *testing.T) {
	for _, code := range []string{"E0109", "E0110"} { // which `check` finds, too
		e, _ := diag.Explain(code)
		runs(t, e.Code, e.Bad)
	}
	for _, e := range diag.Running() {
		runs(t, e.Code, e.Bad)
		runs(t, "", e.Good)
		if !slices.ContainsFunc(luaCodes, func(c struct{ begins, code string }) bool { return c.code == e.Code }) {
			t.Errorf("%s is explained, and nothing gives it", e.Code)
		}
	}
	for name, lua := range map[string]string{
		"what the script raises itself": "error('attempt to call a nil value')",
		"a text that is passed on":      "local ok, err = pcall(function() local x = nil + 1 end) error(err)",
		"an error of the host":          "fail('usage')",
	} {
		if err := newVM(t, Config{Program: compile(t, lua)}).Load(t.Context()); err == nil || err.Code != "" && err.Code != "M_FORBIDDEN" {
			t.Errorf("%s has the code %+v", name, err)
		}
	}
}

// runs runs a chunk, which is to fail with a code; "" for a chunk that does not fail.
func runs(t *testing.T, code, lua string) {
	t.Helper()
	got := ""
	err := newVM(t, Config{Program: compile(t, lua), Print: func(string) {}}).Load(t.Context())
	if err != nil {
		got = err.Code + " (" + err.Message + ")"
	}
	if err == nil && code != "" || err != nil && err.Code != code {
		t.Errorf("%s\ngives %q, want %q", lua, got, code)
	}
}
