package main

import (
	"github.com/spf13/cobra"

	"bridgehost/internal/host"
)

func newStatus(g *global) *cobra.Command {
	return &cobra.Command{
		Use:   "status [SCRIPT]",
		Short: "Generations, services, counters, last error",
		Args:  usage(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			var s host.Status
			if err := g.call(cmd.Context(), host.CallStatus, host.ScriptCall{Script: first(args)}, &s); err != nil {
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
