package luabind

import (
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	nethtml "golang.org/x/net/html"
)

// made is a format with values, as bridge.markdown fills it in.
func made(format string, values ...string) *filled {
	f := &filled{text: format}
	for i, v := range values {
		f.values = append(f.values, Markup{Body: v})
		f.text = strings.Replace(f.text, "%s", mark(i), 1)
	}
	return f
}

func TestMarkdown(t *testing.T) {
	tests := []struct{ format, value, html string }{
		{"**%s**", "plain", "<strong>plain</strong>"},
		{"**%s**", " spaces ", "<strong> spaces </strong>"},
		{"`%s`", "a`b", "<code>a`b</code>"},
		{"~~%s~~", "x", "<del>x</del>"},
		{"one\ntwo %s", "x", "one<br>two x"},
		{"one\n\ntwo %s", "x", "<p>one</p>\n<p>two x</p>"},
		{"usage: !add <url> %s", "x", "usage: !add &lt;url&gt; x"},
		{"<script>alert(1)</script>%s", "", "&lt;script&gt;alert(1)&lt;/script&gt;"},
		{"* %s", "item", "<ul>\n<li>item</li>\n</ul>"},
		{"[x](%s)", "https://a.example/?q=1&r=2", `<a href="https://a.example/?q=1&amp;r=2">x</a>`},
		{"[x](%s)", "https://a.example/a b)c", `<a href="https://a.example/a%20b)c">x</a>`},
		{"[x](%s)", "javascript:alert(1)", "x"},
		{"[x](%s)", " JAVASCRIPT:alert(1)", "x"},
		{"[x](%s)", "data:text/html,x", "x"},
		{"[x](%s)", `https://a.example/" onmouseover="x`, `<a href="https://a.example/%22%20onmouseover=%22x">x</a>`},
		{"[x](%s)", "https://matrix.to/#/@victim:example.org", "x"},
		{"[x](https://matrix.to/#/%s)", "@friend:example.org", `<a href="https://matrix.to/#/@friend:example.org">x</a>`},
		{"[x](https://a.example/%s)", "../b", `<a href="https://a.example/../b">x</a>`},
		{"![%s](https://a.example/x.png)", "alt", "alt"},
		{"%s", "**b** _i_ `c` ~~s~~", "**b** _i_ `c` ~~s~~"},
		{"%s", "[x](https://evil.example)", "[x](https://evil.example)"},
		{"%s", "<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)&gt;"},
		{"%s", "# head", "# head"},
		{"%s", "a\n\n# head\n- x\n1. y\n    code", "a<br><br># head<br>- x<br>1. y<br>    code"},
		{"%s", "&lt;b&gt;", "&amp;lt;b&amp;gt;"},
		{"%s", "\ue000\ue010\ue001", "\ue000\ue010\ue001"},
		{"**%s", "** x **", "**** x **"},
		{"[%s](https://a.example)", "](https://evil.example)[", `<a href="https://a.example">](https://evil.example)[</a>`},
		{"`%s`", "` **b** `", "<code>` **b** `</code>"},
		{"```\n%s\n```", "```\n# x", "<pre><code>```<br># x\n</code></pre>"},
		{"> %s", "a\n\nb", "<blockquote>\n<p>a<br><br>b</p>\n</blockquote>"},
	}
	for _, test := range tests {
		got := made(test.format, test.value).markdown()
		if got.HTML != test.html {
			t.Errorf("%q with %q:\n got %s\nwant %s", test.format, test.value, got.HTML, test.html)
		}
		if want := strings.Replace(test.format, "%s", test.value, 1); got.Body != want {
			t.Errorf("%q with %q has the body %q", test.format, test.value, got.Body)
		}
	}
}

func TestHTML(t *testing.T) {
	tests := []struct{ format, value, html, body string }{
		{"<b>%s</b>", "<i>&", "<b>&lt;i&gt;&amp;</b>", "<i>&"},
		{`<a href="%s">x</a>`, "https://a.example/?a=1&b=2", `<a href="https://a.example/?a=1&amp;b=2">x</a>`, "x"},
		{`<a href="%s">x</a>`, `" onclick="x`, `<a>x</a>`, "x"},
		{`<a href=%s>x</a>`, `https://a.example onclick=x`, `<a>x</a>`, "x"},
		{`<a href=" %s">x</a>`, "javascript:alert(1)", "<a>x</a>", "x"},
		{`<a title="%s">x</a>`, `"><script>`, `<a title="&#34;&gt;&lt;script&gt;">x</a>`, "x"},
		{`<a %s>x</a>`, `onclick="x"`, `<a>x</a>`, "x"},
		{`<p>one</p><ul><li>%s</li></ul>a<br>b`, "two", `<p>one</p><ul><li>two</li></ul>a<br>b`, "one\n* two\na\nb"},
		{`&amp; %s`, "&amp;", `&amp; &amp;amp;`, "& &amp;"},
	}
	for _, test := range tests {
		got := made(test.format, test.value).markup()
		if got.HTML != test.html || got.Body != test.body {
			t.Errorf("%q with %q:\n got %s (%q)\nwant %s (%q)", test.format, test.value, got.HTML, got.Body, test.html, test.body)
		}
	}
}

// FuzzMarkdown fills hostile texts into formats of every kind: no element or attribute
// comes out that the format alone did not make.
func FuzzMarkdown(f *testing.F) {
	f.Add("**bold** <b> [x](javascript:y)")
	f.Add("\n\n# x\n```\n<img onerror=x>")
	f.Add("\" onclick=\"x")
	formats := []string{"%s", "**%s**", "`%s`", "# %s", "* %s", "> %s", "[%s](https://a.example)", "[x](https://a.example/%s)", "a %s b\n\nc", "```\n%s\n```"}
	f.Fuzz(func(t *testing.T, value string) {
		for _, format := range formats {
			want := strings.ReplaceAll(tags(made(format, "x").markdown().HTML), "<br>", "")
			got := strings.ReplaceAll(tags(made(format, strings.ToValidUTF8(value, "?")).markdown().HTML), "<br>", "")
			if got != want && !(strings.Contains(format, "](https://a.example/") && got == "") {
				t.Errorf("%q with %q: tags %s, want %s", format, value, got, want)
			}
		}
	})
}

// tags are the elements of an HTML text, with the names of their attributes.
func tags(s string) string {
	var b strings.Builder
	z := nethtml.NewTokenizer(strings.NewReader(s))
	for {
		switch z.Next() {
		case nethtml.ErrorToken:
			return b.String()
		case nethtml.TextToken:
			continue
		default:
			token := z.Token()
			b.WriteString("<" + token.Data)
			for _, a := range token.Attr {
				b.WriteString(" " + a.Key)
			}
			b.WriteString(">")
		}
	}
}

func TestMarkupIsContent(t *testing.T) {
	b := newModBench(t, clockwork.NewRealClock(), nil)
	b.mustLoad(`local bridge = require "bridge" local m = bridge.markdown("*%s*", "x") bridge.on("load", function() print(m) end)`)
	if got := b.output(); got != "*x*" {
		t.Errorf("printed %q", got)
	}
	raw, err := Markup{Body: "*x*", HTML: "<em>x</em>"}.content("m.text")
	if err != nil || !strings.Contains(string(raw), `"formatted_body":"\u003cem\u003ex\u003c/em\u003e"`) {
		t.Errorf("content %s, %v", raw, err)
	}
}

// What makes the host slow is refused, or charged: a loop of it ends in time.
func TestWorkOfTheHostIsCharged(t *testing.T) {
	b := newModBench(t, clockwork.NewRealClock(), nil)
	b.limit(100 * time.Millisecond)
	b.mustLoad(`local bridge, html, base64 = require "bridge", require "bridge.html", require "bridge.base64"
		bridge.on("org.test.long", function()
			local ok, err = pcall(bridge.markdown, (">"):rep(32769))
			print(err.code, err.message)
		end)
		bridge.on("org.test.markdown", function() while true do bridge.markdown((">"):rep(2000)) end end)
		bridge.on("org.test.html", function() local s = ("<b>x</b>"):rep(1e4) while true do html.sanitise(s) end end)
		bridge.on("org.test.base64", function() local s = ("x"):rep(1e6) while true do base64.encode(s) end end)`)
	b.deliver("long")
	b.printed("E_STRING\tthe Markdown is longer than 32768 bytes")
	for i, word := range []string{"markdown", "html", "base64"} {
		began := time.Now()
		b.deliver(word)
		b.until(word+" is ended", func() bool { b.mu.Lock(); defer b.mu.Unlock(); return len(b.reports) == i+1 })
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s took %s", word, took)
		}
	}
	b.reported("computed for 100ms without a wait")
}
