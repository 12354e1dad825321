package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"bridgehost/internal/host"
)

func newConfig(g *global) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "What bridgehost.toml says: show, check, set, edit, schema",
		Long: `Shows and changes bridgehost.toml: the host's own keys, and what bridge.config of each
script sees. A value may be ${env:NAME}, ${file:PATH} or ${cred:NAME} (a credential of systemd).`,
		Args: unknownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newConfigShow(g), newConfigCheck(g), newConfigSet(g), newConfigEdit(g), newConfigSchema(g))
	return cmd
}

func newConfigShow(g *global) *cobra.Command {
	return &cobra.Command{
		Use:   "show [SCRIPT]",
		Short: "Every key with its value, and where that came from",
		Long: `Prints all keys, or those of one script: the value, and the line that it came from, what it
refers to, or that it is a default. Secrets are never shown. What a script misses or does not
know is told below the key; config check ends with an error for that.`,
		Args: usage(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			shown, err := host.ShowConfig(g.configPath(), first(args))
			if err != nil {
				return err
			}
			return g.print(cmd.OutOrStdout(), shown, shown.Text())
		},
	}
}

func newConfigCheck(g *global) *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Whether it is valid, the values of scripts included",
		Long: `Reads the configuration, follows its references, and compares the values of each script with
what its source asks for. Nothing is run. Exit code 3 when something is wrong.`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := host.CheckConfig(g.configPath())
			if err != nil {
				return err
			}
			if err := g.print(cmd.OutOrStdout(), c, c.Text()); err != nil || c.OK {
				return err
			}
			return fmt.Errorf("%w: %w", host.ErrShown, host.ErrConfig)
		},
	}
}

func newConfigSet(g *global) *cobra.Command {
	o := host.SetOptions{}
	cmd := &cobra.Command{
		Use:   "set KEY [VALUE]",
		Short: "Set one key in the file; comments and order stay",
		Long: `KEY is one of the host (homeserver.url) or SCRIPT.KEY. The value is checked before it is
written. It is asked for when it is left out; @- reads it from standard input. A list may be
written with commas. A secret is never an argument: leave it out, or give @-, @FILE or a reference.`,
		Example: "bridgehost config set irc.channels '#lua, #matrix'",
		Args:    usage(cobra.RangeArgs(1, 2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Path, o.Key, o.Given = g.configPath(), args[0], len(args) == 2
			if o.Given {
				o.Value = args[1]
			}
			o.Read = func(source string) (string, error) { return host.ReadValue(source, cmd.InOrStdin()) }
			o.Ask = func(question string, secret bool) (string, error) { return ask(cmd, question, secret, g.noInput) }
			done, err := host.SetConfig(o)
			if err != nil {
				return err
			}
			return g.print(cmd.OutOrStdout(), done, done.Text())
		},
	}
	cmd.Flags().BoolVar(&o.DryRun, "dry-run", false, "say what would be written, write nothing")
	return cmd
}

func newConfigEdit(g *global) *cobra.Command {
	return &cobra.Command{
		Use:   "edit",
		Short: "Edit a copy; it counts when it is valid",
		Long: `Opens a copy in $VISUAL, or $EDITOR, or vi. What is saved there takes the place of the file when
it is valid, else you are told why and may edit on.`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			changed, err := host.EditConfig(host.EditOptions{
				Path: g.configPath(),
				Edit: func(file string) error { return edit(cmd, file) },
				Again: func(why error) (bool, error) {
					fmt.Fprintln(cmd.ErrOrStderr(), why)
					return again(cmd)
				},
			})
			if err != nil {
				return err
			}
			text := "Nothing was changed.\n"
			if changed {
				text = "Wrote " + g.configPath() + "\n"
			}
			return g.print(cmd.OutOrStdout(), map[string]bool{"changed": changed}, text)
		},
	}
}

func newConfigSchema(g *global) *cobra.Command {
	return &cobra.Command{
		Use:   "schema [SCRIPT]",
		Short: "The JSON schema of bridgehost.toml, or of a script's values",
		Long: `Prints a JSON schema, with which editors complete and check: that of bridgehost.toml with the
scripts that it has, or that of one script's table. Name it in the first line of the file:
#:schema ./bridgehost-schema.json`,
		Args: usage(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			schema, err := host.SchemaAt(g.configPath(), first(args))
			if err != nil {
				return err
			}
			e := json.NewEncoder(cmd.OutOrStdout())
			e.SetEscapeHTML(false)
			if !g.json {
				e.SetIndent("", "  ")
			}
			return e.Encode(schema)
		},
	}
}
