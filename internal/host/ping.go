package host

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"bridgehost/intent"
)

// Ping is whether the homeserver reaches us, as of the last time that it was asked to.
type Ping struct {
	At    time.Time     `json:"at"`
	Took  time.Duration `json:"took_ns,omitempty"`
	Error string        `json:"error,omitempty"`
}

// ping asks the homeserver to reach us until it does. Synapse then repeats at once what
// was refused while this host was down, instead of waiting up to 512 s (AS-6).
func (h *Host) ping(ctx context.Context) {
	if h.reg.URL == nil {
		return
	}
	for pause := startAgainFirst; ; pause = min(2*pause, startAgainMost) {
		took, err := h.pool.Bot("").AppservicePing(ctx, h.reg.ID, intent.AppservicePingOptions{})
		if ctx.Err() != nil {
			return
		}
		last := Ping{At: h.clock.Now(), Took: took}
		if err != nil {
			last.Error = err.Error()
		}
		h.mu.Lock()
		h.pinged = last
		h.mu.Unlock()
		if err == nil {
			h.log.Info("the homeserver reaches us", "ping", took)
			return
		}
		h.log.Warn("the homeserver was asked to reach us and did not", "url", *h.reg.URL, "again_in", pause, "err", err)
		select {
		case <-h.clock.After(pause):
		case <-ctx.Done():
			return
		}
	}
}

// pingSoon pings once the homeserver has noted a refusal: before that it has nothing to repeat.
func (h *Host) pingSoon(ctx context.Context) {
	select {
	case <-h.clock.After(200 * time.Millisecond):
		h.ping(ctx)
	case <-ctx.Done():
	}
}

// listenError says what to do about an address that cannot be listened on.
func listenError(address string, flag bool, err error) error {
	from := "appservice.listen"
	if flag {
		from = "--listen"
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("another program listens on %s (%s) already; end it, or choose another address here and in the registration's url", address, from)
	}
	return fmt.Errorf("listen for the homeserver on %s (%s): %w", address, from, err)
}
