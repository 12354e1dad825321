package host

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"bridgehost/appservice"
	"bridgehost/engine"
)

// ShownConfig is what a bridgehost.toml says, and where.
type ShownConfig struct {
	File    string        `json:"file"`
	Keys    []ShownKey    `json:"keys,omitempty"`
	Scripts []ShownScript `json:"scripts,omitempty"`
	Notes   []string      `json:"notes,omitempty"`
}

// ShownScript is the configuration of one script.
type ShownScript struct {
	Script string     `json:"script"`
	Schema string     `json:"schema,omitempty"` // where it stands; "" when it is not known
	Note   string     `json:"note,omitempty"`
	Keys   []ShownKey `json:"keys"`
}

// ShownKey is one key. The value of a secret is never in it.
type ShownKey struct {
	Key        string   `json:"key"`
	Value      any      `json:"value,omitempty"`
	Secret     bool     `json:"secret,omitempty"`
	Characters int      `json:"characters,omitempty"` // of a secret that is set
	From       string   `json:"from"`                 // "default", "file", "nothing"
	Place      string   `json:"place,omitempty"`      // "bridgehost.toml:21"
	References []string `json:"references,omitempty"` // "${env:NAME}"
	Problem    string   `json:"problem,omitempty"`
}

// Where a value came from.
const (
	fromDefault = "default"
	fromFile    = "file"
	fromNothing = "nothing" // it is not set, and has no default
)

// ShowConfig tells every key of the configuration at path with its value and where it came
// from; of one script only its own when script is not "".
func ShowConfig(path, script string) (ShownConfig, error) {
	c, err := decodeFile(path, DefaultConfig())
	var wrong *keyError
	if err != nil && (c.source == nil || !errors.As(err, &wrong)) {
		return ShownConfig{}, err
	}
	return c.show(script, wrong)
}

// show is ShowConfig of what was read; wrong is what its check has found.
func (c *Config) show(script string, wrong *keyError) (ShownConfig, error) {
	shown := ShownConfig{File: c.Path}
	if script == "" {
		shown.Keys = c.showSettings(wrong)
	}
	names := slices.Collect(maps.Keys(c.Scripts.Config))
	scripts, err := c.scripts()
	if err != nil {
		shown.Notes = append(shown.Notes, err.Error())
	}
	for _, f := range scripts {
		names = append(names, f.name)
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if script == "" || name == script {
			shown.Scripts = append(shown.Scripts, c.showScript(name))
		}
	}
	if script != "" && len(shown.Scripts) == 0 {
		_, err := c.named(script)
		return shown, err
	}
	return shown, nil
}

// showSettings are the host's own keys, and the registration's tokens.
func (c *Config) showSettings(wrong *keyError) (list []ShownKey) {
	limits := engine.DefaultLimits()
	byLimit := map[string]any{"cpu": limits.CPU, "handler": limits.Handler, "memory": Size(limits.Memory), "string": Size(limits.String),
		"max_concurrent_handlers": limits.Handlers, "connections": limits.Connections, "call_depth": limits.CallDepth, "timers": limits.Timers,
		"queue": limits.Queue, "open_files": limits.OpenFiles}
	for _, s := range c.settings() {
		k := ShownKey{Key: s.name(), Value: visible(s.value), From: fromDefault}
		if !c.isSet(s.key) && len(s.key) == 3 && s.key[1] == "limits" {
			k.Value = visible(byLimit[s.key[2]])
		}
		c.origin(&k, s.key)
		if wrong != nil && slices.Equal(wrong.key, s.key) {
			k.Problem = wrong.err.Error()
		}
		if k.From == fromDefault && k.Value == "" {
			k.From = fromNothing
		}
		list = append(list, k)
		if strings.Join(s.key, ".") != "appservice.registration" {
			continue
		}
		if reg, _, err := appservice.ReadRegistration(c.Appservice.Registration); err == nil {
			for _, token := range []struct{ name, value string }{{"as_token", reg.ASToken}, {"hs_token", reg.HSToken}} {
				list = append(list, ShownKey{Key: s.name() + " " + token.name, Secret: true, Characters: utf8.RuneCountInString(token.value),
					From: fromFile, Place: filepath.Base(c.Appservice.Registration)})
			}
		}
	}
	return list
}

func (c *Config) isSet(key []string) bool { return c.source.at.Has(key...) }

// origin tells where a key stands and what it refers to.
func (c *Config) origin(k *ShownKey, key []string) {
	if !c.isSet(key) {
		return
	}
	k.From, k.Place = fromFile, c.source.place(key...)
	k.References = reference.FindAllString(c.source.at.Under(key...), -1)
}

// showScript is what stands there for a script, with what it asks for.
func (c *Config) showScript(name string) ShownScript {
	values := c.Scripts.Config[name]
	shown := ShownScript{Script: name, Keys: []ShownKey{}}
	f, there := c.scriptOf(name)
	var asked askedFor
	if there {
		asked = askedBy(f)
	}
	keys := slices.Sorted(maps.Keys(values))
	switch {
	case !there:
		shown.Note = "there is no script of that name"
	case asked.none && len(keys) > 0:
		shown.Note = "the script takes no configuration"
	case asked.none:
	case !asked.known:
		shown.Note = "what the script asks for is not known (" + asked.from + "); values are not checked"
	default:
		shown.Schema = asked.from
		keys = nil
		for _, k := range asked.Keys() {
			keys = append(keys, k.Name)
		}
		for key := range values {
			if !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
		}
		slices.Sort(keys)
	}
	problems := c.problemsOf(name, asked)
	for _, key := range keys {
		k := ShownKey{Key: key, From: fromNothing, Problem: problems[key].text}
		c.origin(&k, scriptKey(name, key))
		of, known := asked.Key(key)
		v, set := values[key]
		k.Secret = of.Secret || hidden(key, v, asked.known && known, k.References)
		switch {
		case set && k.Secret:
			k.Characters = characters(v)
		case set:
			k.Value = visible(v)
		case known && of.Default != nil && of.Secret:
			k.From = fromDefault
		case known && of.Default != nil:
			k.From, k.Value = fromDefault, visible(of.Default)
		}
		if problems[key].unread {
			k.Characters, k.Value = 0, nil
		}
		shown.Keys = append(shown.Keys, k)
	}
	return shown
}

// secretWord is in the names of keys whose values are better not shown.
var secretWord = regexp.MustCompile(`(?i)pass|secret|token|credential|private|_key$|^key$`)

// hidden tells whether a value is not shown though no schema says that it is a secret.
func hidden(key string, v any, known bool, references []string) bool {
	for _, ref := range references {
		if !known || strings.HasPrefix(ref, "${cred:") {
			return true
		}
	}
	if table, ok := v.(map[string]any); ok {
		for name, inner := range table {
			if hidden(name, inner, known, nil) {
				return true
			}
		}
	}
	return !known && secretWord.MatchString(key)
}

// characters is how long a secret is.
func characters(v any) int {
	switch v := v.(type) {
	case string:
		return utf8.RuneCountInString(v)
	case []any:
		n := 0
		for _, item := range v {
			n += characters(item)
		}
		return n
	case map[string]any:
		n := 0
		for _, item := range v {
			n += characters(item)
		}
		return n
	}
	return len(fmt.Sprint(v))
}

// visible is a value as the file has it; a password in an address is left out.
func visible(v any) any {
	switch v := v.(type) {
	case Duration:
		return visible(time.Duration(v))
	case time.Duration:
		text := v.String()
		if strings.HasSuffix(text, "m0s") {
			text = strings.TrimSuffix(text, "0s")
		}
		return text
	case Size:
		for _, unit := range []struct {
			name string
			size Size
		}{{"GB", 1 << 30}, {"MB", 1 << 20}, {"KB", 1 << 10}} {
			if v >= unit.size && v%unit.size == 0 {
				return fmt.Sprintf("%d%s", v/unit.size, unit.name)
			}
		}
		return fmt.Sprintf("%dB", v)
	case string:
		if u, err := url.Parse(v); err == nil && u.User != nil {
			return u.Redacted()
		}
		return v
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = visible(item)
		}
		return list
	case map[string]any:
		m := make(map[string]any, len(v))
		for key, item := range v {
			m[key] = visible(item)
		}
		return m
	}
	if r := reflect.ValueOf(v); r.Kind() == reflect.Slice {
		list := make([]any, r.Len())
		for i := range list {
			list[i] = visible(r.Index(i).Interface())
		}
		return list
	}
	return v
}
