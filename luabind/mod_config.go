package luabind

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/capability"
	"bridgehost/diag"
	"bridgehost/engine"
	"bridgehost/matrix"
)

// resolveWithin is how long the start of a script may wait for the aliases of rooms.
const resolveWithin = 3 * time.Second

var _ = fn(bridgeModule, "config", capability.None("reads what the owner wrote for this script"), waitsInside,
	"The script's configuration, checked against a schema: a table from each key to `{ type, required, default, min, max, "+
		"enum, of, help, example }`. Types: string, integer, number, boolean, secret, list (`of` a type), map (`of` a type), mxid, "+
		"room (an alias is resolved), url, duration (in seconds). All mistakes are told at once. "+
		"To read a key that is not in the schema raises. For the top level only.",
	func(c *Call, a *struct {
		Schema *lua.LTable `lua:"schema" doc:"the keys"`
	}) (lua.LValue, error) {
		if err := c.declaring("bridge.config"); err != nil {
			return nil, err
		}
		schema, err := readSchema(c.Env, a.Schema)
		if err != nil {
			return nil, err
		}
		values, problems := schema.check(c.Env.Script.Config)
		if len(problems) > 0 {
			return nil, configError(c.Env.Script.Name, problems)
		}
		cfg := &config{env: c.Env, schema: schema, pending: map[string]any{}}
		return cfg.table(values)
	}, results("A table with the values."), returns("table<string, any>"), errcodes("E_CONFIG"),
	example(`local cfg = bridge.config { server = { type = "string", required = true, example = "irc.libera.chat" } }`))

// configError tells all problems in one error.
func configError(script string, problems []problem) *diag.Error {
	var what, add []string
	for _, p := range problems {
		what = append(what, p.what)
		if p.add != "" {
			add = append(add, p.add)
		}
	}
	e := &diag.Error{Kind: diag.KindUsage, Code: "E_CONFIG", Message: "configuration of " + script + ": " + strings.Join(what, "; ")}
	if len(add) > 0 {
		e.Hint = fmt.Sprintf("add to bridgehost.toml, under [scripts.config.%s]: %s", script, strings.Join(add, "   "))
	} else {
		e.Hint = fmt.Sprintf("mend it in bridgehost.toml, under [scripts.config.%s]", script)
	}
	return e
}

// config is what bridge.config returns: a table with the values, whose metatable knows
// what else there may be. pending are values with an alias that no server has resolved yet.
type config struct {
	env     *Env
	schema  schema
	pending map[string]any
}

// table makes the Lua table. Aliases are resolved now if the homeserver answers, else
// at the first look.
func (cfg *config) table(values map[string]any) (lua.LValue, error) {
	L := cfg.env.VM.L
	t := L.CreateTable(0, len(values))
	var problems []problem
	ctx, cancel := context.WithTimeout(context.Background(), resolveWithin)
	defer cancel()
	for _, key := range cfg.schema.names() {
		v, ok := values[key]
		if !ok {
			continue
		}
		resolved, err := cfg.resolve(ctx, v)
		var gone *noSuchAlias
		switch {
		case errors.As(err, &gone):
			problems = append(problems, problem{what: fmt.Sprintf("%s: there is no room %s", key, gone.alias)})
		case err != nil:
			cfg.env.VM.Log().Warn("the alias of a room is not resolved yet", "script", cfg.env.Script.Name, "key", key, "err", err)
			cfg.pending[key] = v
		default:
			t.RawSetString(key, cfg.env.tomlValue(resolved))
		}
	}
	if len(problems) > 0 {
		return nil, configError(cfg.env.Script.Name, problems)
	}
	mt := L.NewTable()
	mt.RawSetString("__name", lua.LString("config"))
	mt.RawSetString("__metatable", lua.LString("config"))
	mt.RawSetString(engine.HiddenKey, cfg.schema.secrets(L))
	mt.RawSetString("__index", L.NewFunction(cfg.index))
	mt.RawSetString("__newindex", L.NewFunction(func(L *lua.LState) int {
		cfg.env.VM.Raise(L, usage("the configuration cannot be changed by the script (the key '%s' was set)", keyText(L.Get(2))))
		return 0
	}))
	t.Metatable = mt
	return t, nil
}

// index answers for keys without a value.
func (cfg *config) index(L *lua.LState) int {
	key := keyText(L.Get(2))
	if v, ok := cfg.pending[key]; ok {
		var resolved any
		var err error
		cfg.env.VM.Wait(L, func(ctx context.Context) { resolved, err = cfg.resolve(ctx, v) })
		if err != nil {
			cfg.env.VM.Raise(L, ErrorOf(err))
		}
		delete(cfg.pending, key)
		value := cfg.env.tomlValue(resolved)
		L.Get(1).(*lua.LTable).RawSetString(key, value)
		L.Push(value)
		return 1
	}
	if cfg.schema[key] == nil {
		message := fmt.Sprintf("the configuration has no key '%s'", key)
		if near := diag.Suggest(key, cfg.schema.names()); near != "" {
			message += fmt.Sprintf("; did you mean '%s'?", near)
		}
		cfg.env.VM.Raise(L, &diag.Error{Kind: diag.KindUsage, Code: "E_NO_MEMBER", Message: message,
			Hint: "declare it in bridge.config"})
	}
	L.Push(lua.LNil)
	return 1
}

// noSuchAlias is an alias that the homeserver says does not exist.
type noSuchAlias struct{ alias string }

func (e *noSuchAlias) Error() string { return "there is no room " + e.alias }

// alias is a value of type room that must be resolved.
type alias string

// resolve replaces every alias in v.
func (cfg *config) resolve(ctx context.Context, v any) (any, error) {
	switch x := v.(type) {
	case alias:
		if cfg.env.Script.Bot == nil {
			return nil, errors.New("there is no homeserver to ask")
		}
		room, err := cfg.env.Script.Bot.ResolveRoomAlias(ctx, matrix.RoomAlias(x))
		if errors.Is(err, matrix.ErrNotFound) {
			return nil, &noSuchAlias{string(x)}
		}
		if err != nil {
			return nil, err
		}
		return string(room.RoomID), nil
	case []any:
		list := make([]any, len(x))
		for i, item := range x {
			var err error
			if list[i], err = cfg.resolve(ctx, item); err != nil {
				return nil, err
			}
		}
		return list, nil
	case map[string]any:
		m := make(map[string]any, len(x))
		for key, item := range x {
			var err error
			if m[key], err = cfg.resolve(ctx, item); err != nil {
				return nil, err
			}
		}
		return m, nil
	}
	return v, nil
}

// tomlValue is a configured value as scripts see it.
func (env *Env) tomlValue(v any) lua.LValue {
	switch x := v.(type) {
	case []any:
		t := env.Array(env.VM.L.CreateTable(len(x), 0))
		for _, item := range x {
			t.Append(env.tomlValue(item))
		}
		return t
	case map[string]any:
		t := env.VM.L.CreateTable(0, len(x))
		for key, item := range x {
			t.RawSetString(key, env.tomlValue(item))
		}
		return t
	}
	return env.ToLua(v)
}

// configFingerprint changes whenever a configured value does: what was opened under
// other values is opened anew (bridge.keep).
func (s *Script) configFingerprint() string {
	raw, err := json.Marshal(s.Config) // maps are written in the order of their keys
	if err != nil {
		raw = fmt.Append(nil, s.Config)
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:16])
}

// secrets are the keys whose values no error and no log shows.
func (s schema) secrets(L *lua.LState) *lua.LTable {
	t := L.NewTable()
	for name, key := range s {
		if key.typ == "secret" || key.of != nil && key.of.typ == "secret" {
			t.RawSetString(name, lua.LTrue)
		}
	}
	return t
}

func (s schema) names() []string {
	names := make([]string, 0, len(s))
	for name := range s {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
