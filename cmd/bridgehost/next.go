package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"bridgehost/internal/host"
)

// next is bridgehost without a command: what one may want to do here, or the help.
func (g *global) next(cmd *cobra.Command, _ []string) error {
	what, steps := host.Next(".", "bridgehost.toml")
	if len(steps) == 0 && !g.json {
		return cmd.Help()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "In this folder %s. Next:\n\n", what)
	wide := 0
	for _, s := range steps {
		wide = max(wide, len(s.Command))
	}
	for _, s := range steps {
		fmt.Fprintf(&b, "  %-*s  %s\n", wide, s.Command, s.Does)
	}
	b.WriteString("\nAll commands: bridgehost --help\n")
	return g.print(cmd.OutOrStdout(), map[string]any{"next": append([]host.Step{}, steps...)}, b.String())
}
