package bridgetest

import (
	"context"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"bridgehost/internal/host"
)

// StartInside runs the host in this process, where a test can measure goroutines and
// memory; it ends with the test. What it logs is part of Log.
func (h *Host) StartInside(t testing.TB) {
	t.Helper()
	h.StartWith(t, host.Options{})
}

// StartWith is StartInside with options; the log is h's own.
func (h *Host) StartWith(t testing.TB, o host.Options) {
	t.Helper()
	cfg, err := host.ReadConfig(h.Config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	o.Log = hclog.New(&hclog.LoggerOptions{Output: insideLog{h}, Level: hclog.Info, JSONFormat: true})
	go func() { ended <- host.Run(ctx, cfg, o) }()
	stop := func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("the host ended with: %v", err)
			}
		case <-time.After(time.Minute):
			t.Error("the host does not end")
		}
	}
	t.Cleanup(stop)
	Eventually(t, "the host serves", func() bool {
		select {
		case err := <-ended:
			ended <- nil
			t.Fatalf("the host ended at once: %v\n%s", err, tail(h.Log(), 3000))
		default:
		}
		return h.Call(t, host.CallStatus, host.ScriptCall{}, &host.Status{}) == nil
	})
}

// insideLog keeps what the host in this process logs.
type insideLog struct{ h *Host }

func (l insideLog) Write(b []byte) (int, error) {
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	return l.h.log.Write(b)
}

// Call asks the running host over its control socket.
func (h *Host) Call(t testing.TB, name string, in, out any) error {
	t.Helper()
	cfg, err := host.ReadConfig(h.Config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return host.Call(ctx, cfg, name, in, out)
}

// Status asks how a script is.
func (h *Host) Status(t testing.TB, script string) host.ScriptStatus {
	t.Helper()
	var st host.Status
	if err := h.Call(t, host.CallStatus, host.ScriptCall{Script: script}, &st); err != nil {
		t.Fatal(err)
	}
	return st.Scripts[0]
}
