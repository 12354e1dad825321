package lualib

import (
	"unicode/utf8"

	lua "github.com/yuin/gopher-lua"
)

func (l *lib) openUTF8(L *lua.LState) {
	t := register(L, "utf8", map[string]lua.LGFunction{
		"char": utf8Char, "codepoint": l.utf8Codepoint, "len": l.utf8Len,
		"offset": l.utf8Offset, "codes": utf8Codes,
	})
	t.RawSetString("charpattern", lua.LString("[%z\x01-\x7F\xC2-\xF4][\x80-\xBF]*"))
}

// decode reads the character at the start of s; n is 0 if there is none that is valid.
// As Lua 5.3 does, it takes surrogates.
func decode(s string) (r rune, n int) {
	if r, n = utf8.DecodeRuneInString(s); r != utf8.RuneError || n == 3 {
		return r, n
	}
	if len(s) >= 3 && s[0] == 0xED && s[1]&0xE0 == 0xA0 && s[2]&0xC0 == 0x80 {
		return 0xD000 | rune(s[1]&0x3F)<<6 | rune(s[2]&0x3F), 3
	}
	return 0, 0
}

func encode(b []byte, r int) []byte {
	if r >= 0xD800 && r < 0xE000 {
		return append(b, 0xE0|byte(r>>12), 0x80|byte(r>>6)&0xBF, 0x80|byte(r)&0x3F)
	}
	return utf8.AppendRune(b, rune(r))
}

func utf8Char(L *lua.LState) int {
	b := make([]byte, 0, 4*L.GetTop())
	for i := 1; i <= L.GetTop(); i++ {
		r := checkInt(L, "char", i)
		if r < 0 || r > utf8.MaxRune {
			argError(L, "char", i, "value out of range")
		}
		b = encode(b, r)
	}
	L.Push(lua.LString(b))
	return 1
}

// position turns a position that may count from the end into one that does not.
func position(i, n int) int {
	switch {
	case i >= 0:
		return i
	case -i > n:
		return 0
	}
	return n + i + 1
}

func (l *lib) utf8Len(L *lua.LState) int {
	s := checkString(L, "len", 1)
	i, j := position(optInt(L, "len", 2, 1), len(s)), position(optInt(L, "len", 3, -1), len(s))
	if i < 1 || i > len(s)+1 {
		argError(L, "len", 2, "initial position out of string")
	}
	if j > len(s) {
		argError(L, "len", 3, "final position out of string")
	}
	l.charge(j - i)
	count := 0
	for at := i - 1; at < j; count++ {
		_, n := decode(s[at:])
		if n == 0 {
			L.Push(lua.LNil)
			L.Push(lua.LNumber(at + 1))
			return 2
		}
		at += n
	}
	L.Push(lua.LNumber(count))
	return 1
}

func (l *lib) utf8Codepoint(L *lua.LState) int {
	s := checkString(L, "codepoint", 1)
	i := position(optInt(L, "codepoint", 2, 1), len(s))
	j := position(optInt(L, "codepoint", 3, i), len(s))
	if i < 1 {
		argError(L, "codepoint", 2, "out of range")
	}
	if j > len(s) {
		argError(L, "codepoint", 3, "out of range")
	}
	l.results(L, max(j-i+1, 0), "string slice too long")
	count := 0
	for at := i - 1; at < j; count++ {
		r, n := decode(s[at:])
		if n == 0 {
			L.RaiseError("invalid UTF-8 code")
		}
		L.Push(lua.LNumber(r))
		at += n
	}
	return count
}

func continues(s string, at int) bool { return at < len(s) && s[at]&0xC0 == 0x80 }

// utf8Offset finds where the n-th character, counted from position i, begins.
func (l *lib) utf8Offset(L *lua.LState) int {
	s, n := checkString(L, "offset", 1), checkInt(L, "offset", 2)
	def := 1
	if n <= 0 {
		def = len(s) + 1
	}
	at := position(optInt(L, "offset", 3, def), len(s)) - 1
	if at < 0 || at > len(s) {
		argError(L, "offset", 3, "position out of range")
	}
	l.charge(len(s))
	if n == 0 {
		for at > 0 && continues(s, at) {
			at--
		}
		L.Push(lua.LNumber(at + 1))
		return 1
	}
	if continues(s, at) {
		L.RaiseError("initial position is a continuation byte")
	}
	for ; n < 0 && at > 0; n++ {
		for at--; at > 0 && continues(s, at); at-- {
		}
	}
	if n > 0 {
		for n--; n > 0 && at < len(s); n-- {
			for at++; continues(s, at); at++ {
			}
		}
	}
	if n != 0 {
		L.Push(lua.LNil)
		return 1
	}
	L.Push(lua.LNumber(at + 1))
	return 1
}

func utf8Codes(L *lua.LState) int {
	s := checkString(L, "codes", 1)
	L.Push(L.NewFunction(func(L *lua.LState) int {
		at := checkInt(L, "codes", 2)
		for at > 0 && continues(s, at) {
			at++
		}
		if at < 0 || at >= len(s) {
			L.Push(lua.LNil)
			return 1
		}
		r, n := decode(s[at:])
		if n == 0 {
			L.RaiseError("invalid UTF-8 code")
		}
		L.Push(lua.LNumber(at + 1))
		L.Push(lua.LNumber(r))
		return 2
	}))
	L.Push(lua.LString(s))
	L.Push(lua.LNumber(0))
	return 3
}
