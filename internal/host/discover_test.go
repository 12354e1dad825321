package host

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestDiscover(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{
		"echo.lua", "echo_spec.lua", "notes.txt", ".hidden.lua", ".#echo.lua", "echo.lua~", "irc/main.lua", "irc/util.lua",
		"rss/rss.lua", "twice.lua", "twice/main.lua", "empty/readme.md", ".git/main.lua", "Bad_Name.lua", "host.lua", "bot/main.lua",
		"upper/UPPER.lua", "a b.lua",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("-- "+name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(dir, "echo.lua"), filepath.Join(dir, "linked.lua")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "nowhere.lua"), filepath.Join(dir, "dangling.lua")); err != nil {
		t.Fatal(err)
	}
	scripts, refused, err := discover(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range scripts {
		names = append(names, s.name)
		if _, _, err := s.read(nil); err != nil {
			t.Errorf("%s cannot be read: %v", s.name, err)
		}
	}
	if want := []string{"echo", "irc", "linked", "rss", "twice"}; !slices.Equal(names, want) {
		t.Errorf("scripts %q, want %q", names, want)
	}
	var texts []string
	for _, err := range refused {
		texts = append(texts, err.Error())
	}
	all := strings.Join(texts, "\n")
	for _, want := range []string{
		`Bad_Name.lua: a script cannot be called "Bad_Name": only a-z, 0-9 and - may stand in a name`,
		`host.lua: a script cannot be called "host": that name is the host's own`,
		`bot: a script cannot be called "bot"`, `"a b"`, `twice.lua: there is a script "twice" already, ` + filepath.Join(dir, "twice"),
	} {
		if !strings.Contains(all, want) {
			t.Errorf("nothing says %q:\n%s", want, all)
		}
	}
	if len(refused) != 5 {
		t.Errorf("%d are refused, want 5:\n%s", len(refused), all)
	}
	if _, _, err := discover(filepath.Join(dir, "none")); err == nil || !strings.Contains(err.Error(), "scripts.dir") {
		t.Errorf("a folder that is not there: %v", err)
	}
}

func TestCheckName(t *testing.T) {
	for name, good := range map[string]bool{
		"echo": true, "irc-2": true, "7": true, strings.Repeat("a", 64): true,
		"": false, "Echo": false, "a_b": false, "a.b": false, "ü": false, "host": false, "bot": false, strings.Repeat("a", 65): false, "a\n": false,
	} {
		if err := CheckName(name); (err == nil) != good {
			t.Errorf("%q: %v", name, err)
		}
	}
}
