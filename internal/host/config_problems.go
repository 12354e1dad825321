package host

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"bridgehost/internal/tomledit"
)

// keyProblem is what is wrong with one key of a script.
type keyProblem struct {
	text    string
	fix     string // a command
	missing bool
	unread  bool // a reference leads nowhere: there is no value
}

// problemsOf compares what stands there for a script with what it asks for, by key.
func (c *Config) problemsOf(script string, asked askedFor) map[string]keyProblem {
	all := map[string]keyProblem{}
	if asked.known {
		for _, p := range asked.Problems(c.Scripts.Config[script]) {
			one := keyProblem{text: p.Text, missing: p.Missing}
			if p.Command != "" {
				one.fix = "bridgehost config set " + script + "." + p.Command
			}
			all[p.Key] = one
		}
	}
	for _, e := range c.source.unread {
		if e.key[2] == script {
			all[e.key[3]] = keyProblem{text: e.err.Error(), unread: true}
		}
	}
	return all
}

// ConfigProblem is one thing wrong with a configuration.
type ConfigProblem struct {
	Place   string `json:"place"` // "bridgehost.toml:21"
	Key     string `json:"key"`
	Problem string `json:"problem"`
	Fix     string `json:"fix,omitempty"`
}

// CheckedConfig is what a look at a configuration found.
type CheckedConfig struct {
	OK       bool            `json:"ok"`
	File     string          `json:"file"`
	Problems []ConfigProblem `json:"problems"`
	Notes    []string        `json:"notes,omitempty"`
	Scripts  int             `json:"scripts"` // that were compared
}

// CheckConfig looks for what is wrong in the configuration at path, the values of scripts
// included. What is wrong with the file as a whole is returned as an error.
func CheckConfig(path string) (CheckedConfig, error) {
	c, err := decodeFile(path, DefaultConfig())
	if err != nil {
		return CheckedConfig{}, err
	}
	return c.checked()
}

func (c *Config) checked() (CheckedConfig, error) {
	checked := CheckedConfig{File: c.Path, Problems: []ConfigProblem{}}
	shown, err := c.show("", nil)
	if err != nil {
		return checked, err
	}
	written := func(k ShownKey) bool { return k.Secret && k.Characters > 0 && k.Place != "" && len(k.References) == 0 }
	if slices.ContainsFunc(shown.Scripts, func(s ShownScript) bool { return slices.ContainsFunc(s.Keys, written) }) && c.seen() != "" {
		checked.Notes = append(checked.Notes, c.seen())
	}
	for _, s := range shown.Scripts {
		if s.Note != "" {
			checked.Notes = append(checked.Notes, fmt.Sprintf("%s: [scripts.config.%s]: %s", c.source.place(scriptKey(s.Script)...), tomledit.Key(s.Script), s.Note))
		}
		if s.Schema != "" {
			checked.Scripts++
		}
		f, _ := c.scriptOf(s.Script)
		problems := c.problemsOf(s.Script, askedBy(f))
		for _, k := range s.Keys {
			p, wrong := problems[k.Key]
			if !wrong {
				continue
			}
			checked.Problems = append(checked.Problems, ConfigProblem{Place: c.source.place(scriptKey(s.Script, k.Key)...),
				Key: tomledit.Key(scriptKey(s.Script, k.Key)...), Problem: p.text, Fix: p.fix})
		}
	}
	checked.OK = len(checked.Problems) == 0
	return checked, nil
}

// seen says that others can read the secrets in the file, "" when they cannot.
func (c *Config) seen() string {
	info, err := os.Stat(c.Path)
	if err != nil || info.Mode().Perm()&0o077 == 0 {
		return ""
	}
	return fmt.Sprintf("%s holds secrets and has mode %04o: chmod 600 %[1]s", c.source.name, info.Mode().Perm())
}

// Text shows it.
func (c CheckedConfig) Text() string {
	var b strings.Builder
	for _, p := range c.Problems {
		fmt.Fprintf(&b, "%s: %s: %s\n", p.Place, p.Key, p.Problem)
		if p.Fix != "" {
			fmt.Fprintf(&b, "    %s\n", p.Fix)
		}
	}
	for _, n := range c.Notes {
		fmt.Fprintf(&b, "note: %s\n", n)
	}
	what := "is right"
	if !c.OK {
		what = "has " + counted(len(c.Problems), "mistake")
	}
	fmt.Fprintf(&b, "%s %s; %s looked at.\n", c.File, what, counted(c.Scripts, "script"))
	return b.String()
}

// Text shows the keys in columns.
func (c ShownConfig) Text() string {
	var b strings.Builder
	b.WriteString(c.File + "\n")
	if len(c.Keys) > 0 {
		b.WriteString("\n" + columns(c.Keys))
	}
	for _, s := range c.Scripts {
		if len(s.Keys) == 0 && s.Note == "" {
			continue
		}
		fmt.Fprintf(&b, "\n[scripts.config.%s]", tomledit.Key(s.Script))
		if s.Schema != "" {
			b.WriteString("   asked for in " + s.Schema)
		}
		if s.Note != "" {
			b.WriteString("   " + s.Note)
		}
		b.WriteString("\n" + columns(s.Keys))
	}
	for _, n := range c.Notes {
		b.WriteString("\nnote: " + n + "\n")
	}
	return b.String()
}

// maxShownValue is how many characters of a value are shown in a column.
const maxShownValue = 48

func columns(keys []ShownKey) string {
	var rows [][3]string
	var wide [2]int
	for _, k := range keys {
		row := [3]string{k.Key, k.shown(), k.origin()}
		rows = append(rows, row)
		for i := range wide {
			wide[i] = max(wide[i], len([]rune(row[i])))
		}
	}
	var b strings.Builder
	for i, row := range rows {
		line := fmt.Sprintf("%-*s  %-*s  %s", wide[0], row[0], wide[1], row[1], row[2])
		b.WriteString(strings.TrimRight(line, " ") + "\n")
		if p := keys[i].Problem; p != "" {
			fmt.Fprintf(&b, "%-*s  ^ %s\n", wide[0], "", p)
		}
	}
	return b.String()
}

// shown is the value as a column has it.
func (k ShownKey) shown() string {
	switch {
	case k.From == fromNothing, k.Value == nil && !k.Secret, k.Secret && k.Characters == 0:
		return "-"
	case k.Secret:
		return fmt.Sprintf("set, %d characters", k.Characters)
	}
	text := []rune(written(k.Value))
	if len(text) > maxShownValue {
		text = append(text[:maxShownValue-1], '…')
	}
	return string(text)
}

// written is a value as TOML has it.
func written(v any) string {
	switch v := v.(type) {
	case string:
		return tomledit.Text(v)
	case []any:
		parts := make([]string, len(v))
		for i, item := range v {
			parts[i] = written(item)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		var parts []string
		for key, item := range v {
			parts = append(parts, tomledit.Key(key)+" = "+written(item))
		}
		slices.Sort(parts)
		return "{ " + strings.Join(parts, ", ") + " }"
	}
	return fmt.Sprint(v)
}

// origin is where the value came from, in words.
func (k ShownKey) origin() string {
	switch k.From {
	case fromNothing:
		return "not set"
	case fromDefault:
		return "default"
	}
	return strings.Join(append([]string{k.Place}, k.References...), " ")
}
