package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"bridgehost/bundle"
	"bridgehost/internal/host"
)

// installFlags are those of install and update.
type installFlags struct {
	o host.InstallOptions
}

func (f *installFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.o.Accept, "accept", nil, "what it may do: exactly the `LIST` that it asks for")
	cmd.Flags().StringArrayVar(&f.o.Set, "set", nil, "`KEY=VALUE` of its configuration")
	cmd.Flags().BoolVar(&f.o.Unsigned, "unsigned", false, "take what is not signed")
	cmd.Flags().StringVar(&f.o.Publisher, "publisher", "", "public `KEY` that must have signed it")
	cmd.Flags().BoolVar(&f.o.DryRun, "dry-run", false, "say what it is and wants, change nothing")
}

// options completes what the flags say.
func (f *installFlags) options(cmd *cobra.Command, g *global) (host.InstallOptions, error) {
	o := f.o
	o.Accepted = cmd.Flags().Changed("accept")
	o.Color, o.Wait = g.colored(os.Stderr) && !g.json, g.wait(cmd)
	if o.Publisher != "" {
		if _, err := bundle.ParsePublicKey(o.Publisher); err != nil {
			return o, usageError{fmt.Errorf("--publisher: %w", err)}
		}
	}
	if !g.noInput && !g.json && term.IsTerminal(int(os.Stdin.Fd())) {
		o.Talk = talk(cmd)
	}
	return o, nil
}

// wait is where to say what takes its time.
func (g *global) wait(cmd *cobra.Command) io.Writer {
	if g.quiet {
		return nil
	}
	return cmd.ErrOrStderr()
}

// talk asks the person at the terminal.
func talk(cmd *cobra.Command) *host.Talk {
	out, in := cmd.ErrOrStderr(), bufio.NewReader(cmd.InOrStdin())
	return &host.Talk{Ask: out,
		Line: func(question string) (string, error) {
			fmt.Fprint(out, question)
			line, err := in.ReadString('\n')
			if errors.Is(err, io.EOF) && line == "" {
				fmt.Fprintln(out)
				return "", errors.New("the input ended before all was answered; nothing was changed")
			}
			return strings.TrimRight(line, "\r\n"), nil
		},
		Secret: func(question string) (string, error) {
			fmt.Fprint(out, question)
			text, err := term.ReadPassword(int(os.Stdin.Fd()))
			fmt.Fprintln(out)
			return string(text), err
		},
	}
}

func newInstall(g *global) *cobra.Command {
	var f installFlags
	cmd := &cobra.Command{
		Use:   "install [FILE|URL|NAME[@RANGE]]",
		Short: "Install a bundle, after you saw what it may do",
		Long: `Checks the bundle and its signature, shows what it wants to do, asks, and lets a running host
load it. The key that signed it counts from then on. Without a name it fetches what bridges.lock
names and is not here.`,
		Args: usage(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := g.read()
			if err != nil {
				return err
			}
			o, err := f.options(cmd, g)
			if err != nil {
				return err
			}
			if len(args) == 0 {
				r, err := host.FetchLocked(cmd.Context(), cfg, o.DryRun, o.Wait)
				if err != nil {
					return err
				}
				return g.print(cmd.OutOrStdout(), r, r.Text())
			}
			o.Ref = args[0]
			r, err := host.Install(cmd.Context(), cfg, o)
			return g.installed(cmd, r, err)
		},
	}
	cmd.Flags().StringVar(&f.o.As, "as", "", "`NAME` of the script (default: the last part of the bundle's id)")
	f.add(cmd)
	return cmd
}

// installed prints what became of it. What was refused is told with the list to accept.
func (g *global) installed(cmd *cobra.Command, r *host.InstallReport, err error) error {
	if r != nil && (err == nil || g.json) {
		if e := g.print(cmd.OutOrStdout(), r, r.Text()); e != nil {
			return e
		}
	}
	return err
}
