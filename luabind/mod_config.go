package luabind

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
		"To read a key that is not in the schema raises. When a value changes while the script runs, its handlers of `config` "+
		"find the new one in the table; a script without such a handler is loaded again. For the top level only.",
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
		cfg := &config{env: c.Env, schema: schema}
		if err := cfg.fill(c.Env.configuration()); err != nil {
			return nil, err
		}
		c.Env.configs = append(c.Env.configs, cfg)
		return cfg.newTable(), nil
	}, results("A table with the values."), returns("table<string, any>"), errcodes("E_CONFIG"),
	example(`local cfg = bridge.config { server = { type = "string", required = true, example = "irc.libera.chat" } }`))

// config is what bridge.config returns: a table with the values, whose metatable knows
// what else there may be. pending are values with an alias that no server has resolved yet.
type config struct {
	env     *Env
	schema  schema
	table   *lua.LTable
	values  map[string]any
	pending map[string]any
}

// fill checks what is configured and takes it over. Aliases are resolved now if the homeserver
// answers, else at the first look. It does not touch Lua.
func (cfg *config) fill(from *Configured) error {
	values, problems := cfg.schema.check(from.Values)
	pending := map[string]any{}
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
			problems = append(problems, problem{name: key, key: cfg.schema[key], what: fmt.Sprintf("%s: there is no room %s", key, gone.alias)})
		case err != nil:
			cfg.env.VM.Log().Warn("the alias of a room is not resolved yet", "script", cfg.env.Script.Name, "key", key, "err", err)
			pending[key] = v
			delete(values, key)
		default:
			values[key] = resolved
		}
	}
	if len(problems) > 0 {
		return from.wrong(cfg.env.Script.Name, problems)
	}
	cfg.values, cfg.pending = values, pending
	return nil
}

// newTable makes the Lua table.
func (cfg *config) newTable() lua.LValue {
	L := cfg.env.VM.L
	cfg.table = L.CreateTable(0, len(cfg.values))
	for key, v := range cfg.values {
		cfg.table.RawSetString(key, cfg.env.tomlValue(v))
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
	cfg.table.Metatable = mt
	return cfg.table
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
