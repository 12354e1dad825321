package conformance

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// object is a JSON object. Integers are int64 and tell themselves from floats.
type object = map[string]any

// decode reads JSON; numbers written without fraction and exponent are int64, those
// too large for it json.Number.
func decode(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if d.More() {
		return nil, strconv.ErrSyntax
	}
	return mapped(v, func(v any) any {
		n, ok := v.(json.Number)
		if !ok {
			return v
		}
		if !strings.ContainsAny(string(n), ".eE") {
			if i, err := n.Int64(); err == nil {
				return i
			}
			return n
		}
		f, _ := n.Float64()
		return f
	}), nil
}

// mapped applies f to v and all that is in it, the inside first.
func mapped(v any, f func(any) any) any {
	switch x := v.(type) {
	case object:
		out := make(object, len(x))
		for k, e := range x {
			out[k] = mapped(e, f)
		}
		return f(out)
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = mapped(e, f)
		}
		return f(out)
	}
	return f(v)
}

func equal(a, b any) bool { return reflect.DeepEqual(a, b) }

// wholeNumbers makes 1.0 the same as 1: a script's results need not tell them apart.
func wholeNumbers(v any) any {
	return mapped(v, func(v any) any {
		if f, ok := v.(float64); ok && f == math.Trunc(f) && math.Abs(f) < 1<<62 {
			return int64(f)
		}
		return v
	})
}

func emptyTables(v any) any {
	return mapped(v, func(v any) any {
		if m, ok := v.(object); ok && len(m) == 0 {
			return []any{}
		}
		return v
	})
}

func withoutNulls(v any) any {
	return mapped(v, func(v any) any {
		if m, ok := v.(object); ok {
			for k, e := range m {
				if e == nil {
					delete(m, k)
				}
			}
		}
		return v
	})
}

func sortedLists(v any) any {
	return mapped(v, func(v any) any {
		if l, ok := v.([]any); ok {
			slices.SortFunc(l, func(a, b any) int { return strings.Compare(text(a), text(b)) })
		}
		return v
	})
}

// defaults are keys that may be absent when they hold these values.
var defaults = object{
	"is_direct": false, "unsigned": object{}, "alt_aliases": []any{}, "suggested": false, "canonical": false,
	"rotation_period_ms": int64(604800000), "rotation_period_msgs": int64(100), "include_leave": false,
	"lazy_load_members": false, "include_redundant_members": false,
}

// dropDefaults takes out of both what only one has, if it is a default.
func dropDefaults(a, b any) (any, any) {
	switch x := a.(type) {
	case object:
		y, ok := b.(object)
		if !ok {
			break
		}
		left, right := object{}, object{}
		for k, v := range x {
			if w, both := y[k]; both {
				left[k], right[k] = dropDefaults(v, w)
			} else if d, known := defaults[k]; !known || !equal(d, v) {
				left[k] = v
			}
		}
		for k, w := range y {
			if _, both := x[k]; both {
				continue
			}
			if d, known := defaults[k]; !known || !equal(d, w) {
				right[k] = w
			}
		}
		return left, right
	case []any:
		y, ok := b.([]any)
		if !ok || len(x) != len(y) {
			break
		}
		left, right := make([]any, len(x)), make([]any, len(x))
		for i := range x {
			left[i], right[i] = dropDefaults(x[i], y[i])
		}
		return left, right
	}
	return a, b
}

var noLetters = regexp.MustCompile(`[^\pL\pN]+`)

// letters is a text by its letters and digits.
func letters(v any) any {
	if s, ok := v.(string); ok {
		return strings.TrimSpace(noLetters.ReplaceAllString(s, " "))
	}
	return v
}

// text is a value for reading and sorting.
func text(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v)
	return strings.TrimSpace(b.String())
}
