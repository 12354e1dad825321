package richtext

import (
	"strings"
	"testing"
)

var foreign = Rules{Link: MayLinkForeign}

func TestCleanKeepsTheListOfTheSpecification(t *testing.T) {
	for source, want := range map[string]string{
		"a < b & \"c\"":  "a &lt; b &amp; &#34;c&#34;",
		"<b>bold<i>both": "<b>bold<i>both</i></b>",
		`<a href="https://example.org/?a=1&b=2">x`:                       `<a href="https://example.org/?a=1&amp;b=2">x</a>`,
		`<a href="javascript:alert(1)">x</a>`:                            "<a>x</a>",
		"<a href=' jAvA\tscript:alert(1)'>x</a>":                         "<a>x</a>",
		`<a href="/relative">x</a>`:                                      "<a>x</a>",
		`<a href="//evil.example">x</a>`:                                 "<a>x</a>",
		`<a href=" mailto:a@example.org ">x</a>`:                         `<a href="mailto:a@example.org">x</a>`,
		`<a href="https://matrix.to/#/@a:b">x</a>`:                       "<a>x</a>",
		`<a href="https://MATRIX.to/#/%40a:b">x`:                         "<a>x</a>",
		`<a href="matrix:u/a:b">x</a>`:                                   "<a>x</a>",
		`<a href="https://matrix.to/#/!a:b">x</a>`:                       `<a href="https://matrix.to/#/!a:b">x</a>`,
		`<a href="https://x.example" target=_top onclick=x name=y>x</a>`: `<a href="https://x.example">x</a>`,
		`<script>alert(1)</script><style>b{}</style>a`:                   "a",
		`<svg><a href="javascript:1">b</a><script>x</script></svg>c`:     "c",
		`<math><mtext><b>x</b></mtext></math>c`:                          "c",
		`<iframe srcdoc="<script>x</script>"></iframe>a`:                 "a",
		`<template><b>x</b></template>a`:                                 "a",
		`<mx-reply><blockquote>q</blockquote></mx-reply>a`:               "a",
		`<form action="/x"><button>x</button><input>a</form>`:            "a",
		`<b onclick="alert(1)" style="x" class="y" id="z">a</b>`:         "<b>a</b>",
		`<img src="https://x.example/i.png" alt="a <cat>">`:              "a &lt;cat&gt;",
		`<img src="https://x.example/i.png">b`:                           "b",
		`<img src="mxc://a/b" alt="c" width="5" height="50%" onerror=x>`: `<img src="mxc://a/b" alt="c" width="5">`,
		`<font color="#ff0000">a</font><font color="red">b</font>`:       `<span data-mx-color="#ff0000">a</span><span>b</span>`,
		`<span data-mx-spoiler="why" data-mx-bg-color="#00ff00;x">a`:     `<span data-mx-spoiler="why">a</span>`,
		`<pre><code class="language-lua">x</code></pre>`:                 `<pre><code class="language-lua">x</code></pre>`,
		`<code class="language-lua evil">x</code>`:                       `<code>x</code>`,
		`<ol start="3"><li>a</ol><ol start="-1"><li>b</ol>`:              `<ol start="3"><li>a</li></ol><ol><li>b</li></ol>`,
		`<section>a</section><article><p>b</article>`:                    "<div>a</div><div><p>b</p></div>",
		`<strike>a</strike><tt>b</tt><blink>c</blink>`:                   "<s>a</s><code>b</code>c",
		"<pre>\n\na</pre>":                                               "<pre>\n\na</pre>",
		"<!-- x --><p>a<br/>b":                                           "<p>a<br>b</p>",
		"<html><head><title>t</title></head><body>a</body></html>":       "a",
		"": "",
	} {
		nodes := Clean(source, foreign)
		if got := HTML(nodes); got != want {
			t.Errorf("%s\n got %s\nwant %s", source, got, want)
		}
		if again := HTML(Clean(want, foreign)); again != want {
			t.Errorf("%s\nbecomes %s when it is cleaned again", want, again)
		}
	}
}

func TestText(t *testing.T) {
	for source, want := range map[string]string{
		"a  b\n c":                                   "a b c",
		"<b>a</b> <i>b</i>":                          "a b",
		"<b>a </b> <i> b</i>":                        "a b",
		"a&amp;b&nbsp;c &lt;d&gt;":                   "a&b\u00a0c <d>",
		"<p>one</p>\n<p>two<br>three</p>":            "one\n\ntwo\nthree",
		"a<div>b</div>c":                             "a\nb\nc",
		"<section>a</section><section>b</section>":   "a\nb",
		"<h1>T</h1>text":                             "T\n\ntext",
		"x<ul><li>a</li><li>b <b>c</b></li></ul>y":   "x\n* a\n* b c\ny",
		"<ol start=3><li>a<li>b</ol>":                "3. a\n4. b",
		"<ul><li>a<ul><li>b</ul><li>c</ul>":          "* a\n  * b\n* c",
		"<blockquote>a<br>b</blockquote>c":           "> a\n> b\n\nc",
		"<blockquote><p>a<p>b</blockquote>":          "> a\n>\n> b",
		"<pre>a\n  b</pre>c":                         "a\n  b\n\nc",
		"<table><tr><td>a<td>b<tr><td>c</table>":     "a b\nc",
		"a<hr>b":                                     "a\n---\nb",
		`<img src="https://x" alt="a cat"> there`:    "a cat there",
		"<script>x</script><style>y</style>z":        "z",
		"<a href='https://x.example'>link</a> after": "link after",
		"<span data-mx-spoiler>s</span>":             "s",
		"  <p>  </p>  ":                              "",
	} {
		if got := Text(Clean(source, foreign)); got != want {
			t.Errorf("%s\n got %q\nwant %q", source, got, want)
		}
	}
}

func TestCleanHasLimits(t *testing.T) {
	if n := size(Clean(strings.Repeat("<b>x</b>", MaxNodes), foreign)); n != MaxNodes {
		t.Errorf("%d nodes of many", n)
	}
	if n := depth(Clean(strings.Repeat("<div>", 3*MaxDepth)+"x", foreign)); n != MaxDepth+1 {
		t.Errorf("%d deep", n)
	}
	deep := strings.Repeat("<div>", 1000) + "a &lt;<script>no</script> b"
	if got := HTML(Clean(deep, foreign)); got != "a &lt; b" {
		t.Errorf("deeper than the parser goes: %q", got)
	}
	if n := len(Text(Clean("<b>"+strings.Repeat("ä", MaxSource), foreign))); n != MaxSource-4 {
		t.Errorf("%d bytes of many", n)
	}
}

func size(list []Node) (n int) {
	for _, one := range list {
		n += 1 + size(one.In)
	}
	return n
}

func depth(list []Node) (n int) {
	for _, one := range list {
		n = max(n, 1+depth(one.In))
	}
	return n
}

// FuzzClean reads what was written again: there is nothing in it that is not on the list,
// and nothing of it is lost.
func FuzzClean(f *testing.F) {
	for _, s := range []string{"<b>x</b>", `<a href="javascript:x">`, "<svg><style><img src=x>", "<table><td><script>", "<math><mi><mglyph><svg>",
		"&lt;<\x00b>", "<pre>\n\nx", "<ol start=1><li><blockquote>a<p>b", "<a><a>", "<table>x<a>", "<span data-mx-spoiler='\">'>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		nodes := Clean(source, foreign)
		once := HTML(nodes)
		_ = Text(nodes)
		if strings.Contains(once, "<script") || strings.Contains(once, "javascript:") && strings.Contains(once, "href=\"javascript") {
			t.Fatalf("%q becomes %q", source, once)
		}
		var check func([]Node)
		check = func(list []Node) {
			for _, n := range list {
				c := cleaner{Rules: foreign}
				for _, a := range n.Attr {
					if !c.may(n.Tag, a.Name, a.Value) {
						t.Fatalf("%q has the attribute %+v", source, a)
					}
				}
				check(n.In)
			}
		}
		check(nodes)
		check(Clean(once, foreign))
	})
}
