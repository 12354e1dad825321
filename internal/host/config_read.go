package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"

	"github.com/BurntSushi/toml"

	"bridgehost/diag"
	"bridgehost/internal/tomledit"
)

// configSource is what a Config was read from.
type configSource struct {
	name   string // the file, as the user calls it
	at     *tomledit.File
	files  []string    // that values refer to: a change of one is a change of the configuration
	unread []*keyError // references of scripts that could not be followed
}

// place is where a key stands, as editors link it: "bridgehost.toml:21".
func (s *configSource) place(key ...string) string {
	if line := s.at.Line(key...); line > 0 {
		return s.name + ":" + strconv.Itoa(line)
	}
	return s.name
}

// keyError is one value of bridgehost.toml that cannot be right.
type keyError struct {
	key []string
	err error
}

func (e *keyError) Error() string { return tomledit.Key(e.key...) + ": " + e.err.Error() }

func (e *keyError) Unwrap() error { return e.err }

// ReadConfig reads and checks a bridgehost.toml.
func ReadConfig(path string) (Config, error) { return readConfig(path, DefaultConfig()) }

// ReadConfigToCall is ReadConfig for those who only talk to the running host: they need not
// be able to read the secrets of its scripts.
func ReadConfigToCall(path string) (Config, error) { return decodeFile(path, DefaultConfig()) }

// readConfig is ReadConfig with other defaults.
func readConfig(path string, c Config) (Config, error) {
	c, err := decodeFile(path, c)
	if err == nil {
		err = c.unread()
	}
	return c, err
}

// unread is the first reference that could not be followed.
func (c *Config) unread() error {
	if c.source == nil || len(c.source.unread) == 0 {
		return nil
	}
	return c.wrong(c.source.unread[0])
}

func decodeFile(path string, c Config) (Config, error) {
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
	return decodeConfig(c, path, string(text))
}

// parseConfig reads text into c; path is how the user names the file, for errors.
func parseConfig(c Config, path, text string) (Config, error) {
	c, err := decodeConfig(c, path, text)
	if err == nil {
		err = c.unread()
	}
	return c, err
}

// decodeConfig is parseConfig, but for references of scripts that lead nowhere: they stay as
// they are written, and are noted.
func decodeConfig(c Config, path, text string) (Config, error) {
	meta, err := toml.Decode(text, &c)
	var parse toml.ParseError
	if errors.As(err, &parse) {
		return c, fmt.Errorf("%w: %s:%d: %s", ErrConfig, path, parse.Position.Line, parse.Message)
	} else if err != nil {
		return c, wrongType(path, err)
	}
	c.source = &configSource{name: path, at: tomledit.Read(text)}
	for _, key := range meta.Undecoded() {
		if len(key) > 3 && key[0] == "scripts" && key[1] == "config" {
			continue // tables in a list of the script's own count as undecoded, and are there
		}
		return c, c.unknownKey(key)
	}
	if err := c.expand(filepath.Dir(c.Path)); err != nil {
		return c, c.wrong(err)
	}
	if err := c.check(); err != nil {
		return c, c.wrong(err)
	}
	return c, nil
}

// wrong puts the place of its key before an error.
func (c *Config) wrong(err error) error {
	var at *keyError
	place := c.source.name
	if errors.As(err, &at) {
		place = c.source.place(at.key...)
	}
	return fmt.Errorf("%w: %s: %w", ErrConfig, place, err)
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

// knownKeys are the names of all keys of bridgehost.toml, for suggestions.
func knownKeys() []string {
	var names []string
	eachKey(reflect.TypeFor[Config](), nil, func(key []string, _ reflect.StructField) {
		if name := key[len(key)-1]; !slices.Contains(names, name) {
			names = append(names, name)
		}
	})
	return names
}

// eachKey visits the keys that a struct of the configuration has, tables before what stands in them.
// The name in a table of scripts is "*".
func eachKey(t reflect.Type, above []string, visit func(key []string, f reflect.StructField)) {
	for i := range t.NumField() {
		f := t.Field(i)
		name := f.Tag.Get("toml")
		if name == "-" || name == "" {
			continue
		}
		key := append(slices.Clip(above), name)
		visit(key, f)
		switch inner := f.Type; {
		case inner.Kind() == reflect.Struct:
			eachKey(inner, key, visit)
		case inner.Kind() == reflect.Slice && inner.Elem().Kind() == reflect.Struct:
			eachKey(inner.Elem(), key, visit)
		case inner.Kind() == reflect.Map && inner.Elem().Kind() == reflect.Struct:
			eachKey(inner.Elem(), append(slices.Clip(key), "*"), visit)
		}
	}
}

func (c *Config) unknownKey(key toml.Key) error {
	hint := ""
	if s := diag.Suggest(key[len(key)-1], knownKeys()); s != "" {
		hint = fmt.Sprintf("; did you mean %q?", s)
	}
	return fmt.Errorf("%w: %s: unknown key %q%s", ErrConfig, c.source.place(key...), key.String(), hint)
}
