package feeds

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/jonboulle/clockwork"

	"bridgehost/internal/host"
	"bridgehost/spec/bridgetest"
)

// later is how much a jump of the clock is: more than ten minutes and the jitter of a minute.
const later = 12 * time.Minute

// clockVariable says by how many seconds the clock of a host is ahead.
const clockVariable = "BRIDGEHOST_FEEDS_CLOCK"

// TestMain runs the tests, or a host of theirs: one whose clock jumps, since feeds are asked
// for every ten minutes only.
func TestMain(m *testing.M) {
	if ahead := os.Getenv(clockVariable); ahead != "" {
		seconds, err := strconv.Atoi(ahead)
		if err == nil {
			err = runHost(time.Duration(seconds) * time.Second)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// runHost is `bridgehost --config FILE run` in this process. SIGUSR1 makes it later.
func runHost(ahead time.Duration) error {
	cfg, err := host.ReadConfig(os.Args[2])
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	clock := jumpingClock{clockwork.NewFakeClockAt(time.Now().Add(ahead))}
	jumps := make(chan os.Signal, 10)
	signal.Notify(jumps, syscall.SIGUSR1)
	go run(clock, jumps)
	log := hclog.New(&hclog.LoggerOptions{Output: os.Stderr, Level: hclog.Info, JSONFormat: true})
	return host.Run(ctx, cfg, host.Options{Log: log, Clock: clock})
}

// jumpingClock is a fake clock by another name: clockwork's contexts with a timeout are then
// ordinary ones. COMPAT(clockwork<=0.5): Err of those of a fake clock waits for their end.
type jumpingClock struct{ *clockwork.FakeClock }

// run lets the clock go on as time does, and jump.
func run(clock jumpingClock, jumps <-chan os.Signal) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for last := time.Now(); ; {
		select {
		case now := <-tick.C:
			clock.Advance(now.Sub(last))
			last = now
		case <-jumps:
			clock.Advance(later)
		}
	}
}

// jumping is a host whose clock jumps.
type jumping struct {
	*bridgetest.Host
	ahead time.Duration
}

// start starts it, again with the clock where it was.
func (h *jumping) start(t *testing.T) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	h.Instead(self, fmt.Sprintf("%s=%d", clockVariable, int(h.ahead.Seconds())))
	h.Start(t)
}

// jump makes it later, for a host that runs and for those to come.
func (h *jumping) jump(t *testing.T) {
	t.Helper()
	h.ahead += later
	if err := syscall.Kill(h.PID(), syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
}
