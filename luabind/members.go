package luabind

import (
	lua "github.com/yuin/gopher-lua"
)

// members implements engine.Members: what completion offers behind one of our modules and
// objects.
func (env *Env) members(v lua.LValue) (methods, fields []string, ours bool) {
	g := env.groupOf(v)
	if g == nil {
		return nil, nil, false
	}
	for _, f := range g.Functions {
		methods = append(methods, f.Name)
	}
	for _, f := range g.Fields {
		fields = append(fields, f.Name)
	}
	return methods, fields, true
}

// groupOf is the module or class of v, nil when it is none of ours.
func (env *Env) groupOf(v lua.LValue) *Group {
	var mt lua.LValue
	switch x := v.(type) {
	case *lua.LUserData:
		mt = x.Metatable
	case *lua.LTable:
		for g, module := range env.modules {
			if module == x {
				return g
			}
		}
		mt = x.Metatable
	}
	class, ok := mt.(*lua.LTable)
	if !ok {
		return nil
	}
	for g, known := range env.metas {
		if known == class || known.RawGetString("__index") == class.RawGetString("__index") {
			return g
		}
	}
	return nil
}
