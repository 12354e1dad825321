package appservice

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// ErrExists is wrapped when Write would replace a file.
var ErrExists = errors.New("the file exists already")

// Warning is something about a registration file that its owner should change,
// though it can be used as it is.
type Warning string

// ReadRegistration reads a registration file. Unknown keys are kept; what is
// missing or wrong makes an error that names the file and the key.
func ReadRegistration(path string) (*Registration, []Warning, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("read registration: %w", err)
	}
	r, err := parseRegistration(data)
	if err != nil {
		return nil, nil, fmt.Errorf("registration %s: %w", path, err)
	}
	var warn []Warning
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o004 != 0 {
		warn = append(warn, Warning(fmt.Sprintf("registration file %s is readable by everybody: chmod 640 %s", path, path)))
	}
	if r.RateLimited {
		warn = append(warn, Warning(fmt.Sprintf("registration file %s: rate_limited is true, so the homeserver will slow our users down", path)))
	}
	return r, warn, nil
}

func parseRegistration(data []byte) (*Registration, error) {
	var keys map[string]any
	if err := yaml.Unmarshal(data, &keys); err != nil {
		return nil, yamlError(err)
	}
	for _, k := range []string{"id", "url", "as_token", "hs_token", "sender_localpart", "namespaces"} {
		if _, ok := keys[k]; !ok {
			return nil, fmt.Errorf("the key %s is missing", k)
		}
	}
	r := &Registration{}
	if err := yaml.Unmarshal(data, r); err != nil {
		return nil, yamlError(err)
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	return r, nil
}

// yamlError drops the library's prefix and its line breaks.
func yamlError(err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	return errors.New("not readable as YAML: " + strings.Join(strings.Fields(text), " "))
}

func (r *Registration) check() error {
	for _, k := range []struct{ name, value string }{
		{"id", r.ID}, {"as_token", r.ASToken}, {"hs_token", r.HSToken}, {"sender_localpart", r.SenderLocalpart},
	} {
		if strings.TrimSpace(k.value) == "" {
			return fmt.Errorf("the key %s is empty", k.name)
		}
	}
	if r.ASToken == r.HSToken {
		return errors.New("as_token and hs_token must differ")
	}
	if strings.ContainsAny(r.SenderLocalpart, "@:") {
		return fmt.Errorf("sender_localpart %q must be a localpart, without @ and server", r.SenderLocalpart)
	}
	if r.URL != nil && *r.URL != "" {
		u, err := url.Parse(*r.URL)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			return fmt.Errorf("url %q is not an http or https address (null when nothing is to be pushed)", *r.URL)
		}
	}
	for _, kind := range []struct {
		name string
		list []Namespace
	}{{"users", r.Namespaces.Users}, {"aliases", r.Namespaces.Aliases}, {"rooms", r.Namespaces.Rooms}} {
		for i, n := range kind.list {
			if _, err := regexp.Compile("^(?:" + n.Regex + ")"); err != nil || n.Regex == "" {
				return fmt.Errorf("namespaces.%s[%d].regex %q is not a regular expression", kind.name, i, n.Regex)
			}
		}
	}
	return nil
}

// Write writes the registration with mode 0600, whole or not at all. Without
// force an existing file makes an error that wraps ErrExists.
func (r *Registration) Write(path string, force bool) error {
	data, err := yaml.Marshal(r)
	if err != nil {
		return fmt.Errorf("write registration %s: %w", path, err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".registration-*")
	if err != nil {
		return fmt.Errorf("write registration: %w", err)
	}
	defer os.Remove(tmp.Name())
	err = errors.Join(writeAll(tmp, data), tmp.Close())
	if err != nil {
		return fmt.Errorf("write registration %s: %w", path, err)
	}
	if force {
		err = os.Rename(tmp.Name(), path)
	} else if err = os.Link(tmp.Name(), path); errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("write registration %s: %w", path, ErrExists)
	}
	if err != nil {
		return fmt.Errorf("write registration %s: %w", path, err)
	}
	return nil
}

func writeAll(f *os.File, data []byte) error {
	if err := f.Chmod(0o600); err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Sync()
}

// Show is the file's text with the tokens hidden ("set, 64 characters").
func (r *Registration) Show() string {
	shown := Registration{
		ID: r.ID, URL: r.URL, ASToken: hidden(r.ASToken), HSToken: hidden(r.HSToken), SenderLocalpart: r.SenderLocalpart,
		Namespaces: r.Namespaces, RateLimited: r.RateLimited, PushEphemeral: r.PushEphemeral,
		ReceiveEphemeral: r.ReceiveEphemeral, MSC3202: r.MSC3202, Protocols: r.Protocols,
	}
	text, err := yaml.Marshal(&shown)
	if err != nil {
		return fmt.Sprintf("# cannot be shown: %v\n", err)
	}
	return string(text)
}

func hidden(token string) string {
	if token == "" {
		return "not set"
	}
	return fmt.Sprintf("set, %d characters", len(token))
}
