package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"bridgehost/internal/host"
)

func newConsole(g *global) *cobra.Command {
	return &cobra.Command{
		Use:   "console [SCRIPT]",
		Short: "A Lua prompt inside a running script",
		Long: `Evaluates what you type inside the running script, with its globals and its intent: an
expression is shown, statements are run, and each may wait (60 s at most). .help says
more, .quit or Ctrl-D ends it. Without a terminal lines are read from standard input;
the exit code is then 4 when one of them failed. With --json one object for each chunk.`,
		Args: usage(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := g.read()
			if err != nil {
				return err
			}
			failed := 0
			o := host.ConsoleOptions{Script: first(args), Out: cmd.ErrOrStderr(), Color: g.colored(os.Stderr) && !g.json}
			o.Show = func(a host.ConsoleAnswer) error {
				errorText := a.Error
				if errorText != "" {
					failed++
				}
				if !g.json && !o.Live { // results and errors apart
					a.Error = ""
				}
				if err := g.print(cmd.OutOrStdout(), a, a.Text()); err != nil || g.json || o.Live {
					return err
				}
				fmt.Fprint(cmd.ErrOrStderr(), errorText)
				return nil
			}
			if !g.json && cmd.InOrStdin() == os.Stdin && term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stdout.Fd())) {
				t := newTerminal(cfg.ConsoleHistory())
				o.Live, o.Lines, o.Completer = true, t, t.completeWith
			} else {
				o.Lines = host.NewLineReader(cmd.InOrStdin(), nil)
			}
			if err := host.Console(cmd.Context(), cfg, o); err != nil {
				return err
			}
			if failed > 0 && !o.Live {
				return fmt.Errorf("%w: %w", host.ErrShown, host.ErrChunks)
			}
			return nil
		},
	}
}
