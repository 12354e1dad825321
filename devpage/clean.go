package devpage

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"bridgehost/matrix/richtext"
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

// schemes are where a link may lead.
var schemes = []string{"http", "https", "mailto", "matrix"}

// Limits of what is shown of one message.
const (
	maxNesting = 40
	maxNodes   = 2000
)

// Clean keeps what is harmless of a formatted_body: what may be in a message, without
// pictures, which would be loaded.
func Clean(source string) []Node {
	return shown(richtext.Clean(source, richtext.Rules{
		Link:  func(address string) bool { return link(address) != "" },
		Nodes: maxNodes, Depth: maxNesting,
	}))
}

func shown(nodes []richtext.Node) (out []Node) {
	for _, n := range nodes {
		one := Node{Text: n.Text, Tag: n.Tag, In: shown(n.In)}
		switch n.Tag {
		case "img":
			one = Node{Text: n.Alternative()}
			if one.Text == "" {
				one.Text = "[picture]"
			}
		case "a":
			one.Href = link(n.Get("href"))
		case "ol":
			one.From, _ = strconv.Atoi(n.Get("start")) // none: counted from 1
		}
		out = append(out, one)
	}
	return out
}

// link is an address if it may be followed, else "".
func link(s string) string {
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil || !slices.Contains(schemes, strings.ToLower(u.Scheme)) {
		return ""
	}
	return u.String()
}
