package main

import (
	"github.com/spf13/cobra"

	"bridgehost/internal/host"
)

func newTest(g *global) *cobra.Command {
	var o host.TestOptions
	cmd := &cobra.Command{
		Use:   "test [FILE|DIR|WORDS …]",
		Short: "Run *_spec.lua",
		Long: `Runs the specs in a folder and below it (here, unless told otherwise), each against a
simulated homeserver and in virtual time: a pause of ten minutes takes none. WORDS, when
they are no file, choose the sentences that hold them. Exit code 4 when one fails.
--update keeps what t.snapshot is given now: look at the files before you commit them.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Args, o.Out, o.Log = args, cmd.OutOrStdout(), g.log(false)
			if g.json {
				o.JSON = func(r host.TestResult) error { return g.print(cmd.OutOrStdout(), r, "") }
			}
			return host.Test(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.Watch, "watch", false, "run again when a file changes")
	cmd.Flags().BoolVar(&o.Poll, "poll", false, "with --watch: look at the folder every second instead of relying on events")
	cmd.Flags().BoolVar(&o.Update, "update", false, "rewrite the texts that t.snapshot compares with")
	cmd.Flags().BoolVar(&o.Cover, "cover", false, "tell which lines of the scripts were never run")
	cmd.Flags().StringVar(&o.CoverOut, "cover-out", "", "write that to `FILE` as well, for lcov")
	cmd.Flags().StringVar(&o.JUnit, "junit", "", "write the results to `FILE` as JUnit XML, for CI systems")
	cmd.Flags().DurationVar(&o.Limit, "limit", 0, "`TIME` that one sentence may take (default 1m)")
	return cmd
}
