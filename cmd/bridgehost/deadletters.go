package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"bridgehost/internal/host"
)

func newDeadletters(g *global) *cobra.Command {
	var in host.DeadlettersCall
	cmd := &cobra.Command{
		Use:   "deadletters",
		Short: "Events whose handler failed for good: list, show, replay, drop",
		Args:  unknownCommand,
	}
	list := &cobra.Command{
		Use:   "list",
		Short: "List them, oldest first",
		Args:  usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var out host.Deadletters
			if err := g.call(cmd.Context(), host.CallDeadletters, in, &out); err != nil {
				return err
			}
			return g.print(cmd.OutOrStdout(), out, out.Text())
		},
	}
	show := &cobra.Command{
		Use:   "show ID",
		Short: "Show one with its event and its error",
		Args:  usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := setIDs(&in, args); err != nil {
				return usageError{err}
			}
			var out host.Deadletters
			if err := g.call(cmd.Context(), host.CallDeadletters, in, &out); err != nil {
				return err
			}
			return g.print(cmd.OutOrStdout(), out, out.Long())
		},
	}
	cmd.AddCommand(list, show, newReplay(g, &in), newDrop(g, &in))
	cmd.RunE = list.RunE
	cmd.PersistentFlags().StringVar(&in.Script, "script", "", "only those of this script")
	return cmd
}

func newReplay(g *global, in *host.DeadlettersCall) *cobra.Command {
	return changeDeadletters(in, "replay", "Handle them again, behind what waits in their rooms", func(cmd *cobra.Command) error {
		var out host.DeadlettersChanged
		if err := g.call(cmd.Context(), host.CallReplay, *in, &out); err != nil {
			return err
		}
		return g.print(cmd.OutOrStdout(), out, out.Replayed())
	})
}

// newDrop asks the host first which ones are meant, so that a person can be asked.
func newDrop(g *global, in *host.DeadlettersCall) *cobra.Command {
	var yes bool
	cmd := changeDeadletters(in, "drop", "Forget them", func(cmd *cobra.Command) error {
		call, dry := *in, in.DryRun
		call.DryRun = true
		var out host.DeadlettersChanged
		if err := g.call(cmd.Context(), host.CallDrop, call, &out); err != nil {
			return err
		}
		if !dry && len(out.IDs) > 0 {
			if err := g.confirm(cmd, fmt.Sprintf("Forget %s?", out.Counted()), yes); err != nil {
				return err
			}
			call.IDs, call.All, call.DryRun = out.IDs, false, false // what came meanwhile was not asked for
			if err := g.call(cmd.Context(), host.CallDrop, call, &out); err != nil {
				return err
			}
		}
		out.DryRun = dry
		return g.print(cmd.OutOrStdout(), out, out.Dropped())
	})
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

// changeDeadletters is a command about the dead letters that are named, or all.
func changeDeadletters(in *host.DeadlettersCall, verb, short string, run func(*cobra.Command) error) *cobra.Command {
	cmd := &cobra.Command{
		Use:   verb + " ID … | --all",
		Short: short,
		RunE: func(cmd *cobra.Command, args []string) error {
			if in.All == (len(args) > 0) {
				return usageError{fmt.Errorf("give the ids of dead letters, or --all: %s", cmd.UseLine())}
			}
			if err := setIDs(in, args); err != nil {
				return usageError{err}
			}
			return run(cmd)
		},
	}
	cmd.Flags().BoolVar(&in.All, "all", false, "all of them")
	cmd.Flags().BoolVar(&in.DryRun, "dry-run", false, "say what would be done")
	return cmd
}

// setIDs reads the numbers of dead letters.
func setIDs(in *host.DeadlettersCall, args []string) error {
	for _, a := range args {
		n, err := strconv.ParseInt(a, 10, 64)
		if err != nil {
			return fmt.Errorf("%q is no number of a dead letter; see: bridgehost deadletters list", a)
		}
		in.IDs = append(in.IDs, n)
	}
	return nil
}
