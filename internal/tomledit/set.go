package tomledit

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Set is the text with that key set to value, which is written as TOML has it. A key that is
// new goes behind the last one of its table, or into a new table at the end.
func (f *File) Set(value string, key ...string) (string, error) {
	if e := f.entry(key); e != nil {
		if e.in.array {
			return "", fmt.Errorf("%s stands in a list of tables", Key(key...))
		}
		return f.text[:e.start] + value + f.text[e.end:], nil
	}
	if f.Has(key...) {
		return "", fmt.Errorf("%s is a table", Key(key...))
	}
	above := key[:len(key)-1]
	name := Key(key[len(key)-1])
	for _, t := range f.tables {
		if slices.Equal(t.key, above) && !t.array && len(above) > 0 {
			return f.insert(t, name, value), nil
		}
	}
	if e := f.entry(above); e != nil && len(above) > 0 {
		return f.intoTable(e, name, value)
	}
	if len(above) == 0 {
		return f.atTop(name, value), nil
	}
	for _, e := range slices.Backward(f.entries) { // above was made by dotted keys
		if begins(e.key, above) && len(e.in.key) < len(above) && e.inline == nil && !e.in.array {
			return f.insert(e.in, Key(key[len(e.in.key):]...), value), nil
		}
	}
	text := f.text
	if text != "" {
		text = strings.TrimRight(text, " \t\r\n") + f.newline() + f.newline()
	}
	return text + "[" + Key(above...) + "]" + f.newline() + name + " = " + value + f.newline(), nil
}

// insert adds a line behind the last entry of a table, its = below the others.
func (f *File) insert(t *table, name, value string) string {
	if t.last != nil {
		if column := f.column(t.last); utf8.RuneCountInString(name) < column {
			name += strings.Repeat(" ", column-1-utf8.RuneCountInString(name))
		}
	}
	line := name + " = " + value + f.newline()
	if t.end > 0 && f.text[t.end-1] != '\n' {
		line = f.newline() + line
	}
	return f.text[:t.end] + line + f.text[t.end:]
}

// column is how far from the left the = of an entry stands.
func (f *File) column(e *entry) int {
	start := strings.LastIndexByte(f.text[:e.equals], '\n') + 1
	return utf8.RuneCountInString(f.text[start:e.equals])
}

// intoTable adds a key to an inline table.
func (f *File) intoTable(e *entry, name, value string) (string, error) {
	if e.in.array || f.text[e.start] != '{' {
		return "", fmt.Errorf("%s is no table", Key(e.key...))
	}
	if e.lastIn == nil {
		return f.text[:e.start] + "{ " + name + " = " + value + " }" + f.text[e.end:], nil
	}
	at := e.lastIn.end
	return f.text[:at] + ", " + name + " = " + value + f.text[at:], nil
}

// atTop adds a key that belongs to no table: before the first header.
func (f *File) atTop(name, value string) string {
	top := f.tables[0]
	if top.last != nil || len(f.tables) == 1 {
		if top.last == nil {
			top.end = len(f.text)
		}
		return f.insert(top, name, value)
	}
	at := f.tables[1].start
	for at > 0 { // above the comment of the first table
		before := strings.LastIndexByte(f.text[:at-1], '\n') + 1
		if line := strings.TrimSpace(f.text[before:at]); !strings.HasPrefix(line, "#") || before == 0 {
			break
		}
		at = before
	}
	return f.text[:at] + name + " = " + value + f.newline() + f.newline() + f.text[at:]
}

// newline is how lines end in this file.
func (f *File) newline() string {
	if strings.Contains(f.text, "\r\n") {
		return "\r\n"
	}
	return "\n"
}

// Text is a string as TOML has it; its escapes are those of JSON, and of what no screen shows.
func Text(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return `""`
	}
	return strings.ReplaceAll(strings.TrimSuffix(b.String(), "\n"), "\x7f", `\u007f`)
}
