// Command bridgehost runs Matrix bridges written in Lua. One file a subcommand; what
// they do stands in internal/host.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"bridgehost/internal/host"
)

func main() { os.Exit(run(os.Args[1:])) }

// run is the command as a function: tests call it in their own process.
func run(args []string) int {
	ctx, stop := signals()
	defer stop()
	root := newRoot()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err != nil && !errors.Is(err, host.ErrShown) {
		fmt.Fprintln(os.Stderr, "bridgehost: "+err.Error())
	}
	return exitCode(ctx, err)
}

// signals ends ctx at the first interrupt and the process at the second.
func signals() (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	caught := make(chan os.Signal, 2)
	signal.Notify(caught, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		for n := 0; ; n++ {
			select {
			case s := <-caught:
				if n > 0 {
					os.Exit(signalCode(s))
				}
				cancel(signalled{s})
			case <-done:
				return
			}
		}
	}()
	return ctx, func() { signal.Stop(caught); close(done); cancel(nil) }
}

type signalled struct{ os.Signal }

func (s signalled) Error() string { return s.String() }

func signalCode(s os.Signal) int {
	if s == syscall.SIGTERM {
		return 143
	}
	return 130
}

// interrupted is the error of a command that has ended because it was told to.
func interrupted(ctx context.Context) error {
	var s signalled
	if !errors.As(context.Cause(ctx), &s) {
		return nil
	}
	return fmt.Errorf("%w: %w", host.ErrShown, s)
}

// exitCode maps an error to the exit codes that the manual lists.
func exitCode(ctx context.Context, err error) int {
	var s signalled
	var use usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &s), errors.Is(err, context.Canceled) && errors.As(context.Cause(ctx), &s):
		return signalCode(s.Signal)
	case errors.As(err, &use):
		return exitUsage
	}
	return host.ExitCode(err)
}

// exitUsage is for a wrong use of the command line.
const exitUsage = 2

// usageError is a wrong use of the command line.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

// usage makes the checks of positional arguments end with exit code 2.
func usage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usageError{fmt.Errorf("%w\nUsage: %s", err, cmd.UseLine())}
		}
		return nil
	}
}
