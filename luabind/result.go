package luabind

import (
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/intent"
	"bridgehost/matrix"
)

// results2 is any number of Lua values: for functions with several results.
type results2 []lua.LValue

// pushResult hands a function's result to Lua.
func pushResult[R any](c *Call, r R) int {
	switch x := any(r).(type) {
	case none:
		return 0
	case results2:
		for _, v := range x {
			c.L.Push(v)
		}
		return len(x)
	default:
		c.L.Push(c.ToLua(x))
		return 1
	}
}

// ToLua is a Go value as scripts see it. Pointers that are nil, and nil, become nil;
// JSON is decoded; durations are seconds; objects are of the class that holds their type.
func (env *Env) ToLua(v any) lua.LValue {
	switch x := v.(type) {
	case nil:
		return lua.LNil
	case lua.LValue:
		if x == nil {
			return lua.LNil
		}
		return x
	case bool:
		return lua.LBool(x)
	case string:
		return lua.LString(x)
	case []byte:
		return lua.LString(x)
	case int:
		return lua.LNumber(x)
	case int64:
		return lua.LNumber(x)
	case float64:
		return lua.LNumber(x)
	case time.Duration:
		return lua.LNumber(x.Seconds())
	case matrix.EventID:
		return lua.LString(x)
	case matrix.RoomID:
		return lua.LString(x)
	case matrix.UserID:
		return lua.LString(x)
	case json.RawMessage:
		return env.Value(x)
	case JSON:
		return env.Value(x)
	case *intent.Intent:
		return env.Intent(x)
	case error:
		return env.VM.ErrorValue(ErrorOf(x))
	}
	return env.reflected(reflect.ValueOf(v))
}

func (env *Env) reflected(v reflect.Value) lua.LValue {
	if g := classTypes[v.Type()]; g != nil {
		if v.Kind() == reflect.Pointer && v.IsNil() {
			return lua.LNil
		}
		if g.group.table {
			return env.TableObject(g.group, v.Interface())
		}
		return env.Object(g.group, v.Interface())
	}
	switch v.Kind() {
	case reflect.String:
		return lua.LString(v.String())
	case reflect.Bool:
		return lua.LBool(v.Bool())
	case reflect.Int, reflect.Int32, reflect.Int64:
		return lua.LNumber(v.Int())
	case reflect.Float64:
		return lua.LNumber(v.Float())
	case reflect.Pointer:
		if v.IsNil() {
			return lua.LNil
		}
		return env.ToLua(v.Elem().Interface())
	case reflect.Slice:
		t := env.Array(env.VM.L.CreateTable(v.Len(), 0))
		for i := range v.Len() {
			t.Append(env.ToLua(v.Index(i).Interface()))
		}
		return t
	case reflect.Map:
		t := env.VM.L.CreateTable(0, v.Len())
		for it := v.MapRange(); it.Next(); {
			t.RawSetString(fmt.Sprint(it.Key().Interface()), env.ToLua(it.Value().Interface()))
		}
		return t
	}
	raw, err := json.Marshal(v.Interface())
	if err != nil {
		panic(fmt.Sprintf("a %s cannot be handed to Lua: %v", v.Type(), err))
	}
	return env.Value(raw)
}

// resultType names a result in the documentation.
func resultType(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[none](), reflect.TypeFor[results2]():
		return ""
	case reflect.TypeFor[lua.LValue](), reflect.TypeFor[JSON](), reflect.TypeFor[json.RawMessage]():
		return "any"
	case reflect.TypeFor[time.Duration]():
		return "number"
	case reflect.TypeFor[[]byte]():
		return "string"
	case reflect.TypeFor[*intent.Intent]():
		return "intent"
	}
	if g := classTypes[t]; g != nil {
		return g.group.Name
	}
	switch t.Kind() {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Int, reflect.Int32, reflect.Int64:
		return "integer"
	case reflect.Float64:
		return "number"
	case reflect.Pointer:
		return resultType(t.Elem()) + "?"
	case reflect.Slice:
		return resultType(t.Elem()) + "[]"
	}
	return "table"
}
