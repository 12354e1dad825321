package luabind

import (
	"fmt"
	"sort"
	"strings"

	"github.com/hashicorp/go-hclog"
	lua "github.com/yuin/gopher-lua"

	"bridgehost/capability"
)

// logModule is bridge.log, also by require "bridge.log".
var logModule = module("bridge.log", "The script's log. Every line has the script's name; fields follow as key=value.")

var _ = value(bridgeModule, "log", "table", "The script's log: debug, info, warn, error.",
	func(env *Env) lua.LValue { return env.module(logModule) })

var (
	_ = logFunction("debug", hclog.Debug, "Logs a line that is shown when somebody looks for a fault.")
	_ = logFunction("info", hclog.Info, "Logs a line.")
	_ = logFunction("warn", hclog.Warn, "Logs a line about something that may need a look.")
	_ = logFunction("error", hclog.Error, "Logs a line about something that went wrong.")
)

func logFunction(name string, level hclog.Level, doc string) *Function {
	return fn(logModule, name, capability.None("writes to the host's log"), never, doc,
		func(c *Call, a *struct {
			Message Text       `lua:"message" doc:"a short fact"`
			Fields  lua.LValue `lua:"fields,null" doc:"a table of fields, as { url = url, error = err }" type:"table"`
		}) (none, error) {
			pairs := []any{"script", c.Env.Script.Name}
			switch fields := a.Fields.(type) {
			case nil, *lua.LNilType:
			case *lua.LTable:
				pairs = append(pairs, logPairs(c.Env, c.L, fields)...)
			default:
				return none{}, usage("bad argument #2 'fields' to '%s' (table expected, got %s)", name, typeName(c.Env, fields))
			}
			c.Env.VM.Log().Log(level, a.Message.Body, pairs...)
			return none{}, nil
		}, example(`bridge.log.`+name+`("feed not read", { url = url, error = err })`))
}

// maxLogged is how much of one value a log line shows.
const maxLogged = 1000

// logPairs are a table's fields in the order of their names.
func logPairs(env *Env, L *lua.LState, fields *lua.LTable) []any {
	var names []string
	values := map[string]string{}
	for k, v := fields.Next(lua.LNil); k != lua.LNil; k, v = fields.Next(k) {
		name := keyText(k)
		names = append(names, name)
		text := env.VM.Text(L, v)
		if t, ok := v.(*lua.LTable); ok && (t.Metatable == lua.LNil || env.IsArray(t)) {
			if raw, err := env.EncodeJSON(v); err == nil {
				text = string(raw)
			}
		}
		if len(text) > maxLogged {
			text = fmt.Sprintf("%s… (%d bytes)", strings.ToValidUTF8(text[:maxLogged], ""), len(text))
		}
		values[name] = text
	}
	sort.Strings(names)
	pairs := make([]any, 0, 2*len(names))
	for _, n := range names {
		pairs = append(pairs, n, values[n])
	}
	return pairs
}
