package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"bridgehost/internal/host"
)

func newVerify(g *global) *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Look at the file and ask the homeserver, both ways",
		Long: `Looks at the registration (form, tokens, namespaces, mode, url), then asks the homeserver
whether it accepts us and whether it reaches us; without a running host it listens for
that moment itself. Exit code 3 for the file, 5 for the homeserver.`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := g.read()
			if err != nil {
				return err
			}
			waiting := g.waits("the homeserver")
			defer waiting.Stop()
			v, failed := host.Verify(cmd.Context(), cfg, g.log(false), func(c host.Check) {
				if !g.json {
					fmt.Fprint(cmd.OutOrStdout(), c.Line())
				}
			})
			if g.json {
				if err := g.print(cmd.OutOrStdout(), v, ""); err != nil {
					return err
				}
			}
			if failed == nil || errors.Is(failed, cmd.Context().Err()) {
				return failed
			}
			return fmt.Errorf("%w: %w", host.ErrShown, failed)
		},
	}
}

// waits says what is waited for when it takes a while.
func (g *global) waits(what string) *time.Timer {
	return time.AfterFunc(patience, func() {
		if !g.quiet {
			fmt.Fprintf(os.Stderr, "waiting for %s …\n", what)
		}
	})
}
