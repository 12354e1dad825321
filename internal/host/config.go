package host

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"bridgehost/diag"
	"bridgehost/engine"
)

// Config is bridgehost.toml. Paths in it are absolute once it is read.
type Config struct {
	Data       string           `toml:"data"`
	Homeserver HomeserverConfig `toml:"homeserver"`
	Appservice AppserviceConfig `toml:"appservice"`
	Scripts    ScriptsConfig    `toml:"scripts"`
	Storage    StorageConfig    `toml:"storage"`
	HTTP       ListenConfig     `toml:"http"`  // routes of scripts; off while no script has one
	Admin      ListenConfig     `toml:"admin"` // health and metrics; "" turns it off
	Index      []IndexConfig    `toml:"index"` // where bundles are found by name, the first that has one counts

	// Path is where it was read; "" for a made one.
	Path string `toml:"-"`
}

// HomeserverConfig says where the homeserver is.
type HomeserverConfig struct {
	URL     string `toml:"url"`
	Name    string `toml:"name"`
	Retries int    `toml:"retries"`
}

// AppserviceConfig says how the homeserver reaches us.
type AppserviceConfig struct {
	Registration string `toml:"registration"`
	Listen       string `toml:"listen"`
	Prefix       string `toml:"prefix"`
	BridgeName   string `toml:"bridge_name"`
}

// ScriptsConfig says which scripts run, and how.
type ScriptsConfig struct {
	Dir      string                    `toml:"dir"`
	Watch    bool                      `toml:"watch"`
	Admins   []string                  `toml:"admins"`
	Update   string                    `toml:"update"` // "auto": bundles are updated daily when they ask for no more than before
	Config   map[string]map[string]any `toml:"config"`
	Limits   LimitsConfig              `toml:"limits"`
	LimitsOf map[string]LimitsConfig   `toml:"limits_of"`
	// DirsOf are the directories that bridge.fs of a script reaches: name = "path".
	DirsOf map[string]map[string]string `toml:"dirs_of"`
}

// IndexConfig is one place with bundles.
type IndexConfig struct {
	URL string `toml:"url"` // of its folder, or of its index.json
	Key string `toml:"key"` // the public key by which it is signed
}

// LimitsConfig is what scripts may use; empty values keep the default.
type LimitsConfig struct {
	CPU         Duration `toml:"cpu"`
	Handler     Duration `toml:"handler"`
	Memory      Size     `toml:"memory"`
	String      Size     `toml:"string"`
	Handlers    int      `toml:"max_concurrent_handlers"`
	Connections int      `toml:"connections"`
	CallDepth   int      `toml:"call_depth"`
	Timers      int      `toml:"timers"`
	Queue       int      `toml:"queue"`
	OpenFiles   int      `toml:"open_files"`
}

// StorageConfig says how sure a write must be.
type StorageConfig struct {
	Durability string `toml:"durability"` // full or normal
}

// ListenConfig is an address to listen on, by default on this machine only.
type ListenConfig struct {
	Listen string `toml:"listen"`
}

// ErrConfig is wrapped by every error about bridgehost.toml (exit code 3).
var ErrConfig = errors.New("configuration not valid")

// DefaultConfig has every key's default; url, name and registration have none that fit everybody.
func DefaultConfig() Config {
	return Config{
		Data:       "data",
		Homeserver: HomeserverConfig{Retries: 5},
		Appservice: AppserviceConfig{Registration: "registration.yaml", Listen: "127.0.0.1:29333", Prefix: "_bh_", BridgeName: "bridgehost"},
		Scripts:    ScriptsConfig{Dir: "scripts", Watch: true},
		Storage:    StorageConfig{Durability: "full"},
		HTTP:       ListenConfig{Listen: "127.0.0.1:29335"},
		Admin:      ListenConfig{Listen: "127.0.0.1:29334"},
	}
}

// ReadConfig reads and checks a bridgehost.toml.
func ReadConfig(path string) (Config, error) { return readConfig(path, DefaultConfig()) }

// readConfig is ReadConfig with other defaults.
func readConfig(path string, c Config) (Config, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return c, err
	}
	c.Path = abs
	text, err := os.ReadFile(abs)
	if errors.Is(err, fs.ErrNotExist) {
		return c, fmt.Errorf("%w: there is no %s; give its place with --config, or make one as the README shows", ErrConfig, path)
	} else if err != nil {
		return c, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return parseConfig(c, path, string(text))
}

// parseConfig reads text into c; path is how the user names the file, for errors.
func parseConfig(c Config, path, text string) (Config, error) {
	meta, err := toml.Decode(text, &c)
	var parse toml.ParseError
	if errors.As(err, &parse) {
		return c, fmt.Errorf("%w: %s:%d: %s", ErrConfig, path, parse.Position.Line, parse.Message)
	} else if err != nil {
		return c, wrongType(path, err)
	}
	for _, key := range meta.Undecoded() {
		if len(key) > 3 && key[0] == "scripts" && key[1] == "config" {
			continue // tables in a list of the script's own count as undecoded, and are there
		}
		return c, unknownKey(path, text, key)
	}
	if err := c.expand(filepath.Dir(c.Path)); err != nil {
		return c, fmt.Errorf("%w: %s: %w", ErrConfig, path, err)
	}
	if err := c.check(); err != nil {
		return c, fmt.Errorf("%w: %s: %w", ErrConfig, path, err)
	}
	return c, nil
}

// typeError is how the toml package tells of a value of the wrong type.
var typeError = regexp.MustCompile(`^toml: line (\d+) \(last key "(.*)"\): (.*)$`)

func wrongType(path string, err error) error {
	m := typeError.FindStringSubmatch(err.Error())
	if m == nil {
		return fmt.Errorf("%w: %s: %w", ErrConfig, path, err)
	}
	return fmt.Errorf("%w: %s:%s: %s: %s", ErrConfig, path, m[1], m[2], m[3])
}

// Unused lists the keys that are set and that nothing in this version looks at.
func (c *Config) Unused() []string {
	var keys []string
	limits := []LimitsConfig{c.Scripts.Limits}
	for _, l := range c.Scripts.LimitsOf {
		limits = append(limits, l)
	}
	for _, l := range limits {
		if l.Queue != 0 {
			keys = append(keys, "limits.queue")
		}
		if l.OpenFiles != 0 {
			keys = append(keys, "limits.open_files")
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// knownKeys are all keys of bridgehost.toml, for suggestions; a test compares them with the structs.
var knownKeys = []string{"data", "homeserver", "url", "name", "retries", "appservice", "registration", "listen", "prefix", "bridge_name",
	"scripts", "dir", "watch", "admins", "config", "limits", "limits_of", "dirs_of", "cpu", "handler", "memory", "string",
	"max_concurrent_handlers", "connections", "call_depth", "timers", "queue", "open_files", "storage", "durability", "http", "admin",
	"index", "key", "update"}

func unknownKey(path, text string, key toml.Key) error {
	last := key[len(key)-1]
	where := path
	word := regexp.MustCompile(`(^|[\s.\["])` + regexp.QuoteMeta(last) + `($|[\s.\]"=])`)
	for i, line := range strings.Split(text, "\n") {
		if word.MatchString(line) {
			where = fmt.Sprintf("%s:%d", path, i+1)
			break
		}
	}
	hint := ""
	if s := diag.Suggest(last, knownKeys); s != "" {
		hint = fmt.Sprintf("; did you mean %q?", s)
	}
	return fmt.Errorf("%w: %s: unknown key %q%s", ErrConfig, where, key.String(), hint)
}

// expand fills in ${env:NAME} and ${file:PATH} and makes paths absolute; base is the file's folder.
func (c *Config) expand(base string) error {
	texts := []*string{&c.Data, &c.Homeserver.URL, &c.Homeserver.Name, &c.Appservice.Registration, &c.Appservice.Listen,
		&c.Appservice.Prefix, &c.Appservice.BridgeName, &c.Scripts.Dir, &c.Storage.Durability, &c.HTTP.Listen, &c.Admin.Listen}
	for i := range c.Scripts.Admins {
		texts = append(texts, &c.Scripts.Admins[i])
	}
	for i := range c.Index {
		texts = append(texts, &c.Index[i].URL, &c.Index[i].Key)
	}
	for _, s := range texts {
		v, err := expandText(*s, base)
		if err != nil {
			return err
		}
		*s = v
	}
	for _, values := range c.Scripts.Config {
		for k, v := range values {
			e, err := expandValue(v, base)
			if err != nil {
				return err
			}
			values[k] = e
		}
	}
	for _, dirs := range c.Scripts.DirsOf {
		for name, dir := range dirs {
			dir, err := expandText(dir, base)
			if err != nil {
				return err
			}
			if !filepath.IsAbs(dir) {
				dir = filepath.Join(base, dir)
			}
			dirs[name] = filepath.Clean(dir)
		}
	}
	for _, s := range []*string{&c.Data, &c.Appservice.Registration, &c.Scripts.Dir} {
		if !filepath.IsAbs(*s) {
			*s = filepath.Join(base, *s)
		}
	}
	return nil
}

func expandValue(v any, base string) (any, error) {
	var err error
	switch v := v.(type) {
	case string:
		return expandText(v, base)
	case []any:
		for i := range v {
			if v[i], err = expandValue(v[i], base); err != nil {
				return nil, err
			}
		}
	case []map[string]any:
		for i := range v {
			if _, err = expandValue(v[i], base); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for k := range v {
			if v[k], err = expandValue(v[k], base); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

var reference = regexp.MustCompile(`\$\{(env|file):([^}]*)\}`)

func expandText(s, base string) (string, error) {
	var failed error
	out := reference.ReplaceAllStringFunc(s, func(ref string) string {
		m := reference.FindStringSubmatch(ref)
		if m[1] == "env" {
			v, ok := os.LookupEnv(m[2])
			if !ok {
				failed = fmt.Errorf("%s: the environment variable is not set", ref)
			}
			return v
		}
		path := m[2]
		if !filepath.IsAbs(path) {
			path = filepath.Join(base, path)
		}
		text, err := readSmall(path)
		if err != nil {
			failed = fmt.Errorf("%s: %w", ref, err)
		}
		return strings.TrimRight(text, "\r\n")
	})
	return out, failed
}

// maxReference is how long a file may be that ${file:PATH} puts in.
const maxReference = 1 << 20

func readSmall(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxReference+1))
	if err == nil && len(text) > maxReference {
		err = fmt.Errorf("it has more than %d bytes", maxReference)
	}
	return string(text), err
}

// LimitsFor are the limits of one script.
func (c *Config) LimitsFor(script string) engine.Limits {
	l := engine.DefaultLimits()
	for _, from := range []LimitsConfig{c.Scripts.Limits, c.Scripts.LimitsOf[script]} {
		set(&l.CPU, time.Duration(from.CPU))
		set(&l.Handler, time.Duration(from.Handler))
		set(&l.Memory, int64(from.Memory))
		set(&l.String, int(from.String))
		set(&l.Handlers, from.Handlers)
		set(&l.Connections, from.Connections)
		set(&l.CallDepth, from.CallDepth)
		set(&l.Timers, from.Timers)
		set(&l.Queue, from.Queue)
		set(&l.OpenFiles, from.OpenFiles)
	}
	return l
}

func set[T comparable](to *T, v T) {
	var zero T
	if v != zero {
		*to = v
	}
}
