package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"bridgehost/internal/host"
)

func newBundleIndex(g *global) *cobra.Command {
	var k keyFlags
	var o host.IndexOptions
	cmd := &cobra.Command{
		Use:   "index [DIR]",
		Short: "List the bundles of a folder in a signed index.json",
		Long: `Writes DIR/index.json and its signature. Any web server can serve the folder; whoever has its
address and your public key in bridgehost.toml finds the bundles by name. Run it again after
each change, and before it expires.`,
		Args: usage(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := k.file()
			if err != nil {
				return err
			}
			o.Dir, o.KeyFile, o.Now = folder(args), file, time.Now()
			o.Password = func() (string, error) { return k.password(cmd, "Password of the key: ") }
			r, err := host.MakeIndex(o)
			if err != nil {
				return err
			}
			if !g.json {
				for _, note := range r.Notes {
					fmt.Fprintln(cmd.ErrOrStderr(), "note: "+note)
				}
			}
			return g.print(cmd.OutOrStdout(), r, r.Text())
		},
	}
	k.add(cmd)
	cmd.Flags().StringVar(&o.Name, "name", "", "`NAME` of the index (default: as before)")
	cmd.Flags().StringVar(&o.Expires, "expires", "90d", "`WHEN` it stops to count: a span or a day")
	cmd.Flags().BoolVar(&o.DryRun, "dry-run", false, "say what would be listed, write nothing")
	return cmd
}

func newBundleRotate(g *global) *cobra.Command {
	var k keyFlags
	var dry bool
	cmd := &cobra.Command{
		Use:   "rotate ID NEWKEY",
		Short: "Name a new key for a bundle, signed by the old one",
		Long: `Writes NAME.newkey and its signature by your old key. Beside the bundles it tells those who
installed one that NEWKEY, a public key or a file with it, counts from now on.`,
		Args: usage(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := k.file()
			if err != nil {
				return err
			}
			r, err := host.RotateKey(args[0], file, args[1], func() (string, error) { return k.password(cmd, "Password of the old key: ") }, dry)
			if err != nil {
				return err
			}
			return g.print(cmd.OutOrStdout(), r, r.Text())
		},
	}
	k.add(cmd)
	cmd.Flags().BoolVar(&dry, "dry-run", false, "write nothing")
	return cmd
}
