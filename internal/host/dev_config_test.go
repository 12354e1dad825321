package host

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
)

// TestDevTakesInTheConfigurationBesideTheScript: also one that is only made when the script
// has asked for it.
func TestDevTakesInTheConfigurationBesideTheScript(t *testing.T) {
	dir := devScriptFile(t, "demo", `local bridge = require "bridge"
local cfg = bridge.config { word = { type = "string", required = true, example = "hello" }, sign = { type = "secret" } }
bridge.on("load", function() print("the word is " .. cfg.word .. (cfg.sign or "")) end)`)
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out, log heard
	in, typed := io.Pipe()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		ended <- Dev(ctx, DevOptions{Path: dir, In: in, Out: &out, Log: hclog.New(&hclog.LoggerOptions{Output: &log})})
	}()
	out.await(t, `add to bridgehost.toml, under [scripts.config.demo]: word = "hello"`)
	out.await(t, "Write a message")
	write("bridgehost.toml", "[scripts.config.demo]\nword = \"one\"\n")
	out.await(t, "the word is one")
	write("bridgehost.toml", "[scripts.config.demo]\nword = \"two\"\nsign = \"${file:sign}\"\n")
	log.await(t, "bridgehost.toml:3: scripts.config.demo.sign: ${file:sign}")
	write("sign", "!\n") // the file that was missing
	out.await(t, "main.lua has new values → generation 2")
	out.await(t, "the word is two!")
	write("bridgehost.toml", "[scripts.config.demo]\nword = 5\n")
	out.await(t, "configuration of demo: bridgehost.toml:2: 'word': string expected, got 5")
	out.await(t, "or: bridgehost config set")
	if _, err := io.WriteString(typed, "/quit\n"); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
