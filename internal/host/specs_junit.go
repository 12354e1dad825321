package host

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"os"
	"strings"
	"time"

	"bridgehost/luatest"
)

// The elements of JUnit's XML that all of GitLab, Jenkins and GitHub's actions read.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Time     string       `xml:"time,attr"` // seconds
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Time     string      `xml:"time,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		File    string        `xml:"file,attr"`
		Time    string        `xml:"time,attr"`
		Failure *junitProblem `xml:"failure"`
		Error   *junitProblem `xml:"error"`
	}
	junitProblem struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// writeJUnit writes what became of all specs for CI systems.
func writeJUnit(path string, files []luatest.File) error {
	all := junitSuites{Name: "bridgehost test"}
	took := time.Duration(0)
	for _, f := range files {
		s := junitSuiteOf(f)
		all.Tests, all.Failures, all.Errors = all.Tests+s.Tests, all.Failures+s.Failures, all.Errors+s.Errors
		took += time.Duration(f.Took)
		all.Suites = append(all.Suites, s)
	}
	all.Time = seconds(took)
	b := bytes.NewBufferString(xml.Header)
	e := xml.NewEncoder(b)
	e.Indent("", "  ")
	if err := e.Encode(all); err != nil {
		return fmt.Errorf("write the results as XML: %w", err)
	}
	b.WriteString("\n")
	return os.WriteFile(path, b.Bytes(), 0o666)
}

func junitSuiteOf(f luatest.File) junitSuite {
	suite := junitSuite{Name: f.File, Tests: len(f.Sentences), Time: seconds(time.Duration(f.Took))}
	class := strings.TrimSuffix(f.File, ".lua")
	for _, s := range f.Sentences {
		c := junitCase{Name: s.Name, Class: class, File: f.File, Time: seconds(time.Duration(s.Took))}
		if !s.Passed {
			suite.Failures++
			message := firstLine(s.Text)
			if s.Error != nil {
				message = s.Error.Error()
			}
			c.Failure = &junitProblem{message, s.Text}
		}
		suite.Cases = append(suite.Cases, c)
	}
	if f.Error != "" { // the spec itself is broken: a case that could not be tried
		suite.Tests, suite.Errors = suite.Tests+1, 1
		suite.Cases = append(suite.Cases, junitCase{Name: "the spec itself", Class: class, File: f.File, Time: suite.Time,
			Error: &junitProblem{firstLine(f.Error), f.Error}})
	}
	return suite
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return strings.TrimPrefix(line, "error: ")
}
