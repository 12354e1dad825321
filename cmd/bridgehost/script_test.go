package main

import (
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite"

	"bridgehost/appservice"
	"bridgehost/bundle"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"bridgehost": main})
}

// TestScripts runs testdata/script/*.txtar. Beside testscript's own commands there are:
//
//	exits CODE COMMAND …      run a command to its end and compare its exit code
//	until PATTERN COMMAND …   run a command until it ends well and prints PATTERN
//	object COMMAND …          run a command that prints one JSON object and nothing else
//	screen                    what was just printed fits a screen of 24 × 100
//	mode OCTAL FILE           a file's permissions
//	tokens FILE               set $AS_TOKEN and $HS_TOKEN from a registration
//	schema NUMBER             write a schema number into data/bridgehost.db
//	occupied                  set $OCCUPIED to an address that somebody listens on
//	publisher FILE            set $PUBLISHER, and $PUBLISHER_RE for patterns, to a public key from its file
//	web FOLDER                serve a folder; sets $WEB to its address
//	manifest FILE KEY VALUE   replace a line of a bridge.toml, or of other files of that form
//	damage FOLDER             change a byte in every bundle of a folder
//	homeserver …, host …      see commands_test.go
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(e *testscript.Env) error {
			e.Setenv("BRIDGEHOST_CONFIG", "")
			e.Setenv("NO_COLOR", "")
			e.Setenv("XDG_CONFIG_HOME", filepath.Join(e.WorkDir, ".config"))
			return prepare(e)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits":      exits,
			"until":      until,
			"object":     object,
			"screen":     screen,
			"mode":       mode,
			"tokens":     tokens,
			"schema":     schema,
			"occupied":   occupied,
			"publisher":  publisher,
			"damage":     damage,
			"web":        web,
			"manifest":   manifest,
			"homeserver": homeserverCommand,
			"host":       hostCommand,
		},
	})
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND …")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var ended *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &ended) {
		got = ended.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// until asks again and again: what another process does, no channel tells of.
func until(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until PATTERN COMMAND …")
	}
	re, err := regexp.Compile(args[0])
	ts.Check(err)
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for limit := time.After(waitLimit); ; {
		if err := ts.Exec(args[1], args[2:]...); err == nil && re.MatchString(ts.ReadFile("stdout")) {
			return
		}
		select {
		case <-again.C:
		case <-limit:
			ts.Fatalf("after %s it does not print %s", waitLimit, args[0])
		}
	}
}

func object(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: object COMMAND …")
	}
	ts.Check(ts.Exec(args[0], args[1:]...))
	if out := ts.ReadFile("stdout"); !isObject([]byte(out)) {
		ts.Fatalf("this is not one JSON object:\n%s", out)
	}
}

func screen(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: screen")
	}
	lines := strings.Split(strings.TrimRight(ts.ReadFile("stdout"), "\n"), "\n")
	if len(lines) > 24 {
		ts.Fatalf("%d lines, a screen has 24", len(lines))
	}
	for _, l := range lines {
		if utf8.RuneCountInString(l) > 100 {
			ts.Fatalf("a line of %d characters, a screen has 100: %s", utf8.RuneCountInString(l), l)
		}
	}
}

func mode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: mode OCTAL FILE")
	}
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[0] {
		ts.Fatalf("%s has mode %s, want %s", args[1], got, args[0])
	}
}

func tokens(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: tokens FILE")
	}
	r, _, err := appservice.ReadRegistration(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Setenv("AS_TOKEN", regexp.QuoteMeta(r.ASToken))
	ts.Setenv("HS_TOKEN", regexp.QuoteMeta(r.HSToken))
}

func schema(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: schema NUMBER")
	}
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	db, err := sql.Open("sqlite", ts.MkAbs("data/bridgehost.db"))
	ts.Check(err)
	_, err = db.Exec(fmt.Sprintf("PRAGMA user_version = %d", n))
	ts.Check(errors.Join(err, db.Close()))
}

func occupied(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: occupied")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { l.Close() })
	ts.Setenv("OCCUPIED", l.Addr().String())
}

func publisher(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: publisher FILE")
	}
	key, err := bundle.ParsePublicKey(ts.ReadFile(args[0]))
	ts.Check(err)
	ts.Setenv("PUBLISHER", key.String())
	ts.Setenv("PUBLISHER_RE", regexp.QuoteMeta(key.String()))
}

func damage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: damage FOLDER")
	}
	files, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "*"+bundle.Ending))
	ts.Check(err)
	if len(files) == 0 {
		ts.Fatalf("there is no bundle in %s", args[0])
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		ts.Check(err)
		raw[len(raw)/2] ^= 1
		ts.Check(os.WriteFile(file, raw, 0o600))
	}
}

func web(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: web FOLDER")
	}
	server := httptest.NewServer(http.FileServer(http.Dir(ts.MkAbs(args[0]))))
	ts.Defer(server.Close)
	ts.Setenv("WEB", server.URL)
}

func manifest(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: manifest FILE KEY VALUE")
	}
	line := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(args[1]) + ` *=.*$`)
	text := ts.ReadFile(args[0])
	if !line.MatchString(text) {
		ts.Fatalf("%s has no key %s", args[0], args[1])
	}
	text = line.ReplaceAllLiteralString(text, args[1]+" = "+args[2])
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}
