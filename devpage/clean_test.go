package devpage

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"bridgehost/matrix/richtext"
)

func TestCleanKeepsWhatIsHarmless(t *testing.T) {
	for source, want := range map[string]string{
		"plain &amp; <b>bold</b>":                                           `[{"t":"plain \u0026 "},{"e":"b","in":[{"t":"bold"}]}]`,
		`<a href="https://example.org/?a=1">x</a>`:                          `[{"e":"a","href":"https://example.org/?a=1","in":[{"t":"x"}]}]`,
		`<a href="javascript:alert(1)">x</a>`:                               `[{"e":"a","in":[{"t":"x"}]}]`,
		"<a href=\" jAvA\tscript:alert(1)\">x</a>":                          `[{"e":"a","in":[{"t":"x"}]}]`,
		`<a href="data:text/html,x">x</a>`:                                  `[{"e":"a","in":[{"t":"x"}]}]`,
		`<a href="//evil.example">x</a>`:                                    `[{"e":"a","in":[{"t":"x"}]}]`,
		`<script>alert(1)</script>a`:                                        `[{"t":"a"}]`,
		`<img src=x onerror=alert(1)>`:                                      `[{"t":"[picture]"}]`,
		`<img src="mxc://a/b" alt="a cat">`:                                 `[{"t":"a cat"}]`,
		`<b onclick="alert(1)" style="x" class="y">a</b>`:                   `[{"e":"b","in":[{"t":"a"}]}]`,
		`<blink>a</blink>`:                                                  `[{"t":"a"}]`,
		`<mx-reply><blockquote>q</blockquote></mx-reply>a`:                  `[{"t":"a"}]`,
		`<svg><script>alert(1)</script><a href="javascript:1">b</a></svg>c`: `[{"t":"c"}]`,
		`<math><mtext><b>x</b></mtext></math>c`:                             `[{"t":"c"}]`,
		`<iframe src="https://evil.example"></iframe>a`:                     `[{"t":"a"}]`,
		`<form action="/api/say"><button>x</button>a</form>`:                `[{"t":"a"}]`,
		`<font color="red">a</font><strike>b</strike>`:                      `[{"e":"span","in":[{"t":"a"}]},{"e":"s","in":[{"t":"b"}]}]`,
		`<ol start="3"><li>a</li></ol>`:                                     `[{"e":"ol","start":3,"in":[{"e":"li","in":[{"t":"a"}]}]}]`,
		`<!-- a --><p>b`:                                                    `[{"e":"p","in":[{"t":"b"}]}]`,
		``:                                                                  `null`,
	} {
		if got, _ := json.Marshal(Clean(source)); string(got) != want {
			t.Errorf("%s\n got %s\nwant %s", source, got, want)
		}
	}
}

func TestCleanHasLimits(t *testing.T) {
	if n := size(Clean(strings.Repeat("<b>x</b>", 5*maxNodes))); n > maxNodes {
		t.Errorf("%d nodes of many", n)
	}
	if n := depth(Clean(strings.Repeat("<div>", 10*maxNesting) + "x")); n > maxNesting+1 {
		t.Errorf("%d deep", n)
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

func FuzzClean(f *testing.F) {
	for _, s := range []string{"<b>x</b>", `<a href="javascript:x">`, "<svg><style><img src=x>", "<table><td><script>", "<math><mi><mglyph><svg>", "&lt;<\x00b>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		var check func([]Node)
		check = func(list []Node) {
			for _, n := range list {
				known := n.Tag == "" || n.Tag != "img" && slices.Contains(richtext.Allowed, n.Tag)
				if !known || n.Href != "" && link(n.Href) == "" || n.Tag != "" && n.Text != "" {
					t.Fatalf("%q becomes %+v", source, n)
				}
				check(n.In)
			}
		}
		check(Clean(source))
	})
}
