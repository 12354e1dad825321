package main

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// walk visits a command and all below it.
func walk(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, c := range cmd.Commands() {
		walk(c, visit)
	}
}

func TestHelpFitsAScreen(t *testing.T) {
	walk(newRoot(), func(cmd *cobra.Command) {
		lines := strings.Split(strings.TrimRight(helpText(cmd), "\n"), "\n")
		if len(lines) > screenLines {
			t.Errorf("%s --help has %d lines, a screen has %d; the first screen lists names only of what `brief` in help.go holds:\n%s",
				cmd.CommandPath(), len(lines), screenLines, strings.Join(lines, "\n"))
		}
		for _, l := range lines {
			if n := utf8.RuneCountInString(l); n > screenColumns {
				t.Errorf("%s --help has a line of %d characters, a screen has %d: %s", cmd.CommandPath(), n, screenColumns, l)
			}
		}
		if cmd.Short == "" {
			t.Errorf("%s has no short description", cmd.CommandPath())
		}
	})
}

// TestTheFirstScreenHasRoom: commands that are to come fit, too.
func TestTheFirstScreenHasRoom(t *testing.T) {
	root := newRoot()
	for _, name := range []string{"install", "permissions", "update", "remove", "list", "search", "outdated", "config", "completion"} {
		if c, _, err := root.Find([]string{name}); err == nil && c != root {
			continue
		}
		group := "share"
		if name == "config" || name == "completion" {
			group = "keep"
		}
		root.AddCommand(&cobra.Command{Use: name, Short: "Does something that takes a few words to say", GroupID: group, Run: func(*cobra.Command, []string) {}})
	}
	if text := helpText(root); strings.Count(text, "\n") > screenLines || !strings.Contains(text, "also          ") {
		t.Errorf("%d lines:\n%s", strings.Count(text, "\n"), text)
	}
}

// TestSlipsGetASuggestion: a letter too few in the name of each command and flag.
func TestSlipsGetASuggestion(t *testing.T) {
	walk(newRoot(), func(cmd *cobra.Command) {
		for _, c := range cmd.Commands() {
			name := c.Name()
			if len(name) < 4 {
				continue
			}
			slip := name[:len(name)-2] + name[len(name)-1:]
			if err := unknownCommand(cmd, []string{slip}); err == nil || !strings.Contains(err.Error(), "did you mean: "+c.CommandPath()) {
				t.Errorf("%s %s: %v", cmd.CommandPath(), slip, err)
			}
		}
	})
}
