package host

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/jonboulle/clockwork"

	"bridgehost/diag"
	"bridgehost/engine"
)

// TestReportsOnceAMinute: an error that comes again and again does not fill the log.
func TestReportsOnceAMinute(t *testing.T) {
	clock := clockwork.NewFakeClock()
	var log, errors bytes.Buffer
	h := &Host{clock: clock, logs: newLogs(clock, hclog.Info), log: hclog.New(&hclog.LoggerOptions{Output: &log}), opts: Options{Errors: &errors}, lately: map[string]time.Time{}}
	report := func(message string, seen int) {
		h.onReport(engine.Report{Script: "irc", Generation: 3, Label: "every 1s", Seen: seen,
			Err: &diag.Error{Where: "irc.lua:1", Message: message}, Sources: map[string]string{"irc.lua": "f()"}})
	}
	for n := range 180 {
		report("no", min(n+1, 60))
		clock.Advance(time.Second)
	}
	report("other", 1)
	if got := strings.Count(log.String(), "script failed: "); got != 2 {
		t.Errorf("%d first lines, want one of each error:\n%s", got, &log)
	}
	if got := strings.Count(log.String(), "script failed again: "); got != 2 {
		t.Errorf("%d repeats in three minutes, want one a minute:\n%s", got, &log)
	}
	if !strings.Contains(log.String(), "seen_in_a_minute=60") {
		t.Errorf("the count is not told:\n%s", &log)
	}
	want := "\nerror: irc.lua:1: no\n\n  >    1 | f()\n\n"
	if got := errors.String(); !strings.HasPrefix(got, want) || strings.Count(got, "error: ") != 2 {
		t.Errorf("the texts are %q, want %q and another", got, want)
	}
	clock.Advance(time.Hour)
	report("no", 1)
	if len(h.lately) != 1 {
		t.Errorf("%d errors are remembered, want 1", len(h.lately))
	}
	// In the log of a machine the text is a field.
	h.opts.Errors = nil
	log.Reset()
	report("third", 1)
	if !strings.Contains(log.String(), "details=") || !strings.Contains(log.String(), "| error: irc.lua:1: third") {
		t.Errorf("no details:\n%s", &log)
	}
}
