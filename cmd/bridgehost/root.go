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

	"bridgehost/diag"
	"bridgehost/internal/host"
)

// global are the flags that every subcommand has.
type global struct {
	config  string
	json    bool
	quiet   bool
	verbose bool
	timeout time.Duration
}

func newRoot() *cobra.Command {
	g := &global{}
	root := &cobra.Command{
		Use:   "bridgehost",
		Short: "Write Matrix bridges in Lua",
		Long: `bridgehost runs Matrix bridges written in Lua. Save a script and the running
bridge changes, without a restart, a lost message or a dropped connection.

Try it without a homeserver:   bridgehost dev scripts/examples/echo`,
		SilenceUsage:               true,
		SilenceErrors:              true,
		SuggestionsMinimumDistance: 2,
	}
	flags := root.PersistentFlags()
	flags.StringVarP(&g.config, "config", "c", "", "bridgehost.toml to use (env BRIDGEHOST_CONFIG; else ./bridgehost.toml, …)")
	flags.BoolVar(&g.json, "json", false, "print one JSON object instead of text")
	flags.BoolVarP(&g.quiet, "quiet", "q", false, "log errors only")
	flags.BoolVarP(&g.verbose, "verbose", "v", false, "log everything")
	flags.DurationVar(&g.timeout, "timeout", 30*time.Second, "how long to wait for the running host")
	root.SetFlagErrorFunc(flagError)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddGroup(&cobra.Group{ID: "start", Title: "Start here"}, &cobra.Group{ID: "connect", Title: "Connect to Matrix"}, &cobra.Group{ID: "run", Title: "Run"})
	for group, commands := range map[string][]*cobra.Command{
		"start":   {newDev(g)},
		"connect": {newRegistration(g)},
		"run":     {newRun(g), newExec(g), newStatus(g), newReload(g), newRollback(g), newDeadletters(g)},
	} {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	root.AddCommand(newVersion(g))
	return root
}

// flagError suggests the flag that was meant.
func flagError(cmd *cobra.Command, err error) error {
	word := err.Error()
	if i := strings.LastIndex(word, "--"); i >= 0 {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if s := diag.Suggest(strings.Fields(word[i+2:] + " ")[0], names); s != "" {
			err = fmt.Errorf("%w; did you mean --%s?", err, s)
		}
	}
	return usageError{fmt.Errorf("%w\nSee: %s --help", err, cmd.CommandPath())}
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

// log makes the logger; logs go to standard error.
func (g *global) log(asJSON bool) hclog.Logger {
	level := hclog.Info
	switch {
	case g.quiet:
		level = hclog.Error
	case g.verbose:
		level = hclog.Debug
	}
	return hclog.New(&hclog.LoggerOptions{Name: "bridgehost", Level: level, Output: os.Stderr, JSONFormat: asJSON})
}

// call asks the running host.
func (g *global) call(ctx context.Context, name string, in, out any) error {
	cfg, err := g.read()
	if err != nil {
		return err
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
	return json.NewEncoder(w).Encode(v)
}
