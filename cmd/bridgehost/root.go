package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"bridgehost/diag"
	"bridgehost/internal/host"
)

// patience is how long a command is silent before it says what it waits for.
const patience = 300 * time.Millisecond

// global are the flags that every subcommand has.
type global struct {
	config  string
	color   string
	json    bool
	quiet   bool
	verbose bool
	noInput bool
	timeout time.Duration
}

func newRoot() *cobra.Command {
	g := &global{}
	root := &cobra.Command{
		Use:           "bridgehost",
		Short:         "Write Matrix bridges in Lua",
		Long:          "bridgehost runs Matrix bridges written in Lua. Save a script and the running bridge changes.",
		Args:          unknownCommand,
		RunE:          g.next,
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			switch g.color {
			case "auto", "always", "never":
				return nil
			}
			return usageError{fmt.Errorf("--color: auto, always or never is expected, got %q", g.color)}
		},
	}
	flags := root.PersistentFlags()
	flags.SortFlags = false
	flags.StringVarP(&g.config, "config", "c", "", "configuration `FILE` (env BRIDGEHOST_CONFIG; else ./bridgehost.toml, …)")
	flags.BoolVar(&g.json, "json", false, "print one JSON object instead of text")
	flags.BoolVarP(&g.quiet, "quiet", "q", false, "log errors only")
	flags.BoolVarP(&g.verbose, "verbose", "v", false, "log more")
	flags.StringVar(&g.color, "color", "auto", "`WHEN` to colour: auto, always, never (env NO_COLOR)")
	flags.BoolVar(&g.noInput, "no-input", false, "ask nothing: what no flag tells is an error")
	flags.DurationVar(&g.timeout, "timeout", 30*time.Second, "`TIME` to wait for the running host")
	root.SetFlagErrorFunc(flagError)
	cobra.EnableCommandSorting = false // they stand in the order in which a person meets them
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { fmt.Fprint(cmd.OutOrStdout(), helpText(cmd)) })
	for _, group := range []struct {
		id, title string
		commands  []*cobra.Command
	}{
		{"start", "Start here", []*cobra.Command{newNew(g), newDev(g), newTest(g), newCheck(g)}},
		{"connect", "Connect to Matrix", []*cobra.Command{newSetup(g), newRegistration(g)}},
		{"run", "Run", []*cobra.Command{newRun(g), newStatus(g), newReload(g), newRollback(g), newStop(g), newStart(g), newLogs(g), newConsole(g), newDeadletters(g), newExec(g)}},
		{"share", "Share", []*cobra.Command{newBundle(g), newInstall(g), newUpdate(g), newRemove(g), newList(g), newPermissions(g), newOutdated(g), newSearch(g)}},
		{"keep", "Keep", []*cobra.Command{newConfig(g), newTypes(g), newDocs(g), newExplain(g), newVersion(g)}},
	} {
		root.AddGroup(&cobra.Group{ID: group.id, Title: group.title})
		for _, c := range group.commands {
			c.GroupID = group.id
			root.AddCommand(c)
		}
	}
	completion, help := newCompletion(g, root), newHelp(root)
	completion.GroupID, help.GroupID = "keep", "keep"
	root.AddCommand(completion)
	root.SetHelpCommand(help)
	return root
}

// unknownCommand refuses words that no subcommand has.
func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, c := range cmd.Commands() {
		names = append(names, c.Name())
	}
	hint := ""
	if s := diag.Suggest(args[0], names); s != "" {
		hint = fmt.Sprintf("; did you mean: %s %s", cmd.CommandPath(), s)
	}
	return usageError{fmt.Errorf("unknown command %q%s\nSee: %s --help", args[0], hint, cmd.CommandPath())}
}

// flagError suggests the flag that was meant.
func flagError(cmd *cobra.Command, err error) error {
	hint := ""
	if word, unknown := strings.CutPrefix(err.Error(), "unknown flag: --"); unknown {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if s := diag.Suggest(word, names); s != "" {
			hint = "; did you mean --" + s + "?"
		}
	}
	return usageError{fmt.Errorf("%w%s\nSee: %s --help", err, hint, cmd.CommandPath())}
}

// configPath is the configuration that is meant.
func (g *global) configPath() string {
	if g.config != "" {
		return g.config
	}
	if path := os.Getenv("BRIDGEHOST_CONFIG"); path != "" {
		return path
	}
	places := []string{"bridgehost.toml"}
	if dir, err := os.UserConfigDir(); err == nil {
		places = append(places, filepath.Join(dir, "bridgehost", "bridgehost.toml"))
	}
	places = append(places, "/etc/bridgehost/bridgehost.toml")
	for _, p := range places {
		if _, err := os.Stat(p); err == nil {
			return p
		}
	}
	return places[0]
}

func (g *global) read() (host.Config, error) { return host.ReadConfig(g.configPath()) }

// colored tells whether what goes to f may have colours.
func (g *global) colored(f *os.File) bool {
	switch g.color {
	case "always":
		return true
	case "never":
		return false
	}
	return os.Getenv("NO_COLOR") == "" && term.IsTerminal(int(f.Fd()))
}

// log makes the logger; logs go to standard error.
func (g *global) log(asJSON bool) hclog.Logger {
	level := hclog.Info
	switch {
	case g.quiet:
		level = hclog.Error
	case g.verbose:
		level = hclog.Debug
	}
	color := hclog.ColorOff
	if g.colored(os.Stderr) && !asJSON {
		color = hclog.ForceColor
	}
	return hclog.NewInterceptLogger(&hclog.LoggerOptions{Name: "bridgehost", Level: level, Output: os.Stderr, JSONFormat: asJSON,
		Color: color, ColorHeaderOnly: true})
}

// call asks the running host, and says so when that takes a while.
func (g *global) call(ctx context.Context, name string, in, out any) error {
	cfg, err := host.ReadConfigToCall(g.configPath())
	if err != nil {
		return err
	}
	if !g.quiet {
		waiting := time.AfterFunc(patience, func() {
			fmt.Fprintf(os.Stderr, "waiting for the running bridgehost (%s) …\n", name)
		})
		defer waiting.Stop()
	}
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	return host.Call(ctx, cfg, name, in, out)
}

// print writes v as JSON, or text.
func (g *global) print(w io.Writer, v any, text string) error {
	if !g.json {
		_, err := io.WriteString(w, text)
		return err
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
