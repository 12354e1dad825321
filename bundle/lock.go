package bundle

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"bridgehost/capability"
)

// LockFile lies beside bridgehost.toml: what is installed, from where, and what was granted.
const LockFile = "bridges.lock"

const (
	lockVersion = 1
	maxLock     = 1 << 20
)

// Lock is what is installed.
type Lock struct {
	Version int      `toml:"version"`
	Bundles []Locked `toml:"bundle"` // by id and name
}

// Locked is one bundle that is installed.
type Locked struct {
	ID        string   `toml:"id"`
	As        string   `toml:"as,omitempty"` // the script's name, when it is not the last part of the id
	Version   string   `toml:"version"`
	Source    string   `toml:"source"`
	SHA256    string   `toml:"sha256"`
	Publisher string   `toml:"publisher,omitempty"` // the pinned key; "" for a bundle that was not signed
	Granted   []string `toml:"granted"`             // "kv", "net:connect irc.libera.chat:6697"
	Requires  []string `toml:"requires"`            // all that it needs, also by way of others: "org.example.irc-parser@2.1.3"
	Index     string   `toml:"index,omitempty"`     // the key of the index that it came from
	Library   bool     `toml:"library,omitempty"`   // it is there for others to require, and no script
}

// Name is what the script is called on this host.
func (k Locked) Name() string {
	if k.As != "" {
		return k.As
	}
	return moduleOf(k.ID)
}

var (
	hashForm   = regexp.MustCompile(`^[0-9a-f]{64}$`)
	scriptForm = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)
)

// ParseLock reads a lock. Every error is a *Refused: what bridgehost would not have written
// was changed by somebody else.
func ParseLock(text string) (*Lock, error) {
	if len(text) > maxLock {
		return nil, lockError("it has more than %d MB", maxLock>>20)
	}
	for i, line := range strings.Split(text, "\n") {
		if c, hidden := unseen(strings.TrimSuffix(line, "\r")); hidden || len(line) > MaxManifest {
			return nil, lockError("line %d is too long or has a character that is not seen (U+%04X)", i+1, c)
		}
		if key, _, _ := strings.Cut(line, "="); strings.Count(key, ".") > maxDots {
			return nil, lockError("line %d has a key with more than %d dots", i+1, maxDots)
		}
	}
	l := &Lock{}
	meta, err := toml.Decode(text, l)
	var parse toml.ParseError
	switch {
	case errors.As(err, &parse):
		return nil, lockError("line %d: %s", parse.Position.Line, parse.Message)
	case err != nil:
		return nil, lockError("%s", strings.TrimPrefix(err.Error(), "toml: "))
	case l.Version > lockVersion:
		return nil, lockError("it has version %d, made by a newer bridgehost; this one knows %d", l.Version, lockVersion)
	case l.Version != lockVersion:
		return nil, lockError("its version is missing or wrong: %d", l.Version)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return nil, lockError("unknown key '%s'", unknown[0])
	}
	return l, l.check()
}

func lockError(format string, args ...any) error {
	r := refuse(format, args...)
	r.File = LockFile
	return r
}

// check refuses a lock that bridgehost would not have written.
func (l *Lock) check() error {
	hashes, names := map[string]string{}, map[string]string{}
	for _, k := range l.Bundles {
		if err := k.check(); err != nil {
			return err
		}
		name := k.Name()
		if k.Library {
			name = k.full()
		}
		if other, twice := names[name]; twice {
			return lockError("%s and %s are both called %s", other, k.ID, name)
		}
		if hash := hashes[k.full()]; hash != "" && hash != k.SHA256 {
			return lockError("%s stands there with two contents", k.full())
		}
		names[name], hashes[k.full()] = k.ID, k.SHA256
	}
	for _, k := range l.Bundles {
		ids := map[string]bool{}
		for _, need := range k.Requires {
			id, _, _ := strings.Cut(need, "@")
			switch {
			case hashes[need] == "":
				return lockError("%s requires %s, which is not in it", k.ID, need)
			case ids[id]:
				return lockError("%s requires %s twice", k.ID, id)
			}
			ids[id] = true
		}
	}
	return nil
}

func (k Locked) check() error {
	wrong := func(format string, args ...any) error {
		return lockError("%.80q: %s", k.ID, fmt.Sprintf(format, args...))
	}
	if !idForm.MatchString(k.ID) || len(k.ID) > 255 {
		return wrong("no id of a bundle")
	}
	if _, err := ParseVersion(k.Version); err != nil {
		return wrong("%v", err)
	}
	switch {
	case k.As != "" && !scriptForm.MatchString(k.As):
		return wrong("%q is no name of a script", k.As)
	case k.Library && (k.As != "" || len(k.Requires) > 0):
		return wrong("a library has no name of a script, and requires nothing by itself")
	case k.Source == "":
		return wrong("its source is missing")
	case !hashForm.MatchString(k.SHA256):
		return wrong("its sha256 is not of 64 digits and small letters a to f")
	}
	for _, key := range []string{k.Publisher, k.Index} {
		if _, err := ParsePublicKey(key); err != nil && key != "" {
			return wrong("%v", err)
		}
	}
	for i, granted := range k.Granted {
		name, _, _ := strings.Cut(granted, " ")
		if !capability.Known(name) {
			return wrong("there is no permission %q", name)
		}
		if i > 0 && granted <= k.Granted[i-1] {
			return wrong("what is granted is not in order, or stands twice: %q", granted)
		}
	}
	for _, need := range k.Requires {
		id, version, _ := strings.Cut(need, "@")
		if _, err := ParseVersion(version); err != nil || !idForm.MatchString(id) {
			return wrong("%q is no requirement like org.example.parser@2.1.3", need)
		}
	}
	return nil
}

// Text is the lock as it is written: equal content gives equal bytes.
func (l *Lock) Text() (string, error) {
	sorted := Lock{Version: lockVersion, Bundles: slices.Clone(l.Bundles)}
	slices.SortFunc(sorted.Bundles, func(a, b Locked) int {
		return strings.Compare(a.place(), b.place())
	})
	for i := range sorted.Bundles {
		k := &sorted.Bundles[i]
		k.Granted, k.Requires = ordered(k.Granted), ordered(k.Requires)
	}
	if err := sorted.check(); err != nil {
		return "", err
	}
	var out bytes.Buffer
	out.WriteString("# written by bridgehost, meant to be committed\n")
	e := toml.NewEncoder(&out)
	e.Indent = ""
	err := e.Encode(sorted)
	return out.String(), err
}

// ordered is the list sorted, each once, and never nil.
func ordered(list []string) []string {
	return slices.Compact(append([]string{}, slices.Sorted(slices.Values(list))...))
}

// Asked lists what a manifest asks for, in the form in which a lock has it: without
// optional permissions, and with scopes as they are written (${config.server}).
func (m *Manifest) Asked() []string { return asked(m.Permissions) }

// AskedOptional lists the optional permissions in the same form.
func (m *Manifest) AskedOptional() []string { return asked(m.Optional) }

func asked(permissions map[string]any) []string {
	list := []string{}
	for _, name := range slices.Sorted(maps.Keys(permissions)) {
		table, _ := permissions[name].(map[string]any)
		scoped := false
		for _, key := range slices.Sorted(maps.Keys(table)) {
			if key == "why" {
				continue
			}
			values, isList := table[key].([]any)
			if !isList {
				values = []any{table[key]}
			}
			for _, v := range values {
				list, scoped = append(list, fmt.Sprintf("%s %v", name, v)), true
			}
		}
		if !scoped {
			list = append(list, name)
		}
	}
	return ordered(list)
}
