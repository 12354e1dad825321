package tomledit

import (
	"strings"

	"github.com/BurntSushi/toml"
)

// scanner goes over a file once.
type scanner struct {
	*File
	i    int
	in   *table
	line int // of counted
	seen int // up to where lines were counted
	deep int
}

// maxDepth is how deep values may stand in each other; deeper ones are not looked into.
const maxDepth = 100

// lineAt is the line of an offset; offsets only grow.
func (s *scanner) lineAt(i int) int {
	if i > s.seen {
		s.line += strings.Count(s.text[s.seen:i], "\n")
		s.seen = i
	}
	return s.line
}

// statement reads one header or one key with its value; false at the end.
func (s *scanner) statement() bool {
	s.skip()
	if s.i >= len(s.text) {
		return false
	}
	start := s.i
	if s.text[s.i] == '[' {
		array := strings.HasPrefix(s.text[s.i:], "[[")
		s.i++
		if array {
			s.i++
		}
		key, ok := s.key()
		if !ok || s.peek() != ']' {
			return false
		}
		t := &table{key: key, line: s.lineAt(start), array: array || s.inArray(key), start: start}
		s.tables, s.in = append(s.tables, t), t
		s.endLine()
		t.end = s.i
		return true
	}
	e, ok := s.pair(s.in.key, nil)
	if !ok {
		return false
	}
	s.endLine()
	s.in.end, s.in.last = s.i, e
	return true
}

// inArray tells whether a header stands below one of an array.
func (s *scanner) inArray(key []string) bool {
	for _, t := range s.tables {
		if t.array && len(t.key) < len(key) && begins(key, t.key) {
			return true
		}
	}
	return false
}

// pair reads key = value.
func (s *scanner) pair(under []string, inline *entry) (*entry, bool) {
	at := s.i
	key, ok := s.key()
	if !ok || s.peek() != '=' {
		return nil, false
	}
	e := &entry{key: append(append([]string{}, under...), key...), line: s.lineAt(at), in: s.in, inline: inline, equals: s.i}
	s.i++
	s.blanks()
	s.entries = append(s.entries, e)
	e.start = s.i
	ok = s.value(e)
	e.end = s.i
	return e, ok
}

// key reads a dotted key and the blanks behind it.
func (s *scanner) key() (parts []string, ok bool) {
	for {
		s.blanks()
		start := s.i
		switch s.peek() {
		case '"', '\'':
			if !s.quoted() {
				return nil, false
			}
			parts = append(parts, unquote(s.text[start:s.i]))
		default:
			for bareKey.MatchString(string(s.peek())) {
				s.i++
			}
			if s.i == start {
				return nil, false
			}
			parts = append(parts, s.text[start:s.i])
		}
		s.blanks()
		if s.peek() != '.' {
			return parts, true
		}
		s.i++
	}
}

// unquote is the text of a quoted key.
func unquote(written string) string {
	var v struct{ K string }
	if _, err := toml.Decode("K = "+written, &v); err != nil {
		return written
	}
	return v.K
}

// value goes over one value; e is its entry, nil inside of a list.
func (s *scanner) value(e *entry) bool {
	if s.deep++; s.deep > maxDepth {
		return false
	}
	defer func() { s.deep-- }()
	switch s.peek() {
	case '"', '\'':
		return s.quoted()
	case '[':
		return s.list()
	case '{':
		return s.table(e)
	}
	start := s.i
	for s.i < len(s.text) && !strings.ContainsRune(",]}#\r\n", rune(s.text[s.i])) {
		s.i++
	}
	s.i = start + len(strings.TrimRight(s.text[start:s.i], " \t"))
	return s.i > start
}

func (s *scanner) list() bool {
	s.i++
	for {
		s.skip()
		switch s.peek() {
		case ']':
			s.i++
			return true
		case ',':
			s.i++
		default:
			if !s.value(nil) {
				return false
			}
		}
	}
}

func (s *scanner) table(e *entry) bool {
	s.i++
	for {
		s.skip()
		switch s.peek() {
		case '}':
			s.i++
			return true
		case ',':
			s.i++
			continue
		}
		if e == nil { // in a list: its keys are not told apart
			if _, ok := s.key(); !ok || s.peek() != '=' {
				return false
			}
			s.i++
			s.blanks()
			if !s.value(nil) {
				return false
			}
			continue
		}
		inner, ok := s.pair(e.key, e)
		if !ok {
			return false
		}
		if e.lastIn = inner; e.first == nil {
			e.first = inner
		}
	}
}

// quoted goes over a string of any kind.
func (s *scanner) quoted() bool {
	quote := s.text[s.i : s.i+1]
	escapes := quote == `"`
	if long := strings.Repeat(quote, 3); strings.HasPrefix(s.text[s.i:], long) {
		quote = long
	}
	for s.i += len(quote); s.i < len(s.text); s.i++ {
		switch {
		case escapes && s.text[s.i] == '\\':
			s.i++
		case strings.HasPrefix(s.text[s.i:], quote):
			s.i += len(quote)
			for n := 0; len(quote) == 3 && n < 2 && s.peek() == quote[0]; n++ {
				s.i++ // a long string may end in quotes of its own
			}
			return true
		}
	}
	s.i = len(s.text)
	return false
}

func (s *scanner) peek() byte {
	if s.i >= len(s.text) {
		return 0
	}
	return s.text[s.i]
}

func (s *scanner) blanks() {
	for s.peek() == ' ' || s.peek() == '\t' {
		s.i++
	}
}

// skip goes over blanks, empty lines and comments.
func (s *scanner) skip() {
	for {
		for s.i < len(s.text) && strings.IndexByte(" \t\r\n", s.text[s.i]) >= 0 {
			s.i++
		}
		if s.peek() != '#' {
			return
		}
		s.endLine()
	}
}

// endLine goes behind the end of the line.
func (s *scanner) endLine() {
	if n := strings.IndexByte(s.text[s.i:], '\n'); n >= 0 {
		s.i += n + 1
		return
	}
	s.i = len(s.text)
}
