package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/jonboulle/clockwork"
)

// logging is a host that keeps its log and does nothing else.
func logging(t *testing.T) (*Host, *clockwork.FakeClock, hclog.Logger) {
	t.Helper()
	clock := clockwork.NewFakeClock()
	log := hclog.NewInterceptLogger(&hclog.LoggerOptions{Name: "bridgehost", Output: discard{}, Level: hclog.Debug})
	h := &Host{clock: clock, scripts: map[string]*script{}}
	h.logs, h.forget = keepLogs(log, clock)
	t.Cleanup(func() { h.forget() })
	return h, clock, log
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }

// shown is what a call answers, as text.
func shown(t *testing.T, h *Host, in LogsCall) string {
	t.Helper()
	lines, err := h.sendLogs(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := lines(func(v any) error {
		b.WriteString(v.(LogRecord).Message + "\n")
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestLogsAreChosen(t *testing.T) {
	h, clock, log := logging(t)
	log.Info("old", "script", "echo")
	clock.Advance(time.Hour)
	log.Debug("detail", "room_id", "!a:b")
	log.Named("echo").Warn("from the script", "room", "!a:b")
	log.Named("echoes").Info("from another", "room_id", "!c:d")
	log.Error("broken", "script", "echo", "err", errors.New("oh"))
	h.scripts["echo"] = &script{}
	for _, c := range []struct {
		in   LogsCall
		want string
	}{
		{LogsCall{}, "old detail from the script from another broken"},
		{LogsCall{Script: "echo"}, "old from the script broken"},
		{LogsCall{Room: "!a:b"}, "detail from the script"},
		{LogsCall{Level: "warn"}, "from the script broken"},
		{LogsCall{Since: 10 * time.Minute, Script: "echo"}, "from the script broken"},
	} {
		if got := strings.Join(strings.Split(strings.TrimSpace(shown(t, h, c.in)), "\n"), " "); got != c.want {
			t.Errorf("%+v: %q, want %q", c.in, got, c.want)
		}
	}
	if _, err := h.sendLogs(t.Context(), LogsCall{Level: "loud"}); err == nil {
		t.Error("a level that is none was taken")
	}
}

func TestLogsAreBounded(t *testing.T) {
	h, _, log := logging(t)
	for i := range logsMost + 10 {
		log.Info(fmt.Sprint("line ", i))
	}
	if got := shown(t, h, LogsCall{}); strings.Count(got, "\n") != logsMost || !strings.HasPrefix(got, "line 10\n") {
		t.Errorf("%d lines are kept, from %.20q", strings.Count(got, "\n"), got)
	}
	large := strings.Repeat("x", 2*logValueMost)
	for range 2 * logsBytesMost / logValueMost {
		log.Info("large", "text", large)
	}
	if h.logs.bytes > logsBytesMost {
		t.Errorf("%d bytes are kept", h.logs.bytes)
	}
	if got := shown(t, h, LogsCall{}); strings.Contains(got, "line") || !strings.Contains(got, "large") {
		t.Error("the bytes' bound lets go of the newest instead of the oldest")
	}
}

func TestLogsAreFollowedUntilTheEnd(t *testing.T) {
	h, _, log := logging(t)
	log.Info("before")
	lines, err := h.sendLogs(t.Context(), LogsCall{Follow: true})
	if err != nil {
		t.Fatal(err)
	}
	got, ended := make(chan string), make(chan error)
	go func() { ended <- lines(func(v any) error { got <- v.(LogRecord).Message; return nil }) }()
	if m := <-got; m != "before" {
		t.Errorf("first: %q", m)
	}
	log.Info("after")
	if m := <-got; m != "after" {
		t.Errorf("then: %q", m)
	}
	for i := range 3 * logsMost { // while the reader does not read
		log.Info(fmt.Sprint(i))
	}
	for m := range got {
		if strings.Contains(m, "are left out") {
			break
		}
	}
	go h.logs.end()
	for {
		select {
		case <-got:
			continue
		case err := <-ended:
			if err != nil {
				t.Errorf("ended with %v", err)
			}
		}
		break
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h.logs = newLogs(h.clock, hclog.Info)
	lines, _ = h.sendLogs(ctx, LogsCall{Follow: true})
	if err := lines(func(any) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("whoever went away: %v", err)
	}
}

func TestALogRecordAsText(t *testing.T) {
	h, clock, log := logging(t)
	h.logs.explained("script failed", "error: echo.lua:1: oh\n   1 | oh", func() {
		log.Named("echo").Error("script failed", "err", "oh no", "generation", 3, "script", "echo", "took", time.Second)
	})
	records, _, _, _ := h.logs.since(0)
	text := records[0].Text(clock.Now())
	want := records[0].Time.Local().Format("15:04:05") + ` ERROR echo: script failed script=echo generation=3 took=1s err="oh no"
    error: echo.lua:1: oh
       1 | oh
`
	if text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
	raw, err := json.Marshal(records[0])
	var back LogRecord
	if err != nil || json.Unmarshal(raw, &back) != nil || back.Text(clock.Now()) != want {
		t.Errorf("over the socket it is %s (%v)", raw, err)
	}
}
