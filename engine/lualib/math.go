package lualib

import (
	"math"
	"math/rand/v2"

	lua "github.com/yuin/gopher-lua"
)

func (l *lib) openMath(L *lua.LState) {
	fns := map[string]lua.LGFunction{
		"max": mathMax, "min": mathMin, "modf": mathModf, "frexp": mathFrexp, "ldexp": mathLdexp,
		"random": l.mathRandom, "randomseed": l.mathRandomSeed, "tointeger": mathToInteger,
	}
	for name, f := range map[string]func(float64) float64{
		"abs": math.Abs, "ceil": math.Ceil, "floor": math.Floor, "sqrt": math.Sqrt,
		"sin": math.Sin, "cos": math.Cos, "tan": math.Tan, "asin": math.Asin, "acos": math.Acos,
		"atan": math.Atan, "sinh": math.Sinh, "cosh": math.Cosh, "tanh": math.Tanh,
		"exp": math.Exp, "log": math.Log, "log10": math.Log10,
		"deg": func(x float64) float64 { return x * (180 / math.Pi) },
		"rad": func(x float64) float64 { return x * (math.Pi / 180) },
	} {
		fns[name] = func(L *lua.LState) int {
			L.Push(lua.LNumber(f(checkNumber(L, name, 1))))
			return 1
		}
	}
	for name, f := range map[string]func(a, b float64) float64{
		"fmod": math.Mod, "mod": math.Mod, "pow": math.Pow, "atan2": math.Atan2,
	} {
		fns[name] = func(L *lua.LState) int {
			L.Push(lua.LNumber(f(checkNumber(L, name, 1), checkNumber(L, name, 2))))
			return 1
		}
	}
	t := register(L, "math", fns)
	t.RawSetString("pi", lua.LNumber(math.Pi))
	t.RawSetString("huge", lua.LNumber(math.Inf(1)))
}

func mathMax(L *lua.LState) int {
	return pick(L, "max", func(a, b float64) bool { return a > b })
}

func mathMin(L *lua.LState) int {
	return pick(L, "min", func(a, b float64) bool { return a < b })
}

func pick(L *lua.LState, name string, better func(a, b float64) bool) int {
	best := checkNumber(L, name, 1)
	for i := 2; i <= L.GetTop(); i++ {
		if f := checkNumber(L, name, i); better(f, best) {
			best = f
		}
	}
	L.Push(lua.LNumber(best))
	return 1
}

func mathModf(L *lua.LState) int {
	f := checkNumber(L, "modf", 1)
	whole, frac := math.Modf(f)
	if math.IsInf(f, 0) {
		frac = 0
	}
	L.Push(lua.LNumber(whole))
	L.Push(lua.LNumber(frac))
	return 2
}

func mathFrexp(L *lua.LState) int {
	f, e := math.Frexp(checkNumber(L, "frexp", 1))
	L.Push(lua.LNumber(f))
	L.Push(lua.LNumber(e))
	return 2
}

func mathLdexp(L *lua.LState) int {
	L.Push(lua.LNumber(math.Ldexp(checkNumber(L, "ldexp", 1), checkInt(L, "ldexp", 2))))
	return 1
}

// mathToInteger is Lua 5.3's: the number if it is whole, else nil.
func mathToInteger(L *lua.LState) int {
	f, ok := checkAny(L, "tointeger", 1).(lua.LNumber)
	if !ok || float64(f) != math.Trunc(float64(f)) || math.IsInf(float64(f), 0) {
		L.Push(lua.LNil)
		return 1
	}
	L.Push(f)
	return 1
}

func (l *lib) mathRandom(L *lua.LState) int {
	f := l.random.Float64()
	low, high := 1.0, 0.0
	arg := 1
	switch L.GetTop() {
	case 0:
		L.Push(lua.LNumber(f))
		return 1
	case 1:
		high = math.Floor(checkNumber(L, "random", 1))
	case 2:
		low, high, arg = math.Floor(checkNumber(L, "random", 1)), math.Floor(checkNumber(L, "random", 2)), 2
	default:
		L.RaiseError("wrong number of arguments")
	}
	if !(low <= high) {
		argError(L, "random", arg, "interval is empty")
	}
	L.Push(lua.LNumber(math.Min(low+math.Floor(f*(high-low+1)), high)))
	return 1
}

func (l *lib) mathRandomSeed(L *lua.LState) int {
	seed := math.Float64bits(checkNumber(L, "randomseed", 1))
	l.random = rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15))
	return 0
}
