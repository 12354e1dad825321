// Package tomledit tells where the keys of a TOML file stand, and changes one of them while
// comments, order and spacing stay as a person wrote them. It is for text that the toml
// package has found valid: what it does not understand it leaves out.
//
//	f := tomledit.Read(text)
//	line := f.Line("scripts", "config", "irc", "server")
//	text, err := f.Set(`"irc.libera.chat"`, "scripts", "config", "irc", "server")
package tomledit

import (
	"regexp"
	"slices"
	"strings"
)

// File is one TOML file that was looked over.
type File struct {
	text    string
	tables  []*table // the first is the top of the file
	entries []*entry
}

// table is a [header], and where what follows it ends.
type table struct {
	key   []string
	line  int
	array bool // [[header]], or below one
	start int  // of the header's line
	end   int  // behind the line of its last entry, or of the header
	last  *entry
}

// entry is one key = value.
type entry struct {
	key    []string // from the top of the file
	line   int
	in     *table
	inline *entry // the inline table that it stands in
	equals int    // where the = stands
	start  int    // of the value
	end    int
	first  *entry // of an inline table: its first key
	lastIn *entry // and its last
}

// Read looks over text.
func Read(text string) *File {
	f := &File{text: text, tables: []*table{{}}}
	s := &scanner{File: f, in: f.tables[0], line: 1}
	for s.statement() {
	}
	return f
}

// Line is where a key or table stands, counted from 1; of what stands nowhere itself, where
// the value stands that holds it, or else its table. 0 when there is none of them.
func (f *File) Line(key ...string) int {
	for n := len(key); n > 0; n-- {
		if e := f.entry(key[:n]); e != nil {
			return e.line
		}
		for _, t := range f.tables[1:] {
			if slices.Equal(t.key, key[:n]) {
				return t.line
			}
		}
		if n == len(key) {
			if e := f.below(key); e != nil {
				return e.line
			}
		}
	}
	return 0
}

// Has tells whether the key, or a table of that name, stands in the file.
func (f *File) Has(key ...string) bool {
	return f.entry(key) != nil || f.below(key) != nil || slices.ContainsFunc(f.tables[1:], func(t *table) bool { return begins(t.key, key) })
}

// Value is a key's value as it is written.
func (f *File) Value(key ...string) (text string, ok bool) {
	e := f.entry(key)
	if e == nil {
		return "", false
	}
	return f.text[e.start:e.end], true
}

// Under is all that is written as values of the key and of those below it.
func (f *File) Under(key ...string) string {
	var b strings.Builder
	for _, e := range f.entries {
		if begins(e.key, key) && e.inline == nil {
			b.WriteString(f.text[e.start:e.end] + "\n")
		}
	}
	return b.String()
}

func (f *File) entry(key []string) *entry {
	for _, e := range f.entries {
		if slices.Equal(e.key, key) {
			return e
		}
	}
	return nil
}

// below is the first entry under a key that a dotted key made a table.
func (f *File) below(key []string) *entry {
	for _, e := range f.entries {
		if begins(e.key, key) && len(e.key) > len(key) {
			return e
		}
	}
	return nil
}

func begins(key, with []string) bool {
	return len(key) >= len(with) && slices.Equal(key[:len(with)], with)
}

var bareKey = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// Key is a dotted key as it stands in a file.
func Key(parts ...string) string {
	written := make([]string, len(parts))
	for i, part := range parts {
		if written[i] = part; !bareKey.MatchString(part) {
			written[i] = Text(part)
		}
	}
	return strings.Join(written, ".")
}
