package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"bridgehost/diag"
	"bridgehost/internal/host"
)

func newCheck(g *global) *cobra.Command {
	return &cobra.Command{
		Use:   "check [DIR|FILE]",
		Short: "Find mistakes in scripts and manifests without running them",
		Long: `Reads a script (or all of a folder; this one, unless told otherwise), its tests and bridge.toml,
and tells what is wrong: what is no Lua, names that nothing has, calls that are refused, results
that are lost, permissions not asked for. Nothing is run. Exit code 4 when there are errors.`,
		Args: usage(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := "."
			if len(args) == 1 {
				path = args[0]
			}
			c, err := host.CheckFiles(path)
			if err != nil {
				return err
			}
			if err := g.print(cmd.OutOrStdout(), c, checkText(c)); err != nil || c.OK {
				return err
			}
			return fmt.Errorf("%w: %w", host.ErrShown, host.ErrFound)
		},
	}
}

func checkText(c host.Checked) string {
	text := diag.Counted(c.Found)
	text = strings.ToUpper(text[:1]) + text[1:] + fmt.Sprintf(" in %d files.", c.Files)
	if c.Files == 1 {
		text = strings.TrimSuffix(text, "s.") + "."
	}
	if code := explainable(c.Found); code != "" {
		text += "   Explain one: bridgehost explain " + code
	}
	return diag.Findings(c.Found) + text + "\n"
}

// explainable is the code of the first error, or of the first warning.
func explainable(list []diag.Finding) string {
	code := ""
	for _, f := range list {
		if f.Severity == diag.SeverityError {
			return f.Code
		}
		if code == "" {
			code = f.Code
		}
	}
	return code
}
