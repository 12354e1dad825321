package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// errDeclined is what a command ends with when the person said no.
var errDeclined = errors.New("nothing was changed")

// confirm asks before something that cannot be undone. yes answers for a person; without
// one and without a terminal it is refused.
func (g *global) confirm(cmd *cobra.Command, question string, yes bool) error {
	if yes {
		return nil
	}
	if g.noInput || !term.IsTerminal(int(os.Stdin.Fd())) {
		return usageError{fmt.Errorf("%s This cannot be undone, and there is nobody to ask: say --yes, or look first with --dry-run", question)}
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s This cannot be undone. [y/N] ", question)
	line, err := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
	if err != nil && line == "" {
		return errDeclined
	}
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return nil
	}
	return errDeclined
}
