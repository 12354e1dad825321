package tomledit

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

const sample = `#:schema x.json
# a comment
data = "data"   # where it is

[homeserver]
url  = "https://example.org" # the address
name = "example.org"

[scripts.config.irc]
channels = [
  "#lua", # not a comment: ]
  '''a # ' b''',
]
"quoted key" = { a = 1, 'b' = { c = "}" } }
nick.first = "x"

[[scripts.config.irc.nets]]
host = "a"
`

func TestLine(t *testing.T) {
	f := Read(sample)
	for key, want := range map[string]int{
		"data": 3, "homeserver": 5, "homeserver url": 6, "homeserver name": 7, "homeserver retries": 5,
		"scripts config irc": 9, "scripts config irc channels": 10, "scripts config irc channels 1": 10,
		"scripts config irc quoted_key b c": 14, "scripts config irc nick": 15, "scripts config irc nets": 17, "admin": 0,
	} {
		path := strings.Fields(key)
		for i := range path {
			path[i] = strings.ReplaceAll(path[i], "_", " ")
		}
		if got := f.Line(path...); got != want {
			t.Errorf("%s stands in line %d, want %d", key, got, want)
		}
	}
	if v, ok := f.Value("homeserver", "url"); !ok || v != `"https://example.org"` {
		t.Errorf("homeserver.url is %s", v)
	}
}

func TestSet(t *testing.T) {
	for _, c := range []struct{ name, text, key, value, want string }{
		{"a value is replaced, its comment stays", "a = 1 # one\nb = 2\n", "a", "5", "a = 5 # one\nb = 2\n"},
		{"a new key goes behind the last of its table", "[t]\na = 1 # one\n\n[u]\nb = 2\n", "t.c", "3", "[t]\na = 1 # one\nc = 3\n\n[u]\nb = 2\n"},
		{"its = stands below the others", "[t]\nlong   = 1\n", "t.c", "3", "[t]\nlong   = 1\nc      = 3\n"},
		{"an empty table takes it", "[t]\n# nothing yet\n[u]\n", "t.c", "3", "[t]\nc = 3\n# nothing yet\n[u]\n"},
		{"a new table comes at the end", "a = 1\n", "t.u.c", "3", "a = 1\n\n[t.u]\nc = 3\n"},
		{"a file may be empty", "", "t.c", "3", "[t]\nc = 3\n"},
		{"a key without table comes before the first", "# about\n\n# of t\n[t]\nc = 3\n", "a", "1", "# about\n\na = 1\n\n# of t\n[t]\nc = 3\n"},
		{"a list over many lines is replaced", "a = [\n 1, # one\n 2,\n]\nb = 2\n", "a", "[]", "a = []\nb = 2\n"},
		{"an inline table takes it", "t = { a = 1 }\n", "t.b", "2", "t = { a = 1, b = 2 }\n"},
		{"an empty one too", "t = {}\n", "t.b", "2", "t = { b = 2 }\n"},
		{"a value in an inline table is replaced", "t = { a = 1, b = \"x\" } # c\n", "t.b", "2", "t = { a = 1, b = 2 } # c\n"},
		{"dotted keys stay dotted", "t.a = 1\n[u]\n", "t.b", "2", "t.a = 1\nt.b = 2\n[u]\n"},
		{"a table that only others name gets a header of its own", "[t.u]\na = 1\n", "t.b", "2", "[t.u]\na = 1\n\n[t]\nb = 2\n"},
		{"a last line may have no end", "[t]\na = 1", "t.b", "2", "[t]\na = 1\nb = 2\n"},
		{"lines may end as on Windows", "[t]\r\na = 1\r\n", "t.b", "2", "[t]\r\na = 1\r\nb = 2\r\n"},
	} {
		got, err := Read(c.text).Set(c.value, strings.Split(c.key, ".")...)
		if err != nil || got != c.want {
			t.Errorf("%s:\ngot  %q, %v\nwant %q", c.name, got, err, c.want)
		}
	}
	for _, c := range []struct{ text, key, want string }{
		{"[t]\na = 1\n", "t", "t is a table"}, {"[[t]]\na = 1\n", "t.a", "stands in a list of tables"}, {"t = 5\n", "t.a", "t is no table"},
	} {
		if _, err := Read(c.text).Set("1", strings.Split(c.key, ".")...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %s", c.text, err, c.want)
		}
	}
}

// Values too deep in each other are not looked into: what stands before them is found even so.
func TestDepth(t *testing.T) {
	nested := func(n int) string {
		return "a = 1\nb = " + strings.Repeat("[", n) + strings.Repeat("]", n) + "\nc = 2\n"
	}
	if f := Read(nested(maxDepth)); f.Line("a") != 1 || f.Line("c") != 3 {
		t.Errorf("within the depth: a in %d, c in %d", f.Line("a"), f.Line("c"))
	}
	if f := Read(nested(maxDepth + 1)); f.Line("a") != 1 || f.Line("b") != 2 || f.Line("c") != 0 {
		t.Errorf("beyond it: a in %d, b in %d, c in %d", f.Line("a"), f.Line("b"), f.Line("c"))
	}
}

// FuzzRead: of a file that is valid every key is found, and a changed one changes nothing else.
func FuzzRead(f *testing.F) {
	f.Add(sample, "new")
	f.Add("a.b.c = 1979-05-27 07:32:00\n\"\\u0062\" = '''x'''''\n", "d")
	f.Add("[a]\n[a.b]\nx=[[{y=1}],[]]\n[a.c]\n", "z")
	f.Add("[[0]", "0")
	f.Fuzz(func(t *testing.T, text, name string) {
		if len(text) > 2000 || strings.Count(text, "[")+strings.Count(text, "{")+strings.Count(text, ".") > maxDepth {
			t.Skip("too deep to be looked into, or too long for the toml package to read for every key")
		}
		var before map[string]any
		meta, err := toml.Decode(text, &before)
		if err != nil {
			Read(text) // must end
			t.Skip()
		}
		file := Read(text)
		for _, key := range meta.Keys() {
			if file.Line(key...) == 0 {
				t.Fatalf("%s is not found", key)
			}
			if table := tableAt(before, key); table != nil && table["tomledit"] == nil {
				added := append(slices.Clip([]string(key)), "tomledit")
				changed, err := file.Set("4711", added...)
				if err != nil && strings.HasSuffix(err.Error(), "is no table") {
					t.Skip("the toml package lets a dotted key and another have one name")
				}
				if err != nil {
					t.Fatalf("%q is not added: %v", added, err)
				}
				same(t, text, changed, added, before)
			}
			if !settable(before, key) {
				continue
			}
			changed, err := file.Set("4711", key...)
			if err != nil {
				t.Fatalf("%s is not set: %v", key, err)
			}
			same(t, text, changed, key, before)
		}
		if key := []string{"tomledit", name}; before["tomledit"] == nil && strings.ToValidUTF8(name, "") == name {
			changed, err := file.Set("4711", key...)
			if err != nil {
				t.Fatalf("%q is not added: %v", name, err)
			}
			if before == nil {
				before = map[string]any{}
			}
			before["tomledit"] = map[string]any{}
			same(t, text, changed, key, before)
		}
	})
}

// tableAt is the table that stands in no list, nil for others.
func tableAt(tree map[string]any, key []string) map[string]any {
	for _, part := range key {
		next, ok := tree[part].(map[string]any)
		if !ok {
			return nil
		}
		tree = next
	}
	return tree
}

// settable tells a value that is no table and stands in no list.
func settable(tree map[string]any, key []string) bool {
	for _, part := range key[:len(key)-1] {
		next, ok := tree[part].(map[string]any)
		if !ok {
			return false
		}
		tree = next
	}
	switch tree[key[len(key)-1]].(type) {
	case map[string]any, []map[string]any:
		return false
	}
	return true
}

func same(t *testing.T, text, changed string, key []string, before map[string]any) {
	t.Helper()
	var after map[string]any
	if _, err := toml.Decode(changed, &after); err != nil {
		t.Fatalf("%q set in\n%s\nis not valid: %v\n%s", key, text, err, changed)
	}
	tree := before
	for _, part := range key[:len(key)-1] {
		tree = tree[part].(map[string]any)
	}
	last := key[len(key)-1]
	old, had := tree[last]
	tree[last] = int64(4711)
	if !reflect.DeepEqual(before, after) && !slices.Contains(strings.Fields(changed), "nan") {
		t.Fatalf("%q set in\n%s\nis\n%s", key, text, changed)
	}
	if had {
		tree[last] = old
	} else {
		delete(tree, last)
	}
}
