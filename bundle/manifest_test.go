package bundle

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

const good = `id = "org.example.irc-lounge"
name = "IRC lounge"
version = "1.4.0"
main = "irc.lua"
api = 1
bridgehost = ">=0.3, <1.0"
publisher = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"

[permissions]
"matrix:send" = "post messages"
"net:connect" = { hosts = ["${config.server}:${config.port}"], why = "the IRC server" }

[optional-permissions]
"matrix:media" = "show pictures"

[config]
server = { type = "string", required = true, example = "irc.libera.chat" }
channels = { type = "list", of = "string" }

[dependencies]
"org.example.irc-parser" = "^2.1"

[limits]
memory = "64MB"
timers = 5
`

func TestGoodManifest(t *testing.T) {
	m, err := Parse(good)
	if err != nil {
		t.Fatal(err)
	}
	if m.ID != "org.example.irc-lounge" || m.Version != "1.4.0" || m.Main != "irc.lua" || m.API != 1 || len(m.Permissions) != 2 {
		t.Errorf("%+v", m)
	}
	if err := m.HasMain(good, map[string]string{"irc.lua": ""}); err != nil {
		t.Error(err)
	}
	err = m.HasMain(good, map[string]string{"irk.lua": ""})
	if err == nil || err.Error() != "bridge.toml:4: main: there is no file 'irc.lua' in this folder" {
		t.Errorf("without its main: %v", err)
	}
}

func TestMistakesAreToldWithTheirLine(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{`[permissions]`, `[permisions]`, "bridge.toml:9: unknown key 'permisions'"},
		{`"org.example.irc-lounge"`, `"lounge"`, `bridge.toml:1: id: "lounge" is no reverse domain`},
		{`id = "org.example.irc-lounge"`, ``, "bridge.toml: 'id' is missing"},
		{`"1.4.0"`, `"1.4"`, `bridge.toml:3: version: "1.4" is no version`},
		{`"irc.lua"`, `"../irc.lua"`, `bridge.toml:4: main: "../irc.lua" is no .lua file`},
		{`"irc.lua"`, `"irc_spec.lua"`, `bridge.toml:4: main:`},
		{`api = 1`, `api = 7`, "bridge.toml:5: api: 7 is not known here"},
		{`api = 1`, `api = "1"`, "bridge.toml:5: api: "},
		{`">=0.3, <1.0"`, `"new"`, "bridge.toml:6: bridgehost:"},
		{`"RWQf`, `"XXQf`, "bridge.toml:7: publisher:"},
		{`"matrix:send"`, `"matrix:sent"`, "bridge.toml:10: [permissions] matrix:sent: there is no such permission"},
		{`"post messages"`, `" "`, "bridge.toml:10: [permissions] matrix:send: the reason is missing"},
		{`why =`, `wy =`, "bridge.toml:11: [permissions] net:connect: unknown key 'wy'"},
		{`"matrix:media"`, `"matrix:send"`, "bridge.toml:14: [optional-permissions] matrix:send: it stands in [permissions] already"},
		{`type = "string"`, `type = "text"`, "bridge.toml:17: [config] server: there is no type 'text'"},
		{`required`, `requird`, "bridge.toml:17: [config] server: unknown field 'requird'"},
		{`"^2.1"`, `"newest"`, `bridge.toml:21: [dependencies] org.example.irc-parser: "newest"`},
		{`timers`, `timer`, "bridge.toml:25: [limits] timer: there is no such limit"},
		{`timers = 5`, `timers = 0`, "bridge.toml:25: [limits] timers: more than 0"},
		{`name = "IRC lounge"`, `name = IRC`, "bridge.toml:2: "},
		{"irc-lounge\"", "irc-l\u043eunge\"", "bridge.toml:1: id: \"org.example.irc-l\u043eunge\" has the character U+043E"},
		{`"1.4.0"`, `"99999999999999999999.0.0"`, "bridge.toml:3: version: "},
		{`"1.4.0"`, `"1.4.0-` + strings.Repeat("a", 64) + `"`, "bridge.toml:3: version: it has 70 characters"},
		{"IRC lounge", "IRC\u202e lounge", "bridge.toml:2: the line has the character U+202E"},
		{"IRC lounge", `IRC\u001b[2J`, "bridge.toml:2: name: it has the character U+001B"},
		{"IRC lounge", strings.Repeat("x", 301), "bridge.toml:2: name: it has 301 bytes"},
		{"IRC lounge", strings.Repeat("x", 5000), "bridge.toml:2: the line has more than 4 KB"},
		{`[limits]`, "[" + strings.Repeat("a.", 33) + "a]", "bridge.toml:23: the line has 33 dots"},
		{"post messages", `post\u200b messages`, "bridge.toml:10: [permissions] matrix:send: the reason has the character U+200B"},
		{"post messages", strings.Repeat("x", 301), "bridge.toml:10: [permissions] matrix:send: the reason has 301 bytes"},
		{`"RWQf`, `"RWQ-`, "bridge.toml:7: publisher:"},
		{`api = 1`, "api = 1\nassets = [\"a[\"]", "bridge.toml:6: assets:"},
		{`api = 1`, "api = 1\nassets = [\"*.lua\"]", "bridge.toml:6: assets:"},
		{`irc-parser" =`, `irc-lounge" =`, "bridge.toml:21: [dependencies] org.example.irc-lounge: a bundle cannot need itself"},
		{`irc-parser" =`, `socket" =`, "bridge.toml:21: [dependencies] org.example.socket: require \"socket\" is a module"},
		{`[limits]`, "\"com.evil.irc-parser\" = \"^9\"\n[limits]", "bridge.toml:21: [dependencies] org.example.irc-parser: require \"irc-parser\" would mean this one and com.evil"},
		{"irc-parser\" =", "irc-p\u0430rser\" =", "bridge.toml:21: [dependencies] org.example.irc-p\u0430rser: it has the character U+0430"},
		{`[limits]`, strings.Repeat("# much\n", 10000) + `[limits]`, "bridge.toml: it has more than 64 KB"},
	} {
		_, err := Parse(strings.Replace(good, c.old, c.new, 1))
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.new, err, c.want)
		}
	}
}

// TestSlowManifests times nothing: without the limits this one takes the time of a whole run.
func TestSlowManifests(t *testing.T) {
	for _, line := range []string{strings.Repeat("a.", 32) + "a = 1\n", "[" + strings.Repeat("a.", 32) + "a]\n"} {
		var all strings.Builder
		for i := 0; all.Len()+2*len(line) < MaxManifest; i++ {
			all.WriteString(strings.Replace(line, "a", fmt.Sprintf("a%d", i), 1))
		}
		if _, err := Parse(all.String()); err == nil || err.Error() != "bridge.toml: 'id' is missing" {
			t.Error(err)
		}
	}
}

func TestEveryKeyIsKnownForSuggestions(t *testing.T) {
	typ := reflect.TypeFor[Manifest]()
	var tags []string
	for i := range typ.NumField() {
		tags = append(tags, typ.Field(i).Tag.Get("toml"))
	}
	if !slices.Equal(tags, keys) {
		t.Errorf("fields %q, keys %q", tags, keys)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(good)
	f.Add("id = 1")
	f.Add("[config]\nx = []\n[[permissions]]\n")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := Parse(text)
		var wrong *Error
		if err != nil && !errors.As(err, &wrong) {
			t.Errorf("an error without a place: %v", err)
		}
		if err == nil && (m.ID == "" || m.Main == "") {
			t.Errorf("a manifest without id or main was taken: %+v", m)
		}
	})
}
