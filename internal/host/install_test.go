package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/BurntSushi/toml"

	"bridgehost/bundle"
	"bridgehost/capability"
)

const loungeMore = `bridgehost = ">=0.1"
authors = ["Your Name <you@example.org>"]
[permissions]
"matrix:send" = "one room per channel"
"matrix:ghosts" = "IRC users appear as Matrix users"
"net:connect" = { hosts = ["${config.server}:${config.port}"], why = "the IRC server you configure" }
"kv" = { size = "10 MB", why = "remember rooms" }
[optional-permissions]
"matrix:media" = "show pictures as links"
"env" = { names = ["LANG"], why = "your language" }
[config]
server = { type = "string", required = true, example = "irc.libera.chat", help = "where to connect to" }
port = { type = "integer", default = 6697 }
count = { type = "integer", required = true }
password = { type = "secret", required = true }
channels = { type = "list", of = "string", required = true }
[dependencies]
"org.example.parser" = "^2.1"
`

// person answers questions.
func person(out io.Writer, answers ...string) *Talk {
	line := func(question string) (string, error) {
		if len(answers) == 0 {
			return "", errors.New("nobody answers " + question)
		}
		a := answers[0]
		answers = answers[1:]
		fmt.Fprintln(out, question+a)
		return a, nil
	}
	return &Talk{Ask: out, Line: line, Secret: func(question string) (string, error) {
		a, err := line(question)
		return a + "!", err
	}}
}

func TestPrompt(t *testing.T) {
	w := newWorld(t)
	w.publish("good", thing{id: "org.example.parser", version: "2.1.3"})
	url := w.publish("else", thing{id: "org.example.irc-lounge", version: "1.4.0", more: loungeMore, lua: "local a = 1\n-- \tb\nreturn a\n"})
	o := w.options(url)
	var out bytes.Buffer
	o.Talk = person(&out, "v", "y", "n", "yes", "#lua, #matrix", "many", "7", "s3cret", "")
	r, err := Install(t.Context(), w.cfg, o)
	if err != nil {
		t.Fatal(err, out.String())
	}
	key := w.key.Public().String()
	want := strings.ReplaceAll(`A thing 1.4.0 by Your Name <you@example.org> · signed KEY… (first time you see this key) · 3 lines of Lua in 1 file

  It wants to                            because
  · store up to 10 MB                    remember rooms
  · use Matrix users @_bh_irc-lounge_*   IRC users appear as Matrix users
  · post messages                        one room per channel
  · connect to <server>:6697             the IRC server you configure
  It cannot read files, run programs, listen on ports or see rooms it is not invited to.

  also installs org.example.parser 2.1.3 (no permissions)

Install? [y/N/v view code] v

── org.example.irc-lounge: main.lua
    1  local a = 1
    2  --     b
    3  return a

── org.example.parser: main.lua
    1  return 1

Install? [y/N/v view code] y
May it also read the variable LANG of the environment (your language)? [y/N] n
May it also upload and download pictures and files (show pictures as links)? [y/N] yes
channels : #lua, #matrix
count    : many
  ✗ a whole number is expected, got "many"
count    : 7
password : s3cret
where to connect to
server   (irc.libera.chat): 
`, "KEY", key[:12])
	if out.String() != want {
		t.Errorf("%s\nwant\n%s", out.String(), want)
	}
	if !r.Installed || r.Running || r.Text() != "✓ installed irc-lounge 1.4.0; it runs when bridgehost does\n" {
		t.Errorf("%+v", r)
	}
	w.read()
	wantValues := map[string]any{"channels": []any{"#lua", "#matrix"}, "count": int64(7), "password": "s3cret!", "server": "irc.libera.chat"}
	if got := w.cfg.Scripts.Config["irc-lounge"]; !reflect.DeepEqual(got, wantValues) {
		t.Errorf("%#v", got)
	}
	l, err := readLock(w.cfg.lockPath())
	if err != nil {
		t.Fatal(err)
	}
	k, _ := l.Find("irc-lounge")
	if want := []string{"kv 10 MB", "matrix:ghosts", "matrix:media", "matrix:send", "net:connect ${config.server}:${config.port}"}; !slices.Equal(k.Granted, want) {
		t.Errorf("%q", k.Granted)
	}

	// Who says no, or whose input ends, gets nothing.
	before := w.text("bridges.lock")
	for _, answers := range [][]string{{"n"}, {""}, {"maybe"}, nil, {"y"}} {
		o := w.options(url)
		o.As, o.Talk = "second", person(io.Discard, answers...)
		if _, err := Install(t.Context(), w.cfg, o); err == nil || w.text("bridges.lock") != before {
			t.Errorf("%q: %v", answers, err)
		}
	}

	// An update shows what is new.
	w.publish("good", thing{id: "org.example.irc-lounge", version: "1.5.0", more: strings.Replace(loungeMore, `"kv" =`, "\"sql\" = \"x\"\n\"kv\" =", 1)})
	out.Reset()
	o = w.options("")
	o.Talk = person(&out, "y")
	if _, err := Update(t.Context(), w.cfg, "irc-lounge", o); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); !strings.Contains(text, "A thing 1.5.0, an update of 1.4.0 by") || !strings.Contains(text, "· keep a database of its own") ||
		strings.Contains(text, "post messages") || !strings.Contains(text, "(the key of org.example.irc-lounge)") || !strings.HasSuffix(text, "Update? [y/N/v view code] y\n") {
		t.Errorf("%s", text)
	}
	l, err = readLock(w.cfg.lockPath())
	if err != nil {
		t.Fatal(err)
	}
	if k, _ := l.Find("irc-lounge"); !slices.Contains(k.Granted, "sql") || !slices.Contains(k.Granted, "matrix:media") || k.Version != "1.5.0" {
		t.Errorf("%+v", k)
	}
}

// TestRevokedStaysSo: an update gives back nothing that the owner took.
func TestRevokedStaysSo(t *testing.T) {
	w := newWorld(t)
	more := "[permissions]\n\"kv\" = \"x\"\n\"matrix:send\" = \"x\"\n"
	w.publish("good", thing{id: "org.example.other", more: more})
	if err := w.install("other", "kv,matrix:send"); err != nil {
		t.Fatal(err)
	}
	w.change("bridges.lock", `granted = ["kv", "matrix:send"]`, `granted = ["kv"]`)
	w.publish("good", thing{id: "org.example.other", version: "1.1.0", more: more + "\"matrix:read\" = \"x\"\n"})
	o := w.options("")
	o.Accept, o.Accepted = []string{"matrix:read"}, true
	if _, err := Update(t.Context(), w.cfg, "other", o); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(w.text("bridges.lock"), `granted = ["kv", "matrix:read"]`) {
		t.Error(w.text("bridges.lock"))
	}
}

// TestManyInstallAtOnce: none is lost, and what is there can be read at any moment.
func TestManyInstallAtOnce(t *testing.T) {
	w := newWorld(t)
	const n = 8
	urls := make([]string, n)
	for i := range urls {
		urls[i] = w.publish("else", thing{id: fmt.Sprintf("org.example.thing%c", 'a'+i)})
	}
	done := make(chan struct{})
	var reading, installing sync.WaitGroup
	reading.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			if err := w.check(); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for i, url := range urls {
		installing.Go(func() {
			o := w.options(url)
			o.Accepted = true
			if i%2 == 1 {
				o.As = fmt.Sprintf("as%d", i)
			}
			if _, err := Install(context.Background(), w.cfg, o); err != nil {
				t.Error(err)
			}
		})
	}
	installing.Wait()
	close(done)
	reading.Wait()
	l, err := readLock(w.cfg.lockPath())
	if err != nil || len(l.Scripts()) != n {
		t.Errorf("%d bundles, %v", len(l.Scripts()), err)
	}
	left, err := filepath.Glob(filepath.Join(w.cfg.shelf().dir, ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("files were left: %q", left)
	}
}

// TestChangedMeanwhile: one of the two is told that the other was first.
func TestChangedMeanwhile(t *testing.T) {
	w := newWorld(t)
	url := w.publish("else", thing{id: "org.example.other", more: "[permissions]\n\"kv\" = \"x\"\n"})
	o := w.options(url)
	o.Talk = person(io.Discard, "y")
	line := o.Talk.Line
	o.Talk.Line = func(question string) (string, error) { // while one decides, it is installed by somebody else
		if err := w.install(url, "kv"); err != nil {
			t.Fatal(err)
		}
		return line(question)
	}
	if _, err := Install(t.Context(), w.cfg, o); err == nil || !strings.Contains(err.Error(), "was changed by another bridgehost meanwhile") {
		t.Error(err)
	}
}

// TestLeftBehind: what a kill leaves in the middle of an install does not count, and the next one goes well.
func TestLeftBehind(t *testing.T) {
	w := newWorld(t)
	url := w.publish("else", thing{id: "org.example.other"})
	raw, b := w.pack(thing{id: "org.example.other"})
	if err := w.cfg.shelf().put(b, raw, nil); err != nil { // the file is there, its signature and the entry are not
		t.Fatal(err)
	}
	for _, name := range []string{".bridges.lock-1", "data/bundles/.x.bridge-1", "data/bundles/.notes.json-1"} {
		w.write(name, "half")
	}
	if l, err := List(t.Context(), w.cfg); err != nil || len(l.Bundles) != 0 {
		t.Errorf("%+v, %v", l, err)
	}
	if err := w.install(url); err != nil {
		t.Fatal(err)
	}
	if err := w.check(); err != nil {
		t.Error(err)
	}
}

func TestDangerousWishesAreRed(t *testing.T) {
	list := []wish{{Grant: "matrix:server-admin", Words: "rule", Why: "x"}, {Grant: "kv", Words: "store", Why: "y"}}
	if got := wishTable("It wants to", list, true); got != "  It wants to   because\n  \x1b[31m· rule        x\x1b[0m\n  · store       y\n" {
		t.Errorf("%q", got)
	}
	if strings.Contains(wishTable("It wants to", list, false), "\x1b") {
		t.Error("it is red without colours")
	}
}

func TestPermissionWords(t *testing.T) {
	names := capability.Names()
	slices.Sort(names)
	if got := slices.Sorted(maps.Keys(permissionWords)); !slices.Equal(got, names) {
		t.Errorf("words for %q, there are %q", got, names)
	}
	for name, words := range permissionWords {
		if strings.Contains(words[0], "%") || strings.Count(words[1], "%s") != 1 {
			t.Errorf("%s: %q", name, words)
		}
	}
	if got := cannot(nil); got != "It cannot read files, run programs, connect to anything, listen on ports or see rooms it is not invited to." {
		t.Error(got)
	}
	var all []wish
	for _, name := range names {
		all = append(all, wish{Grant: name})
	}
	if got := cannot(all); got != "It cannot run programs." {
		t.Error(got)
	}
}

// TestWhoNamedTheHost: only a host that the owner wrote may lie at home.
func TestWhoNamedTheHost(t *testing.T) {
	schema := map[string]any{"server": map[string]any{"default": "router.home"}, "port": map[string]any{"default": int64(6697)},
		"star": map[string]any{"default": "*"}, "none": map[string]any{}}
	for _, c := range []struct {
		grant  string
		values map[string]any
		want   string // scopes, an own one with !
	}{
		{"kv", nil, ""},
		{"net:connect irc.example.org:1", nil, "irc.example.org:1"},
		{"net:connect ${config.server}:${config.port}", nil, "router.home:6697"},
		{"net:connect ${config.server}:${config.port}", map[string]any{"server": "printer"}, "printer:6697!"},
		{"net:connect ${config.server}:${config.port}", map[string]any{"port": int64(80)}, "router.home:80"},
		{"net:connect ${config.server}:${config.port}", map[string]any{"server": "a", "port": int64(80)}, "a:80!"},
		{"net:connect router.home:${config.port}", map[string]any{"port": int64(80)}, "router.home:80"},
		{"net:connect ${config.server}:1", map[string]any{"server": []any{"a", "b"}}, "a:1! b:1!"},
		{"net:connect ${config.star}:1", nil, ""},
		{"net:connect ${config.none}:1", nil, ""},
		{"net:connect ${config.unknown}:1", nil, ""},
		{"net:connect ${config.server}:1", map[string]any{"server": "*"}, ""},
		{"http:fetch http://router.home/${config.port}", map[string]any{"port": int64(1)}, "http://router.home/1"},
		{"http:fetch ${config.url}", map[string]any{"url": "http://printer/x"}, "http://printer/x!"},
	} {
		p, err := permit([]string{c.grant}, schema, c.values)
		if err != nil {
			t.Errorf("%s: %v", c.grant, err)
			continue
		}
		var got []string
		for _, g := range p.grants.List() {
			if g.Own {
				g.Scope += "!"
			}
			got = append(got, g.Scope)
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("%s with %v: %s, want %s", c.grant, c.values, text, c.want)
		}
	}
}

func TestWithValues(t *testing.T) {
	values := map[string]any{"a": "x \"y\"", "n": int64(3), "l": []any{"p", "q"}}
	const added = "a = \"x \\\"y\\\"\"\nl = [\"p\", \"q\"]\nn = 3\n"
	for _, c := range []struct{ old, want string }{
		{"# mine\n", "# mine\n\n[scripts.config.irc]\n" + added},
		{"[scripts.config.irc] # here\nb = 1 # mine\n\n[http]\nlisten = \"\"\n", "[scripts.config.irc] # here\nb = 1 # mine\n" + added + "\n[http]\nlisten = \"\"\n"},
		{"[scripts.config.\"irc\"]\na = 1\n[http]\na = 1\n", "[scripts.config.\"irc\"]\n" + added + "[http]\na = 1\n"},
	} {
		got, err := withValues(c.old, "irc", values)
		if err != nil || got != c.want {
			t.Errorf("%q: %v\n%s\nwant\n%s", c.old, err, got, c.want)
		}
		var back struct {
			Scripts struct{ Config map[string]map[string]any }
		}
		if _, err := toml.Decode(got, &back); err != nil || back.Scripts.Config["irc"]["n"] != int64(3) {
			t.Errorf("%v\n%s", err, got)
		}
	}
	w := newWorld(t)
	w.write("bridgehost.toml", w.text("bridgehost.toml")+"\n[scripts]\nconfig = { other = { a = 1 } }\n")
	w.read()
	url := w.publish("else", thing{id: "org.example.other", more: "[config]\ncount = { type = \"integer\", required = true }\n"})
	o := w.options(url)
	o.Accepted, o.Set = true, []string{"count=2"}
	if _, err := Install(t.Context(), w.cfg, o); err != nil || !strings.Contains(w.text("bridgehost.toml"), "config = { other = { a = 1, count = 2 } }") {
		t.Errorf("%v\n%s", err, w.text("bridgehost.toml"))
	}
}

func TestSet(t *testing.T) {
	w := newWorld(t)
	url := w.publish("else", thing{id: "org.example.other", more: "[config]\nn = { type = \"integer\" }\nsure = { type = \"boolean\" }\nf = { type = \"number\" }\n" +
		"token = { type = \"secret\" }\nm = { type = \"map\", of = \"string\" }\n"})
	for _, c := range []struct{ set, want string }{
		{"n", "KEY=VALUE is expected"}, {"x=1", "no such key in its configuration; there are f, m, n, sure, token"}, {"n=one", "a whole number is expected"},
		{"f=one", "a number is expected"}, {"sure=maybe", "true or false is expected"}, {"token=abc", "a secret on the command line is seen by others"},
		{"m=x", "is written into bridgehost.toml by hand"},
	} {
		o := w.options(url)
		o.Accepted, o.Set = true, []string{c.set}
		if _, err := Install(t.Context(), w.cfg, o); ExitCode(err) != 2 || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.set, err, c.want)
		}
	}
	t.Setenv("A_TOKEN", "hidden")
	o := w.options(url)
	o.Accepted, o.Set = true, []string{"n=1", "f=1.5", "sure=no", "token=${env:A_TOKEN}"}
	if _, err := Install(t.Context(), w.cfg, o); err != nil {
		t.Fatal(err)
	}
	if text := w.text("bridgehost.toml"); !strings.Contains(text, `token = "${env:A_TOKEN}"`) || strings.Contains(text, "hidden") {
		t.Error(text)
	}
	w.read()
	if got := w.cfg.Scripts.Config["other"]; !reflect.DeepEqual(got, map[string]any{"n": int64(1), "f": 1.5, "sure": false, "token": "hidden"}) {
		t.Errorf("%#v", got)
	}
}

func TestShelfIsTheOwnersAlone(t *testing.T) {
	w := newWorld(t)
	if err := w.install(w.publish("good", thing{id: "org.example.other"})); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(w.cfg.shelf().dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if _, err := bundle.ParseLock(w.text("bridges.lock")); err != nil {
		t.Error(err)
	}
}

// TestFetchLocked: a lock that was committed brings the same files to another machine.
func TestFetchLocked(t *testing.T) {
	w := newWorld(t)
	w.publish("good", thing{id: "org.example.parser", version: "2.1.0"})
	w.publish("good", w.lounge("1.0.0", ""))
	if err := w.install("lounge", "matrix:send"); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(w.path("data")); err != nil {
		t.Fatal(err)
	}
	if err := w.check(); err == nil {
		t.Fatal("the files are there")
	}
	r, err := FetchLocked(t.Context(), w.cfg, true, nil)
	if err != nil || r.Text() != "Would fetch org.example.lounge@1.0.0, org.example.parser@2.1.0\n" || w.check() == nil {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err = FetchLocked(t.Context(), w.cfg, false, nil); err != nil || len(r.Fetched) != 2 {
		t.Fatal(err)
	}
	if err := w.check(); err != nil {
		t.Error(err)
	}
	if r, err = FetchLocked(t.Context(), w.cfg, false, nil); err != nil || r.Text() != "all that bridges.lock names is there\n" {
		t.Errorf("%+v, %v", r, err)
	}
	// What lies there now is another.
	raw, b := w.pack(thing{id: "org.example.lounge", lua: "return 2\n", more: dependsOnParser})
	w.put("good/lounge-1.0.0.bridge", raw)
	w.put("good/lounge-1.0.0.bridge.minisig", w.sign(raw, b, w.key))
	if err := os.RemoveAll(w.path("data")); err != nil {
		t.Fatal(err)
	}
	if _, err := FetchLocked(t.Context(), w.cfg, false, nil); ExitCode(err) != ExitRefused || !strings.Contains(err.Error(), "one of them was changed") {
		t.Error(err)
	}
}

// TestOwnLibraries: the bundle of a library in the script's folder is what it requires.
func TestOwnLibraries(t *testing.T) {
	w := newWorld(t)
	if err := os.Mkdir(w.path("lounge"), 0o700); err != nil {
		t.Fatal(err)
	}
	files := w.bundleFiles(w.lounge("1.0.0", ""))
	w.write("lounge/bridge.toml", string(files[bundle.File]))
	w.write("lounge/main.lua", `return require "parser"`)
	f := found{name: "lounge", path: w.path("lounge")}
	src, may, err := f.read(nil)
	if err != nil || may != nil || src.Bad == nil || !strings.Contains(src.Bad.Error(), "nobody offers it") {
		t.Fatalf("%v, %v", src.Bad, err)
	}
	for _, version := range []string{"2.1.0", "2.3.0", "3.0.0"} {
		raw, _ := w.pack(thing{id: "org.example.parser", version: version, lua: "return '" + version + "'\n"})
		w.save("lounge/parser-"+version+".bridge", raw)
	}
	src, _, err = f.read(nil)
	if err != nil || src.Bad != nil {
		t.Fatal(err, src.Bad)
	}
	if got := src.Files["@org.example.parser/main.lua"]; got != "return '2.3.0'\n" || src.Packages[""]["parser"] != "@org.example.parser/main.lua" {
		t.Errorf("%q, %v", got, src.Packages)
	}
	packed, err := bundle.ReadFolder(w.path("lounge"))
	if err != nil || len(packed) != 2 {
		t.Errorf("%d files, %v", len(packed), err)
	}
}

// TestGuideShowsThePrompt: what the guide shows is what a person sees.
func TestGuideShowsThePrompt(t *testing.T) {
	page, err := os.ReadFile("../../docs/guide/11-sharing.md")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, _ := strings.Cut(string(page), "```text\n")
	shown, _, _ = strings.Cut(shown, "\n```")
	w := newWorld(t)
	var out bytes.Buffer
	o := w.options(w.publish("else", thing{id: "org.example.irc-lounge", version: "1.4.0", lua: "local a = 1\nreturn a\n", more: `authors = ["Your Name"]
[permissions]
"matrix:send" = "one room per channel"
"matrix:ghosts" = "IRC users appear as Matrix users"
"net:connect" = { hosts = ["${config.server}:${config.port}"], why = "the IRC server you configure" }
[config]
server = { type = "string", required = true }
port = { type = "integer", default = 6697 }
`}))
	o.Talk = person(&out, "")
	if _, err := Install(t.Context(), w.cfg, o); err == nil {
		t.Error("it went on without a yes")
	}
	got := strings.Replace(strings.Replace(out.String(), w.key.Public().String()[:12], "RWQf6LRCGA9i", 1), "A thing", "IRC lounge", 1)
	if strings.TrimSpace(got) != strings.TrimSpace(shown) {
		t.Errorf("%s\nthe guide shows\n%s", got, shown)
	}
}
