//go:build unix

package luabind

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/jonboulle/clockwork"
)

// TestNoWayOutOfADirectory tries what leads out of a directory, in each function.
func TestNoWayOutOfADirectory(t *testing.T) {
	base := t.TempDir()
	dir, outside := filepath.Join(base, "in"), filepath.Join(base, "out")
	for _, p := range []string{filepath.Join(dir, "sub"), outside} {
		if err := os.MkdirAll(p, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	secret := filepath.Join(outside, "secret")
	for path, text := range map[string]string{secret: "secret", filepath.Join(dir, "mine"): "mine"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	links := map[string]string{"absolute": secret, "relative": "../out/secret", "folder": outside, "dots": "sub/../../out", "root": "/", "proc": "/proc/self/environ",
		"dangling": "../out/new", "two": "relative", "loop": "loop", "inner": "mine", "sub/up": "../.."}
	for name, target := range links {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	paths := []string{"..", "../out/secret", "sub/../../out/secret", secret, "/", "//etc/passwd", "./../out/secret", "absolute", "relative", "folder/secret", "dots/secret",
		"root/etc/passwd", "proc", "dangling", "two", "loop", "loop/x", "sub/up/out/secret", "mine\x00/../../out/secret", "folder/new", "sub/up/out/new"}
	b := newModBench(t, clockwork.NewRealClock(), nil)
	b.script.Dirs = map[string]string{"in": dir, "gone": filepath.Join(base, "gone")}
	var tries strings.Builder
	for _, p := range paths {
		fmt.Fprintf(&tries, "try(%q)\n", strings.ReplaceAll(p, "\x00", "\\0"))
	}
	b.mustLoad(`local bridge, fs = require "bridge", require "bridge.fs"
		local function shown(what, path, value, err) print(what, path, value, err and err.kind, tostring(err)) end
		local function try(path)
			path = path:gsub("\\0", "\0")
			shown("read", path, fs.read("in", path)) shown("list", path, fs.list("in", path)) shown("remove", path .. "/x", fs.remove("in", path .. "/x"))
			if path:find("/") then shown("write", path, fs.write("in", path, "bad")) end
		end
		bridge.on("org.test.go", function()
			` + tries.String() + `
			shown("pipe", "pipe", fs.read("in", "pipe")) shown("pipe", "pipe", fs.write("in", "pipe", "")) shown("pipe", "pipe", fs.list("in", "pipe"))
			shown("gone", "x", fs.read("gone", "x"))
			print("inner", fs.read("in", "inner"), fs.stat("in", "absolute").type)
			print("replaced", fs.write("in", "absolute", "mine too"), fs.read("in", "absolute"), fs.stat("in", "absolute").type)
			print("removed", fs.remove("in", "relative"), fs.remove("in", "folder"))
			print "done"
		end)`)
	b.deliver("go")
	b.printed("done")
	lines := strings.Split(b.output(), "\n")
	refused := 0
	for _, line := range lines {
		f := strings.Split(line, "\t")
		if len(f) < 5 {
			continue
		}
		if f[2] != "nil" && f[2] != "false" {
			t.Errorf("not refused: %q", line)
		}
		if strings.Contains(f[4], base) && !strings.Contains(f[1], base) {
			t.Errorf("tells where the directory is: %q", line)
		}
		refused++
	}
	t.Logf("%d attempts were refused", refused)
	for _, want := range []string{"inner\tmine\tlink", "replaced\ttrue\tmine too\tfile", "removed\ttrue\ttrue"} {
		if !strings.Contains(b.output(), want) {
			t.Errorf("not printed: %q in\n%s", want, b.output())
		}
	}
	if text, err := os.ReadFile(secret); err != nil || string(text) != "secret" {
		t.Errorf("the file outside holds %q, %v", text, err)
	}
	entries, err := os.ReadDir(outside)
	if err != nil || len(entries) != 1 {
		t.Errorf("outside are %v, %v", entries, err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestFilesHaveLimits(t *testing.T) {
	dir := t.TempDir()
	s := &Script{Name: "s", Dirs: map[string]string{"in": dir}}
	d, err := s.directory("in")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.write("a", []byte("12345")); err != nil {
		t.Fatal(err)
	}
	if data, err := d.read("a", 5); err != nil || string(data) != "12345" {
		t.Errorf("read %q, %v", data, err)
	}
	if _, err := d.read("a", 4); err == nil || ErrorOf(err).Code != "E_TOO_LONG" {
		t.Errorf("a file that is too long: %v", err)
	}
	for i := range maxEntries + 1 {
		f, err := os.Create(filepath.Join(dir, fmt.Sprint(i)))
		if err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
	}
	if _, err := d.list("."); err == nil || ErrorOf(err).Code != "E_TOO_LONG" {
		t.Errorf("too many files: %v", err)
	}
	if err := os.Chmod(filepath.Join(dir, "a"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.write("a", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if info, err := d.Stat("a"); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("a file that only its owner might read has become %v, %v", info.Mode(), err)
	}
}

func TestOpenFilesAreCounted(t *testing.T) {
	s := &Script{Name: "s"}
	var done []func()
	for range 2 {
		f, err := s.openFile(2)
		if err != nil {
			t.Fatal(err)
		}
		done = append(done, f)
	}
	if _, err := s.openFile(2); err == nil || ErrorOf(err).Code != "E_OPEN_FILES" || !ErrorOf(err).Retryable {
		t.Errorf("the third of two: %v", err)
	}
	done[0]()
	if _, err := s.openFile(2); err != nil {
		t.Errorf("after one was closed: %v", err)
	}
}
