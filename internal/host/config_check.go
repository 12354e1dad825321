package host

import (
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"bridgehost/bundle"
)

// localpart is what may stand in a user id. Source: the identifier grammar.
var localpart = regexp.MustCompile(`^[a-z0-9._=/+-]+$`)

// durabilities are what storage.durability may be.
var durabilities = []string{"full", "normal"}

// check tells of the first value that cannot be right.
func (c *Config) check() error {
	bad := func(key, what string, got any) error {
		return &keyError{strings.Split(key, "."), fmt.Errorf("%s is expected, got %q", what, got)}
	}
	u, err := url.Parse(c.Homeserver.URL)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return bad("homeserver.url", "an address such as https://matrix.example.org", c.Homeserver.URL)
	case c.Homeserver.Name == "" || strings.ContainsAny(c.Homeserver.Name, "/@ "):
		return bad("homeserver.name", "what stands after the colon in user ids (example.org)", c.Homeserver.Name)
	case c.Homeserver.Retries < 0:
		return bad("homeserver.retries", "a number from 0 on", fmt.Sprint(c.Homeserver.Retries))
	case !localpart.MatchString(c.Appservice.Prefix):
		return bad("appservice.prefix", "a beginning of user names that sets the bridges' users apart, of a-z 0-9 . _ = / + -", c.Appservice.Prefix)
	case !slices.Contains(durabilities, c.Storage.Durability):
		return bad("storage.durability", `"full" or "normal"`, c.Storage.Durability)
	}
	for _, l := range []struct {
		key, address string
		off          bool // "" turns it off
	}{{"appservice.listen", c.Appservice.Listen, false}, {"http.listen", c.HTTP.Listen, true}, {"admin.listen", c.Admin.Listen, true}} {
		if _, _, err := net.SplitHostPort(l.address); err != nil && !(l.off && l.address == "") {
			return bad(l.key, "an address with a port (127.0.0.1:29333)", l.address)
		}
	}
	if c.Scripts.Update != "" && c.Scripts.Update != "auto" {
		return bad("scripts.update", `"auto" or nothing`, c.Scripts.Update)
	}
	for _, x := range c.Index {
		if _, err := webAddress(x.URL); err != nil {
			return fmt.Errorf("[[index]] url: %w", err)
		}
		if _, err := bundle.ParsePublicKey(x.Key); err != nil {
			return fmt.Errorf("[[index]] %s: key: %w", x.URL, err)
		}
	}
	for _, a := range c.Scripts.Admins {
		if !strings.HasPrefix(a, "@") || !strings.Contains(a, ":") {
			return bad("scripts.admins", "a user id", a)
		}
	}
	if err := c.Scripts.Limits.check("scripts.limits"); err != nil {
		return err
	}
	for name, l := range c.Scripts.LimitsOf {
		if err := l.check("scripts.limits_of." + name); err != nil {
			return err
		}
	}
	for script, dirs := range c.Scripts.DirsOf {
		for name, dir := range dirs {
			for _, own := range []string{c.Data, c.Scripts.Dir, c.Appservice.Registration, c.Path} {
				folder := own == c.Data || own == c.Scripts.Dir
				if own != "" && (within(dir, own) || folder && within(own, dir)) {
					return bad("scripts.dirs_of."+script+"."+name, "a directory without the host's own files ("+own+")", dir)
				}
			}
		}
	}
	return nil
}

// within tells whether a path is dir, or in it.
func within(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}

// check refuses numbers below 0. Spans and sizes are checked where they are read.
func (l LimitsConfig) check(table string) error {
	for _, n := range []struct {
		key   string
		value int
	}{
		{"max_concurrent_handlers", l.Handlers}, {"connections", l.Connections}, {"call_depth", l.CallDepth},
		{"timers", l.Timers}, {"queue", l.Queue}, {"open_files", l.OpenFiles},
	} {
		if n.value < 0 {
			return &keyError{append(strings.Split(table, "."), n.key), fmt.Errorf("a number from 1 on is expected, got %d", n.value)}
		}
	}
	return nil
}
