package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// A screen: the help of each command fits it.
const (
	screenLines   = 24
	screenColumns = 100
)

// oneLine is the group of which only names are shown.
const oneLine = "keep"

// brief are the commands whose names say enough beside those of their group: the first
// screen has only so many lines.
var brief = map[string]bool{"update": true, "remove": true, "list": true, "search": true, "outdated": true, "index": true}

// helpText is what --help prints.
func helpText(cmd *cobra.Command) string {
	long := cmd.Long
	if long == "" {
		long = cmd.Short + "."
	}
	if help := cmd.Flags().Lookup("help"); help != nil {
		help.Hidden = true // every screen says it once
	}
	text := long + "\n\n"
	if !cmd.HasParent() {
		return text + overview(cmd) + everywhere
	}
	text += uses(cmd) + "\n"
	if own := cmd.NonInheritedFlags(); visible(own) {
		text += "Flags\n" + own.FlagUsages()
	}
	if full := text + "Flags everywhere (and -h, --help)\n" + cmd.Root().PersistentFlags().FlagUsages(); strings.Count(full, "\n") <= screenLines {
		return full
	}
	return text + everywhere // shorter commands explain them
}

const everywhere = "Flags everywhere: -c/--config FILE  --json  -q  -v  --color WHEN  --no-input  --timeout TIME  -h\n"

// uses are how a command and its subcommands are called.
func uses(cmd *cobra.Command) string {
	var b strings.Builder
	if cmd.Runnable() {
		fmt.Fprintf(&b, "  %s\n", strings.TrimSuffix(cmd.UseLine(), " [flags]"))
	}
	for _, c := range commands(cmd, "") {
		fmt.Fprintf(&b, "  %-*s  %s\n", widest(cmd), strings.TrimSuffix(c.UseLine(), " [flags]"), c.Short)
	}
	return b.String()
}

// overview lists all commands by their groups.
func overview(root *cobra.Command) string {
	var b strings.Builder
	for _, group := range root.Groups() {
		title := group.Title
		var names []string
		for _, c := range commands(root, group.ID) {
			if group.ID == oneLine || brief[c.Name()] {
				names = append(names, c.Name())
				continue
			}
			fmt.Fprintf(&b, "%-18s %-13s %s\n", title, c.Name(), c.Short)
			title = "" // once, on the line of its first command
		}
		if list := strings.Join(names, "  "); len(names) > 0 && title == "" {
			fmt.Fprintf(&b, "%-18s %-13s %s\n", title, "also", list)
		} else if len(names) > 0 {
			fmt.Fprintf(&b, "%-18s %s\n", title, list)
		}
	}
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
