package devpage

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Node is a piece of cleaned HTML: a text, or an element of the allow-list. The page makes
// elements of it one by one and never parses HTML.
type Node struct {
	Text string `json:"t,omitempty"`
	Tag  string `json:"e,omitempty"`
	Href string `json:"href,omitempty"`  // of a
	From int    `json:"start,omitempty"` // of ol
	In   []Node `json:"in,omitempty"`
}

// allowed are the elements that stay; what stands in others stays without them. Source:
// the specification's list for m.room.message, without pictures, which would be loaded.
var allowed = []string{"a", "b", "blockquote", "br", "caption", "code", "del", "details", "div", "em", "h1", "h2", "h3", "h4", "h5", "h6",
	"hr", "i", "li", "ol", "p", "pre", "s", "span", "strong", "sub", "summary", "sup", "table", "tbody", "td", "th", "thead", "tr", "u", "ul"}

// dropped are the elements that go with all that stands in them.
var dropped = []string{"applet", "base", "button", "embed", "frame", "frameset", "head", "iframe", "input", "link", "math", "meta", "mx-reply", "noembed",
	"noframes", "noscript", "object", "option", "plaintext", "script", "select", "style", "svg", "template", "textarea", "title", "xmp"}

// other are elements with a name of today.
var other = map[string]string{"strike": "s", "font": "span"}

// schemes are where a link may lead.
var schemes = []string{"http", "https", "mailto", "matrix"}

// Limits of what is shown of one message.
const (
	maxNesting = 40
	maxNodes   = 2000
)

// Clean keeps what is harmless of a formatted_body.
func Clean(source string) []Node {
	body := &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body}
	roots, err := html.ParseFragment(strings.NewReader(source), body)
	if err != nil { // only of the reader: a string has none
		return []Node{{Text: source}}
	}
	c := cleaner{left: maxNodes}
	var out []Node
	for _, n := range roots {
		out = append(out, c.node(n, 0)...)
	}
	return out
}

type cleaner struct{ left int }

func (c *cleaner) node(n *html.Node, depth int) []Node {
	if c.left <= 0 || depth > maxNesting {
		return nil
	}
	c.left--
	switch {
	case n.Type == html.TextNode && n.Data != "":
		return []Node{{Text: n.Data}}
	case n.Type != html.ElementNode || n.Namespace != "" || slices.Contains(dropped, n.Data):
		return nil
	}
	tag := n.Data
	if t := other[tag]; t != "" {
		tag = t
	}
	var in []Node
	for child := n.FirstChild; child != nil; child = child.NextSibling {
		in = append(in, c.node(child, depth+1)...)
	}
	switch {
	case tag == "img":
		return alternative(n)
	case !slices.Contains(allowed, tag):
		return in
	}
	out := Node{Tag: tag, In: in}
	for _, a := range n.Attr {
		switch {
		case tag == "a" && a.Key == "href":
			out.Href = link(a.Val)
		case tag == "ol" && a.Key == "start":
			out.From, _ = strconv.Atoi(a.Val) // not a number: counted from 1
		}
	}
	return []Node{out}
}

// alternative is what stands in place of a picture.
func alternative(n *html.Node) []Node {
	for _, a := range n.Attr {
		if (a.Key == "alt" || a.Key == "title") && a.Val != "" {
			return []Node{{Text: a.Val}}
		}
	}
	return []Node{{Text: "[picture]"}}
}

// link is an address if it may be followed, else "".
func link(s string) string {
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil || !slices.Contains(schemes, strings.ToLower(u.Scheme)) {
		return ""
	}
	return u.String()
}
