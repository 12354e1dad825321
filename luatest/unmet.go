package luatest

import (
	"errors"
	"strings"

	"bridgehost/diag"
)

// story is what happened until an expectation failed; the cause of its error.
type story struct{ text string }

func (s *story) Error() string { return "an expectation was not met" }

// unmet is an expectation that failed, with what happened until then.
func unmet(text, happened string) *diag.Error {
	return &diag.Error{Kind: diag.KindScript, Code: "E_EXPECTED", Raised: true, Message: text, Cause: &story{happened}}
}

// storyOf is what an error has to tell, "" when it tells nothing.
func storyOf(err *diag.Error) string {
	var s *story
	if err != nil && errors.As(err.Cause, &s) {
		return s.text
	}
	return ""
}

// mostLines is how much of a story is shown.
const mostLines = 30

// indented are the last lines of a story.
func indented(lines []string) string {
	var b strings.Builder
	if left := len(lines) - mostLines; left > 0 {
		b.WriteString("  …\n")
		lines = lines[left:]
	}
	for _, line := range lines {
		b.WriteString("  " + strings.ReplaceAll(line, "\n", "\n    ") + "\n")
	}
	return b.String()
}
