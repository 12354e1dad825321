package host

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"

	"bridgehost/bundle"
	"bridgehost/internal/tomledit"
)

// configKey is one key of a manifest's [config].
type configKey struct {
	name, kind, example, help string
	required, hasDefault      bool
}

func configKeys(m *bundle.Manifest) (list []configKey) {
	for _, name := range slices.Sorted(maps.Keys(m.Config)) {
		about, _ := m.Config[name].(map[string]any)
		k := configKey{name: name}
		k.kind, _ = about["type"].(string)
		k.example, _ = about["example"].(string)
		k.help, _ = about["help"].(string)
		k.required, _ = about["required"].(bool)
		k.hasDefault = about["default"] != nil
		list = append(list, k)
	}
	return list
}

// missing are the keys that must have a value and have none.
func (p *plan) missing() (list []configKey) {
	for _, k := range configKeys(p.main.b.Manifest) {
		if _, set := p.values[k.name]; !set && k.required && !k.hasDefault {
			list = append(list, k)
		}
	}
	return list
}

// configure takes the values that were given, and asks for those that are missing.
func (in *installer) configure(p *plan, r *InstallReport) error {
	p.values, p.fresh = maps.Clone(p.values), map[string]any{}
	if p.values == nil {
		p.values = map[string]any{}
	}
	known := map[string]configKey{}
	for _, k := range configKeys(p.main.b.Manifest) {
		known[k.name] = k
	}
	for _, text := range in.Set {
		name, value, ok := strings.Cut(text, "=")
		k, there := known[name]
		switch {
		case !ok:
			return wrongUse("--set %s: KEY=VALUE is expected", text)
		case !there:
			return wrongUse("--set %s: the bundle has no such key in its configuration; there are %s", name, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		case k.kind == "secret" && !reference.MatchString(value):
			return wrongUse("--set %s: a secret on the command line is seen by others; give ${env:NAME} or ${file:PATH}", name)
		}
		v, err := k.parse(value)
		if err != nil {
			return wrongUse("--set %s: %v", name, err)
		}
		p.values[name], p.fresh[name] = v, v
	}
	missing := p.missing()
	wide := 0
	for _, k := range missing {
		wide = max(wide, len(k.name))
	}
	for _, k := range missing {
		if in.Talk == nil {
			return wrongUse("%s needs a value for %s; give it: --set %s=%s", p.name, k.name, k.name, shellWord(or(k.example, "VALUE")))
		}
		v, err := in.askValue(k, wide)
		if err != nil {
			return err
		}
		p.values[k.name], p.fresh[k.name] = v, v
	}
	r.Missing = nil
	return nil
}

func or(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

func (in *installer) askValue(k configKey, wide int) (any, error) {
	question := fmt.Sprintf("%-*s : ", wide, k.name)
	if k.example != "" && k.kind != "secret" {
		question = fmt.Sprintf("%-*s (%s): ", wide, k.name, k.example)
	}
	if k.help != "" {
		fmt.Fprintln(in.Talk.Ask, oneLine(k.help))
	}
	ask := in.Talk.Line
	if k.kind == "secret" {
		ask = in.Talk.Secret
	}
	for {
		text, err := ask(question)
		if err != nil {
			return nil, err
		}
		if text = strings.TrimSpace(text); text == "" && k.kind != "secret" {
			text = k.example
		}
		if text == "" {
			continue
		}
		v, err := k.parse(text)
		if err == nil {
			return v, nil
		}
		fmt.Fprintf(in.Talk.Ask, "  ✗ %v\n", err)
	}
}

// parse reads a value as its type wants it. The script checks it in full when it loads.
func (k configKey) parse(text string) (any, error) {
	switch k.kind {
	case "integer":
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("a whole number is expected, got %q", text)
		}
		return n, nil
	case "number":
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("a number is expected, got %q", text)
		}
		return n, nil
	case "boolean":
		switch strings.ToLower(text) {
		case "true", "yes", "y":
			return true, nil
		case "false", "no", "n":
			return false, nil
		}
		return nil, fmt.Errorf("true or false is expected, got %q", text)
	case "list":
		list := []any{}
		for one := range strings.SplitSeq(text, ",") {
			if one = strings.TrimSpace(one); one != "" {
				list = append(list, one)
			}
		}
		return list, nil
	case "map":
		return nil, fmt.Errorf("a table is written into bridgehost.toml by hand")
	}
	return text, nil
}

// setValues writes the new values into bridgehost.toml, under [scripts.config.NAME]. All else in
// the file stays as it is.
func (in *installer) setValues(p *plan) error {
	if len(p.fresh) == 0 {
		return nil
	}
	path := in.cfg.Path
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	text, err := withValues(string(old), p.name, p.fresh)
	if err != nil {
		return err
	}
	written, err := parseConfig(DefaultConfig().at(path), path, text)
	if err != nil || !maps.EqualFunc(p.values, written.Scripts.Config[p.name], func(a, b any) bool { return true }) {
		return fmt.Errorf("%s is written in a way that bridgehost does not change by itself; set under [scripts.config.%s] what is missing, and try again: %s",
			path, p.name, strings.Join(slices.Sorted(maps.Keys(p.fresh)), ", "))
	}
	return replaceFile(path, []byte(text), info.Mode().Perm())
}

// withValues puts keys into the table [scripts.config.NAME] of a TOML text.
func withValues(text, name string, values map[string]any) (string, error) {
	for _, key := range slices.Sorted(maps.Keys(values)) {
		var b strings.Builder
		if err := toml.NewEncoder(&b).Encode(map[string]any{"v": values[key]}); err != nil {
			return "", err
		}
		var err error
		if text, err = tomledit.Read(text).Set(strings.TrimSpace(strings.TrimPrefix(b.String(), "v = ")), "scripts", "config", name, key); err != nil {
			return "", fmt.Errorf("%s: %w", key, err)
		}
	}
	return text, nil
}
