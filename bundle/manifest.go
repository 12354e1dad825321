// Package bundle is what makes a folder of Lua a thing to be shared: so far its manifest,
// bridge.toml, which says what the script is called, what runs, and what it may do.
//
//	m, err := bundle.Parse(text)
//	var wrong *bundle.Error // line and message
package bundle

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
)

// File is what the manifest is called, at the top of a script's folder.
const File = "bridge.toml"

// API is the version of the Lua API that this host has.
const API = 1

// Manifest is one bridge.toml that was read and checked.
type Manifest struct {
	ID         string   `toml:"id"` // reverse domain: "org.example.irc-lounge"
	Name       string   `toml:"name"`
	Version    string   `toml:"version"` // semver
	Summary    string   `toml:"summary"`
	License    string   `toml:"license"`
	Authors    []string `toml:"authors"`
	Homepage   string   `toml:"homepage"`
	Main       string   `toml:"main"` // the file that runs, from the manifest's folder
	API        int      `toml:"api"`
	Bridgehost string   `toml:"bridgehost"` // versions of the host: ">=0.3, <1.0"
	Publisher  string   `toml:"publisher"`  // minisign public key

	Permissions map[string]any    `toml:"permissions"` // capability → reason, or a table with scope and why
	Optional    map[string]any    `toml:"optional-permissions"`
	Config      map[string]any    `toml:"config"`
	Depends     map[string]string `toml:"dependencies"` // id → range of versions
	Limits      map[string]any    `toml:"limits"`
}

// Error is one mistake in a manifest.
type Error struct {
	Line    int      // 1-based; 0 when no line is to blame
	Message string   // what is wrong, in lower case
	Hint    string   // what to write, "" when the message says it
	Word    string   // what was written and is unknown, with
	Known   []string // what could have been meant
	Code    string   // what kind of mistake it is, "" for CodeValue; see Kind
}

// The kinds of mistakes. `bridgehost explain` knows them.
const (
	CodeUnknown = "E0301" // a word that nobody reads
	CodeSyntax  = "E0302" // not TOML
	CodeMissing = "E0303" // a key or a reason is missing
	CodeValue   = "E0304" // a value that is not valid
	CodeMain    = "E0305" // the file that runs is not there
)

// Kind is the code of the mistake.
func (e *Error) Kind() string {
	switch {
	case e.Code != "":
		return e.Code
	case e.Word != "":
		return CodeUnknown
	}
	return CodeValue
}

// Error is the message behind the place.
func (e *Error) Error() string {
	if e.Line == 0 {
		return File + ": " + e.Message
	}
	return fmt.Sprintf("%s:%d: %s", File, e.Line, e.Message)
}

// Parse reads and checks a manifest. Every error is an *Error.
func Parse(text string) (*Manifest, error) {
	m := &Manifest{}
	meta, err := toml.Decode(text, m)
	if err != nil {
		return nil, decodeError(err)
	}
	c := &checker{text: text, m: m}
	if err := c.unknown(meta); err != nil {
		return nil, err
	}
	for _, check := range []func() error{c.names, c.texts, c.permissions, c.config, c.dependencies, c.limits} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// typeError is how the toml package tells of a value of the wrong type.
var typeError = regexp.MustCompile(`^toml: line (\d+) \(last key "(.*)"\): (.*)$`)

func decodeError(err error) error {
	var parse toml.ParseError
	if errors.As(err, &parse) {
		return &Error{Line: parse.Position.Line, Message: parse.Message, Code: CodeSyntax}
	}
	if m := typeError.FindStringSubmatch(err.Error()); m != nil {
		line, _ := strconv.Atoi(m[1]) // digits
		return &Error{Line: line, Message: m[2] + ": " + m[3]}
	}
	return &Error{Message: strings.TrimPrefix(err.Error(), "toml: ")}
}

// keys are all keys at the top of a manifest; a test compares them with the struct.
var keys = []string{"id", "name", "version", "summary", "license", "authors", "homepage", "main", "api", "bridgehost", "publisher",
	"permissions", "optional-permissions", "config", "dependencies", "limits"}

// checker checks one manifest that was decoded.
type checker struct {
	text string
	m    *Manifest
}

// unknown refuses keys that nobody would read. Below [config] and the like the checks of those tables look.
func (c *checker) unknown(meta toml.MetaData) error {
	for _, key := range meta.Undecoded() {
		if len(key) == 1 {
			return &Error{Line: c.line("", key[0]), Message: fmt.Sprintf("unknown key '%s'", key[0]), Word: key[0], Known: keys}
		}
	}
	return nil
}

var (
	idForm      = regexp.MustCompile(`^[a-z][a-z0-9-]*(\.[a-z0-9][a-z0-9-]*)+$`)
	versionForm = regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)
	rangeForm   = regexp.MustCompile(`^(\^|~|>=|<=|>|<|=)?\s*\d+(\.\d+){0,2}(-[0-9A-Za-z.-]+)?$`)
	keyForm     = regexp.MustCompile(`^RW[A-Za-z0-9+/=]{54}$`)
)

func (c *checker) names() error {
	m := c.m
	for _, need := range []struct{ key, value, like string }{
		{"id", m.ID, `id = "org.example.echo"`}, {"name", m.Name, `name = "Echo"`}, {"version", m.Version, `version = "0.1.0"`},
		{"main", m.Main, `main = "echo.lua"`},
	} {
		if need.value == "" {
			return &Error{Line: c.line("", need.key), Message: fmt.Sprintf("'%s' is missing", need.key), Hint: "write " + need.like, Code: CodeMissing}
		}
	}
	switch {
	case !idForm.MatchString(m.ID) || len(m.ID) > 255:
		return c.wrong("id", `%q is no reverse domain of small letters, like "org.example.echo"`, m.ID)
	case !versionForm.MatchString(m.Version):
		return c.wrong("version", `%q is no version like "1.4.0" (major.minor.patch)`, m.Version)
	case m.API == 0:
		return &Error{Line: c.line("", "api"), Message: "'api' is missing", Hint: fmt.Sprintf("write api = %d", API), Code: CodeMissing}
	case m.API != API:
		return c.wrong("api", "%d is not known here: this bridgehost has version %d of the Lua API", m.API, API)
	case !strings.HasSuffix(m.Main, ".lua") || path.Clean(m.Main) != m.Main || path.IsAbs(m.Main) || strings.HasPrefix(m.Main, "..") ||
		strings.Contains(m.Main, `\`):
		return c.wrong("main", "%q is no .lua file of this folder", m.Main)
	case strings.HasSuffix(m.Main, "_spec.lua"):
		return c.wrong("main", "%q is a test, which never runs as a script", m.Main)
	}
	return nil
}

func (c *checker) texts() error {
	m := c.m
	if m.Bridgehost != "" && !isRange(m.Bridgehost) {
		return c.wrong("bridgehost", `%q is no range of versions like ">=0.3, <1.0"`, m.Bridgehost)
	}
	if m.Publisher != "" && !keyForm.MatchString(m.Publisher) {
		return c.wrong("publisher", "%q is no public key of minisign (it begins with RW and has 56 characters)", m.Publisher)
	}
	if m.Homepage != "" && !strings.HasPrefix(m.Homepage, "https://") && !strings.HasPrefix(m.Homepage, "http://") {
		return c.wrong("homepage", "%q is no web address", m.Homepage)
	}
	return nil
}

// isRange tells whether text is a list of conditions on a version: "^2.1", ">=0.3, <1.0".
func isRange(text string) bool {
	return !slices.ContainsFunc(strings.Split(text, ","), func(part string) bool { return !rangeForm.MatchString(strings.TrimSpace(part)) })
}

// HasMain tells whether the file that runs is among files; the error names the line.
func (m *Manifest) HasMain(text string, files map[string]string) error {
	if _, ok := files[m.Main]; ok {
		return nil
	}
	var known []string
	for file := range files {
		if strings.HasSuffix(file, ".lua") {
			known = append(known, file)
		}
	}
	slices.Sort(known)
	c := &checker{text: text}
	return &Error{Line: c.line("", "main"), Message: fmt.Sprintf("main: there is no file '%s' in this folder", m.Main), Word: m.Main, Known: known,
		Code: CodeMain}
}

func (c *checker) wrong(key, format string, args ...any) error {
	return &Error{Line: c.line("", key), Message: key + ": " + fmt.Sprintf(format, args...)}
}
