package main

import (
	"os"

	"github.com/spf13/cobra"

	"bridgehost/internal/host"
)

func newExec(g *global) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "exec SCRIPT.lua [ARG …]",
		Short: "Run one script to its end with the whole API",
		Long: `Runs one script to its end. intent is the registration's own bot, arg holds the
arguments, print writes to standard output. It needs the data folder for itself:
stop a running host first. Exit code 4 when the script fails.`,
		Args: usage(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := g.read()
			if err != nil {
				return err
			}
			return host.Exec(cmd.Context(), cfg, args[0], args[1:], host.ExecOptions{
				Log: g.log(false), Stdout: cmd.OutOrStdout(), Stderr: cmd.ErrOrStderr(), Color: g.colored(os.Stderr),
			})
		},
	}
	cmd.Flags().SetInterspersed(false) // what follows the script is the script's
	return cmd
}
