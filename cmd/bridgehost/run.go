package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"bridgehost/internal/host"
)

func newRun(g *global) *cobra.Command {
	var o host.Options
	var format string
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Serve in the foreground (for systemd, Docker)",
		Long: `Runs the scripts of scripts.dir against the homeserver until it is interrupted.
Scripts are loaded again when they are saved; SIGHUP loads all of them again.
Ctrl-C once: handlers finish (10 s at most). Twice: now. The exit code is then 130,
and 143 after SIGTERM (systemd: SuccessExitStatus=143, RestartPreventExitStatus=2 3 7 8).`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if format != "text" && format != "json" {
				return usageError{fmt.Errorf("--log-format: text or json is expected, got %q", format)}
			}
			cfg, err := g.read()
			if err != nil {
				return err
			}
			o.Log = g.log(format == "json")
			if format == "text" { // as people read them; editors link their first line
				o.Color, o.Errors = g.colored(os.Stderr), os.Stderr
			}
			if err := host.Run(cmd.Context(), cfg, o); err != nil {
				return err
			}
			return interrupted(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&o.Listen, "listen", "", "`ADDRESS` for the homeserver's transactions, in place of appservice.listen")
	cmd.Flags().StringVar(&format, "log-format", "text", "`FORMAT` of the log: text or json")
	cmd.Flags().BoolVar(&o.Poll, "poll", false, "look at the scripts' folder every second instead of relying on events")
	cmd.Flags().BoolVar(&o.NoWatch, "no-watch", false, "do not reload when files change")
	return cmd
}
