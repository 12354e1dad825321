package diag

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Source gives the text of an author's file, for excerpts.
type Source interface {
	Source(file string) (text string, ok bool)
}

// Files is a Source of texts by name.
type Files map[string]string

// Source implements Source.
func (f Files) Source(file string) (string, bool) { text, ok := f[file]; return text, ok }

// Options of Render. The zero value is plain text without what still runs.
type Options struct {
	Still string // "generation 2 keeps running"
	Color bool   // ANSI colours
	Width int    // of the terminal, in characters; 0: 120
	Seen  string // "seen 3 times in the last minute"
}

// MaxLines is how long a rendered error may be.
const MaxLines = 12

// Render writes e for people: the first line names file, line and cause in the form
// that editors link; then come the excerpt with a caret, the variables, the calls and
// one hint. src may be nil. The text ends with a newline.
func Render(e *Error, src Source, o Options) string {
	if o.Width < 40 {
		o.Width = 120
	}
	r := &renderer{e: e, o: o}
	marks := e.places()
	if e.refused() {
		r.refusal(marks)
	} else {
		r.head = r.paint(red, "error: ") + oneLine(e.Error())
		r.tail()
	}
	// What is said about the error counts more than its surroundings.
	r.excerpt(src, marks, MaxLines-1-strings.Count(r.head, "\n")-len(r.after))
	lines := append([]string{r.head}, r.body...)
	lines = append(lines, r.after...)
	return strings.Join(lines, "\n") + "\n"
}

// JSON is e with all its fields, and what still runs.
func JSON(e *Error, o Options) ([]byte, error) {
	return json.Marshal(struct {
		*Error
		Text  string `json:"text"`
		Still string `json:"still_running,omitempty"`
	}{e, e.Error(), o.Still})
}

var fileLine = regexp.MustCompile(`^(.+):(\d+)$`)

// places are where to look: Marks, or Where.
func (e *Error) places() []Mark {
	if len(e.Marks) > 0 {
		return e.Marks
	}
	m := fileLine.FindStringSubmatch(e.Where)
	if m == nil {
		return nil
	}
	line, err := strconv.Atoi(m[2])
	if err != nil {
		return nil
	}
	return []Mark{{File: m[1], Line: line}}
}

type renderer struct {
	e     *Error
	o     Options
	head  string
	body  []string
	after []string
}

const (
	red  = "31"
	bold = "1"
	dim  = "2"
)

func (r *renderer) paint(color, s string) string {
	if !r.o.Color || s == "" {
		return s
	}
	return "\x1b[" + color + "m" + s + "\x1b[0m"
}

// field adds "    name     text" below the excerpt, two lines at most.
func (r *renderer) field(name, text string) {
	if text = oneLine(text); text == "" {
		return
	}
	const indent = 13
	line := []rune("    " + fmt.Sprintf("%-8s", name) + " " + text)
	if len(line) > r.o.Width {
		if i := strings.LastIndexByte(string(line[indent:r.o.Width]), ' '); i > 0 {
			at := indent + utf8.RuneCountInString(string(line[indent:r.o.Width])[:i])
			r.after = append(r.after, string(line[:at]))
			line = append([]rune(strings.Repeat(" ", indent)), line[at+1:]...)
		}
	}
	r.after = append(r.after, r.cut(string(line)))
}

// line adds a line below the excerpt.
func (r *renderer) line(text string) { r.after = append(r.after, r.cut(oneLine(text))) }

// didYouMean is how messages suggest a name.
const didYouMean = "; did you mean '"

// tail is what stands below the excerpt.
func (r *renderer) tail() {
	e := r.e
	r.locals()
	r.field("called", called(e))
	r.field("while", e.While)
	if !strings.Contains(e.Message, didYouMean) { // one suggestion is enough
		r.field("hint", e.Hint)
	}
	r.field("still", r.o.Still)
	r.more()
}

// more names the command that explains the error, and how often it came.
func (r *renderer) more() {
	if !r.e.explained() {
		r.field("seen", r.o.Seen)
		return
	}
	text := "bridgehost explain " + r.e.Code
	if r.o.Seen != "" {
		text = fmt.Sprintf("%-32s (seen %s)", text, r.o.Seen)
	}
	r.field("more", text)
}

// explained tells whether `bridgehost explain` says more of e. What a spec expected in vain
// is told by what happened instead; an error of syntax by the excerpt.
func (e *Error) explained() bool {
	_, known := Explain(e.Code)
	return known && e.Code != "E_EXPECTED" && len(e.Marks) == 0
}

// locals takes at most two lines.
func (r *renderer) locals() {
	const indent = "             "
	var lines []string
	line := ""
	for _, l := range r.e.Locals {
		part := oneLine(l.Name + " = " + l.Value)
		if line != "" && len(indent)+len(line)+3+len(part) > r.o.Width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += "   "
		}
		line += part
	}
	if line != "" {
		lines = append(lines, line)
	}
	for i, l := range lines {
		if i == 0 {
			r.after = append(r.after, r.cut("    locals   "+l))
		} else if i == 1 {
			r.after = append(r.after, r.cut(indent+l))
		}
	}
}

// topLevel is what In says of a script that is being loaded.
const topLevel = "the top level"

// called is the way to the failing line: `in portal_for, irc.lua:146 in service "irc"`.
func called(e *Error) string {
	var parts []string
	bare := false // the last part is a place without a function
	for i, f := range e.Trace {
		named := f.Func != "" && !strings.Contains(f.Func, " ") // others are "function at line 9"
		if i == 0 && (e.Where == "" || e.Where == fmt.Sprintf("%s:%d", f.File, f.Line)) {
			if named {
				parts = append(parts, "in "+f.Func)
			}
			continue
		}
		if len(parts) == 4 {
			parts, bare = append(parts, "…"), false
			break
		}
		part := fmt.Sprintf("%s:%d", f.File, f.Line)
		if bare = !named; named {
			part += " in " + f.Func
		}
		parts = append(parts, part)
	}
	text := strings.Join(parts, ", ")
	switch {
	case e.In == "" || text == "" && e.In == topLevel: // the excerpt shows it
		return text
	case text == "", bare:
		return strings.TrimSpace(text + " in " + e.In)
	}
	return text + ", in " + e.In
}

// excerpt shows the places within room lines: one place with its surroundings, two
// each with its own line.
func (r *renderer) excerpt(src Source, marks []Mark, room int) {
	if src == nil || len(marks) == 0 || room < 3 {
		return
	}
	text, ok := src.Source(marks[0].File)
	if !ok {
		return
	}
	lines := strings.Split(text, "\n")
	var body []string
	if len(marks) == 1 {
		body = r.single(lines, marks[0], room)
	} else {
		body = r.several(lines, marks, room)
	}
	if len(body) == 0 {
		return
	}
	r.body = body
	if len(body) < room {
		r.body = append([]string{""}, body...)
	}
}

// single shows two lines before and one after.
func (r *renderer) single(lines []string, m Mark, room int) []string {
	if m.Line < 1 || m.Line > len(lines) {
		return nil
	}
	before, after := 2, 1
	if room < 5 {
		before, after = 1, 0
	}
	var out []string
	for n := m.Line - before; n <= m.Line+after; n++ {
		if n < 1 || n > len(lines) || n > m.Line && strings.TrimSpace(lines[n-1]) == "" {
			continue
		}
		out = append(out, r.source(lines[n-1], n, n == m.Line))
		if n == m.Line {
			out = append(out, r.caret(lines[n-1], m)...)
		}
	}
	return out
}

func (r *renderer) several(lines []string, marks []Mark, room int) []string {
	var out []string
	last := 0
	for i, m := range marks {
		if m.Line < 1 || m.Line > len(lines) || len(out)+2 > room {
			continue
		}
		// What stands between two places is shown when it is short.
		if gap := m.Line - last - 1; last > 0 && gap > 0 && len(out)+gap+2*(len(marks)-i) <= room-1 {
			for n := last + 1; n < m.Line; n++ {
				out = append(out, r.source(lines[n-1], n, false))
			}
		}
		last = m.Line
		out = append(out, r.source(lines[m.Line-1], m.Line, true))
		out = append(out, r.caret(lines[m.Line-1], m)...)
	}
	return out
}

const gutter = 11 // "  > 1234 | "

func (r *renderer) source(line string, n int, here bool) string {
	arrow := " "
	if here {
		arrow = ">"
	}
	text := r.cut(fmt.Sprintf("  %s %4d | %s", arrow, n, plain(line)))
	if here {
		return r.paint(bold, text)
	}
	return r.paint(dim, text)
}

// caret points at a token; without a column it looks for the name that the message quotes.
func (r *renderer) caret(line string, m Mark) []string {
	col, length := m.Col, m.Len
	switch {
	case col != 0:
	case r.e.refused():
		col, length = find(line, "", r.e.At)
	case m.Note == "":
		col, length = find(line, r.e.Message, r.e.At)
	}
	if col < 1 || col > len(line)+1 {
		if m.Note == "" {
			return nil
		}
		col, length = len(line)-len(strings.TrimLeft(line, " \t"))+1, 0
	}
	end := min(col-1+max(length, 0), len(line))
	start := gutter + utf8.RuneCountInString(plain(line[:col-1]))
	width := max(utf8.RuneCountInString(plain(line[col-1:end])), 1)
	if start+width > r.o.Width {
		return nil
	}
	text := strings.Repeat(" ", start) + strings.Repeat("^", width)
	if m.Note != "" {
		text += " " + oneLine(m.Note)
	}
	return []string{r.paint(red, r.cut(text))}
}

// plain makes a source line safe for a terminal: a tab is two blanks, control
// characters and broken UTF-8 become one mark each.
func plain(s string) string {
	var b strings.Builder
	for _, c := range strings.TrimSuffix(s, "\r") {
		switch {
		case c == '\t':
			b.WriteString("  ")
		case c < ' ' || c >= 0x7f && c < 0xa0 || c == utf8.RuneError || c == '\u2028' || c == '\u2029':
			b.WriteRune('�')
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

// oneLine is s without line breaks and control characters.
func oneLine(s string) string {
	s = strings.TrimRight(s, "\r\n")
	return plain(strings.NewReplacer("\r\n", " ", "\n", " ").Replace(s))
}

// cut shortens a line to the width.
func (r *renderer) cut(s string) string {
	if utf8.RuneCountInString(s) <= r.o.Width {
		return s
	}
	return string([]rune(s)[:r.o.Width-1]) + "…"
}
