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
	cmd.AddCommand(list, show,
		changeDeadletters(g, &in, "replay", "Handle them again, behind what waits in their rooms", host.CallReplay, host.DeadlettersChanged.Replayed),
		changeDeadletters(g, &in, "drop", "Forget them", host.CallDrop, host.DeadlettersChanged.Dropped))
	cmd.RunE = list.RunE
	cmd.PersistentFlags().StringVar(&in.Script, "script", "", "only those of this script")
	return cmd
}

func changeDeadletters(g *global, in *host.DeadlettersCall, verb, short, call string,
	text func(host.DeadlettersChanged) string) *cobra.Command {
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
			var out host.DeadlettersChanged
			if err := g.call(cmd.Context(), call, *in, &out); err != nil {
				return err
			}
			return g.print(cmd.OutOrStdout(), out, text(out))
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
