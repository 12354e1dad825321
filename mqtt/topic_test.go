package mqtt

import (
	"strings"
	"testing"
)

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		filter, topic string
		want          bool
	}{
		{"a/b", "a/b", true}, {"a/b", "a", false}, {"a", "a/b", false}, {"a/b", "A/b", false},
		{"+", "a", true}, {"+", "a/b", false}, {"+/+", "a/b", true}, {"+/+", "/", true}, {"/+", "/a", true}, {"+", "/a", false},
		{"home/+/state", "home/lamp/state", true}, {"home/+/state", "home/state", false}, {"home/+/state", "home//state", true},
		{"#", "a/b/c", true}, {"a/#", "a", true}, {"a/#", "a/b/c", true}, {"a/#", "ab", false}, {"a/+/#", "a", false}, {"a/+/#", "a/b", true},
		{"#", "$SYS/x", false}, {"+/x", "$SYS/x", false}, {"$SYS/#", "$SYS/x", true},
		{"$share/g/a/+", "a/b", true}, {"$share/g/a/+", "b/b", false},
	} {
		if got := Matches(c.filter, c.topic); got != c.want {
			t.Errorf("Matches(%q, %q) = %v", c.filter, c.topic, got)
		}
	}
}

func TestFilters(t *testing.T) {
	for filter, wrong := range map[string]string{
		"a/b": "", "#": "", "+": "", "a/+/#": "", "$share/g/t": "", "/": "",
		"": "at least one", "a#": "#", "#/a": "#", "a+": "+", "a/b+/c": "+", "a\x00": "zero", "\xff": "UTF-8",
		strings.Repeat("x", 65536): "65535", "$share/g": "$share", "$share//t": "$share", "$share/g/": "$share",
	} {
		err := CheckFilter(filter)
		if (err == nil) != (wrong == "") || err != nil && !strings.Contains(err.Error(), wrong) {
			t.Errorf("%.20q: %v", filter, err)
		}
	}
	if CheckTopic("a/+") == nil || CheckTopic("a/#") == nil || CheckTopic("a/b") != nil {
		t.Error("topics to publish under have no wildcards")
	}
}

func FuzzMatches(f *testing.F) {
	f.Add("home/+/state", "home/lamp/state")
	f.Add("$share/g/#", "$SYS/x")
	f.Fuzz(func(t *testing.T, filter, topic string) {
		if CheckFilter(filter) != nil || CheckTopic(topic) != nil {
			return
		}
		matched := Matches(filter, topic)
		if !strings.ContainsAny(filter, "+#") && !strings.HasPrefix(filter, "$share/") && matched != (filter == topic) {
			t.Errorf("%q, %q: %v", filter, topic, matched)
		}
	})
}
