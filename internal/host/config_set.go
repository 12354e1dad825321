package host

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/BurntSushi/toml"

	"bridgehost/diag"
	"bridgehost/internal/tomledit"
)

// SetOptions are what `config set` was told.
type SetOptions struct {
	Path   string // of bridgehost.toml
	Key    string // homeserver.url, or SCRIPT.KEY
	Value  string
	Given  bool                                               // Value stood on the command line
	Ask    func(question string, secret bool) (string, error) // for what was not given
	Read   func(source string) (string, error)                // "@-" and "@FILE"
	DryRun bool
}

// SetDone is what `config set` did.
type SetDone struct {
	Key    string `json:"key"`
	Place  string `json:"place"`
	Before string `json:"before,omitempty"` // as it was written; a secret is not shown
	After  string `json:"after"`
	Effect string `json:"effect"` // when it is taken in
	Still  string `json:"still_wrong,omitempty"`
	Note   string `json:"note,omitempty"`
	DryRun bool   `json:"dry_run,omitempty"`
}

// Text tells it.
func (d SetDone) Text() string {
	var b strings.Builder
	if d.DryRun {
		fmt.Fprintf(&b, "%s\n", d.Place)
		if d.Before != "" {
			fmt.Fprintf(&b, "- %s = %s\n", d.Key, d.Before)
		}
		fmt.Fprintf(&b, "+ %s = %s\n", d.Key, d.After)
	} else {
		fmt.Fprintf(&b, "%s: %s = %s\n%s\n", d.Place, d.Key, d.After, d.Effect)
	}
	if d.Note != "" {
		fmt.Fprintf(&b, "note: %s\n", d.Note)
	}
	if d.Still != "" {
		fmt.Fprintf(&b, "still wrong: %s\n", d.Still)
	}
	return b.String()
}

// target is one key that is set.
type target struct {
	key    []string
	script string // whose it is; "" for the host's own
	typ    string // as a schema names it
	of     string // of a list
	secret bool
	asked  askedFor
}

// SetConfig sets one key in the file, when what comes of it is valid. All else in the file
// stays as it is written.
func SetConfig(o SetOptions) (SetDone, error) {
	text, err := os.ReadFile(o.Path)
	if errors.Is(err, os.ErrNotExist) {
		return SetDone{}, fmt.Errorf("%w: there is no %s; make one: bridgehost setup", ErrConfig, o.Path)
	} else if err != nil {
		return SetDone{}, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	abs, err := filepath.Abs(o.Path)
	if err != nil {
		return SetDone{}, err
	}
	c, before := decodeConfig(DefaultConfig().at(abs), o.Path, string(text))
	if c.source == nil { // it is no TOML: whatever is put into it, nobody knows where it lands
		return SetDone{}, before
	}
	t, err := c.target(o.Key)
	if err != nil {
		return SetDone{}, err
	}
	value, err := o.value(t)
	if err != nil {
		return SetDone{}, err
	}
	next, err := c.source.at.Set(value, t.key...)
	if err != nil {
		return SetDone{}, fmt.Errorf("%w: %s: %w; change it there by hand", ErrConfig, c.source.place(t.key...), err)
	}
	changed, wrong := decodeConfig(DefaultConfig().at(abs), o.Path, next)
	done := SetDone{Key: tomledit.Key(t.key...), After: t.shown(value), DryRun: o.DryRun, Effect: changed.effect(t)}
	if wrong = changed.refuses(t, wrong, before); wrong != nil {
		return done, fmt.Errorf("%w\nNothing was written", wrong)
	}
	if _, still := parseConfig(DefaultConfig().at(abs), o.Path, next); still != nil {
		done.Still = strings.TrimPrefix(still.Error(), ErrConfig.Error()+": ")
	}
	done.Place = changed.source.place(t.key...)
	if old, ok := c.source.at.Value(t.key...); ok {
		done.Before = t.shown(old)
	}
	if t.secret && !onlyReference.MatchString(strings.Trim(value, `"`)) {
		done.Note = c.seen()
	}
	if o.DryRun {
		return done, nil
	}
	return done, rewriteFile(o.Path, next)
}

// target finds what a person means by a key.
func (c *Config) target(name string) (target, error) {
	key, err := splitKey(name)
	if err != nil {
		return target{}, err
	}
	if t, ok := hostTarget(key); ok {
		return t, nil
	}
	if len(key) > 3 && key[0] == "scripts" && key[1] == "config" {
		key = key[2:]
	}
	f, there := c.scriptOf(key[0])
	if len(key) < 2 || !there {
		return target{}, c.noTarget(name, key)
	}
	t := target{key: scriptKey(f.name, key[1:]...), script: f.name, typ: "any", asked: askedBy(f)}
	switch k, ok := t.asked.Key(key[1]); {
	case t.asked.none:
		return t, wrongUse("%s takes no configuration: it does not call bridge.config", f.name)
	case !t.asked.known:
		t.secret = hidden(key[len(key)-1], nil, false, nil)
	case !ok:
		var names []string
		for _, k := range t.asked.Keys() {
			names = append(names, k.Name)
		}
		hint := "it has " + strings.Join(names, ", ")
		if s := diag.Suggest(key[1], names); s != "" {
			hint = fmt.Sprintf("did you mean %q?", f.name+"."+s)
		}
		return t, wrongUse("%s has no key %q; %s", f.name, key[1], hint)
	default:
		t.typ, t.of, t.secret = k.Type, k.Of, k.Secret
		if len(key) > 2 {
			t.typ = k.Of
		}
	}
	return t, nil
}

// splitKey reads a dotted key as TOML has it.
func splitKey(name string) ([]string, error) {
	var v map[string]any
	meta, err := toml.Decode(name+" = 0", &v)
	if err != nil || len(meta.Keys()) == 0 || strings.ContainsAny(name, "\n#") {
		return nil, wrongUse("%q is no key; write for example homeserver.url, or SCRIPT.KEY", name)
	}
	keys := meta.Keys()
	return keys[len(keys)-1], nil
}

// hostTarget finds one of the host's own keys.
func hostTarget(key []string) (t target, ok bool) {
	eachKey(reflect.TypeFor[Config](), nil, func(known []string, f reflect.StructField) {
		dirs := len(known) == 2 && known[1] == "dirs_of" && len(key) == 4
		if dirs {
			known = append(slices.Clip(known), "*", "*")
		}
		same := len(known) == len(key)
		for i := range known {
			same = same && (known[i] == key[i] || known[i] == "*")
		}
		if !same || !dirs && (f.Type.Kind() == reflect.Map || f.Type.Kind() == reflect.Struct) {
			return
		}
		t, ok = target{key: key, typ: "string"}, true
		switch f.Type.Kind() {
		case reflect.Bool:
			t.typ = "boolean"
		case reflect.Int:
			t.typ = "integer"
		case reflect.Slice:
			t.typ, t.of = "list", "string"
		}
	})
	return t, ok
}

// noTarget says that there is no such key, and what was probably meant.
func (c *Config) noTarget(name string, key []string) error {
	var known []string
	eachKey(reflect.TypeFor[Config](), nil, func(key []string, f reflect.StructField) {
		if f.Type.Kind() != reflect.Struct && f.Type.Kind() != reflect.Map && !slices.Contains(key, "*") {
			known = append(known, tomledit.Key(key...))
		}
	})
	scripts, _ := c.scripts()
	for _, f := range scripts {
		known = append(known, tomledit.Key(append([]string{f.name}, key[1:]...)...))
	}
	hint := "config show lists all keys"
	if s := diag.Suggest(name, known); s != "" {
		hint = fmt.Sprintf("did you mean %q?", s)
	}
	return wrongUse("there is no key %q, and no script %q in %s; %s", name, key[0], c.Scripts.Dir, hint)
}

// value is what was given, as TOML. The secret itself does not stand on a command line: others see that.
func (o SetOptions) value(t target) (string, error) {
	text := o.Value
	var err error
	switch {
	case !o.Given:
		text, err = o.Ask(tomledit.Key(t.key...), t.secret)
	case text == "@-", t.secret && strings.HasPrefix(text, "@"):
		text, err = o.Read(text)
	case t.secret && !onlyReference.MatchString(text):
		err = wrongUse("%s is a secret, and a command line is seen by others: leave the value out and you are asked, or give @FILE, @- (standard input), or a reference such as '${file:PATH}'",
			tomledit.Key(t.key...))
	}
	if err != nil {
		return "", err
	}
	return asTOMLValue(text, t.typ, t.of), nil
}

var onlyReference = regexp.MustCompile(`^\$\{(env|file|cred):[^}]*\}$`)

// asTOMLValue writes what a person typed for a key of that type. What does not fit is found
// when it is read.
func asTOMLValue(text, typ, of string) string {
	trimmed := strings.TrimSpace(text)
	switch typ {
	case "integer", "number", "boolean":
		if isValue(trimmed) {
			return trimmed
		}
	case "duration":
		if _, err := strconv.ParseFloat(trimmed, 64); err == nil {
			return trimmed
		}
	case "list":
		if strings.HasPrefix(trimmed, "[") && isValue(trimmed) {
			return trimmed
		}
		var items []string
		for item := range strings.SplitSeq(trimmed, ",") {
			if item = strings.TrimSpace(item); item != "" {
				items = append(items, asTOMLValue(item, of, ""))
			}
		}
		return "[" + strings.Join(items, ", ") + "]"
	case "map":
		if strings.HasPrefix(trimmed, "{") && isValue(trimmed) {
			return trimmed
		}
	case "any":
		if isValue(trimmed) {
			return trimmed
		}
	}
	return tomledit.Text(text)
}

// isValue tells whether text is one value of TOML.
func isValue(text string) bool {
	var v map[string]any
	_, err := toml.Decode("v = "+text, &v)
	return err == nil && len(v) == 1 && !strings.ContainsAny(text, "#\n")
}

func (t target) shown(value string) string {
	if !t.secret || onlyReference.MatchString(strings.Trim(value, `"'`)) {
		return value
	}
	return fmt.Sprintf("(set, %d characters)", len([]rune(strings.Trim(value, `"'`))))
}

// refuses is why the changed configuration is not to be written; before is what was wrong
// without the change. Mistakes in other keys are no reason to leave this one as it is.
func (c *Config) refuses(t target, wrong, before error) error {
	var at *keyError
	if wrong != nil && (before == nil || c.source == nil || !errors.As(wrong, &at) || slices.Equal(at.key, t.key)) {
		return wrong
	}
	if t.script == "" {
		return nil
	}
	p, wrongValue := c.problemsOf(t.script, t.asked)[t.key[3]]
	if wrongValue && !p.missing {
		return fmt.Errorf("%w: %s: %s: %s", ErrConfig, c.source.place(t.key...), tomledit.Key(t.key...), p.text)
	}
	return nil
}

// effect says when a key is taken in.
func (c *Config) effect(t target) string {
	switch {
	case t.script == "":
		return "It takes effect at the next start of bridgehost run."
	case c.Scripts.Watch:
		return "A running bridgehost takes it in by itself."
	}
	return "A running bridgehost takes it in with: bridgehost reload " + t.script
}

// rewriteFile writes a file anew in one step; its mode and owner stay.
func rewriteFile(path, text string) error {
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(target)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(target), ".bridgehost-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Chmod(info.Mode().Perm()))
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && int(owner.Uid) != os.Geteuid() {
		err = errors.Join(err, f.Chown(int(owner.Uid), int(owner.Gid)))
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", target, err)
	}
	return os.Rename(f.Name(), target)
}

// ReadValue reads what "@-" (in) or "@FILE" stands for; the end of its last line is none of it.
func ReadValue(source string, in io.Reader) (string, error) {
	var text []byte
	var err error
	if name := strings.TrimPrefix(source, "@"); name == "-" {
		text, err = io.ReadAll(io.LimitReader(in, maxReference+1))
	} else {
		var read string
		read, err = readSmall(name)
		text = []byte(read)
	}
	if err == nil && len(text) > maxReference {
		err = fmt.Errorf("%s: it has more than %d bytes", source, maxReference)
	}
	return strings.TrimRight(string(text), "\r\n"), err
}
