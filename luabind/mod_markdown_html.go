package luabind

import (
	"bytes"
	"slices"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer/html"
	gmtext "github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
	nethtml "golang.org/x/net/html"

	"bridgehost/matrix/richtext"
)

// newMarkdown is CommonMark without raw HTML (a "<" is a "<") and with ~~struck~~
// text; a line break is one, as in any chat.
func newMarkdown() goldmark.Markdown {
	blocks := slices.DeleteFunc(parser.DefaultBlockParsers(), func(p util.PrioritizedValue) bool { return p.Priority == 900 })
	inlines := slices.DeleteFunc(parser.DefaultInlineParsers(), func(p util.PrioritizedValue) bool { return p.Priority == 400 })
	return goldmark.New(
		goldmark.WithParser(parser.NewParser(parser.WithBlockParsers(blocks...), parser.WithInlineParsers(inlines...),
			parser.WithParagraphTransformers(parser.DefaultParagraphTransformers()...))),
		goldmark.WithRendererOptions(html.WithHardWraps()),
		goldmark.WithExtensions(extension.Strikethrough),
	)
}

// markdown is the message of a format in Markdown.
func (f *filled) markdown() Markup {
	source := []byte(f.text)
	md := newMarkdown()
	doc := md.Parser().Parse(gmtext.NewReader(source))
	f.links(doc)
	var out bytes.Buffer
	if err := md.Renderer().Render(&out, source, doc); err != nil {
		return Markup{Body: f.plain(f.text)} // a bytes.Buffer takes everything: this does not happen
	}
	return Markup{Body: f.plain(f.text), HTML: f.rich(onlyParagraph(out.String()))}
}

// onlyParagraph takes the <p> off a text that is one paragraph: clients then show it
// without the margins.
func onlyParagraph(s string) string {
	s = strings.TrimSuffix(s, "\n")
	inner, ok := strings.CutPrefix(s, "<p>")
	if !ok {
		return s
	}
	inner, ok = strings.CutSuffix(inner, "</p>")
	if !ok || strings.Contains(inner, "<p>") {
		return s
	}
	return strings.ReplaceAll(inner, "<br>\n", "<br>")
}

// links fills in the addresses of links; a link that must not be one, and each
// picture (Matrix shows none from elsewhere), becomes its text.
func (f *filled) links(doc ast.Node) {
	var unwrap []ast.Node
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // the function returns no error
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Link:
			address := f.plain(string(n.Destination))
			if !mayLink(address, strings.HasPrefix(string(n.Destination), string(markOpen))) {
				unwrap = append(unwrap, n)
			}
			n.Destination = []byte(address)
			if n.Title != nil { // an empty one would be written
				n.Title = []byte(f.plain(string(n.Title)))
			}
		case *ast.Image:
			unwrap = append(unwrap, n)
		}
		return ast.WalkContinue, nil
	})
	for _, n := range unwrap {
		parent := n.Parent()
		for child := n.FirstChild(); child != nil; child = n.FirstChild() {
			parent.InsertBefore(parent, n, child)
		}
		parent.RemoveChild(parent, n)
	}
}

// mayLink tells whether an address may be a link. foreign is set when it came from a value.
func mayLink(address string, foreign bool) bool {
	if foreign {
		return richtext.MayLinkForeign(address)
	}
	return richtext.MayLink(address)
}

// markup is the message of a format in HTML.
func (f *filled) markup() Markup {
	var rich, plain strings.Builder
	z := nethtml.NewTokenizer(strings.NewReader(f.text))
	for {
		kind := z.Next()
		switch kind {
		case nethtml.ErrorToken: // the end: the source is a string
			return Markup{Body: strings.TrimSpace(plain.String()), HTML: rich.String()}
		case nethtml.TextToken:
			raw := string(z.Raw())
			rich.WriteString(f.rich(strings.ReplaceAll(raw, "<", "&lt;"))) // one that begins no tag, until a value follows it
			plain.WriteString(f.plain(nethtml.UnescapeString(raw)))
		case nethtml.StartTagToken, nethtml.SelfClosingTagToken, nethtml.EndTagToken:
			t := z.Token()
			f.attributes(&t)
			rich.WriteString(t.String())
			plain.WriteString(lineBreak(t.Data, kind))
		}
	}
}

// attributes fills in the values of a tag's attributes. A tag's or an attribute's name
// cannot be filled in: a mark in one is dropped.
func (f *filled) attributes(t *nethtml.Token) {
	t.Data = f.expand(t.Data, func(Markup) string { return "" })
	kept := t.Attr[:0]
	for _, a := range t.Attr {
		if strings.ContainsFunc(a.Key, isMark) {
			continue
		}
		filledIn := strings.ContainsRune(a.Val, markOpen)
		foreign := strings.HasPrefix(strings.TrimSpace(a.Val), string(markOpen))
		a.Val = f.plain(a.Val)
		if filledIn && (a.Key == "href" || a.Key == "src") && !mayLink(a.Val, foreign) && !strings.HasPrefix(a.Val, "mxc://") {
			continue
		}
		kept = append(kept, a)
	}
	t.Attr = kept
}

// lineBreak is what a tag means in a text without formatting.
func lineBreak(tag string, kind nethtml.TokenType) string {
	switch tag {
	case "br":
		return "\n"
	case "li":
		if kind == nethtml.StartTagToken {
			return "* "
		}
		return "\n"
	case "p", "div", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre":
		if kind == nethtml.EndTagToken {
			return "\n"
		}
	}
	return ""
}
