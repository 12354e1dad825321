package matrix

import (
	"strings"
	"testing"
)

func TestPlainTextOfHTML(t *testing.T) {
	for html, want := range map[string]string{
		"<p>hello <b>world</b></p>":                      "hello **world**",
		"a<br>b":                                         "a\nb",
		"<p>one</p><p>two</p>":                           "one\n\ntwo",
		"<ul><li>a</li><li>b</li></ul>":                  "* a\n* b",
		"<ol start=3><li>a</li><li>b</li></ol>":          "3. a\n4. b",
		"<blockquote>q<br>r</blockquote>s":               "> q\n> r\ns",
		`<a href="https://x.org/">site</a>`:              "site (https://x.org/)",
		`<a href="https://matrix.to/#/@a:b">Al</a>: hi`:  "Al: hi",
		"<em>x</em> <del>y</del> <code>z</code>":         "_x_ ~~y~~ `z`",
		"<pre><code>a\n  b</code></pre>":                 "```\na\n  b\n```",
		"<mx-reply>old</mx-reply>new<script>no</script>": "new",
		"a &lt;b&gt; &amp; c":                            "a <b> & c",
		strings.Repeat("<div>", 5000) + "deep":           "",
		"x <img alt=\":cat:\"> y":                        "x :cat: y",
		"<h2>T</h2>text":                                 "## T\n\ntext",
		"left <b> bold </b>right":                        "left **bold** right",
	} {
		if got := PlainText(html); got != want && want != "" {
			t.Errorf("PlainText(%.60q) = %q, want %q", html, got, want)
		}
	}
}

func TestAMessageWithHTMLHasBothBodies(t *testing.T) {
	got := string(NewMessage("m.text", "", "<b>hi</b>", nil).JSON())
	want := `{"msgtype":"m.text","body":"**hi**","format":"org.matrix.custom.html","formatted_body":"<b>hi</b>"}`
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func FuzzPlainText(f *testing.F) {
	f.Add("<b> <i>x</b></i><ol><li><pre>")
	f.Fuzz(func(t *testing.T, s string) { PlainText(s) })
}
