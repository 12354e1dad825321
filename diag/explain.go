package diag

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Explanation is what `bridgehost explain` says of a code.
type Explanation struct {
	Code  string `json:"code"`
	Title string `json:"title"`          // what is wrong, a few words
	Text  string `json:"text"`           // why, and what to do
	Bad   string `json:"bad,omitempty"`  // gives the code; Lua, or a bridge.toml for E03…
	Good  string `json:"good,omitempty"` // the same, mended
}

// Explain finds a code, in capitals or not.
func Explain(code string) (Explanation, bool) {
	code = strings.ToUpper(code)
	for _, e := range Explanations() {
		if e.Code == code {
			return e, true
		}
	}
	return Explanation{}, false
}

// Explanations lists all codes: those of `bridgehost check` first, then those of running
// Lua, then the host's.
func Explanations() []Explanation { return slices.Concat(checked, running, raised) }

// String is the explanation as a page.
func (e Explanation) String() string {
	var b strings.Builder
	b.WriteString(e.Code + "  " + e.Title + "\n\n" + wrapped(e.Text, 96) + "\n")
	for _, part := range []struct{ title, text string }{{"Wrong", e.Bad}, {"Right", e.Good}} {
		if part.text != "" {
			b.WriteString("\n" + part.title + "\n    " + strings.ReplaceAll(strings.TrimSpace(part.text), "\n", "\n    ") + "\n")
		}
	}
	return b.String()
}

// wrapped is a paragraph in lines of at most width characters.
func wrapped(text string, width int) string {
	var b strings.Builder
	at := 0
	for _, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case at == 0:
		case at+1+n > width:
			b.WriteByte('\n')
			at = 0
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += n
	}
	return b.String()
}
