package conformance

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bridgehost/luabind"
)

var update = flag.Bool("update", false, "write the table in docs/differences.md anew")

// uncalled are methods of the reference that no scenario calls.
var uncalled = []string{
	"intent:beeper_batch_send", "intent:download_thumbnail", "intent:get_event_context", "intent:get_presence", "intent:get_room_tags",
	"intent:remove_room_tag", "intent:set_room_tag", "state_store:find_shared_rooms", "state_store:has_presence", "state_store:invited",
	"state_store:is_typing", "state_store:set_presence", "state_store:set_typing",
}

// TestDifferencesListsEveryMethod keeps the table in docs/differences.md equal to the
// declarations, and the declarations complete: what a scenario calls is declared.
func TestDifferencesListsEveryMethod(t *testing.T) {
	called := calledByScenarios(t)
	var table strings.Builder
	table.WriteString("| ours | reference | arguments | options |\n|---|---|---|---|\n")
	for _, f := range luabind.Functions() {
		if f.Group.Name != "intent" && f.Group.Name != "state_store" {
			continue
		}
		name := f.FullName()
		reference := f.Name
		if f.Ours {
			reference = ""
		}
		if !f.Ours && !called[name] && !slices.Contains(uncalled, name) {
			t.Errorf("%s: neither does a scenario call it, nor does uncalled name it; is it ours?", name)
		}
		delete(called, name)
		var required, options []string
		for _, a := range f.Args {
			if a.Optional {
				options = append(options, a.Name)
			} else {
				required = append(required, a.Name)
			}
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s |\n", name, cmp.Or(code(reference), "none"), code(required...), code(options...))
	}
	for name := range called {
		t.Errorf("a scenario calls %s, which is not declared", name)
	}
	const path, begin, end = "../../docs/differences.md", "<!-- table: begin -->\n", "<!-- table: end -->"
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, found := strings.Cut(string(data), begin)
	was, tail, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no table", path)
	}
	if was == table.String() {
		return
	}
	if !*update {
		t.Fatalf("the table in %s is not that of the declarations: go test ./spec/conformance -run Differences -update", path)
	}
	if err := os.WriteFile(path, []byte(head+begin+table.String()+end+tail), 0o644); err != nil {
		t.Fatal(err)
	}
}

func code(names ...string) string {
	var out []string
	for _, n := range names {
		if n != "" {
			out = append(out, "`"+n+"`")
		}
	}
	return strings.Join(out, ", ")
}

func calledByScenarios(t *testing.T) map[string]bool {
	files, err := filepath.Glob("testdata/scenarios/*.json")
	if err != nil {
		t.Fatal(err)
	}
	called := map[string]bool{}
	for _, file := range files {
		for _, sc := range read(t, file) {
			for _, step := range sc.Steps {
				if call, _ := step["call"].(string); call != "" && step["attr"] == nil && step["on"] == nil {
					called["intent:"+call] = true
				} else if call != "" && step["on"] != nil {
					called["state_store:"+call] = true
				}
			}
			for _, step := range slices.Concat(sc.Store, sc.Inspect) {
				called["state_store:"+step["call"].(string)] = true
			}
		}
	}
	return called
}
