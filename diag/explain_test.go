package diag

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var codeForm = regexp.MustCompile(`"(E_[A-Z_]+|[EW]0\d{3})"`)

// given are the codes that the source of bridgehost names outside of this package and of tests.
func given(t *testing.T) map[string]string {
	all := map[string]string{}
	err := filepath.WalkDir("..", func(path string, e fs.DirEntry, err error) error {
		name := e.Name()
		switch {
		case err != nil:
			return err
		case e.IsDir() && (path == filepath.Join("..", "diag") || strings.HasPrefix(name, ".") && name != ".." || name == "testdata"):
			return filepath.SkipDir
		case e.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		for _, m := range codeForm.FindAllStringSubmatch(string(text), -1) {
			all[m[1]] = path
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestEveryCodeIsExplained(t *testing.T) {
	codes := given(t)
	for code, path := range codes {
		if _, ok := Explain(code); !ok {
			t.Errorf("%s gives %s, which has no explanation in codes_check.go or codes_run.go", path, code)
		}
	}
	var seen []string
	for _, e := range Explanations() {
		if codes[e.Code] == "" {
			t.Errorf("%s is explained, and nothing gives it", e.Code)
		}
		if slices.Contains(seen, e.Code) || e.Title == "" || e.Text == "" {
			t.Errorf("%s stands twice, or has no title or text", e.Code)
		}
		for _, line := range strings.Split(e.String(), "\n") {
			if len([]rune(line)) > 100 {
				t.Errorf("%s: a line of %d characters: %s", e.Code, len([]rune(line)), line)
			}
		}
		seen = append(seen, e.Code)
	}
}

func TestFindings(t *testing.T) {
	list := []Finding{
		NewFinding("irc.lua", 41, 3, "W0203", "net.connect can fail and its result is not checked", "use assert(...)"),
		NewFinding("irc.lua", 88, 10, "E0102", "intent has no method 'send_mesage'; did you mean 'send_message'?", ""),
		NewFinding("bridge.toml", 14, 0, "E0301", "unknown key 'permisions'; did you mean\n'permissions'?", ""),
		NewFinding("a", 0, 0, "E0303", "'id' is missing", "write id"),
	}
	want := `irc.lua:41:3    warning  W0203  net.connect can fail and its result is not checked; use assert(...)
irc.lua:88:10   error    E0102  intent has no method 'send_mesage'; did you mean 'send_message'?
bridge.toml:14  error    E0301  unknown key 'permisions'; did you mean 'permissions'?
a               error    E0303  'id' is missing; write id
`
	if got := Findings(list); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for n, want := range map[int]string{0: "no errors", 1: "1 warning", 2: "1 error, 1 warning", 4: "3 errors, 1 warning"} {
		if got := Counted(list[:n]); got != want {
			t.Errorf("of %d: %q, want %q", n, got, want)
		}
	}
}
