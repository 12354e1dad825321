package matrix

import (
	"encoding/json"
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Message is the content of an m.room.message that is a text.
type Message struct {
	MsgType       string          `json:"msgtype"`
	Body          string          `json:"body"`
	Format        string          `json:"format,omitempty"`
	FormattedBody string          `json:"formatted_body,omitempty"`
	RelatesTo     json.RawMessage `json:"m.relates_to,omitempty"`
	Mentions      json.RawMessage `json:"m.mentions,omitempty"` // without it names in the body ping
}

// NewMessage makes the content of a text. With html it has a formatted body, and a
// plain one made from it when text is empty (SE-3).
func NewMessage(msgtype, text, html string, relatesTo json.RawMessage) *Message {
	m := &Message{MsgType: msgtype, Body: text, RelatesTo: relatesTo}
	if html != "" {
		m.Format, m.FormattedBody = "org.matrix.custom.html", html
		if text == "" {
			m.Body = PlainText(html)
		}
	}
	return m
}

// JSON is the content as it is sent.
func (m *Message) JSON() json.RawMessage {
	b, err := encodeBody(m)
	if err != nil { // relatesTo was no JSON; the caller's to check
		m.RelatesTo = nil
		b, _ = encodeBody(m)
	}
	return b
}

// Reaction is the content of an m.reaction to event.
func Reaction(event EventID, key string) json.RawMessage {
	b, _ := encodeBody(map[string]any{"m.relates_to": map[string]string{
		"rel_type": "m.annotation", "event_id": string(event), "key": key,
	}})
	return b
}

// maxHTMLDepth is how deep elements are followed; what is deeper is read as text.
const maxHTMLDepth = 100

// PlainText makes the text that stands beside an HTML body for clients that show no
// HTML: **bold**, _emphasis_, `code`, lists, quotes, and links with their address.
func PlainText(markup string) string {
	doc, err := html.Parse(strings.NewReader(markup))
	if err != nil {
		return markup
	}
	p := plain{}
	p.children(doc, 0)
	lines := strings.Split(strings.TrimSpace(p.b.String()), "\n")
	for n := range lines {
		lines[n] = strings.TrimRight(lines[n], " ")
	}
	return strings.Join(lines, "\n")
}

type plain struct {
	b   strings.Builder
	pre bool
}

func (p *plain) children(n *html.Node, depth int) {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		p.node(c, depth+1)
	}
}

func (p *plain) node(n *html.Node, depth int) {
	if n.Type == html.TextNode {
		p.text(n.Data)
		return
	}
	if depth > maxHTMLDepth {
		return
	}
	switch n.DataAtom {
	case atom.Script, atom.Style, atom.Head, atom.Title:
	case atom.Br:
		p.b.WriteByte('\n')
	case atom.Hr:
		p.block(1)
		p.b.WriteString("---")
		p.block(1)
	case atom.B, atom.Strong:
		p.around(n, depth, "**")
	case atom.I, atom.Em:
		p.around(n, depth, "_")
	case atom.S, atom.Del, atom.Strike:
		p.around(n, depth, "~~")
	case atom.Code:
		if p.pre {
			p.children(n, depth)
		} else {
			p.around(n, depth, "`")
		}
	case atom.Img:
		p.b.WriteString(attr(n, "alt"))
	case atom.A:
		p.link(n, depth)
	case atom.Pre:
		p.block(1)
		p.pre = true
		p.b.WriteString("```\n")
		p.children(n, depth)
		p.block(1)
		p.b.WriteString("```")
		p.pre = false
		p.block(1)
	case atom.Blockquote:
		p.indented(n, depth, "> ", "> ")
	case atom.Ul, atom.Ol:
		p.list(n, depth)
	case atom.P:
		p.block(2)
		p.children(n, depth)
		p.block(2)
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		p.block(2)
		p.b.WriteString(strings.Repeat("#", int(n.Data[1]-'0')) + " ")
		p.children(n, depth)
		p.block(2)
	case atom.Div, atom.Tr, atom.Table, atom.Details, atom.Summary:
		p.block(1)
		p.children(n, depth)
		p.block(1)
	case atom.Td, atom.Th:
		p.children(n, depth)
		p.b.WriteByte(' ')
	default:
		if n.Data == "mx-reply" {
			return // the quoted message of an old-fashioned reply
		}
		p.children(n, depth)
	}
}

func (p *plain) text(s string) {
	if p.pre {
		p.b.WriteString(s)
		return
	}
	words := strings.Join(strings.Fields(s), " ")
	if words == "" && s != "" || strings.IndexAny(s, " \t\r\n") == 0 {
		if out := p.b.String(); out != "" && !strings.HasSuffix(out, " ") && !strings.HasSuffix(out, "\n") {
			p.b.WriteByte(' ')
		}
	}
	p.b.WriteString(words)
	if words != "" && strings.ContainsAny(s[len(s)-1:], " \t\r\n") {
		p.b.WriteByte(' ')
	}
}

// block makes sure that n line ends stand before what follows.
func (p *plain) block(n int) {
	out := p.b.String()
	if strings.TrimSpace(out) == "" {
		return
	}
	for have := len(out) - len(strings.TrimRight(out, "\n")); have < n; have++ {
		p.b.WriteByte('\n')
	}
}

func (p *plain) inner(n *html.Node, depth int) string {
	in := plain{pre: p.pre}
	in.children(n, depth)
	return in.b.String()
}

func (p *plain) around(n *html.Node, depth int, mark string) {
	in := p.inner(n, depth)
	words := strings.TrimSpace(in)
	if words == "" {
		p.text(in)
		return
	}
	p.text(in[:strings.Index(in, words)])
	p.b.WriteString(mark + words + mark)
	if strings.HasSuffix(in, " ") {
		p.b.WriteByte(' ')
	}
}

func (p *plain) link(n *html.Node, depth int) {
	words, href := strings.TrimSpace(p.inner(n, depth)), attr(n, "href")
	switch {
	case href == "" || href == words || strings.HasPrefix(href, "https://matrix.to/#/@"):
		p.b.WriteString(words) // a mention reads as the name
	case words == "":
		p.b.WriteString(href)
	default:
		p.b.WriteString(words + " (" + href + ")")
	}
}

func (p *plain) list(n *html.Node, depth int) {
	p.block(1)
	number, _ := strconv.Atoi(attr(n, "start"))
	if number == 0 {
		number = 1
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.DataAtom != atom.Li {
			continue
		}
		mark := "* "
		if n.DataAtom == atom.Ol {
			mark = strconv.Itoa(number) + ". "
			number++
		}
		p.indented(c, depth+1, mark, strings.Repeat(" ", len(mark)))
	}
	p.block(1)
}

func (p *plain) indented(n *html.Node, depth int, first, rest string) {
	p.block(1)
	in := strings.TrimSpace(p.inner(n, depth))
	for k, line := range strings.Split(in, "\n") {
		if k > 0 {
			first = "\n" + rest
		}
		p.b.WriteString(first + line)
	}
	p.block(1)
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}
