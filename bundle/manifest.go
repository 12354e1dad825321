// Package bundle reads what makes a script's folder fit to be shared: its manifest.
package bundle

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"

	"bridgehost/capability"
)

// ManifestName is the manifest's name in a script's folder.
const ManifestName = "bridge.toml"

// API is the version of the Lua API of this program.
const API = 1

// maxManifest is how many bytes a manifest may have.
const maxManifest = 1 << 20

// Manifest is bridge.toml: what a script is, and what it may do.
type Manifest struct {
	ID         string   `toml:"id"` // reverse domain: "org.example.irc-lounge"
	Name       string   `toml:"name"`
	Version    string   `toml:"version"` // semantic version
	Summary    string   `toml:"summary"`
	License    string   `toml:"license"`
	Authors    []string `toml:"authors"`
	Homepage   string   `toml:"homepage"`
	Main       string   `toml:"main"`       // the file that runs; "": main.lua or the folder's name
	API        int      `toml:"api"`        // version of the Lua API
	Bridgehost string   `toml:"bridgehost"` // versions of the program: ">=0.3, <1.0"
	Publisher  string   `toml:"publisher"`  // minisign public key

	Permissions  map[string]Permission     `toml:"permissions"`
	Optional     map[string]Permission     `toml:"optional-permissions"`
	Config       map[string]map[string]any `toml:"config"` // as bridge.config in the script says it
	Dependencies map[string]string         `toml:"dependencies"`
	Limits       Limits                    `toml:"limits"`
}

// Limits are what the script asks for, less than the host allows.
type Limits struct {
	Memory string `toml:"memory"` // "64MB"
	CPU    string `toml:"cpu"`    // "5s"
}

// Permission is a capability with the reason that a person is shown, and its scope.
type Permission struct {
	Why   string
	Scope map[string]any
}

// UnmarshalTOML reads a reason, or a table with `why` and a scope.
func (p *Permission) UnmarshalTOML(v any) error {
	switch x := v.(type) {
	case string:
		p.Why = x
	case map[string]any:
		p.Why, _ = x["why"].(string)
		p.Scope = map[string]any{}
		for k, scope := range x {
			if k != "why" {
				p.Scope[k] = scope
			}
		}
	default:
		return errors.New("the reason is expected, or { why = \"…\", … }")
	}
	if strings.TrimSpace(p.Why) == "" {
		return errors.New("the reason is missing: why does the script need it?")
	}
	return nil
}

// Error is what is wrong in a manifest.
type Error struct {
	File    string
	Line    int // 1-based; 0 when it is the whole
	Key     string
	Message string
	Known   []string // the keys that there are, when Key is unknown
}

func (e *Error) Error() string {
	at := e.File
	if e.Line > 0 {
		at += ":" + strconv.Itoa(e.Line)
	}
	return at + ": " + e.Message
}

// ReadManifest reads the manifest of the script in dir; nil when it has none.
// Errors: *Error for what is wrong in it.
func ReadManifest(dir string) (*Manifest, error) {
	path := filepath.Join(dir, ManifestName)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case info.Size() > maxManifest:
		return nil, &Error{File: ManifestName, Message: fmt.Sprintf("a manifest has %d bytes at most", maxManifest)}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	m, err := ParseManifest(string(text))
	if err != nil {
		return nil, err
	}
	if m.Main != "" {
		if info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(m.Main))); err != nil || info.IsDir() {
			return nil, wrong(string(text), "main", "main: there is no file %s here", m.Main)
		}
	}
	return m, nil
}

// ParseManifest reads and checks a manifest's text.
// Errors: *Error.
func ParseManifest(text string) (*Manifest, error) {
	m := &Manifest{}
	meta, err := toml.Decode(text, m)
	if err != nil {
		e := &Error{File: ManifestName, Message: err.Error()}
		var parse toml.ParseError
		if errors.As(err, &parse) {
			e.Line, e.Message = parse.Position.Line, parse.Message
			if parse.LastKey != "" {
				e.Key = parse.LastKey
				e.Message = parse.LastKey + ": " + parse.Message
			}
		}
		return nil, e
	}
	for _, key := range meta.Undecoded() {
		if key[0] == "permissions" || key[0] == "optional-permissions" { // read by Permission
			continue
		}
		e := wrong(text, key[len(key)-1], "unknown key %q", key.String())
		e.Known = keys(reflect.TypeFor[Manifest]())
		if key[0] == "limits" {
			e.Known = keys(reflect.TypeFor[Limits]())
		}
		return nil, e
	}
	return m, m.check(text)
}

func keys(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		names = append(names, t.Field(i).Tag.Get("toml"))
	}
	return names
}

// wrong is an error at the line on which key stands.
func wrong(text, key, format string, args ...any) *Error {
	e := &Error{File: ManifestName, Key: key, Message: fmt.Sprintf(format, args...)}
	word := regexp.MustCompile(`^\s*\[?\s*"?(\w+\.)?` + regexp.QuoteMeta(key) + `"?\s*[\]=.]`)
	for i, line := range strings.Split(text, "\n") {
		if word.MatchString(line) {
			e.Line = i + 1
			break
		}
	}
	return e
}

var (
	idForm      = regexp.MustCompile(`^[a-z][a-z0-9-]*(\.[a-z0-9][a-z0-9-]*)+$`)
	versionForm = regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)
	rangeForm   = regexp.MustCompile(`^(\s*(\^|~|>=|<=|>|<|=)?\s*\d+(\.\d+){0,2}(-[0-9A-Za-z.-]+)?\s*(,|$))+$`)
	sizeForm    = regexp.MustCompile(`^\d+(\.\d+)?\s*(B|KB|MB|GB|KiB|MiB|GiB)$`)
	spanForm    = regexp.MustCompile(`^\d+(\.\d+)?(ms|s|m|h)$`)
	keyForm     = regexp.MustCompile(`^RW[A-Za-z0-9+/]{54}$`)
)

// check tells of the first thing that cannot be right.
func (m *Manifest) check(text string) error {
	bad := func(key, what, got string) error {
		if got == "" {
			return wrong(text, key, "%s is missing: %s", key, what)
		}
		return wrong(text, key, "%s: %s is expected, got %q", key, what, got)
	}
	switch {
	case !idForm.MatchString(m.ID):
		return bad("id", `a domain of yours the other way round, and a name ("org.example.irc")`, m.ID)
	case m.Name == "":
		return bad("name", "what people call it", "")
	case !versionForm.MatchString(m.Version):
		return bad("version", `a semantic version ("1.4.0")`, m.Version)
	case m.API == 0:
		return bad("api", "the version of the Lua API, 1", "")
	case m.API != API:
		return wrong(text, "api", "api: this bridgehost has version %d of the Lua API, the script wants %d", API, m.API)
	case m.Main != "" && (!filepath.IsLocal(filepath.FromSlash(m.Main)) || !strings.HasSuffix(m.Main, ".lua")):
		return bad("main", "a .lua file of this folder", m.Main)
	case m.Bridgehost != "" && !rangeForm.MatchString(m.Bridgehost):
		return bad("bridgehost", `versions (">=0.3, <1.0")`, m.Bridgehost)
	case m.Publisher != "" && !keyForm.MatchString(m.Publisher):
		return bad("publisher", "a public key of minisign", m.Publisher)
	case m.Limits.Memory != "" && !sizeForm.MatchString(m.Limits.Memory):
		return bad("memory", `a size ("64MB")`, m.Limits.Memory)
	case m.Limits.CPU != "" && !spanForm.MatchString(m.Limits.CPU):
		return bad("cpu", `a time ("5s")`, m.Limits.CPU)
	}
	for _, permissions := range []map[string]Permission{m.Permissions, m.Optional} {
		for name := range permissions {
			if !capability.Known(name) {
				e := wrong(text, name, "there is no permission %q", name)
				e.Known = capability.Names()
				return e
			}
		}
	}
	for id, versions := range m.Dependencies {
		if !idForm.MatchString(id) || !rangeForm.MatchString(versions) {
			return wrong(text, id, "dependencies: an id and versions are expected (\"org.example.parser\" = \"^2.1\"), got %q = %q", id, versions)
		}
	}
	for key, schema := range m.Config {
		if typ, _ := schema["type"].(string); !slices.Contains(configTypes, typ) {
			return wrong(text, key, "config.%s: type is one of %s, got %q", key, strings.Join(configTypes, ", "), typ)
		}
	}
	return nil
}

// configTypes are those of bridge.config; a test compares them.
var configTypes = []string{"string", "integer", "number", "boolean", "secret", "duration", "url", "room", "mxid", "list", "map"}
