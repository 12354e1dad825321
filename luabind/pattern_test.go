package luabind

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
)

func nobody(int) {}

// sameAsGo compares all matches with those of Go's own function, by short searches and by
// those that can be interrupted.
func sameAsGo(t *testing.T, source, text string) {
	t.Helper()
	p, err := compilePattern(source)
	if err != nil {
		return
	}
	want := p.re.FindAllStringSubmatchIndex(text, -1)
	for _, weight := range []int{p.weight, smallSearch + 1} {
		p.weight = weight
		var got [][]int
		p.each(text, nobody, func(m []int) bool { got = append(got, m); return true })
		if len(got) != len(want) || len(got) > 0 && !reflect.DeepEqual(got, want) {
			t.Errorf("%q in %q:\n got %v\nwant %v", source, text, got, want)
		}
	}
}

func TestMatchesAreThoseOfGo(t *testing.T) {
	sources := []string{"", "a", "a*", "a*?", "^a", "(?m)^a", "a$", "(?m)$", `\b`, `\B`, `\bab?\b`, "(a)|(b)", "(?:a|ab)(c|bcd)?", "(?i)É", ".", "(?s:.)", `\Qa.b`,
		"(?P<x>a+)(b*)", "x*", "[^a]", `\pL+`, "(a|b)*?c", `\z`, `\A`, "|a", "a|"}
	texts := []string{"", "a", "aa", "abab", "ab cd", "a\nab\n\na", "é ÉÉ", "\xff\xffa\xe2\x82", "a.b a.b", "abcd abcbcd", "aXbXc", "日本語 a"}
	for _, source := range sources {
		for _, text := range texts {
			sameAsGo(t, source, text)
		}
	}
}

func FuzzPattern(f *testing.F) {
	f.Add("a*|(b)", "abab")
	f.Add(`(?m)^\w+\b`, "ab\ncd é")
	f.Add(`\Qa`, "a\xff")
	f.Add("(?P<n>x{2,3})?", "xxxxx")
	f.Fuzz(func(t *testing.T, source, text string) {
		if len(text) < 200 {
			sameAsGo(t, source, text)
		}
		if p, err := compilePattern("(?P<n>a)"); err == nil {
			_, _ = p.parseTemplate(source)
		}
	})
}

func TestPatternErrorsNameTheirPlace(t *testing.T) {
	for source, want := range map[string]string{
		"a(b":                     `the pattern "a(b" is not understood: missing closing ) at byte 1: "a(b"`,
		"a[b":                     `missing closing ] at byte 2: "[b"`,
		"a)b":                     `unexpected ) at byte 1: "a)b"`,
		"ab**":                    `invalid nested repetition operator at byte 3: "**"`,
		`a\y`:                     `invalid escape sequence at byte 2: "\\y"`,
		`(a)\1`:                   `invalid escape sequence at byte 4: "\\1"`,
		"a(?=b)":                  `invalid or unsupported Perl syntax at byte 2: "(?="`,
		"(?<!a)b":                 `at byte 1: "(?<!`,
		"*a":                      `missing argument to repetition operator at byte 1: "*"`,
		"a{1001}":                 `invalid repeat count at byte 2: "{1001}"`,
		"a\xff":                   "invalid UTF-8",
		strings.Repeat("a", 9000): "the pattern has 9000 bytes; 8192 are allowed",
		`(?:[ab]{1000}){1}c{1000}(?:\pL{900}){1}` + strings.Repeat("d{999}", 9): "is too large when its repetitions are written out",
		strings.Repeat("(a)", 101): "has 101 groups; 100 are allowed",
	} {
		_, err := compilePattern(source)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", source, err, want)
		}
	}
	for _, source := range []string{`(a)\1`, "(?=a)", "(?<!a)", "("} {
		if _, err := compilePattern(source); ErrorOf(err).Hint == "" {
			t.Errorf("%q: no hint", source)
		}
	}
}

// TestWeightIsThatOfTheProgram holds the estimate to what is really made.
func TestWeightIsThatOfTheProgram(t *testing.T) {
	for _, source := range []string{"a{1000}", "(?:ab?){300}", "(?:a{10}){100}", "a{2,}", "(a|b|cd){20}", strings.Repeat("x+y*", 200), `\pL{500}`} {
		p, err := compilePattern(source)
		if err != nil {
			t.Errorf("%q: %v", source, err)
			continue
		}
		if p.weight < insts(source) || p.weight > insts(source)+insts(source)/5+200 {
			t.Errorf("%q weighs %d and has %d instructions", source, p.weight, insts(source))
		}
	}
}

func TestPatternsAreKeptAndBounded(t *testing.T) {
	var all patterns
	first, _ := all.get("first")
	for i := range 3 * maxPatterns {
		if _, err := all.get(fmt.Sprint("pattern", i)); err != nil {
			t.Fatal(err)
		}
		if again, _ := all.get("first"); again != first {
			t.Fatal("a pattern that is in use was compiled again")
		}
	}
	if len(all.kept) != maxPatterns {
		t.Errorf("%d patterns are kept", len(all.kept))
	}
	for i := range 50 {
		if _, err := all.get(strings.Repeat("x{900}", 9) + fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	sum := 0
	for _, p := range all.kept {
		sum += p.weight
	}
	if sum != all.weight || sum > maxPatternsW {
		t.Errorf("they weigh %d, counted as %d", sum, all.weight)
	}
}

// TestLongSearchesArePolled cuts off a search that would take minutes.
func TestLongSearchesArePolled(t *testing.T) {
	p, err := compilePattern(`(?:\w*\w*\w*\w*){60}x`)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Repeat("a", 8<<20)
	for _, from := range []int{0, 1} {
		steps := 0
		func() {
			defer func() { _ = recover() }()
			p.find(text, from, func(n int) {
				if steps += n; steps > 1e6 {
					panic("enough")
				}
			})
			t.Error("not cut off")
		}()
	}
}

func TestPatternEndsWithTheBudget(t *testing.T) {
	for _, call := range []string{
		"re.find(text, p)", "re.match(text, p, { init = 2 })", "re.replace(text, p, '')", "re.split(text, p)", "for _ in re.gmatch(text, p) do end",
		"re.replace(text, 'a|' .. p, function() end)",
	} {
		b := newModBench(t, clockwork.NewRealClock(), nil)
		b.limit(30 * time.Millisecond)
		b.mustLoad(`local bridge, re = require "bridge", require "bridge.re"
			bridge.on("org.test.go", function() local text, p = ("a"):rep(2^23), [[(?:\w*\w*\w*\w*){60}x]] ` + call + ` end)`)
		b.deliver("go")
		b.reported("computed for 30ms without a wait")
	}
}

func TestTemplates(t *testing.T) {
	p, err := compilePattern(`(?P<first>a)(b)?`)
	if err != nil {
		t.Fatal(err)
	}
	for source, want := range map[string]string{
		"x": "x", "$0": "a", "$1$1": "aa", "${first}!": "a!", "[$2]": "[]", "$$1": "$1", "${1}0": "a0", "": "",
		"$": "a $ without a number", "$x": "a $ without a number", "${x": "a ${ without }", "$3": `the group "3"`, "$10": `the group "10"`, "${no}": `the group "no"`, "${}": "a $ without a number",
	} {
		tmpl, err := p.parseTemplate(source)
		var b strings.Builder
		if err == nil {
			tmpl.write(&b, "xa", p.find("xa", 0, nobody))
		} else {
			b.WriteString(err.Error())
		}
		if got := b.String(); got != want && (err == nil || !strings.Contains(got, want)) {
			t.Errorf("%q becomes %q, want %q", source, got, want)
		}
	}
}

// insts is how many instructions Go makes of a pattern.
func insts(source string) int {
	re := regexp.MustCompile(source)
	return reflect.ValueOf(re).Elem().FieldByName("prog").Elem().FieldByName("Inst").Len()
}
