package main

import (
	"github.com/spf13/cobra"

	"bridgehost/internal/host"
)

func newDev(g *global) *cobra.Command {
	var o host.DevOptions
	cmd := &cobra.Command{
		Use:   "dev [DIR|FILE]",
		Short: "Run against a simulated homeserver; reload on save",
		Long: `Runs one script against a homeserver that lives in this process. Write on the chat page or
at the prompt as a user and see what the bridge does; save the script and the next line is
answered by the new version. Nothing leaves this machine; the data in .bridgehost/ can be
thrown away.`,
		Args: usage(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Path = "."
			if len(args) == 1 {
				o.Path = args[0]
			}
			o.In, o.Out = cmd.InOrStdin(), cmd.OutOrStdout()
			o.Log = g.log(false)
			return host.Dev(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.Poll, "poll", false, "look at the folder every second instead of relying on events")
	cmd.Flags().StringVar(&o.Listen, "listen", "", "address of the chat page (default 127.0.0.1:8470, or the next free port)")
	cmd.Flags().BoolVar(&o.NoWatch, "no-watch", false, "do not reload when files change")
	return cmd
}
