package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// oneLine are the groups whose commands' names say enough: a screen has only 24 lines.
var oneLine = map[string]bool{"versions": true, "installed": true, "keep": true}

// helpText is what --help prints: it fits a screen of 24 lines and 100 columns.
func helpText(cmd *cobra.Command) string {
	var b strings.Builder
	long := cmd.Long
	if long == "" {
		long = cmd.Short + "."
	}
	b.WriteString(long + "\n\n")
	if cmd.HasParent() {
		if cmd.Runnable() {
			fmt.Fprintf(&b, "  %s\n", strings.TrimSuffix(cmd.UseLine(), " [flags]"))
		}
		for _, c := range commands(cmd, "") {
			fmt.Fprintf(&b, "  %-*s  %s\n", widest(cmd), strings.TrimSuffix(c.UseLine(), " [flags]"), c.Short)
		}
		b.WriteString("\n")
	}
	for _, group := range cmd.Groups() {
		title := group.Title
		if oneLine[group.ID] {
			var names []string
			for _, c := range commands(cmd, group.ID) {
				names = append(names, c.Name())
			}
			fmt.Fprintf(&b, "%-18s %s\n", title, strings.Join(names, "  "))
			continue
		}
		for _, c := range commands(cmd, group.ID) {
			fmt.Fprintf(&b, "%-18s %-13s %s\n", title, c.Name(), c.Short)
			title = "" // once, on the line of its first command
		}
	}
	if help := cmd.Flags().Lookup("help"); help != nil {
		help.Hidden = true // every screen says it once
	}
	if own := cmd.NonInheritedFlags(); cmd.HasParent() && visible(own) {
		b.WriteString("Flags\n" + own.FlagUsages())
	}
	global := cmd.Root().PersistentFlags()
	if !cmd.HasParent() { // each command's help explains them
		b.WriteString("Flags everywhere: -c/--config FILE  --json  -q  -v  --color WHEN  --timeout TIME  -h\n")
		return b.String()
	}
	b.WriteString("Flags everywhere (and -h, --help)\n" + global.FlagUsages())
	return b.String()
}

// commands are the subcommands of a group, "" for those of none.
func commands(cmd *cobra.Command, group string) []*cobra.Command {
	var list []*cobra.Command
	for _, c := range cmd.Commands() {
		if c.GroupID == group && !c.Hidden {
			list = append(list, c)
		}
	}
	return list
}

func widest(cmd *cobra.Command) int {
	w := 0
	for _, c := range cmd.Commands() {
		w = max(w, len([]rune(strings.TrimSuffix(c.UseLine(), " [flags]"))))
	}
	return w
}

func visible(flags *pflag.FlagSet) bool {
	found := false
	flags.VisitAll(func(f *pflag.Flag) { found = found || f.Name != "help" && !f.Hidden })
	return found
}

// newHelp is `bridgehost help COMMAND`.
func newHelp(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND …]",
		Short: "Show this, or the help of a command",
		RunE: func(_ *cobra.Command, args []string) error {
			cmd := root
			for i := range args {
				next, _, err := cmd.Find(args[i : i+1])
				if err != nil || next == cmd {
					return unknownCommand(cmd, args[i:])
				}
				cmd = next
			}
			return cmd.Help()
		},
	}
}
