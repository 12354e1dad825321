package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"bridgehost/bundle"
	"bridgehost/control"
	"bridgehost/diag"
	"bridgehost/store/sqlite"
)

// TestExitCodes is the manual's table; 2, 130 and 143 are the command's own.
func TestExitCodes(t *testing.T) {
	wrap := func(err error) error { return fmt.Errorf("while trying: %w", err) }
	script := &scriptError{err: &diag.Error{Message: "no"}, text: "no"}
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{errors.New("disk full"), 1},
		{wrap(ErrConfig), 3},
		{wrap(script), 4},
		{fmt.Errorf("%w: %w", ErrShown, &scriptError{text: "as text, over the socket"}), 4},
		{wrap(ErrHomeserver), 5},
		{wrap(control.ErrNotRunning), 6},
		{wrap(ErrManifest), 3},
		{wrap(&bundle.Refused{Reason: "no", Cause: &bundle.Error{Message: "no"}}), 3},
		{wrap(&bundle.Refused{Reason: "no"}), 7},
		{wrap(sqlite.ErrInUse), 8},
		{wrap(sqlite.ErrNewer), 8},
		{&control.Error{Message: "no script"}, 1},
		{wrap(&control.Error{Message: "no script", Exit: 2}), 2},
		{errors.Join(nil, sqlite.ErrNewer), 8},
	} {
		if got := ExitCode(c.err); got != c.want {
			t.Errorf("%v: exit code %d, want %d", c.err, got, c.want)
		}
	}
}

func TestReloadAnswer(t *testing.T) {
	a := ReloadAnswer{Scripts: []Reloaded{
		{Script: "irc", Generation: 8, Replayed: 2},
		{Script: "rss", Generation: 3, Error: "error: rss.lua:1: no\n"},
		{Script: "new", Error: "error: new.lua:1: no\n"},
	}}
	if got, want := a.Text(), "irc: generation 8 runs\nirc: 2 dead letters are handled again\n"; got != want {
		t.Errorf("text %q, want %q", got, want)
	}
	want := "rss: not loaded; generation 3 keeps running\nerror: rss.lua:1: no\n\nnew: not loaded; nothing runs, its events wait\nerror: new.lua:1: no"
	if err := a.Failed(); err == nil || err.Error() != want || ExitCode(err) != ExitScript {
		t.Errorf("failed %v, want %s", err, want)
	}
	if err := (ReloadAnswer{Scripts: []Reloaded{{Script: "irc", Generation: 8}}}).Failed(); err != nil {
		t.Errorf("all went well: %v", err)
	}
	if got := (ReloadAnswer{}).Text(); got != "there is no script\n" {
		t.Errorf("nothing to reload: %q", got)
	}
}

func TestDeadlettersTexts(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{DeadlettersChanged{}.Replayed(), "nothing to handle again\n"},
		{DeadlettersChanged{DryRun: true}.Dropped(), "nothing to forget\n"},
		{DeadlettersChanged{IDs: []int64{1}}.Replayed(), "1 dead letter is handled again\n"},
		{DeadlettersChanged{IDs: []int64{1, 2}}.Dropped(), "2 dead letters are forgotten\n"},
		{DeadlettersChanged{IDs: []int64{1, 2}, DryRun: true}.Dropped(), "2 dead letters would be forgotten\n"},
		{Deadletters{}.Text(), "no dead letters\n"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
	long := Deadletters{[]Deadletter{{ID: 7, Script: "irc", RoomID: "!r:x", Attempts: 1, Event: json.RawMessage(`{"a":1}`),
		Error: &diag.Error{Message: "no", Where: "irc.lua:3", Trace: []diag.Frame{{File: "irc.lua", Line: 3, Func: "f"}, {File: "irc.lua", Line: 9}}}}}}.Long()
	for _, want := range []string{"dead letter 7 of irc in !r:x, ", "error: irc.lua:3: no\n", "    irc.lua:3 f\n    irc.lua:9\n", "    {\n      \"a\": 1\n    }\n"} {
		if !strings.Contains(long, want) {
			t.Errorf("it does not say %q:\n%s", want, long)
		}
	}
	broken := Deadletters{[]Deadletter{{Error: &diag.Error{}, Event: json.RawMessage("no json")}}}.Long()
	if !strings.Contains(broken, "    no json\n") {
		t.Errorf("an event that is no JSON:\n%s", broken)
	}
}

func TestCallWithoutHost(t *testing.T) {
	dir := t.TempDir()
	cfg := Config{Data: dir, Path: "/etc/bridgehost.toml"}
	err := Call(context.Background(), cfg, CallStatus, ScriptCall{}, nil)
	if ExitCode(err) != ExitNotRunning || !strings.Contains(err.Error(), "bridgehost run --config /etc/bridgehost.toml") {
		t.Errorf("no socket: %v", err)
	}
	// A socket that a crash has left.
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, control.SocketName), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	if err := Call(context.Background(), cfg, CallStatus, ScriptCall{}, nil); ExitCode(err) != ExitNotRunning {
		t.Errorf("a stale socket: %v", err)
	}
}

func TestCallInTime(t *testing.T) {
	cfg := Config{Data: t.TempDir()}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s, err := control.Listen(filepath.Join(cfg.Data, control.SocketName), map[string]control.Func{
		CallStatus: func(in context.Context, _ json.RawMessage) (any, error) { <-in.Done(); return nil, in.Err() },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	short, stop := context.WithTimeout(ctx, 1)
	defer stop()
	err = Call(short, cfg, CallStatus, ScriptCall{}, nil)
	if err == nil || !strings.Contains(err.Error(), "--timeout") {
		t.Errorf("a host that does not answer: %v", err)
	}
}

func TestReachable(t *testing.T) {
	for listen, want := range map[string]string{
		"127.0.0.1:29333": "http://127.0.0.1:29333", "0.0.0.0:1": "http://127.0.0.1:1", ":1": "http://127.0.0.1:1", "[::]:1": "http://127.0.0.1:1",
		"bridge:1": "http://bridge:1", "[::1]:1": "http://[::1]:1",
	} {
		if got := reachable(listen); got != want {
			t.Errorf("%s is reached at %s, want %s", listen, got, want)
		}
	}
}
