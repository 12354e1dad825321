package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"

	"bridgehost/internal/host"
)

// TestExitCode is what the manual's table says of the command itself; the other codes are
// the host's.
func TestExitCode(t *testing.T) {
	running := context.Background()
	interruptedBy := func(s syscall.Signal) context.Context {
		ctx, cancel := context.WithCancelCause(running)
		cancel(signalled{s})
		return ctx
	}
	for _, c := range []struct {
		ctx  context.Context
		err  error
		want int
	}{
		{running, nil, 0},
		{running, errors.New("disk full"), 1},
		{running, usageError{errors.New("no such flag")}, 2},
		{running, fmt.Errorf("%w: no url", host.ErrConfig), 3},
		{running, context.Canceled, 1},
		{interruptedBy(syscall.SIGINT), nil, 0},
		{interruptedBy(syscall.SIGINT), fmt.Errorf("ask: %w", context.Canceled), 130},
		{interruptedBy(syscall.SIGTERM), fmt.Errorf("ask: %w", context.Canceled), 143},
		{interruptedBy(syscall.SIGTERM), errors.New("disk full"), 1},
		{interruptedBy(syscall.SIGINT), interrupted(interruptedBy(syscall.SIGINT)), 130},
		{interruptedBy(syscall.SIGTERM), interrupted(interruptedBy(syscall.SIGTERM)), 143},
	} {
		if got := exitCode(c.ctx, c.err); got != c.want {
			t.Errorf("%v after %v: exit code %d, want %d", c.err, context.Cause(c.ctx), got, c.want)
		}
	}
	if err := interrupted(running); err != nil {
		t.Errorf("nobody interrupted: %v", err)
	}
}
