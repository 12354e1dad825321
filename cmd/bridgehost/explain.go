package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"bridgehost/diag"
)

func newExplain(g *global) *cobra.Command {
	return &cobra.Command{
		Use:   "explain [CODE]",
		Short: "Say what a code such as E0102 means, with an example",
		Long:  "Says what the code of an error or warning means and how to mend it; all codes without one.",
		Args:  usage(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return g.print(cmd.OutOrStdout(), map[string]any{"codes": diag.Explanations()}, codeList())
			}
			e, ok := diag.Explain(args[0])
			if !ok {
				return usageError{unknownCode(args[0])}
			}
			return g.print(cmd.OutOrStdout(), e, e.String())
		},
	}
}

func codeList() string {
	var b strings.Builder
	for _, e := range diag.Explanations() {
		fmt.Fprintf(&b, "%-16s  %s\n", e.Code, e.Title)
	}
	return b.String()
}

func unknownCode(code string) error {
	if strings.HasPrefix(strings.ToUpper(code), "M_") {
		return fmt.Errorf("%s is the homeserver's: https://spec.matrix.org lists its codes under \"Standard error response\"", code)
	}
	var known []string
	for _, e := range diag.Explanations() {
		known = append(known, e.Code)
	}
	hint := ""
	if near := diag.Suggest(code, known); near != "" {
		hint = fmt.Sprintf("; did you mean %s?", near)
	}
	return fmt.Errorf("there is no code %q%s\nSee all of them: bridgehost explain", code, hint)
}
