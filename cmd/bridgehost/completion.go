package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"bridgehost/diag"
)

// shells are those for which cobra writes completions.
var shells = []string{"bash", "zsh", "fish", "powershell"}

func newCompletion(g *global, root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "completion " + strings.Join(shells, "|"),
		Short: "Print what makes your shell complete commands and flags",
		Long: `Prints a script for your shell. For bash, once:
    bridgehost completion bash > ~/.local/share/bash-completion/completions/bridgehost
For zsh it is a file _bridgehost in a folder of $fpath, for fish
    bridgehost completion fish > ~/.config/fish/completions/bridgehost.fish`,
		Args:      usage(cobra.ExactArgs(1)),
		ValidArgs: shells,
		RunE: func(cmd *cobra.Command, args []string) error {
			write := map[string]func(io.Writer) error{
				"bash":       func(w io.Writer) error { return root.GenBashCompletionV2(w, true) },
				"zsh":        root.GenZshCompletion,
				"fish":       func(w io.Writer) error { return root.GenFishCompletion(w, true) },
				"powershell": root.GenPowerShellCompletionWithDesc,
			}[args[0]]
			if write == nil {
				hint := ""
				if near := diag.Suggest(args[0], shells); near != "" {
					hint = fmt.Sprintf("; did you mean %s?", near)
				}
				return usageError{fmt.Errorf("there is nothing for the shell %q%s There are: %s", args[0], hint, strings.Join(shells, ", "))}
			}
			var script strings.Builder
			if err := write(&script); err != nil {
				return err
			}
			return g.print(cmd.OutOrStdout(), map[string]string{"shell": args[0], "script": script.String()}, script.String())
		},
	}
}
