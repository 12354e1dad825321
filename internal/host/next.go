package host

import (
	"os"
	"path/filepath"
	"strings"

	"bridgehost/bundle"
)

// Step is a command that one may want next.
type Step struct {
	Command string `json:"command"`
	Does    string `json:"does"`
}

// Next are the three likeliest commands in a folder, and what the folder is; nothing for
// one that holds neither a bridge nor a configuration.
func Next(dir, config string) (what string, steps []Step) {
	if at, err := filepath.Abs(dir); err == nil {
		dir = at
	}
	if _, err := os.Stat(filepath.Join(dir, config)); err == nil {
		return "lies " + config, []Step{
			{"bridgehost run", "serve its scripts"},
			{"bridgehost status", "how they are, while it runs"},
			{"bridgehost setup", "connect it to a homeserver, or see whether it is"},
		}
	}
	script, specs := bridgeIn(dir)
	if script == "" {
		return "", nil
	}
	steps = []Step{{"bridgehost dev", "try it on a simulated homeserver, with a chat page"}, {"bridgehost check", "find mistakes without running it"}}
	if script != "." {
		steps[0].Command, steps[1].Command = steps[0].Command+" "+script, steps[1].Command+" "+script
	}
	third := Step{"bridgehost bundle init", "write bridge.toml, to share it"}
	if _, err := os.Stat(filepath.Join(dir, bundle.File)); err == nil {
		third = Step{"bridgehost bundle pack", "make one file of it, to share"}
	}
	if specs {
		third = Step{"bridgehost test", "run its specs"}
	}
	return "lies a bridge", append(steps, third)
}

// bridgeIn is the script that a folder is (".") or holds, and whether there are specs;
// with several scripts none is meant.
func bridgeIn(dir string) (script string, specs bool) {
	if _, ok := nameOf(dir); ok {
		script = "."
	}
	entries, _ := os.ReadDir(dir) // what cannot be read holds no bridge
	var files []string
	for _, e := range entries {
		specs = specs || e.Name() == "spec" || strings.HasSuffix(e.Name(), "_spec.lua")
		if _, ok := nameOf(filepath.Join(dir, e.Name())); ok && !e.IsDir() {
			files = append(files, e.Name())
		}
	}
	if script == "" && len(files) == 1 {
		script = files[0]
	}
	return script, specs
}
