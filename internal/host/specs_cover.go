package host

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"bridgehost/engine"
)

// TestCoverage is which lines of the scripts under test were run.
type TestCoverage struct {
	Lines   int           `json:"lines"` // with code
	Run     int           `json:"run"`
	Percent float64       `json:"percent"`
	Files   []FileCovered `json:"files"`
}

// FileCovered is the coverage of one file.
type FileCovered struct {
	File    string  `json:"file"`
	Lines   int     `json:"lines"`
	Run     int     `json:"run"`
	Percent float64 `json:"percent"`
	Missed  []int   `json:"missed"` // the lines that were never run

	counted engine.CoveredFile
}

func newCoverage(files []engine.CoveredFile) *TestCoverage {
	c := &TestCoverage{Files: []FileCovered{}}
	for _, f := range files {
		one := FileCovered{File: f.File, Lines: len(f.Lines), Missed: []int{}, counted: f}
		for _, l := range f.Lines {
			if l.Runs == 0 {
				one.Missed = append(one.Missed, l.Line)
			} else {
				one.Run++
			}
		}
		one.Percent = percent(one.Run, one.Lines)
		c.Lines, c.Run = c.Lines+one.Lines, c.Run+one.Run
		c.Files = append(c.Files, one)
	}
	c.Percent = percent(c.Run, c.Lines)
	return c
}

// percent has one fractional digit, and is 100 only when all were run.
func percent(run, lines int) float64 {
	if lines == 0 {
		return 100
	}
	return float64(1000*run/lines) / 10
}

// String is the coverage for reading.
func (c *TestCoverage) String() string {
	if len(c.Files) == 0 {
		return "coverage: no script was loaded\n"
	}
	wide := len("all")
	for _, f := range c.Files {
		wide = max(wide, utf8.RuneCountInString(f.File))
	}
	var b strings.Builder
	b.WriteString("lines run\n")
	for _, f := range c.Files {
		fmt.Fprintf(&b, "  %-*s  %5.1f %%  %d of %d", wide, f.File, f.Percent, f.Run, f.Lines)
		if len(f.Missed) > 0 {
			b.WriteString("   never: " + ranges(f.counted))
		}
		b.WriteString("\n")
	}
	if len(c.Files) > 1 {
		fmt.Fprintf(&b, "  %-*s  %5.1f %%  %d of %d\n", wide, "all", c.Percent, c.Run, c.Lines)
	}
	return b.String()
}

// ranges are lines as "14, 20-23": those between which no line with code lies are one range.
func ranges(f engine.CoveredFile) string {
	var parts []string
	for i := 0; i < len(f.Lines); i++ {
		if f.Lines[i].Runs > 0 {
			continue
		}
		first := f.Lines[i].Line
		for i+1 < len(f.Lines) && f.Lines[i+1].Runs == 0 {
			i++
		}
		if last := f.Lines[i].Line; last > first {
			parts = append(parts, fmt.Sprintf("%d-%d", first, last))
		} else {
			parts = append(parts, strconv.Itoa(first))
		}
	}
	return strings.Join(parts, ", ")
}

// writeLCOV writes the coverage in the format of lcov's tracefiles, which editors and services read.
func (c *TestCoverage) writeLCOV(path string) error {
	var b strings.Builder
	for _, f := range c.Files {
		fmt.Fprintf(&b, "TN:\nSF:%s\n", f.File)
		for _, l := range f.counted.Lines {
			fmt.Fprintf(&b, "DA:%d,%d\n", l.Line, l.Runs)
		}
		fmt.Fprintf(&b, "LF:%d\nLH:%d\nend_of_record\n", f.Lines, f.Run)
	}
	return os.WriteFile(path, []byte(b.String()), 0o666)
}
