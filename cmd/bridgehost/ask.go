package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// ask asks for one value at the terminal; a secret is not shown.
func ask(cmd *cobra.Command, question string, secret, noInput bool) (string, error) {
	if noInput || !atTerminal(cmd) {
		return "", usageError{fmt.Errorf("a value for %s is needed: give it as an argument, or @- to read it from standard input", question)}
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s: ", question)
	if secret {
		text, err := term.ReadPassword(int(os.Stdin.Fd()))
		fmt.Fprintln(cmd.ErrOrStderr())
		return string(text), err
	}
	line, err := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
	return strings.TrimRight(line, "\r\n"), err
}

func atTerminal(cmd *cobra.Command) bool {
	return cmd.InOrStdin() == os.Stdin && term.IsTerminal(int(os.Stdin.Fd()))
}

// again asks whether to edit on; without a terminal nobody does.
func again(cmd *cobra.Command) (bool, error) {
	if !atTerminal(cmd) {
		return false, nil
	}
	fmt.Fprint(cmd.ErrOrStderr(), "Edit on? [Y/n] ")
	line, err := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
	return !strings.HasPrefix(strings.ToLower(strings.TrimSpace(line)), "n"), err
}

// edit opens a file in the person's editor, which may have arguments of its own.
func edit(cmd *cobra.Command, file string) error {
	words := []string{"vi"}
	for _, name := range []string{"VISUAL", "EDITOR"} {
		if set := strings.Fields(os.Getenv(name)); len(set) > 0 {
			words = set
			break
		}
	}
	editor := exec.CommandContext(cmd.Context(), words[0], append(words[1:], file)...)
	editor.Stdin, editor.Stdout, editor.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := editor.Run(); err != nil {
		return fmt.Errorf("the editor %s (from $VISUAL or $EDITOR): %w", words[0], err)
	}
	return nil
}
