// Package bundle is what makes a folder of Lua a thing to be shared: its manifest,
// bridge.toml, which says what the script is called, what runs, and what it may do; the one
// file that it is packed into; and the signature of that file.
//
//	m, err := bundle.Parse(text)
//	var wrong *bundle.Error // line and message
//
//	files, err := bundle.ReadFolder(dir)
//	raw, b, err := bundle.Pack(files)
//	signature, err := bundle.Sign(b, raw, key)
//
//	b, raw, err := bundle.Open("irc-1.4.0.bridge") // strict: what Pack would not write is refused
//	var no *bundle.Refused
//	err = bundle.Verify(b, raw, signature, publisher)
//
// Beside it: versions and ranges, the lock file (what is installed, by whose key, with what
// granted), keys that name their successors, and the signed index of a place with bundles.
package bundle

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/BurntSushi/toml"
)

// File is what the manifest is called, at the top of a script's folder.
const File = "bridge.toml"

// API is the version of the Lua API that this host has.
const API = 1

// Manifest is one bridge.toml that was read and checked. What each key says stands in its
// tag, for the schema.
type Manifest struct {
	ID         string   `toml:"id" doc:"reverse domain, never reused"`
	Name       string   `toml:"name" doc:"what people call it"`
	Version    string   `toml:"version" doc:"semantic version"`
	Summary    string   `toml:"summary" doc:"what it does, in a line"`
	License    string   `toml:"license" doc:"SPDX identifier"`
	Authors    []string `toml:"authors" doc:"who made it: Name <address>"`
	Homepage   string   `toml:"homepage" doc:"where to read more"`
	Main       string   `toml:"main" doc:"the file that runs, from this folder"`
	API        int      `toml:"api" doc:"version of the Lua API"`
	Bridgehost string   `toml:"bridgehost" doc:"versions of bridgehost that it runs with"`
	Publisher  string   `toml:"publisher" doc:"minisign public key of who signs it"`
	Assets     []string `toml:"assets" doc:"files that are neither text nor images, or patterns of them"`

	Permissions map[string]any    `toml:"permissions" doc:"what it may do, and why; people read this before they install it"`
	Optional    map[string]any    `toml:"optional-permissions" doc:"what it can do without, and why it would like to"`
	Config      map[string]any    `toml:"config" doc:"what bridge.config in the script asks for, which is the source"`
	Depends     map[string]string `toml:"dependencies" doc:"id of a bundle: range of versions"`
	Limits      map[string]any    `toml:"limits" doc:"what it needs at most; it cannot raise the owner's limits"`
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
	if err := plainText(text); err != nil {
		return nil, err
	}
	m := &Manifest{}
	meta, err := toml.Decode(text, m)
	if err != nil {
		return nil, decodeError(err)
	}
	c := &checker{text: text, m: m}
	if err := c.unknown(meta); err != nil {
		return nil, err
	}
	for _, check := range []func() error{c.names, c.shown, c.texts, c.permissions, c.config, c.dependencies, c.limits} {
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
var keys = []string{"id", "name", "version", "summary", "license", "authors", "homepage", "main", "api", "bridgehost", "publisher", "assets",
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
	if ch, at := strange(m.ID); at >= 0 {
		return c.wrong("id", "%q has the character U+%04X, which may look like a letter and is none of a-z", m.ID, ch)
	}
	_, noVersion := ParseVersion(m.Version)
	switch {
	case !idForm.MatchString(m.ID) || len(m.ID) > 255:
		return c.wrong("id", `%q is no reverse domain of small letters, like "org.example.echo"`, m.ID)
	case len(m.Version) > 64:
		return c.wrong("version", "it has %d characters; 64 are allowed", len(m.Version))
	case noVersion != nil:
		return c.wrong("version", "%v", noVersion)
	case m.API == 0:
		return &Error{Line: c.line("", "api"), Message: "'api' is missing", Hint: fmt.Sprintf("write api = %d", API), Code: CodeMissing}
	case m.API != API:
		return c.wrong("api", "%d is not known here: this bridgehost has version %d of the Lua API", m.API, API)
	case !strings.HasSuffix(m.Main, ".lua") || path.Clean(m.Main) != m.Main || path.IsAbs(m.Main) || strings.HasPrefix(m.Main, "..") ||
		checkName(m.Main) != nil:
		return c.wrong("main", "%q is no .lua file of this folder", m.Main)
	case strings.HasSuffix(m.Main, "_spec.lua"):
		return c.wrong("main", "%q is a test, which never runs as a script", m.Main)
	}
	return nil
}

func (c *checker) texts() error {
	m := c.m
	if m.Bridgehost != "" {
		if _, err := ParseRange(m.Bridgehost); err != nil {
			return c.wrong("bridgehost", "%v", err)
		}
	}
	if m.Publisher != "" {
		if _, err := ParsePublicKey(m.Publisher); err != nil {
			return c.wrong("publisher", "%v", err)
		}
	}
	for _, pattern := range m.Assets {
		if _, err := path.Match(pattern, ""); err != nil || path.Ext(pattern) == ".lua" {
			return c.wrong("assets", `%q is no file or pattern like "sounds/*.ogg"`, pattern)
		}
	}
	if m.Homepage != "" && !strings.HasPrefix(m.Homepage, "https://") && !strings.HasPrefix(m.Homepage, "http://") {
		return c.wrong("homepage", "%q is no web address", m.Homepage)
	}
	return nil
}

// What a line may have: a person reads it, and reading a key costs the square of its dots.
const (
	maxLine = 4 << 10 // bytes
	maxDots = 32
)

// plainText refuses what cannot be shown to a person as it is: the manifest is what people
// decide by. Letters of all languages are welcome, but not those that nobody sees.
func plainText(text string) error {
	if len(text) > MaxManifest {
		return &Error{Message: fmt.Sprintf("it has more than %d KB", MaxManifest>>10)}
	}
	for i, line := range strings.Split(text, "\n") {
		if len(line) > maxLine {
			return &Error{Line: i + 1, Message: fmt.Sprintf("the line has more than %d KB", maxLine>>10)}
		}
		if n := strings.Count(line, "."); n > maxDots {
			return &Error{Line: i + 1, Message: fmt.Sprintf("the line has %d dots; %d are allowed", n, maxDots), Hint: "write it in several lines"}
		}
		if c, hidden := unseen(strings.TrimSuffix(line, "\r")); hidden {
			return &Error{Line: i + 1, Message: fmt.Sprintf("the line has the character U+%04X, which is not seen or changes how others are", c)}
		}
	}
	return nil
}

// unseen finds a character that is not shown: of control, of direction, without width. Those
// that join letters of some languages stay, and so does what is no UTF-8, which TOML refuses.
func unseen(text string) (rune, bool) {
	for _, c := range text {
		if c != '\t' && (unicode.IsControl(c) || unicode.Is(unicode.Cf, c) && c != 0x200c && c != 0x200d) {
			return c, true
		}
	}
	return 0, false
}

// shown refuses values that were written as escapes and could change a terminal.
func (c *checker) shown() error {
	m := c.m
	for _, s := range []struct {
		key    string
		values []string
	}{{"name", []string{m.Name}}, {"summary", []string{m.Summary}}, {"license", []string{m.License}}, {"authors", m.Authors}, {"homepage", []string{m.Homepage}}} {
		for _, v := range s.values {
			if ch, hidden := unseen(v); hidden {
				return c.wrong(s.key, "it has the character U+%04X, which is not seen or changes how others are", ch)
			}
			if len(v) > maxShown {
				return c.wrong(s.key, "it has %d bytes; %d are allowed", len(v), maxShown)
			}
		}
	}
	return nil
}

// maxShown is how many bytes a text may have that is shown before installing.
const maxShown = 300

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
