package diag

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Finding is a mistake that was found without running anything.
type Finding struct {
	File     string `json:"file"`
	Line     int    `json:"line,omitempty"` // 1-based; 0: no line is to blame
	Col      int    `json:"col,omitempty"`  // 1-based, in bytes; 0: unknown
	Severity string `json:"severity"`       // error, warning
	Code     string `json:"code"`           // one that Explain knows
	Message  string `json:"message"`
	Hint     string `json:"-"`             // what to do, where a person reads
	Fix      string `json:"fix,omitempty"` // what to do, where a program reads
}

// The severities. That of a code is its first letter's.
const (
	SeverityError   = "error"
	SeverityWarning = "warning"
)

// NewFinding makes a finding with the severity of its code. fix is the hint too.
func NewFinding(file string, line, col int, code, message, fix string) Finding {
	f := Finding{File: file, Line: line, Col: col, Severity: SeverityError, Code: code, Message: message, Hint: fix, Fix: fix}
	if strings.HasPrefix(code, "W") {
		f.Severity = SeverityWarning
	}
	return f
}

// Place is "irc.lua:88:10", as far as it is known.
func (f Finding) Place() string {
	switch {
	case f.Line == 0:
		return f.File
	case f.Col == 0:
		return fmt.Sprintf("%s:%d", f.File, f.Line)
	}
	return fmt.Sprintf("%s:%d:%d", f.File, f.Line, f.Col)
}

// Findings renders what was found, a line each.
func Findings(list []Finding) string {
	wide := 0
	for _, f := range list {
		wide = max(wide, utf8.RuneCountInString(f.Place()))
	}
	var b strings.Builder
	for _, f := range list {
		text := f.Message
		if f.Hint != "" {
			text += "; " + f.Hint
		}
		fmt.Fprintf(&b, "%-*s  %-7s  %s  %s\n", wide, f.Place(), f.Severity, f.Code, oneLine(text))
	}
	return b.String()
}

// Counted is "2 errors, 1 warning"; what there is none of is left out, but not both.
func Counted(list []Finding) string {
	errors, warnings := Count(list)
	var parts []string
	if errors > 0 || warnings == 0 {
		parts = append(parts, plural(errors, "error"))
	}
	if warnings > 0 {
		parts = append(parts, plural(warnings, "warning"))
	}
	return strings.Join(parts, ", ")
}

// Count counts by severity.
func Count(list []Finding) (errors, warnings int) {
	for _, f := range list {
		if f.Severity == SeverityError {
			errors++
		} else {
			warnings++
		}
	}
	return errors, warnings
}

func plural(n int, word string) string {
	switch n {
	case 0:
		return "no " + word + "s"
	case 1:
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
