package luabind

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"

	"bridgehost/diag"
)

// Limits of patterns. The time of a search is the length of the text times the size of
// the pattern at most.
const (
	maxPattern   = 8 << 10 // bytes
	maxProgram   = 10000   // instructions of the compiled pattern, as counted by weigh
	maxGroups    = 100
	maxPatterns  = 200   // kept compiled in one VM
	maxPatternsW = 50000 // and their instructions together
	smallSearch  = 1 << 18
)

// pattern is a compiled regular expression that can go on searching in the middle of a text.
type pattern struct {
	source string
	re     *regexp.Regexp
	on     *regexp.Regexp // re behind one character and others, as a group; made by the first search that needs it
	names  []string       // of its groups, "" for those without; [0] is the whole
	weight int
	used   int
}

// compilePattern says where in the pattern a mistake is.
func compilePattern(source string) (*pattern, error) {
	if len(source) > maxPattern {
		return nil, patternError("the pattern has %d bytes; %d are allowed", len(source), maxPattern)
	}
	tree, err := syntax.Parse(source, syntax.Perl)
	if err != nil {
		return nil, syntaxError(source, err)
	}
	weight := weigh(tree)
	if weight > maxProgram {
		return nil, patternError("the pattern %s is too large when its repetitions are written out (%d steps; %d are allowed)", quoted(source), weight, maxProgram)
	}
	if n := tree.MaxCap(); n > maxGroups {
		return nil, patternError("the pattern %s has %d groups; %d are allowed (a group that need not be remembered is written (?:…))", quoted(source), n, maxGroups)
	}
	re, err := regexp.Compile(source)
	if err != nil {
		return nil, syntaxError(source, err)
	}
	return &pattern{source: source, re: re, names: re.SubexpNames(), weight: weight}, nil
}

func patternError(format string, args ...any) *diag.Error {
	return &diag.Error{Kind: diag.KindUsage, Code: "E_PATTERN", Message: fmt.Sprintf(format, args...)}
}

// syntaxError names the place and, where RE2 lacks what others have, says so.
func syntaxError(source string, err error) error {
	var e *syntax.Error
	if !errors.As(err, &e) {
		return patternError("the pattern %s is not understood: %v", quoted(source), err)
	}
	d := patternError("the pattern %s is not understood: %s", quoted(source), e.Code)
	if at := strings.Index(source, e.Expr); at >= 0 && e.Expr != "" {
		d.Message += fmt.Sprintf(" at byte %d: %s", at+1, quoted(e.Expr))
	}
	switch {
	case len(e.Expr) > 1 && e.Expr[0] == '\\' && e.Expr[1] >= '1' && e.Expr[1] <= '9':
		d.Hint = "there are no back-references, so that no pattern takes long"
	case strings.HasPrefix(e.Expr, "(?=") || strings.HasPrefix(e.Expr, "(?!") || strings.HasPrefix(e.Expr, "(?<=") || strings.HasPrefix(e.Expr, "(?<!"):
		d.Hint = "there is no look-ahead and no look-behind, so that no pattern takes long"
	case e.Code == syntax.ErrMissingParen || e.Code == syntax.ErrUnexpectedParen || e.Code == syntax.ErrMissingBracket:
		d.Hint = `a bracket that is meant as itself is written \( or \[`
	}
	return d
}

// weigh counts the instructions that a pattern is compiled to, before it is; character
// classes, which are shared by repetitions, count by their size.
func weigh(re *syntax.Regexp) int { return 2 + instructions(re) + classes(re) }

func classes(re *syntax.Regexp) int {
	n := 0
	if re.Op == syntax.OpCharClass {
		n = len(re.Rune) / 16
	}
	for _, sub := range re.Sub {
		n += classes(sub)
	}
	return n
}

func instructions(re *syntax.Regexp) int {
	n := 0
	for _, sub := range re.Sub {
		n += instructions(sub)
	}
	switch re.Op {
	case syntax.OpLiteral:
		return len(re.Rune)
	case syntax.OpConcat:
		return n
	case syntax.OpCapture:
		return n + 2
	case syntax.OpAlternate:
		return n + len(re.Sub)
	case syntax.OpRepeat: // Go's parser allows 1000 at most, those within each other multiplied
		return re.Min*n + max(re.Max-re.Min, 1)*(n+1)
	}
	return n + 1
}

// find is the leftmost match that begins at from or later, as pairs of offsets; nil when
// there is none. What stands before from is seen by ^ and \b. poll is told of the work.
func (p *pattern) find(text string, from int, poll func(steps int)) []int {
	if from == 0 {
		return p.search(p.re, text, poll)
	}
	if p.on == nil {
		// The tree's own text: \Q… without its end would take the closing bracket.
		tree, _ := syntax.Parse(p.source, syntax.Perl)
		p.on = regexp.MustCompile(`\A(?s:.)(?s:.)*?(` + tree.String() + `)`)
	}
	_, width := utf8.DecodeLastRuneInString(text[:from])
	before := from - width
	m := p.search(p.on, text[before:], poll)
	if m == nil {
		return nil
	}
	m = m[2:]
	for i := range m {
		if m[i] >= 0 {
			m[i] += before
		}
	}
	return m
}

// search polls after a short search, and during a long one: Go's matcher cannot be
// interrupted but for the text that it reads.
func (p *pattern) search(re *regexp.Regexp, text string, poll func(steps int)) []int {
	if len(text)*p.weight <= smallSearch {
		m := re.FindStringSubmatchIndex(text)
		done := len(text)
		if m != nil {
			done = m[1]
		}
		poll(16 + done*p.weight/8)
		return m
	}
	r := &polledReader{text: text, cost: p.weight, poll: poll}
	m := re.FindReaderSubmatchIndex(r)
	poll(r.steps)
	return m
}

// polledReader gives a text to a matcher, and its budget the work that each character makes.
type polledReader struct {
	text        string
	at          int
	cost, steps int
	poll        func(steps int)
}

func (r *polledReader) ReadRune() (c rune, size int, err error) {
	if r.at >= len(r.text) {
		return 0, 0, io.EOF
	}
	if r.steps += r.cost; r.steps > 4096 {
		r.poll(r.steps)
		r.steps = 0
	}
	c, size = utf8.DecodeRuneInString(r.text[r.at:])
	r.at += size
	return c, size, nil
}

// each calls f with every match, from the left and without overlap, until it answers
// false. An empty match right behind another one does not count.
func (p *pattern) each(text string, poll func(steps int), f func(m []int) bool) {
	for w := (walk{p: p, text: text}); ; {
		m := w.next(poll)
		if m == nil || !f(m) {
			return
		}
	}
}

// walk goes through all matches in a text.
type walk struct {
	p    *pattern
	text string
	at   int
	last int // where the last match ended, plus 1; 0: there was none
}

func (w *walk) next(poll func(steps int)) []int {
	for w.at <= len(w.text) {
		m := w.p.find(w.text, w.at, poll)
		if m == nil {
			w.at = len(w.text) + 1
			return nil
		}
		behind := m[0] == m[1] && m[0] == w.last-1
		if m[1] == w.at {
			_, width := utf8.DecodeRuneInString(w.text[w.at:])
			w.at += max(width, 1)
		} else {
			w.at = m[1]
		}
		w.last = m[1] + 1
		if !behind {
			return m
		}
	}
	return nil
}

// template is a replacement: texts and the groups between them.
type template []piece

type piece struct {
	text  string
	group int // -1: the text
}

// parseTemplate reads $1, ${name}, $0 and $$.
func (p *pattern) parseTemplate(s string) (template, error) {
	var t template
	for {
		before, rest, found := strings.Cut(s, "$")
		t = append(t, piece{before, -1})
		if !found {
			return t, nil
		}
		name := ""
		switch {
		case strings.HasPrefix(rest, "$"):
			t, s = append(t, piece{"$", -1}), rest[1:]
			continue
		case strings.HasPrefix(rest, "{"):
			inner, after, closed := strings.Cut(rest[1:], "}")
			if !closed {
				return nil, patternError("the replacement has a ${ without }; write $$ for a dollar sign")
			}
			name, s = inner, after
		default:
			n := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
			name, s = rest[:n], rest[n:]
		}
		group := p.group(name)
		switch {
		case name == "":
			return nil, patternError("the replacement has a $ without a number; write $1 or ${name} for a group, $$ for a dollar sign")
		case group < 0:
			return nil, patternError("the replacement names the group %s, and the pattern %s has none of that name", quoted(name), quoted(p.source))
		}
		t = append(t, piece{"", group})
	}
}

// group is the number of a group by its number or name, -1 when there is none.
func (p *pattern) group(name string) int {
	for i, n := range p.names {
		if n == name && name != "" || fmt.Sprint(i) == name {
			return i
		}
	}
	return -1
}

func (t template) write(b *strings.Builder, text string, m []int) {
	for _, one := range t {
		if one.group < 0 {
			b.WriteString(one.text)
		} else {
			b.WriteString(groupOf(text, m, one.group))
		}
	}
}

// groupOf is what a group caught, "" when it took no part.
func groupOf(text string, m []int, group int) string {
	if m[2*group] < 0 {
		return ""
	}
	return text[m[2*group]:m[2*group+1]]
}

// patterns keeps those compiled that were used last.
type patterns struct {
	kept   map[string]*pattern
	weight int
	clock  int
}

func (all *patterns) get(source string) (*pattern, error) {
	all.clock++
	if p := all.kept[source]; p != nil {
		p.used = all.clock
		return p, nil
	}
	p, err := compilePattern(source)
	if err != nil {
		return nil, err
	}
	if all.kept == nil {
		all.kept = map[string]*pattern{}
	}
	for len(all.kept) > 0 && (len(all.kept) >= maxPatterns || all.weight+p.weight > maxPatternsW) {
		all.dropOldest()
	}
	p.used = all.clock
	all.kept[source] = p
	all.weight += p.weight
	return p, nil
}

func (all *patterns) dropOldest() {
	var oldest *pattern
	for _, p := range all.kept {
		if oldest == nil || p.used < oldest.used {
			oldest = p
		}
	}
	delete(all.kept, oldest.source)
	all.weight -= oldest.weight
}
