package main

import (
	"os"

	"github.com/spf13/cobra"

	"bridgehost/internal/host"
)

func newStatus(g *global) *cobra.Command {
	return &cobra.Command{
		Use:   "status [SCRIPT]",
		Short: "Generations, services, counters, last error",
		Long: `How the host and its scripts are. With SCRIPT also the generations that are kept: a
rollback can go back to each that is good.`,
		Args: usage(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			var s host.Status
			if err := g.call(cmd.Context(), host.CallStatus, host.ScriptCall{Script: first(args), Color: g.colored(os.Stdout) && !g.json}, &s); err != nil {
				return err
			}
			return g.print(cmd.OutOrStdout(), s, s.Text())
		},
	}
}

func first(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}
