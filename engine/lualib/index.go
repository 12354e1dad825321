package lualib

import lua "github.com/yuin/gopher-lua"

// maxIndexChain is how many __index and __newindex steps Lua follows (MAXTAGLOOP).
const maxIndexChain = 100

// index is t[key] with metamethods, their functions counted for nesting.
func (l *lib) index(L *lua.LState, v lua.LValue, key lua.LValue) lua.LValue {
	for range maxIndexChain {
		t, isTable := v.(*lua.LTable)
		if isTable {
			if r := t.RawGet(key); r != lua.LNil {
				return r
			}
			if t.Metatable == lua.LNil {
				return lua.LNil
			}
		}
		mm := L.GetMetaField(v, "__index")
		switch f := mm.(type) {
		case *lua.LNilType:
			if !isTable {
				L.RaiseError("%s", "attempt to index a "+v.Type().String()+" value")
			}
			return lua.LNil
		case *lua.LFunction:
			return l.call1(L, f, v, key)
		}
		v = mm
	}
	L.RaiseError("loop in gettable")
	return lua.LNil
}

// less is a < b.
func (l *lib) less(L *lua.LState, a, b lua.LValue) bool {
	switch x := a.(type) {
	case lua.LNumber:
		if y, ok := b.(lua.LNumber); ok {
			return x < y
		}
	case lua.LString:
		if y, ok := b.(lua.LString); ok {
			return x < y
		}
	}
	if a.Type() == b.Type() {
		mm := L.GetMetaField(a, "__lt")
		if mm != lua.LNil && mm == L.GetMetaField(b, "__lt") {
			return lua.LVAsBool(l.call1(L, mm, a, b))
		}
		L.RaiseError("%s", "attempt to compare two "+a.Type().String()+" values")
	}
	L.RaiseError("%s", "attempt to compare "+a.Type().String()+" with "+b.Type().String())
	return false
}
