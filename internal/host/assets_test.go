package host

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestNoAssetLiesOutsideOfTheFolder(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "irc")
	for name, text := range map[string]string{"secret": "secret", "irc/main.lua": "", "irc/a/b": "inside", "irc2/x": "secret"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"absolute": filepath.Join(dir, "secret"), "relative": "../secret", "up": "..", "beside": "../irc2", "within": "a/b", "chain": "relative"} {
		if err := os.Symlink(to, filepath.Join(folder, link)); err != nil {
			t.Skip("no links here:", err)
		}
	}
	files := assets(folder)
	for _, name := range []string{"a/b", "within"} {
		if text, err := fs.ReadFile(files, name); err != nil || string(text) != "inside" {
			t.Errorf("%s: %q %v", name, text, err)
		}
	}
	for _, name := range []string{"absolute", "relative", "up/secret", "beside/x", "chain", "../secret", "a/../../secret", filepath.Join(dir, "secret"), ""} {
		if text, err := fs.ReadFile(files, name); err == nil {
			t.Errorf("%s: %q", name, text)
		}
		if info, err := fs.Stat(files, name); err == nil {
			t.Errorf("%s: %v", name, info)
		}
	}
	if assets(filepath.Join(folder, "main.lua")) != nil {
		t.Error("a script that is one file has assets")
	}
}
