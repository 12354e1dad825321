package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"bridgehost/internal/host"
)

func newReload(g *global) *cobra.Command {
	var in host.ReloadCall
	cmd := &cobra.Command{
		Use:   "reload [SCRIPT]",
		Short: "Load a script again, or all of them",
		Long: `Loads the script as it is on disk, even if it has not changed. If it does not load,
the running generation goes on and the error is shown (exit code 4).`,
		Args: usage(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			in.Script, in.Color = first(args), g.colored(os.Stderr) && !g.json
			return g.reload(cmd, host.CallReload, in)
		},
	}
	cmd.Flags().BoolVar(&in.DryRun, "dry-run", false, "say what would be loaded, and whether it compiles")
	cmd.Flags().BoolVar(&in.ReplayFailed, "replay-failed", false, "then replay the dead letters of the generation before")
	return cmd
}

func newRollback(g *global) *cobra.Command {
	var in host.RollbackCall
	cmd := &cobra.Command{
		Use:   "rollback SCRIPT",
		Short: "Run an older version until the next save",
		Args:  usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			in.Script, in.Color = args[0], g.colored(os.Stderr) && !g.json
			return g.reload(cmd, host.CallRollback, in)
		},
	}
	cmd.Flags().BoolVar(&in.DryRun, "dry-run", false, "say which version would run")
	cmd.Flags().IntVar(&in.To, "to", 0, "generation `GEN` to go back to (default: the last good one before this)")
	return cmd
}

func newStop(g *global) *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use:   "stop SCRIPT",
		Short: "End a script until it is started; its events wait",
		Long: `Ends a script: its services end, its handlers finish, its events wait on disk. It stays so
over restarts and saves, until bridgehost start.`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			var out host.StopAnswer
			if err := g.call(cmd.Context(), host.CallStop, host.ScriptCall{Script: args[0], DryRun: dry}, &out); err != nil {
				return err
			}
			return g.print(cmd.OutOrStdout(), out, out.Text())
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say what would be done")
	return cmd
}

func newStart(g *global) *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use:   "start SCRIPT",
		Short: "Run a script that was stopped",
		Long:  "Loads a script that was stopped; it handles what waited.",
		Args:  usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.reload(cmd, host.CallStart, host.ScriptCall{Script: args[0], Color: g.colored(os.Stderr) && !g.json, DryRun: dry})
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say what would be done")
	return cmd
}

func (g *global) reload(cmd *cobra.Command, call string, in any) error {
	var out host.ReloadAnswer
	if err := g.call(cmd.Context(), call, in, &out); err != nil {
		return err
	}
	if err := g.print(cmd.OutOrStdout(), out, out.Text()); err != nil {
		return err
	}
	if failed := out.Failed(); failed != nil {
		if !g.json { // else it is in the object
			fmt.Fprintln(cmd.ErrOrStderr(), failed)
		}
		return fmt.Errorf("%w: %w", host.ErrShown, failed)
	}
	return nil
}
