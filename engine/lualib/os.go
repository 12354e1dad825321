package lualib

import (
	"fmt"
	"math"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// openOS installs the part of os that only tells the time.
func (l *lib) openOS(L *lua.LState) {
	register(L, "os", map[string]lua.LGFunction{
		"clock": l.osClock, "date": l.osDate, "time": l.osTime, "difftime": osDiffTime,
	})
}

// os.clock counts from the opening of the library; it is not the processor's time.
func (l *lib) osClock(L *lua.LState) int {
	L.Push(lua.LNumber(l.Now().Sub(l.opened).Seconds()))
	return 1
}

func osDiffTime(L *lua.LState) int {
	L.Push(lua.LNumber(checkNumber(L, "difftime", 1) - optNumber(L, "difftime", 2, 0)))
	return 1
}

func (l *lib) osTime(L *lua.LState) int {
	if L.Get(1) == lua.LNil {
		L.Push(lua.LNumber(l.Now().Unix()))
		return 1
	}
	t := checkTable(L, "time", 1)
	field := func(name string, def int) int {
		switch v := t.RawGetString(name).(type) {
		case lua.LNumber:
			return clampField(float64(v))
		case lua.LString:
			if f, ok := ParseNumber(string(v)); ok {
				return clampField(float64(f))
			}
		}
		if def < 0 {
			L.RaiseError("field '%s' missing in date table", name)
		}
		return def
	}
	at := time.Date(field("year", -1), time.Month(field("month", -1)), field("day", -1),
		field("hour", 12), field("min", 0), field("sec", 0), 0, l.Now().Location())
	L.Push(lua.LNumber(at.Unix()))
	return 1
}

// clampField keeps a date's field in a range that time.Date can add up.
func clampField(f float64) int { return int(math.Max(-1e9, math.Min(1e9, math.Trunc(f)))) }

func (l *lib) osDate(L *lua.LState) int {
	format := optString(L, "date", 1, "%c")
	at := l.Now()
	if L.Get(2) != lua.LNil {
		sec := checkNumber(L, "date", 2)
		if !(math.Abs(sec) < 1e15) {
			argError(L, "date", 2, "time out of range")
		}
		at = time.Unix(int64(math.Floor(sec)), 0).In(at.Location())
	}
	if rest, utc := strings.CutPrefix(format, "!"); utc {
		format, at = rest, at.UTC()
	}
	if strings.HasPrefix(format, "*t") {
		L.Push(dateTable(L, at))
		return 1
	}
	l.room(L, len(format))
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		text, ok := dateField(at, format[i])
		if !ok {
			argError(L, "date", 1, "invalid conversion specifier '%"+string(rune(format[i]))+"'")
		}
		if b.Len()+len(text) > l.MaxString {
			l.room(L, b.Len()+len(text))
		}
		b.WriteString(text)
	}
	L.Push(lua.LString(b.String()))
	return 1
}

func dateTable(L *lua.LState, at time.Time) *lua.LTable {
	t := L.CreateTable(0, 9)
	for _, f := range []struct {
		name string
		v    int
	}{
		{"year", at.Year()}, {"month", int(at.Month())}, {"day", at.Day()},
		{"hour", at.Hour()}, {"min", at.Minute()}, {"sec", at.Second()},
		{"wday", int(at.Weekday()) + 1}, {"yday", at.YearDay()},
	} {
		t.RawSetString(f.name, lua.LNumber(f.v))
	}
	t.RawSetString("isdst", lua.LBool(at.IsDST()))
	return t
}

// dateLayouts are strftime's conversions, in the C locale, as Go layouts.
var dateLayouts = map[byte]string{
	'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'h': "Jan",
	'c': "Mon Jan _2 15:04:05 2006", 'd': "02", 'e': "_2", 'D': "01/02/06", 'F': "2006-01-02",
	'H': "15", 'I': "03", 'm': "01", 'M': "04", 'p': "PM", 'r': "03:04:05 PM", 'R': "15:04",
	'S': "05", 'T': "15:04:05", 'x': "01/02/06", 'X': "15:04:05", 'y': "06", 'Y': "2006",
	'z': "-0700", 'Z': "MST", 'j': "002",
}

func dateField(at time.Time, c byte) (string, bool) {
	if layout, ok := dateLayouts[c]; ok {
		return at.Format(layout), true
	}
	week := func(first time.Weekday) int {
		return (at.YearDay() + 6 - (int(at.Weekday())-int(first)+7)%7) / 7
	}
	switch c {
	case '%':
		return "%", true
	case 'n':
		return "\n", true
	case 't':
		return "\t", true
	case 's':
		return fmt.Sprint(at.Unix()), true
	case 'u':
		return fmt.Sprint((int(at.Weekday())+6)%7 + 1), true
	case 'w':
		return fmt.Sprint(int(at.Weekday())), true
	case 'U':
		return fmt.Sprintf("%02d", week(time.Sunday)), true
	case 'W':
		return fmt.Sprintf("%02d", week(time.Monday)), true
	}
	return "", false
}
