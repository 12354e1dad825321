// Package covered runs the specs of a folder and keeps what they reached of the declared
// Lua API: a function, an option, an error or a request that no sentence reached fails the test.
//
//	c := covered.New("intent", "api")
//	covered.Run(t, luatest.Options{Observe: c.Observe, Asked: c.Asked})
//	if covered.Whole() {
//		c.Check(t)
//	}
package covered

import (
	"flag"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/go-hclog"

	"bridgehost/internal/host"
	"bridgehost/luabind"
	"bridgehost/luatest"
)

// Whole tells whether all specs were run, and not only those that -run names.
func Whole() bool {
	return !strings.Contains(flag.Lookup("test.run").Value.String(), "/")
}

// Run runs every spec of the folder as a test of its own, each with o. Files, Print and,
// where there is none, Bridges are set here.
func Run(t *testing.T, o luatest.Options) (all []luatest.File) {
	t.Helper()
	files, err := filepath.Glob("*_spec.lua")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no specs: %v", err)
	}
	if o.Bridges == nil {
		o.Bridges = host.SpecBridges(hclog.NewNullLogger())
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(file, "_spec.lua"), func(t *testing.T) {
			one := o
			one.Files, one.Print = []string{file}, func(line string) { t.Log(line) }
			for _, f := range luatest.Run(t.Context(), one) {
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

// Coverage is what specs reached of some groups of the API. Its methods may be called by many at once.
type Coverage struct {
	groups map[string]bool

	mu       sync.Mutex
	reached  map[luabind.Observed]bool
	requests map[*luabind.Function]map[string]bool // made, as the declarations write them
	strange  map[string]bool                       // made and not declared
}

// New makes the coverage of groups, by name.
func New(groups ...string) *Coverage {
	c := &Coverage{groups: map[string]bool{}, reached: map[luabind.Observed]bool{},
		requests: map[*luabind.Function]map[string]bool{}, strange: map[string]bool{}}
	for _, g := range groups {
		c.groups[g] = true
	}
	return c
}

// Functions are those of the groups, by full name.
func (c *Coverage) Functions() (all []*luabind.Function) {
	for _, f := range luabind.Functions() {
		if c.groups[f.Group.Name] {
			all = append(all, f)
		}
	}
	return all
}

// Observe is for luatest.Options.
func (c *Coverage) Observe(o luabind.Observed) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reached[o] = true
}

// Asked is for luatest.Options: it keeps a request that a function made, by its declaration.
func (c *Coverage) Asked(f *luabind.Function, r luabind.SpecRequest) {
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
	if c.groups[f.Group.Name] && f.FullName() != "api:request" { // which makes any
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

// Check fails the test for everything that is declared and was not reached.
func (c *Coverage) Check(t *testing.T) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	var functions, options, errors, requests int
	miss := func(format string, args ...any) { t.Helper(); t.Errorf("no sentence reached "+format, args...) }
	for _, f := range c.Functions() {
		if functions++; !c.reached[luabind.Observed{Function: f}] {
			miss("%s", f.FullName())
		}
		for _, option := range optionsOf(f) {
			if options++; !c.reached[luabind.Observed{Function: f, Option: option}] {
				miss("the option %s of %s", option, f.FullName())
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

// optionsOf are a function's options, and those within a table that stands before a
// required argument (bridge.on's filter).
func optionsOf(f *luabind.Function) (names []string) {
	for _, a := range f.Args {
		if !a.Optional {
			continue
		}
		names = append(names, a.Name)
		if !a.Middle {
			continue
		}
		for _, field := range a.Fields {
			if field.Optional {
				names = append(names, field.Name)
			}
		}
	}
	return names
}
