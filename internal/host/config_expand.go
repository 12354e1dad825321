package host

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// expand fills in references and makes paths absolute; base is the file's folder. A reference
// of the host's own that leads nowhere is an error, one of a script is noted.
func (c *Config) expand(base string) error {
	for _, t := range c.texts() {
		v, err := c.text(*t.to, base)
		if err != nil {
			return &keyError{t.key, err}
		}
		*t.to = v
	}
	for _, script := range slices.Sorted(maps.Keys(c.Scripts.Config)) {
		values := c.Scripts.Config[script]
		for _, name := range slices.Sorted(maps.Keys(values)) {
			v, err := c.value(values[name], base)
			if err != nil {
				c.source.unread = append(c.source.unread, &keyError{scriptKey(script, name), err})
			}
			values[name] = v
		}
	}
	for script, dirs := range c.Scripts.DirsOf {
		for name, dir := range dirs {
			dir, err := c.text(dir, base)
			if err != nil {
				return &keyError{[]string{"scripts", "dirs_of", script, name}, err}
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

// scriptKey is where a value of a script stands.
func scriptKey(script string, name ...string) []string {
	return append([]string{"scripts", "config", script}, name...)
}

type textAt struct {
	key []string
	to  *string
}

// texts are all texts of the host's own keys.
func (c *Config) texts() (all []textAt) {
	var walk func(v reflect.Value, above []string)
	walk = func(v reflect.Value, above []string) {
		for i := range v.NumField() {
			name := v.Type().Field(i).Tag.Get("toml")
			if name == "-" || name == "" {
				continue
			}
			key := append(slices.Clip(above), name)
			switch f := v.Field(i); {
			case f.Kind() == reflect.Struct:
				walk(f, key)
			case f.Kind() == reflect.String:
				all = append(all, textAt{key, f.Addr().Interface().(*string)})
			case f.Kind() == reflect.Slice && f.Type().Elem().Kind() == reflect.Struct:
				for i := range f.Len() {
					walk(f.Index(i), key)
				}
			case f.Kind() == reflect.Slice:
				for i := range f.Len() {
					all = append(all, textAt{key, f.Index(i).Addr().Interface().(*string)})
				}
			}
		}
	}
	walk(reflect.ValueOf(c).Elem(), nil)
	return all
}

// value fills in the references in a value of a script. What cannot be filled in stays as it is.
func (c *Config) value(v any, base string) (any, error) {
	var errs []error
	inner := func(v any) any {
		v, err := c.value(v, base)
		errs = append(errs, err)
		return v
	}
	switch v := v.(type) {
	case string:
		text, err := c.text(v, base)
		if err != nil {
			return v, err
		}
		return text, nil
	case []any:
		for i := range v {
			v[i] = inner(v[i])
		}
	case []map[string]any:
		for i := range v {
			inner(v[i])
		}
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			v[k] = inner(v[k])
		}
	}
	return v, errors.Join(errs...)
}

// reference is how a value names what is put in its place.
var reference = regexp.MustCompile(`\$\{(env|file|cred):([^}]*)\}`)

// credentialsVariable names the folder in which systemd puts the credentials of a service.
// Source: systemd.exec(5), LoadCredential=.
const credentialsVariable = "CREDENTIALS_DIRECTORY"

// text fills in the references in a text.
func (c *Config) text(s, base string) (string, error) {
	var failed error
	out := reference.ReplaceAllStringFunc(s, func(ref string) string {
		m := reference.FindStringSubmatch(ref)
		text, err := c.follow(m[1], m[2], base)
		if err != nil && failed == nil {
			failed = fmt.Errorf("%s: %w", ref, err)
		}
		return text
	})
	return out, failed
}

// follow is what a reference stands for. The files that it names are noted, there or not.
func (c *Config) follow(kind, name, base string) (string, error) {
	path := name
	switch kind {
	case "env":
		v, ok := os.LookupEnv(name)
		if !ok {
			return "", errors.New("the environment variable is not set")
		}
		return v, nil
	case "cred":
		dir := os.Getenv(credentialsVariable)
		switch {
		case name == "" || name != filepath.Base(name) || name == "..":
			return "", errors.New("the name of a credential is expected, without a folder")
		case dir == "":
			return "", fmt.Errorf("there are no credentials here ($%s is not set); systemd passes them with LoadCredential=%s:PATH in the unit", credentialsVariable, name)
		}
		path = filepath.Join(dir, name)
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(base, path)
	}
	c.source.files = append(c.source.files, path)
	text, err := readSmall(path)
	return strings.TrimRight(text, "\r\n"), err
}

// maxReference is how long a file may be that a reference puts in.
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
