package richtext

import (
	"html"
	"strconv"
	"strings"
)

// HTML writes cleaned HTML. A picture without an address is its alternative text.
func HTML(nodes []Node) string {
	var b strings.Builder
	writeHTML(&b, nodes)
	return b.String()
}

func writeHTML(b *strings.Builder, nodes []Node) {
	for _, n := range nodes {
		switch {
		case n.Tag == "":
			b.WriteString(html.EscapeString(n.Text))
			continue
		case n.Tag == "img" && n.Get("src") == "":
			b.WriteString(html.EscapeString(n.Alternative()))
			continue
		}
		b.WriteString("<" + n.Tag)
		for _, a := range n.Attr {
			b.WriteString(" " + a.Name + `="` + html.EscapeString(a.Value) + `"`)
		}
		b.WriteByte('>')
		switch n.Tag {
		case "br", "hr", "img":
			continue
		case "pre":
			if strings.HasPrefix(firstText(n.In), "\n") {
				b.WriteByte('\n') // who reads it drops the first one
			}
		}
		writeHTML(b, n.In)
		b.WriteString("</" + n.Tag + ">")
	}
}

func firstText(nodes []Node) string {
	if len(nodes) == 0 {
		return ""
	}
	return nodes[0].Text
}

// Alternative is the text in place of a picture, "" when it has none.
func (n Node) Alternative() string {
	if alt := n.Get("alt"); alt != "" {
		return alt
	}
	return n.Get("title")
}

// Text is cleaned HTML without formatting: lists with "* " or numbers, quotes with "> ",
// paragraphs with an empty line between them.
func Text(nodes []Node) string {
	var w textWriter
	w.nodes(nodes)
	return strings.TrimRight(w.b.String(), " \n")
}

// textWriter collapses white space as browsers do.
type textWriter struct {
	b      strings.Builder
	breaks int  // to be written before the next text
	space  bool // likewise
	pre    int
}

// lines asks for n line breaks before what comes next.
func (w *textWriter) lines(n int) {
	w.space = false
	if w.b.Len() > 0 {
		w.breaks = max(w.breaks, n)
	}
}

// raw writes a text as it is.
func (w *textWriter) raw(s string) {
	if s == "" {
		return
	}
	for ; w.breaks > 0; w.breaks-- {
		w.b.WriteByte('\n')
	}
	if w.space && w.b.Len() > 0 {
		w.b.WriteByte(' ')
	}
	w.space = false
	w.b.WriteString(s)
}

func (w *textWriter) text(s string) {
	if w.pre > 0 {
		w.raw(s)
		return
	}
	// A no-break space is not white space here.
	words := strings.FieldsFunc(s, isSpace)
	if len(words) == 0 || isSpace(rune(s[0])) {
		w.spaced()
	}
	for i, word := range words {
		if i > 0 {
			w.spaced()
		}
		w.raw(word)
	}
	if len(words) > 0 && isSpace(rune(s[len(s)-1])) {
		w.spaced()
	}
}

// spaced asks for a space, which the beginning of a line does not need.
func (w *textWriter) spaced() {
	if w.breaks == 0 && w.b.Len() > 0 && !strings.HasSuffix(w.b.String(), "\n") {
		w.space = true
	}
}

func isSpace(r rune) bool { return r == ' ' || r == '\n' || r == '\t' || r == '\r' || r == '\f' }

func (w *textWriter) nodes(nodes []Node) {
	for _, n := range nodes {
		w.node(n)
	}
}

func (w *textWriter) node(n Node) {
	switch n.Tag {
	case "":
		w.text(n.Text)
	case "br":
		w.space = false
		if w.b.Len() > 0 {
			w.breaks++
		}
	case "hr":
		w.lines(1)
		w.raw("---")
		w.lines(1)
	case "img":
		w.text(n.Alternative())
	case "p", "h1", "h2", "h3", "h4", "h5", "h6", "table":
		w.block(2, func() { w.nodes(n.In) })
	case "div", "tr", "caption", "details", "summary":
		w.block(1, func() { w.nodes(n.In) })
	case "td", "th":
		w.spaced()
		w.nodes(n.In)
		w.spaced()
	case "pre":
		w.block(2, func() { w.pre++; w.nodes(n.In); w.pre-- })
	case "blockquote":
		w.block(2, func() { w.prefixed("> ", "> ", n.In) })
	case "ul", "ol":
		w.block(1, func() { w.list(n) })
	case "li": // outside of a list
		w.block(1, func() { w.prefixed("* ", "  ", n.In) })
	default:
		w.nodes(n.In)
	}
}

func (w *textWriter) block(breaks int, inside func()) {
	w.lines(breaks)
	inside()
	w.lines(breaks)
}

func (w *textWriter) list(n Node) {
	number := 1
	if at, err := strconv.Atoi(n.Get("start")); err == nil {
		number = at
	}
	for _, item := range n.In {
		if item.Tag != "li" {
			w.node(item)
			continue
		}
		first := "* "
		if n.Tag == "ol" {
			first = strconv.Itoa(number) + ". "
			number++
		}
		w.lines(1)
		w.prefixed(first, "  ", item.In)
		w.lines(1)
	}
}

// prefixed writes some nodes as lines of their own that begin with a prefix.
func (w *textWriter) prefixed(first, rest string, nodes []Node) {
	inner := textWriter{pre: w.pre}
	inner.nodes(nodes)
	lines := strings.Split(strings.TrimRight(inner.b.String(), " \n"), "\n")
	for i, line := range lines {
		prefix := rest
		if i == 0 {
			prefix = first
		}
		lines[i] = strings.TrimRight(prefix+line, " ")
	}
	w.raw(strings.Join(lines, "\n"))
}
