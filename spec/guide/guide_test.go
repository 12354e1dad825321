// Package guide runs every example of docs/guide.
//
// A block ```lua whose first line is `-- NAME.lua` is a script of its chapter. It has to be loaded
// by a spec: one of testdata/CHAPTER/, or one of the page itself, which is a block that begins with
// `-- NAME_spec.lua`. A name that comes again in a chapter is the script's next version: 2/NAME.lua,
// 3/NAME.lua for t.load. Versions may also be run by a transcript of `bridgehost dev`, below.
//
// ```lua in NAME.lua shows only what changes: it takes the place, in the version before, of what begins
// with the same line, up to the next `end)`.
//
// A block ```lua in a handler is a fragment. It runs as the body of a handler, with evt, intent,
// bridge and the modules, and must come to its end. ```lua at the top stands at the top level of a
// script; there it may declare no handler, which nobody would call. Any other block fails the test.
//
// A block ```toml that begins with `# NAME.toml`, and one ```text in NAME, are files of the chapter's folder.
//
// A block ```console is a transcript. Its commands are run, in the chapter's folder, and what they
// print is compared; see transcripts_test.go.
package guide

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"bridgehost/internal/host"
	"bridgehost/spec/bridgetest"
)

const pages = "../../docs/guide"

// chapter is one page, and the folder in which its examples are run.
type chapter struct {
	name        string // 01-first-bridge
	dir         string
	scripts     []string            // paths in dir: tea.lua, 2/tea.lua
	versions    map[string][]string // of tea.lua: the texts of its versions
	run         map[string]bool     // paths that something has run
	fragments   int
	beside      []string // what is in dir and not in the page
	transcripts []transcript
	host        *bridgetest.Host // which transcripts ask; started when the first does
}

var (
	fence   = regexp.MustCompile("(?ms)^```([^\n]*)\n(.*?)^```$")
	named   = regexp.MustCompile(`^-- ([\w-]+\.lua)\b`)
	configs = regexp.MustCompile(`^# ([\w-]+\.toml)\n`)
	loads   = regexp.MustCompile(`t\.load\("([^"]+)"`)
	passed  = regexp.MustCompile(`(?m)^.*_spec\.lua  \d+ passed in .*$`)
)

// settings are where fragments stand.
var settings = map[string]string{
	"in a handler": `local bridge, net, json, time = require "bridge", require "bridge.net", require "bridge.json", require "bridge.time"
bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)
bridge.on("message", function(evt)
  local function fragment()
%s
  end
  fragment()
  intent:send_notice(evt.room_id, "the fragment has ended")
end)
`,
	"at the top": `local bridge = require "bridge"
%s
bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)
bridge.on("message", function(evt) intent:send_notice(evt.room_id, "the fragment has ended") end)
`,
}

const fragmentSpec = `local t = require "bridge.test"
t.it("%[1]s", function()
  local hs = t.load("%[1]s.lua")
  local alice = hs:user("alice")
  alice:say(alice:room(), "hello")
  t.advance("10s")
  hs:expect_notice { body = "the fragment has ended" }
end)
`

func TestEveryExampleRuns(t *testing.T) {
	for _, name := range chapters(t) {
		t.Run(name, func(t *testing.T) {
			c := read(t, name)
			c.specs(t)
			for _, path := range append(c.beside, "fragments") { // transcripts see what readers have
				if err := os.RemoveAll(filepath.Join(c.dir, path)); err != nil {
					t.Fatal(err)
				}
			}
			for _, tr := range c.transcripts {
				c.transcript(t, tr)
			}
			for _, script := range c.scripts {
				if !c.run[script] {
					t.Errorf("%s: nobody runs %s: load it in a spec in testdata/%s/", name, script, name)
				}
			}
		})
	}
}

// chapters are the pages by name; the table of contents has to link each.
func chapters(t *testing.T) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(pages, "*.md"))
	if err != nil || len(files) < 2 {
		t.Fatalf("no pages in %s: %v", pages, err)
	}
	contents, err := os.ReadFile(filepath.Join(pages, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		base := filepath.Base(f)
		if base != "README.md" && !strings.Contains(string(contents), "]("+base+")") {
			t.Errorf("README.md of the guide does not link %s", base)
		}
		names = append(names, strings.TrimSuffix(base, ".md"))
	}
	return names
}

// read writes a chapter's blocks, and its specs, into a folder.
func read(t *testing.T, name string) *chapter {
	t.Helper()
	c := &chapter{name: name, dir: t.TempDir(), versions: map[string][]string{}, run: map[string]bool{}}
	page, err := os.ReadFile(filepath.Join(pages, c.name+".md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range fence.FindAllStringSubmatch(string(page), -1) {
		kind, text := m[1], m[2]
		language, where, _ := strings.Cut(kind, " ")
		switch {
		case language == "console":
			tr := transcript{text, map[string]int{}}
			for name, texts := range c.versions {
				tr.at[name] = len(texts)
			}
			c.transcripts = append(c.transcripts, tr)
		case language == "toml" && configs.MatchString(text):
			c.write(t, configs.FindStringSubmatch(text)[1], text)
		case language == "text" && where != "":
			c.write(t, strings.TrimPrefix(where, "in "), text)
		case language != "lua":
		case named.MatchString(text) && where == "":
			c.script(t, named.FindStringSubmatch(text)[1], text)
		case c.versions[strings.TrimPrefix(where, "in ")] != nil:
			c.change(t, strings.TrimPrefix(where, "in "), text)
		case settings[where] != "":
			c.fragment(t, where, text)
		default:
			t.Errorf("%s: nobody runs this block: begin it with `-- NAME.lua`, or call it ```lua in a handler:\n%s", c.name, text)
		}
	}
	specs, err := filepath.Glob(filepath.Join("testdata", c.name, "*_spec.lua"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range specs {
		text, err := os.ReadFile(s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(c.dir, filepath.Base(s))); err == nil {
			t.Errorf("%s stands in the page, too", s)
		}
		c.write(t, filepath.Base(s), string(text))
		c.beside = append(c.beside, filepath.Base(s))
	}
	return c
}

func (c *chapter) script(t *testing.T, name, text string) {
	t.Helper()
	c.versions[name] = append(c.versions[name], text)
	path := name
	if n := len(c.versions[name]); n > 1 {
		path = fmt.Sprintf("%d/%s", n, name)
	}
	c.write(t, path, text)
	if !strings.HasSuffix(name, "_spec.lua") {
		c.scripts = append(c.scripts, path)
	}
}

// change makes a script's next version: text takes the place of what begins with its first line, up to
// the next line that is `end)`.
func (c *chapter) change(t *testing.T, name, text string) {
	t.Helper()
	last := c.versions[name][len(c.versions[name])-1]
	first, _, _ := strings.Cut(text, "\n")
	before, after, ok := strings.Cut(last, first+"\n")
	_, after, closed := strings.Cut(after, "\nend)\n")
	if !ok || !closed {
		t.Errorf("%s: %s holds nothing that begins with %q and ends with end)", c.name, name, first)
	}
	c.script(t, name, before+text+after)
}

func (c *chapter) fragment(t *testing.T, where, text string) {
	t.Helper()
	if where == "at the top" && strings.Contains(text, "function") {
		t.Errorf("%s: nobody calls the function in this fragment; make it a script:\n%s", c.name, text)
	}
	c.fragments++
	name := fmt.Sprintf("fragment-%d", c.fragments)
	c.write(t, "fragments/"+name+".lua", fmt.Sprintf(settings[where], text))
	c.write(t, "fragments/"+name+"_spec.lua", fmt.Sprintf(fragmentSpec, name))
}

// specs runs the chapter's specs, each of which has to load a script. Runs in one process come one after
// the other: virtual time is the process's own.
func (c *chapter) specs(t *testing.T) {
	t.Helper()
	files, err := host.FindSpecs(c.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range loads.FindAllStringSubmatch(string(text), -1) {
			c.run[m[1]] = true
		}
	}
	if len(files) == 0 {
		return
	}
	var out strings.Builder
	err = host.Test(t.Context(), host.TestOptions{Args: []string{c.dir}, Out: &out, Log: hclog.NewNullLogger()})
	if err != nil && !errors.Is(err, host.ErrShown) {
		t.Fatal(err)
	}
	if got := len(passed.FindAllString(out.String(), -1)); err != nil || got != len(files) {
		t.Errorf("%d of %d specs pass:\n%s", got, len(files), out.String())
	}
}

func (c *chapter) write(t *testing.T, path, text string) {
	t.Helper()
	path = filepath.Join(c.dir, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
