// Package richtext is the HTML of messages (formatted_body): what of HTML from anywhere
// may be in one, by the specification's list for m.room.message.
//
//	nodes := richtext.Clean(source, richtext.Rules{Link: richtext.MayLink})
//	richtext.HTML(nodes) // as it may be sent
//	richtext.Text(nodes) // as its body
package richtext

import (
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Node is a piece of cleaned HTML: a text, or an element of the list.
type Node struct {
	Text string
	Tag  string // "" of a text
	Attr []Attr
	In   []Node
}

// Attr is an attribute of the list, with a value that it may have.
type Attr struct{ Name, Value string }

// Get is an attribute's value, "" when there is none.
func (n Node) Get(name string) string {
	for _, a := range n.Attr {
		if a.Name == name {
			return a.Value
		}
	}
	return ""
}

// Rules are what who shows or sends the HTML decides.
type Rules struct {
	Link  func(address string) bool // which addresses may be links; nil: none
	Nodes int                       // how many are kept; 0: MaxNodes
	Depth int                       // how deep; 0: MaxDepth
}

// Limits of one message.
const (
	MaxSource = 1 << 20 // bytes; what stands behind them is not looked at
	MaxNodes  = 20000
	MaxDepth  = 100 // source: the specification
)

// Allowed are the elements that stay; what stands in others stays without them.
// Source: the specification's list for m.room.message.
var Allowed = []string{"a", "b", "blockquote", "br", "caption", "code", "del", "details", "div", "em", "h1", "h2", "h3", "h4", "h5", "h6",
	"hr", "i", "img", "li", "ol", "p", "pre", "s", "span", "strong", "sub", "summary", "sup", "table", "tbody", "td", "th", "thead", "tr", "u", "ul"}

// dropped are the elements that go with all that stands in them.
var dropped = []string{"applet", "audio", "base", "button", "canvas", "embed", "frame", "frameset", "head", "iframe", "input", "link", "math", "meta",
	"mx-reply", "noembed", "noframes", "noscript", "object", "option", "plaintext", "script", "select", "style", "svg", "template", "textarea",
	"title", "video", "xmp"}

// other are elements that mean nearly the same as one of the list.
var other = map[string]string{"strike": "s", "font": "span", "ins": "u", "kbd": "code", "samp": "code", "tt": "code", "tfoot": "tbody",
	"address": "div", "article": "div", "aside": "div", "center": "div", "dd": "div", "dl": "div", "dt": "div", "fieldset": "div", "figcaption": "div",
	"figure": "div", "footer": "div", "header": "div", "main": "div", "nav": "div", "section": "div"}

// Clean keeps what may be in a message.
func Clean(source string, r Rules) []Node {
	if len(source) > MaxSource {
		source = strings.ToValidUTF8(source[:MaxSource], "")
	}
	body := &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body}
	roots, err := html.ParseFragment(strings.NewReader(source), body)
	if err != nil { // nested deeper than the parser goes
		return []Node{{Text: textOnly(source)}}
	}
	c := cleaner{Rules: r, left: r.Nodes}
	if c.left == 0 {
		c.left = MaxNodes
	}
	if c.Depth == 0 {
		c.Depth = MaxDepth
	}
	var out []Node
	for _, n := range roots {
		out = append(out, c.node(n, 0)...)
	}
	return out
}

type cleaner struct {
	Rules
	left int
}

func (c *cleaner) node(n *html.Node, depth int) []Node {
	if c.left <= 0 || depth > c.Depth {
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
	if !slices.Contains(Allowed, tag) {
		return in
	}
	out := Node{Tag: tag, In: in}
	for _, a := range n.Attr {
		name, value := a.Key, a.Val
		if tag == "span" && name == "color" { // of font
			name = "data-mx-color"
		}
		if a.Namespace == "" && c.may(tag, name, value) {
			out.Attr = append(out.Attr, Attr{name, strings.TrimSpace(value)})
		}
	}
	return []Node{out}
}

// may tells whether an element may have that attribute.
func (c *cleaner) may(tag, name, value string) bool {
	switch tag + " " + name {
	case "a href":
		return c.Link != nil && c.Link(value)
	case "img src":
		return strings.HasPrefix(strings.TrimSpace(value), "mxc://")
	case "img alt", "img title", "span data-mx-spoiler", "span data-mx-maths", "div data-mx-maths":
		return true
	case "img width", "img height", "ol start":
		_, err := strconv.ParseUint(strings.TrimSpace(value), 10, 31)
		return err == nil
	case "span data-mx-color", "span data-mx-bg-color":
		return isColor(strings.TrimSpace(value))
	case "code class":
		return strings.HasPrefix(value, "language-") && !strings.ContainsAny(value, " \t\r\n\f")
	}
	return false
}

// isColor knows #rrggbb, which is what the specification allows.
func isColor(s string) bool {
	if len(s) != 7 || s[0] != '#' {
		return false
	}
	_, err := strconv.ParseUint(s[1:], 16, 32)
	return err == nil && s[1] != '+'
}

// textOnly leaves out all tags.
func textOnly(source string) string {
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(source))
	raw := "" // the element whose text is no text for people
	for {
		switch z.Next() {
		case html.ErrorToken: // the end: the source is a string
			return b.String()
		case html.TextToken:
			if raw == "" {
				b.WriteString(z.Token().Data)
			}
		case html.StartTagToken:
			name, _ := z.TagName()
			if slices.Contains(dropped, string(name)) {
				raw = string(name)
			}
		case html.EndTagToken:
			if name, _ := z.TagName(); string(name) == raw {
				raw = ""
			}
		}
	}
}
