package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"bridgehost/internal/host"
)

func newSetup(g *global) *cobra.Command {
	var o host.SetupOptions
	var url string
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "Ask three questions, write what is needed, wait for the homeserver",
		Long: `Writes bridgehost.toml and registration.yaml, tells what to do at the homeserver, and waits
until it accepts us and reaches us. Nothing is overwritten: run again, it goes on with
what is there. Exit code 5 when the homeserver is not reached.`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if url != "" && o.Reach != "" {
				return usageError{errors.New("give --reach or --url, not both")}
			}
			if url != "" {
				o.Reach = url
			}
			o.NoInput = g.noInput
			o.Path, o.In, o.Out, o.Ask, o.Log = g.configPath(), cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr(), g.log(false)
			if g.json {
				o.Out = cmd.ErrOrStderr()
			}
			done, err := host.Setup(cmd.Context(), o)
			if err != nil {
				if stopped := interrupted(cmd.Context()); stopped != nil {
					fmt.Fprintln(cmd.ErrOrStderr(), "\nStopped; bridgehost setup goes on from here.")
					return stopped
				}
				return err
			}
			if g.json {
				return g.print(cmd.OutOrStdout(), done, "")
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&o.Homeserver, "homeserver", "", "`URL` of the homeserver, or its name")
	cmd.Flags().StringVar(&o.User, "user", "", "`MXID` of yours on it: admin of this host")
	cmd.Flags().StringVar(&o.Reach, "reach", "", "from `WHERE` it reaches this machine: same, docker, or a URL")
	cmd.Flags().StringVar(&url, "url", "", "the same as --reach `URL`")
	cmd.Flags().StringVar(&o.Listen, "listen", "", "`ADDRESS` to listen on (default: what fits --reach, port 29333)")
	cmd.Flags().BoolVar(&o.NoWait, "no-wait", false, "do not wait for the homeserver")
	cmd.Flags().BoolVar(&o.DryRun, "dry-run", false, "say what would be written, write nothing")
	return cmd
}
