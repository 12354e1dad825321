package sqlite

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/jonboulle/clockwork"

	"bridgehost/delivery"
)

const crashDir = "BRIDGEHOST_CRASH_DIR"

// TestCrashChild is the program that TestKilledWhileWriting kills: it accepts two
// events at a time, counts each in a value as part of finishing it, and prints
// what it was told is on disk.
func TestCrashChild(t *testing.T) {
	dir := os.Getenv(crashDir)
	if dir == "" {
		t.Skip("runs as a child of TestKilledWhileWriting")
	}
	db := openTest(t, dir)
	d := delivery.NewData("irc", db, clockwork.NewRealClock())
	start, _ := strconv.Atoi(os.Getenv("BRIDGEHOST_CRASH_FROM"))
	for i := start; ; i++ {
		items := accept(t, db, fmt.Sprint(i), event("!a", fmt.Sprint("$", i), "irc"), event("!b", fmt.Sprint("$b", i), "irc"))
		fmt.Println("accepted", i)
		if i%3 == 0 {
			continue // left in the inbox
		}
		finishCounted(t, db, d, items[0])
		fmt.Println("finished", i)
	}
}

// finishCounted adds one to the value that counts how often the item was finished.
func finishCounted(t *testing.T, db *DB, d *delivery.Data, item delivery.Item) {
	u := delivery.NewUnit(item, nil, nil)
	was := must[[]byte](t)(d.Get("done", item.Key))
	ok(t, d.Set(u, "done", item.Key, append(was, 'x'), 0))
	ok(t, db.Finish(ctx, item, delivery.Result{}, u))
	d.Committed(u)
}

func TestKilledWhileWriting(t *testing.T) {
	dir := t.TempDir()
	accepted, finished := map[int]bool{}, map[int]bool{}
	from := 1
	for round := range 4 {
		cmd := exec.Command(must[string](t)(os.Executable()), "-test.run=^TestCrashChild$")
		cmd.Env = append(os.Environ(), crashDir+"="+dir, fmt.Sprint("BRIDGEHOST_CRASH_FROM=", from))
		out, err := cmd.StdoutPipe()
		ok(t, err)
		ok(t, cmd.Start())
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			var i int
			if _, err := fmt.Sscanf(lines.Text(), "accepted %d", &i); err == nil {
				accepted[i] = true
				from = max(from, i+2)
			} else if _, err := fmt.Sscanf(lines.Text(), "finished %d", &i); err == nil {
				finished[i] = true
			} else if !strings.HasPrefix(lines.Text(), "accepted") {
				t.Fatalf("child: %s", lines.Text())
			}
			if n == 40+13*round {
				ok(t, cmd.Process.Kill())
			}
		}
		_ = cmd.Wait() // killed
	}
	db := openTest(t, dir)
	d := delivery.NewData("irc", db, clockwork.NewRealClock())
	for _, lane := range must[[]delivery.Lane](t)(db.Lanes(ctx, "irc")) {
		for _, item := range must[[]delivery.Item](t)(db.Next(ctx, lane, 0, 1<<20)) {
			finishCounted(t, db, d, item)
		}
	}
	if len(accepted) < 50 || len(finished) < 30 {
		t.Fatalf("too little happened: %d accepted, %d finished", len(accepted), len(finished))
	}
	lost, doubled := 0, 0
	for i := range accepted {
		for _, key := range []string{fmt.Sprintf("$%d/irc", i), fmt.Sprintf("$b%d/irc", i)} {
			switch n := len(must[[]byte](t)(d.Get("done", key))); {
			case n == 0:
				lost++
			case n > 1:
				doubled++
			}
		}
	}
	if lost != 0 || doubled != 0 {
		t.Errorf("of %d accepted transactions: %d events lost, %d finished twice", len(accepted), lost, doubled)
	}
}
