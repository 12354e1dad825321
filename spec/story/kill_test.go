package story

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bridgehost/spec/bridgetest"
)

// TestKilled kills installs, updates and removals at every moment of their way. What is left
// is the old state or the new one: the list holds, and all goes well after it.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	run := func(args ...string) (string, error) {
		cmd := exec.Command(bridgetest.Binary(t), args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "BRIDGEHOST_CONFIG=", "XDG_CONFIG_HOME="+dir)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	must := func(args ...string) string {
		t.Helper()
		out, err := run(args...)
		if err != nil {
			t.Fatalf("%q: %v\n%s", args, err, out)
		}
		return out
	}
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("bridgehost.toml", "[homeserver]\nurl = \"http://127.0.0.1:1\"\nname = \"bh.test\"\n")
	write("scripts/README", "none")
	write("a/main.lua", "return 1")
	for _, version := range []string{"1.0.0", "1.1.0"} {
		write("a/bridge.toml", fmt.Sprintf("id = \"org.example.a\"\nname = \"A\"\nversion = %q\nmain = \"main.lua\"\napi = 1\n", version))
		must("bundle", "pack", "a")
	}

	began := time.Now()
	must("install", "a-1.0.0.bridge", "--accept", "")
	whole := time.Since(began)
	states := map[string]int{}
	const kills = 40
	for i := range kills {
		args := [][]string{{"install", "a-1.1.0.bridge", "--accept", ""}, {"remove", "a", "--yes"}, {"install", "a-1.0.0.bridge", "--accept", ""}}[i%3]
		cmd := exec.Command(bridgetest.Binary(t), args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "BRIDGEHOST_CONFIG=", "XDG_CONFIG_HOME="+dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		kill := time.AfterFunc(whole*time.Duration(i%20)/18, func() { _ = cmd.Process.Kill() }) // it may have ended
		_ = cmd.Wait()                                                                          // killed or not, what it left counts
		kill.Stop()
		out, err := run("list")
		if err != nil {
			t.Fatalf("after kill %d of %q: %v\n%s", i, args, err, out)
		}
		switch {
		case strings.Contains(out, "nothing is installed"):
			states["none"]++
		case strings.Contains(out, "1.0.0"):
			states["1.0.0"]++
		case strings.Contains(out, "1.1.0"):
			states["1.1.0"]++
		default:
			t.Fatalf("after kill %d of %q:\n%s", i, args, out)
		}
	}
	_, _ = run("remove", "a", "--yes") // it may not be there
	must("install", "a-1.0.0.bridge", "--accept", "")
	t.Logf("%d kills; what was left: %v", kills, states)
}
