package luabind

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/jonboulle/clockwork"
)

// TestDataModules runs one line with each function; the specs have the rest.
func TestDataModules(t *testing.T) {
	tests := []struct{ lua, want string }{
		{`base64.encode("f\0\255"), base64.encode("\255\254", { url = true })`, "ZgD/\t__4"},
		{`base64.decode("Zm9v"), base64.decode("__4", { url = true }) == "\255\254"`, "foo\ttrue"},
		{`select(2, base64.decode("Zm9*")).code`, "E_BASE64"},
		{`crypto.sha1("abc")`, "a9993e364706816aba3e25717850c26c9cd0d89d"},
		{`crypto.sha256("abc", { encoding = "base64" }), #crypto.sha512("abc")`, "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=\t128"},
		{`crypto.hmac("sha256", "It's a Secret to Everybody", "Hello, World!")`, "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"},
		{`pcall(crypto.hmac, "sha256", "", "x")`, "got an empty string"},
		{`crypto.equal("a", "a"), crypto.equal("a", "b"), #crypto.random(5), #crypto.uuid()`, "true\tfalse\t5\t36"},
		{`html.to_text("<p>a</p><p>b</p>"), html.escape("<"), html.sanitise("<b onclick=x>c")`, "a\n\nb\t&lt;\t<b>c</b>"},
		{`html.markup("<b>x</b>").html, bridge.markdown("_%s_", html.markup("<b>x</b>")).html`, "<b>x</b>\t<em><b>x</b></em>"},
		{`re.find("xaby", "(a)(b)")`, "2\t3\ta\tb"},
		{`re.match("xaby", "a.", 2), re.groups("ab", "(?P<n>b)").n, #re.split("a,b", ",")`, "ab\tb\t2"},
		{`re.replace("ab", "b", "[$0]"), re.escape("a.b"), re.gmatch("ab", "b")()`, "a[b]\t1\ta\\.b\tb"},
		{`re.find`, "function"},
		{`pcall(re.find, "a", "(")`, "missing closing ) at byte 1"},
	}
	for _, test := range tests {
		b := newModBench(t, clockwork.NewRealClock(), nil)
		b.mustLoad(`local bridge, base64, crypto = require "bridge", require "bridge.base64", require "bridge.crypto"
			local html, re = require "bridge.html", require "bridge.re"
			bridge.on("org.test.go", function() print(` + test.lua + `) print "done" end)`)
		b.deliver("go")
		b.printed("done")
		if got := strings.TrimSuffix(b.output(), "\ndone"); !strings.Contains(strings.ReplaceAll(got, "\t1\t", "\t"), strings.ReplaceAll(test.want, "\t1\t", "\t")) {
			t.Errorf("%s printed %q, want %q", test.lua, got, test.want)
		}
	}
}

// FuzzBase64 decodes whatever Go does, and comes back to the same bytes.
func FuzzBase64(f *testing.F) {
	f.Add("Zm9v\nYg==", false)
	f.Add("__4=", true)
	f.Fuzz(func(t *testing.T, text string, url bool) {
		data, err := decodeBase64(text, url)
		strict, otherwise := base64.StdEncoding, base64.RawStdEncoding
		if url {
			strict, otherwise = base64.URLEncoding, base64.RawURLEncoding
		}
		_, errStrict := strict.DecodeString(text)
		_, errOtherwise := otherwise.DecodeString(text)
		if (err == nil) != (errStrict == nil || errOtherwise == nil) {
			t.Fatalf("%q: %v, Go says %v, %v", text, err, errStrict, errOtherwise)
		}
		if err == nil {
			if again, err := decodeBase64(strict.EncodeToString(data), url); err != nil || string(again) != string(data) {
				t.Fatalf("%q becomes %q, %v", data, again, err)
			}
		}
	})
}
