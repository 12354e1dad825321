package luabind

import (
	"fmt"
	"math"
	"net/url"
	"slices"
	"time"

	"bridgehost/matrix"
)

// value checks one value and answers it as scripts get it, or what is wrong.
func (k *configKey) value(given any) (v any, wrong string) {
	switch k.typ {
	case anyType:
		return given, ""
	case "list":
		return k.list(given)
	case "map":
		return k.table(given)
	case "boolean":
		if _, ok := given.(bool); ok {
			return given, ""
		}
	case "integer", "number":
		return k.number(given)
	case "duration":
		return k.duration(given)
	default:
		if s, ok := given.(string); ok {
			return k.text(s)
		}
	}
	return nil, k.unexpected(given)
}

func (k *configKey) list(given any) (any, string) {
	items, ok := given.([]any)
	if tables, is := given.([]map[string]any); is {
		ok = true
		for _, t := range tables {
			items = append(items, t)
		}
	}
	if !ok {
		return nil, k.unexpected(given)
	}
	list := make([]any, len(items))
	for i, item := range items {
		var wrong string
		if list[i], wrong = k.of.value(item); wrong != "" {
			return nil, fmt.Sprintf("item %d: %s", i+1, wrong)
		}
	}
	return list, ""
}

func (k *configKey) table(given any) (any, string) {
	items, ok := given.(map[string]any)
	if !ok {
		return nil, k.unexpected(given)
	}
	m := make(map[string]any, len(items))
	for name, item := range items {
		var wrong string
		if m[name], wrong = k.of.value(item); wrong != "" {
			return nil, fmt.Sprintf("%s: %s", name, wrong)
		}
	}
	return m, ""
}

func (k *configKey) number(given any) (any, string) {
	var f float64
	switch x := given.(type) {
	case int64:
		f = float64(x)
	case float64:
		f = x
		if k.typ == "integer" && f != math.Trunc(f) {
			return nil, k.unexpected(given)
		}
	default:
		return nil, k.unexpected(given)
	}
	if k.min != nil && f < *k.min || k.max != nil && f > *k.max || k.enum != nil && !slices.Contains(k.enum, formatNumber(f)) {
		return nil, k.unexpected(given)
	}
	return f, ""
}

func (k *configKey) duration(given any) (any, string) {
	var d time.Duration
	var err error
	switch x := given.(type) {
	case string:
		d, err = ParseDuration(x)
	case int64, float64:
		d, err = ParseDuration(fmt.Sprint(x))
	default:
		return nil, k.unexpected(given)
	}
	if err != nil || k.min != nil && d.Seconds() < *k.min || k.max != nil && d.Seconds() > *k.max {
		return nil, k.unexpected(given)
	}
	return d.Seconds(), ""
}

func (k *configKey) text(s string) (any, string) {
	ok := k.enum == nil || slices.Contains(k.enum, s)
	switch k.typ {
	case "mxid":
		_, err := matrix.ParseUserID(s)
		ok = ok && err == nil
	case "url":
		u, err := url.Parse(s)
		ok = ok && err == nil && u.Scheme != "" && u.Host != ""
	case "room":
		if _, err := matrix.ParseRoomAlias(s); err == nil {
			return alias(s), ""
		}
		_, err := matrix.ParseRoomID(s)
		ok = ok && err == nil
	case "string", "secret":
		n := float64(len([]rune(s)))
		ok = ok && (k.min == nil || n >= *k.min) && (k.max == nil || n <= *k.max)
	}
	if !ok {
		return nil, k.unexpected(s)
	}
	return s, ""
}

// unexpected says what was wanted and what came; a secret's value is not shown.
func (k *configKey) unexpected(given any) string {
	want := k.describe()
	if k.typ == "duration" {
		want += ` (seconds, or "20s", "5m", "7d")`
	}
	if k.typ == "secret" {
		return want + " expected, got something else (not shown)"
	}
	got := tomlText(given)
	if len(got) > 60 {
		got = got[:60] + "…"
	}
	return want + " expected, got " + got
}
