package main

import (
	"github.com/spf13/cobra"

	"bridgehost/internal/host"
)

func newTypes(g *global) *cobra.Command {
	var dir string
	var dry bool
	cmd := &cobra.Command{
		Use:   "types",
		Short: "Write the types of the Lua API for your editor",
		Args:  usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			wrote := "Would write"
			if !dry {
				if err := host.WriteTypes(dir); err != nil {
					return err
				}
				wrote = "Wrote"
			}
			made := struct {
				Folder string `json:"folder"`
				DryRun bool   `json:"dry_run,omitempty"`
			}{dir, dry}
			return g.print(cmd.OutOrStdout(), made, wrote+" .bridgehost/types and .luarc.json in "+dir+"\n")
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say what would be written, write nothing")
	cmd.Flags().StringVar(&dir, "dir", ".", "`FOLDER` of the script")
	return cmd
}

func newDocs(g *global) *cobra.Command {
	return &cobra.Command{
		Use:   "docs [NAME]",
		Short: "Print what a function, class or module does",
		Args:  usage(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := ""
			if len(args) == 1 {
				name = args[0]
			}
			text, err := host.Docs(name)
			if err != nil {
				return usageError{err}
			}
			return g.print(cmd.OutOrStdout(), map[string]string{"name": name, "text": text}, text)
		},
	}
}
