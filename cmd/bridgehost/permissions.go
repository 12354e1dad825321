package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"bridgehost/bundle"
	"bridgehost/internal/host"
)

func newPermissions(g *global) *cobra.Command {
	var c host.Change
	var observed, yes bool
	cmd := &cobra.Command{
		Use:   "permissions SCRIPT",
		Short: "What a script may do: show, --grant, --revoke, --observed",
		Long: `Shows what an installed bundle may do and what it was refused. --observed prints the smallest
[permissions] that would have been enough for what a script of yours did, here or in dev.`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			change := len(c.Grant)+len(c.Revoke) > 0
			if observed && change {
				return usageError{errors.New("--observed changes nothing: it goes without --grant and --revoke")}
			}
			cfg, err := g.maybeRead(!change)
			if err != nil {
				return err
			}
			var p *host.Permissions
			if change {
				c.Confirm = func(beyond []string) error { return confirmGrant(args[0], beyond, yes) }
				p, err = host.ChangePermissions(cmd.Context(), cfg, args[0], c)
			} else {
				p, err = host.ReadPermissions(cmd.Context(), cfg, args[0])
			}
			if err != nil {
				return err
			}
			text := p.Text()
			if observed {
				text = p.ObservedText()
			}
			return g.print(cmd.OutOrStdout(), p, text)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringArrayVar(&c.Grant, "grant", nil, "allow `WHAT`: kv, 'net:connect irc.libera.chat:6697'; again for more")
	flags.StringArrayVar(&c.Revoke, "revoke", nil, "take `WHAT` back: as it is listed, or a name for all of it")
	flags.BoolVar(&observed, "observed", false, "print the smallest [permissions] that would have been enough")
	flags.BoolVar(&c.DryRun, "dry-run", false, "only say what would change")
	flags.BoolVar(&yes, "yes", false, "grant more than the bundle asks for without a question")
	return cmd
}

// maybeRead reads the configuration; nil when there is none and optional allows that.
func (g *global) maybeRead(optional bool) (*host.Config, error) {
	if _, err := os.Stat(g.configPath()); optional && g.config == "" && errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	cfg, err := g.read()
	return &cfg, err
}

// confirmGrant asks before a bundle gets what its manifest does not ask for.
func confirmGrant(script string, beyond []string, yes bool) error {
	if yes {
		return nil
	}
	what := strings.Join(beyond, ", ")
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return &bundle.Refused{Reason: fmt.Sprintf("%s does not ask for %s in its manifest; if you mean it, add --yes", script, what)}
	}
	fmt.Fprintf(os.Stderr, "%s does not ask for %s in its manifest. Grant it? [y/N] ", script, what)
	var answer string
	if _, err := fmt.Scanln(&answer); err != nil || !strings.HasPrefix(strings.ToLower(answer), "y") {
		return &bundle.Refused{Reason: "nothing was granted"}
	}
	return nil
}
