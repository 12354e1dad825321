package host

import (
	"maps"
	"reflect"
	"slices"
	"strconv"

	"bridgehost/internal/tomledit"
)

// setting is one key of bridgehost.toml with its value; those of scripts' own configuration are none.
type setting struct {
	key   []string
	value any
	field reflect.StructField // that has it
}

func (s setting) name() string { return tomledit.Key(s.key...) }

// settings lists the keys in the order of the file that the manual shows.
func (c *Config) settings() []setting { return settingsOf(reflect.ValueOf(c).Elem(), nil) }

func settingsOf(v reflect.Value, above []string) (list []setting) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name := f.Tag.Get("toml")
		if name == "-" || name == "" {
			continue
		}
		key := append(slices.Clip(above), name)
		switch inner := v.Field(i); {
		case inner.Kind() == reflect.Struct:
			list = append(list, settingsOf(inner, key)...)
		case inner.Kind() == reflect.Slice && inner.Type().Elem().Kind() == reflect.Struct:
			for i := range inner.Len() {
				list = append(list, settingsOf(inner.Index(i), append(slices.Clip(key), strconv.Itoa(i+1)))...)
			}
		case inner.Kind() == reflect.Map && !slices.Equal(key, []string{"scripts", "config"}):
			for _, name := range slices.Sorted(maps.Keys(keysOf(inner))) {
				one := inner.MapIndex(reflect.ValueOf(name))
				if key := append(slices.Clip(key), name); one.Kind() == reflect.Struct {
					list = append(list, given(settingsOf(one, key))...)
				} else {
					for _, dir := range slices.Sorted(maps.Keys(keysOf(one))) {
						list = append(list, setting{append(slices.Clip(key), dir), one.MapIndex(reflect.ValueOf(dir)).Interface(), f})
					}
				}
			}
		case inner.Kind() != reflect.Map:
			list = append(list, setting{key, inner.Interface(), f})
		}
	}
	return list
}

// given leaves out what has no value: limits of one script that were not given.
func given(list []setting) []setting {
	return slices.DeleteFunc(list, func(s setting) bool { return reflect.ValueOf(s.value).IsZero() })
}

func keysOf(m reflect.Value) map[string]bool {
	keys := map[string]bool{}
	for _, k := range m.MapKeys() {
		keys[k.String()] = true
	}
	return keys
}

// find is the value of a key, nil when it is not there.
func find(list []setting, key []string) any {
	for _, s := range list {
		if slices.Equal(s.key, key) {
			return s.value
		}
	}
	return nil
}
