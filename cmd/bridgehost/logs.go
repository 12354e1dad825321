package main

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"bridgehost/internal/host"
)

func newLogs(g *global) *cobra.Command {
	var in host.LogsCall
	cmd := &cobra.Command{
		Use:   "logs",
		Short: "What the running host has logged; -f goes on",
		Long: `Shows the log of the running host: the last 10,000 lines since it was started, oldest
first. With -f it goes on with what comes, until Ctrl-C or the host's end. Lines below
"info" are there when the host runs with -v. With --json one object, with -f one a line.`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := in.Check(); err != nil {
				return usageError{err}
			}
			if in.Since < 0 {
				return usageError{fmt.Errorf("--since: how long ago is expected, such as 10m, got %s", in.Since)}
			}
			cfg, err := g.read()
			if err != nil {
				return err
			}
			waiting := time.AfterFunc(patience, func() {
				if !g.quiet {
					fmt.Fprintln(os.Stderr, "waiting for lines of the log (Ctrl-C ends) …")
				}
			})
			defer waiting.Stop()
			all := []host.LogRecord{}
			err = host.Logs(cmd.Context(), cfg, in, func(r host.LogRecord) error {
				waiting.Stop()
				if g.json && !in.Follow {
					all = append(all, r)
					return nil
				}
				return g.print(cmd.OutOrStdout(), r, r.Text(time.Now()))
			})
			if err == nil && g.json && !in.Follow {
				err = g.print(cmd.OutOrStdout(), map[string]any{"lines": all}, "")
			}
			return ended(err)
		},
	}
	cmd.Flags().BoolVarP(&in.Follow, "follow", "f", false, "go on with what comes")
	cmd.Flags().StringVar(&in.Script, "script", "", "only what is about this `SCRIPT`")
	cmd.Flags().StringVar(&in.Room, "room", "", "only what is about this `ROOM` id")
	cmd.Flags().StringVar(&in.Level, "level", "", "only this `LEVEL` and above: debug, info, warn, error")
	cmd.Flags().DurationVar(&in.Since, "since", 0, "only what is not older than `TIME`, such as 10m")
	return cmd
}

// ended makes it no failure that the reader of a pipe has seen enough.
func ended(err error) error {
	if errors.Is(err, syscall.EPIPE) {
		return nil
	}
	return err
}
