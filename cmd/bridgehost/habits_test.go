package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// called is how a command is called, without bridgehost itself.
func called(cmd *cobra.Command) string {
	_, rest, _ := strings.Cut(cmd.CommandPath(), " ")
	return rest
}

// reading are the commands that change nothing but what is thrown away, and those that run a
// script or an editor of their user's. All others say with --dry-run what they would do.
var reading = []string{"", "dev", "test", "check", "run", "exec", "console", "status", "logs", "docs", "explain", "version", "help", "completion",
	"registration", "registration show", "registration verify", "deadletters", "deadletters list", "deadletters show",
	"bundle", "bundle verify", "bundle inspect", "bundle schema", "index", "index show", "index verify", "list", "search", "outdated",
	"config", "config show", "config check", "config schema", "config edit"}

// destroying are the commands whose work cannot be undone: they ask, or want --yes.
var destroying = []string{"deadletters drop", "remove"}

func TestChangesCanBeTriedFirst(t *testing.T) {
	walk(newRoot(), func(cmd *cobra.Command) {
		if cmd.Runnable() && !slices.Contains(reading, called(cmd)) && cmd.Flags().Lookup("dry-run") == nil {
			t.Errorf("%s has no --dry-run; if it changes nothing, say so in `reading`", cmd.CommandPath())
		}
		if slices.Contains(destroying, called(cmd)) && cmd.Flags().Lookup("yes") == nil {
			t.Errorf("%s cannot be undone and has no --yes", cmd.CommandPath())
		}
	})
}

// talking are the commands that print no data of their own: they talk with a person, or serve.
var talking = []string{"dev", "run", "exec", "console", "help"}

// TestJSONIsOneObject: with --json a command prints one object to standard output and nothing
// else, or fails and prints nothing there. testdata/script/json.txtar looks at what is in them.
func TestJSONIsOneObject(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	walk(newRoot(), func(cmd *cobra.Command) {
		if !cmd.Runnable() || slices.Contains(talking, called(cmd)) {
			return
		}
		args := append(strings.Fields(called(cmd)), needed(cmd)...)
		if cmd.Flags().Lookup("no-wait") != nil {
			args = append(args, "--no-wait")
		}
		help := helpText(cmd) // of one that wants to be told which of its commands
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
			defer cancel()
			c := exec.CommandContext(ctx, self)
			c.Args = append(append([]string{"bridgehost"}, args...), "--json", "--timeout", "1s")
			c.Dir = folderWithABridge(t)
			c.Env = []string{"HOME=" + c.Dir, "XDG_CONFIG_HOME=" + c.Dir, "TMPDIR=" + t.TempDir()}
			c.WaitDelay = time.Second
			var errors bytes.Buffer
			c.Stderr = &errors
			out, err := c.Output()
			if (err == nil || len(out) > 0) && !isObject(out) && !(cmd.HasSubCommands() && string(out) == help) {
				t.Errorf("%v; standard output is no JSON object:\n%s\nstandard error:\n%s", err, out, errors.String())
			}
			if ctx.Err() != nil {
				t.Errorf("it did not end in %s", waitLimit)
			}
		})
	})
}

func isObject(text []byte) bool {
	d := json.NewDecoder(bytes.NewReader(text))
	var object map[string]any
	if d.Decode(&object) != nil {
		return false
	}
	_, err := d.Token()
	return errors.Is(err, io.EOF)
}

// needed are words for the arguments that a command cannot do without: those that stand in
// its usage without brackets.
func needed(cmd *cobra.Command) (args []string) {
	optional := 0
	for i, word := range strings.Fields(cmd.Use) {
		opens, closes := strings.Count(word, "["), strings.Count(word, "]")
		optional += opens
		first, _, _ := strings.Cut(word, "|")
		switch {
		case i == 0 || optional > 0 || word == "…":
		case word == "|":
			return args // another way to say it
		case first == strings.ToUpper(first):
			args = append(args, "x")
		default:
			args = append(args, first)
		}
		optional -= closes
	}
	return args
}

func folderWithABridge(t *testing.T) string {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"bridgehost.toml": "[homeserver]\nurl = \"http://127.0.0.1:9\"\nname = \"bh.test\"\nretries = 0\n",
		"main.lua":        "require \"bridge\"\n",
		"main_spec.lua":   "local t = require \"bridge.test\"\nt.it(\"loads\", function() t.load(\"main.lua\", { name = \"some\" }) end)\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
