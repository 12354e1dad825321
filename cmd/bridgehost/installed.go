package main

import (
	"errors"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"bridgehost/internal/host"
)

func newRemove(g *global) *cobra.Command {
	var o host.RemoveOptions
	cmd := &cobra.Command{
		Use:   "remove NAME",
		Short: "Take a bundle out; its data stays until --purge",
		Args:  usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := g.read()
			if err != nil {
				return err
			}
			o.Name, o.Log = args[0], g.log(false)
			if !g.json && term.IsTerminal(int(os.Stdin.Fd())) {
				o.Talk = talk(cmd)
			}
			r, err := host.Remove(cmd.Context(), cfg, o)
			if err != nil {
				return err
			}
			return g.print(cmd.OutOrStdout(), r, r.Text())
		},
	}
	cmd.Flags().BoolVar(&o.Purge, "purge", false, "forget what it stored, too; also of a bundle that was removed before")
	cmd.Flags().BoolVar(&o.Yes, "yes", false, "do not ask")
	cmd.Flags().BoolVar(&o.DryRun, "dry-run", false, "say what would go, change nothing")
	return cmd
}

func newUpdate(g *global) *cobra.Command {
	var f installFlags
	cmd := &cobra.Command{
		Use:   "update [NAME]",
		Short: "Install newer versions; asks when they want more",
		Long: `Installs the newest version of a bundle, or of all, from its index. It is loaded like a save: one
that does not load, or whose service keeps failing, is taken back and the old one goes on.`,
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
			r, err := host.Update(cmd.Context(), cfg, first(args), o)
			if r != nil && (g.json || err == nil || len(r.Bundles) > 0) {
				err = errors.Join(err, g.print(cmd.OutOrStdout(), r, r.Text()))
			}
			return err
		},
	}
	cmd.Flags().StringVar(&f.o.To, "to", "", "`VERSION` to go to, an older one too")
	f.add(cmd)
	return cmd
}

func newOutdated(g *global) *cobra.Command {
	return &cobra.Command{
		Use:   "outdated",
		Short: "Show what newer versions there are",
		Args:  usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := g.read()
			if err != nil {
				return err
			}
			l, wrong, err := host.Outdated(cmd.Context(), cfg, g.wait(cmd))
			if err != nil {
				return err
			}
			if err := g.print(cmd.OutOrStdout(), l, l.OutdatedText()); err != nil {
				return err
			}
			return errors.Join(wrong...)
		},
	}
}

func newSearch(g *global) *cobra.Command {
	return &cobra.Command{
		Use:   "search [WORD]",
		Short: "Look for bundles in the indexes",
		Args:  usage(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := g.read()
			if err != nil {
				return err
			}
			found, wrong, err := host.Search(cmd.Context(), cfg, first(args), g.wait(cmd))
			if err != nil {
				return err
			}
			if err := g.print(cmd.OutOrStdout(), map[string]any{"bundles": found}, host.MatchText(found)); err != nil {
				return err
			}
			return errors.Join(wrong...)
		},
	}
}

func newList(g *global) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "Show the bundles that are installed",
		Long:  "Shows what is installed, and checks that every file is as bridges.lock says (exit code 7 if not).",
		Args:  usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := g.read()
			if err != nil {
				return err
			}
			l, err := host.List(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			if err := g.print(cmd.OutOrStdout(), l, l.Text()); err != nil {
				return err
			}
			return l.Failed()
		},
	}
}
