package intent

import (
	"flag"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/go-hclog"

	"bridgehost/internal/host"
	"bridgehost/luabind"
	"bridgehost/luatest"
)

// groups are what is specified here.
var groups = map[string]bool{"intent": true, "api": true, "intent_log": true, "state_store": true}

// TestSpecs runs every spec on devserver and then looks at what none of them reached.
func TestSpecs(t *testing.T) {
	c := newCoverage()
	run(t, c, nil)
	if !t.Failed() && isWhole() {
		c.check(t)
	}
}

// isWhole tells whether all specs were run, and not only those that -run names.
func isWhole() bool {
	return !strings.Contains(runFlag(), "/")
}

// run runs every spec as a test of its own, and each sentence below it.
func run(t *testing.T, c *coverage, homes func(string) (luatest.Home, error)) (all []luatest.File) {
	t.Helper()
	files, err := filepath.Glob("*_spec.lua")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no specs: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(file, "_spec.lua"), func(t *testing.T) {
			for _, f := range luatest.Run(t.Context(), luatest.Options{
				Files: []string{file}, Bridges: host.SpecBridges(hclog.NewNullLogger()), Homes: homes,
				Print:   func(line string) { t.Log(line) },
				Observe: c.observe, Asked: c.asked,
			}) {
				all = append(all, f)
				for _, s := range f.Sentences {
					if !s.Passed {
						t.Errorf("%s\n%s", s.Name, s.Text)
					}
				}
				if f.Error != "" {
					t.Error(f.Error)
				}
			}
		})
	}
	return all
}

// coverage is what specs reached.
type coverage struct {
	mu       sync.Mutex
	reached  map[luabind.Observed]bool
	requests map[*luabind.Function]map[string]bool // made, as the declarations write them
	strange  map[string]bool                       // made and not declared
}

func newCoverage() *coverage {
	return &coverage{reached: map[luabind.Observed]bool{}, requests: map[*luabind.Function]map[string]bool{}, strange: map[string]bool{}}
}

func (c *coverage) observe(o luabind.Observed) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reached[o] = true
}

// asked keeps a request that a function made, by its declaration.
func (c *coverage) asked(f *luabind.Function, r luabind.SpecRequest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, declared := range f.Requests {
		if matches(declared, r) {
			if c.requests[f] == nil {
				c.requests[f] = map[string]bool{}
			}
			c.requests[f][declared] = true
			return
		}
	}
	if matches("POST /register", r) {
		return // any call may find that the homeserver does not know the user
	}
	for _, what := range f.First {
		for _, declared := range luabind.FirstRequests[what] {
			if matches(declared, r) {
				return
			}
		}
	}
	if groups[f.Group.Name] && f.FullName() != "api:request" { // which makes any
		c.strange[f.FullName()+": "+r.Line] = true
	}
}

// matches tells whether a request is one that a declaration writes as
// "PUT /rooms/{room_id}/state/{event_type}/{state_key}".
func matches(declared string, r luabind.SpecRequest) bool {
	method, path, _ := strings.Cut(declared, " ")
	if !strings.HasPrefix(path, "/_matrix/") {
		path = "/_matrix/client/v3" + path
	}
	want, got := strings.Split(path, "/"), strings.Split(r.RawPath, "/")
	if method != r.Method || len(want) != len(got) {
		return false
	}
	for i, part := range want {
		plain, err := url.PathUnescape(got[i])
		if err != nil || plain != part && !strings.HasPrefix(part, "{") {
			return false
		}
	}
	return true
}

// check fails the test for everything that is declared and was not reached.
func (c *coverage) check(t *testing.T) {
	t.Helper()
	var functions, options, errors, requests int
	miss := func(format string, args ...any) { t.Helper(); t.Errorf("no sentence reached "+format, args...) }
	for _, f := range luabind.Functions() {
		if !groups[f.Group.Name] {
			continue
		}
		file := f.Name + "_spec.lua"
		if f.Group.Name != "intent" {
			file = f.Group.Name + "." + file
		}
		if _, err := os.Stat(file); err != nil {
			t.Errorf("%s has no spec: %s", f.FullName(), file)
		}
		if functions++; !c.reached[luabind.Observed{Function: f}] {
			miss("%s", f.FullName())
		}
		for _, a := range f.Args {
			if a.Optional {
				if options++; !c.reached[luabind.Observed{Function: f, Option: a.Name}] {
					miss("the option %s of %s", a.Name, f.FullName())
				}
			}
		}
		for _, code := range f.Errors {
			if errors++; !c.reached[luabind.Observed{Function: f, Errcode: code}] {
				miss("the error %s of %s", code, f.FullName())
			}
		}
		for _, r := range f.Requests {
			if requests++; !c.requests[f][r] {
				miss("the request %s of %s", r, f.FullName())
			}
		}
	}
	for line := range c.strange {
		t.Errorf("a request that the declaration does not name: %s", line)
	}
	t.Logf("reached: %d functions, %d options, %d errors, %d requests", functions, options, errors, requests)
}

func runFlag() string { return flag.Lookup("test.run").Value.String() }
