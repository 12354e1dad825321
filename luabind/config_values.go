package luabind

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/diag"
	"bridgehost/engine"
)

// Configured is what the host's configuration says about a script, and where. It is the
// Values of an engine.Source and does not change.
type Configured struct {
	Values map[string]any // TOML values
	File   string         // as the owner calls it; "" when there is none
	Lines  map[string]int // of the keys in File
}

// configuration is what the VM was loaded with, or given since.
func (env *Env) configuration() *Configured {
	if env.configured == nil {
		env.configured, _ = env.VM.Values().(*Configured)
		if env.configured == nil {
			env.configured = &Configured{Values: env.Script.Config}
		}
	}
	return env.configured
}

// place is where a key stands, "" when that is not known.
func (c *Configured) place(key string) string {
	if line := c.Lines[key]; line > 0 {
		return fmt.Sprintf("%s:%d", c.File, line)
	}
	return ""
}

// wrong tells all problems in one error.
func (c *Configured) wrong(script string, problems []problem) *diag.Error {
	var what, add []string
	var first *problem // that has a value to suggest
	for i, p := range problems {
		what = append(what, p.text(c.place(p.name)))
		if p.add {
			add = append(add, p.name+" = "+p.key.sample())
		}
		if first == nil && p.key != nil {
			first = &problems[i]
		}
	}
	e := &diag.Error{Kind: diag.KindUsage, Code: "E_CONFIG", Message: "configuration of " + script + ": " + strings.Join(what, "; ")}
	file := c.File
	if file == "" {
		file = "bridgehost.toml"
	}
	if len(add) > 0 {
		e.Hint = fmt.Sprintf("add to %s, under [scripts.config.%s]: %s", file, script, strings.Join(add, "   "))
	} else {
		e.Hint = fmt.Sprintf("mend it in %s, under [scripts.config.%s]", file, script)
		if first != nil {
			e.Hint += first.key.about()
		}
	}
	if first != nil && c.File != "" {
		e.Hint += "; or: bridgehost config set " + script + "." + first.name + first.key.argument()
	}
	return e
}

// about is the help and the example of a key.
func (k *configKey) about() string {
	var parts []string
	if k.help != "" {
		parts = append(parts, k.help)
	}
	if k.example != nil && !k.secret() {
		parts = append(parts, "for example "+tomlText(k.example))
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, "; ") + ")"
}

// plainWord is what a shell leaves as it is.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9@%+=:,./_-]+$`)

// argument is a value of the key for the command line; nothing for a secret, which is asked for.
func (k *configKey) argument() string {
	if k.secret() {
		return ""
	}
	word := k.sample()
	list, isList := k.example.([]any)
	switch {
	case isList:
		items := make([]string, len(list))
		for i, item := range list {
			items[i] = fmt.Sprint(item)
		}
		word = strings.Join(items, ", ")
	case k.typ == "list":
		word = strings.Trim(k.of.sample(), `"`)
	default:
		word = strings.Trim(word, `"`)
	}
	if word == strings.Trim(unknownSample, `"`) {
		return " VALUE"
	}
	if plainWord.MatchString(word) {
		return " " + word
	}
	return " '" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// secret tells whether a value of the key must not be shown.
func (k *configKey) secret() bool { return k.typ == "secret" || k.of != nil && k.of.secret() }

// fingerprint changes whenever a configured value does: what was opened under
// other values is opened anew (bridge.keep).
func (c *Configured) fingerprint() string {
	raw, err := json.Marshal(c.Values) // maps are written in the order of their keys
	if err != nil {
		raw = fmt.Append(nil, c.Values)
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:16])
}

// ConfigEvent is the event of a changed configuration.
const ConfigEvent = "config"

// Reconfigure readies new values for a VM that runs: they are checked and aliases are
// resolved, and nothing changes yet. give, called with the VM's lock, puts them where
// bridge.config gave the old ones, and answers what handlers of `config` get.
func Reconfigure(vm *engine.VM, to *Configured) (give func(*lua.LState) *lua.LTable, err *diag.Error) {
	env := EnvOf(vm)
	var next []*config
	for _, cfg := range env.configs {
		filled := &config{env: env, schema: cfg.schema}
		if err := filled.fill(to); err != nil {
			return nil, ErrorOf(err)
		}
		next = append(next, filled)
	}
	return func(L *lua.LState) *lua.LTable {
		changed := env.Array(L.NewTable())
		for _, key := range env.configuration().differs(to) {
			changed.Append(lua.LString(key))
		}
		env.configured = to
		for i, cfg := range env.configs {
			cfg.take(next[i])
		}
		event := L.NewTable()
		event.RawSetString("changed", changed)
		return event
	}, nil
}

// take puts the values of next in the place of its own.
func (cfg *config) take(next *config) {
	cfg.values, cfg.pending = next.values, next.pending
	for _, key := range cfg.schema.names() {
		var v lua.LValue = lua.LNil
		if next.values[key] != nil {
			v = cfg.env.tomlValue(next.values[key])
		}
		cfg.table.RawSetString(key, v)
	}
}

// differs lists the keys whose values are not the same, by name.
func (c *Configured) differs(other *Configured) []string {
	return differentKeys(c.Values, other.Values)
}
