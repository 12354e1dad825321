package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"bridgehost/internal/host"
)

func newVersion(g *global) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := host.Version()
			return g.print(cmd.OutOrStdout(), v, fmt.Sprintf("bridgehost %s, %s, %s\n", v.Version, v.Go, v.Platform))
		},
	}
}
