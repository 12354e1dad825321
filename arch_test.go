// Package bridgehost_test holds the house rules that a compiler does not: who may
// import whom, and how a file has to look.
package bridgehost_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "bridgehost"

// all may be imported by packages that join the others.
const all = "*"

// rooms are the packages, what each may import of ours, and why. What is not written
// here is forbidden. Sub-packages with a line of their own follow that line.
var rooms = []room{
	{"matrix", nil, "the wire is the ground: a client of Matrix needs nothing of a bridge"},
	{"delivery", nil, "types and interfaces between engine and store, which must not know each other"},
	{"capability", nil, "names and one check: whoever asks must be able to import it"},
	{"diag", nil, "errors as people read them, made everywhere"},
	{"control", nil, "a socket that carries calls; what they mean is the host's"},
	{"engine", []string{"engine/lualib", "engine/luasrc", "delivery", "diag"}, "runs Lua, and knows nothing of Matrix or SQL"},
	{"engine/lualib", []string{"diag"}, "Lua's library, without the VM that it runs in"},
	{"engine/luasrc", []string{"diag"}, "Lua's source, before there is a VM"},
	{"appservice", []string{"matrix"}, "what the homeserver sends us; who handles it is the host's"},
	{"matrix/richtext", nil, "the HTML of messages, for whoever shows or sends it"},
	{"devserver", []string{"matrix"}, "a homeserver must not know those whom it tests"},
	{"intent", []string{"matrix", "delivery"}, "acting as a user; sends take transaction ids and effects from their unit"},
	{"portal", []string{"intent", "matrix", "delivery"}, "ghosts and rooms are made through intents"},
	{"egress", []string{"capability"}, "the one door for connections, and who may pass"},
	{"bundle", []string{"capability"}, "a manifest names capabilities"},
	{"luabind", []string{"engine", "intent", "portal", "matrix", "matrix/richtext", "delivery", "capability", "egress", "diag"}, "the Lua API over what is below; never the store or the host"},
	{"lint", []string{"luabind", "engine", "engine/luasrc", "diag"}, "looks at a script by the declarations of the Lua API, and runs nothing"},
	{"luabind/apidoc", []string{"luabind", "diag"}, "renders declarations"},
	{"store/sqlite", []string{"matrix", "delivery", "intent", "portal", "appservice"}, "satisfies interfaces that stand with their users"},
	{"store/scriptdb", []string{"diag"}, "a script's own database: it knows neither the host's nor Lua, and says in words what it refuses"},
	{"devpage", []string{"devserver", "matrix/richtext"}, "a page before the small homeserver"},
	{"luatest", []string{"luabind", "engine", "devserver", "diag"}, "runs specs; the routing of a host comes through an interface"},
	{"internal/host", []string{all}, "the wiring: the only package that knows all others"},
	{"cmd/bridgehost", []string{"internal/host", "bundle", "diag"}, "flags and texts, no logic"},
	{"spec", []string{all}, "tests"},
	{"spec/bridgetest", []string{all}, "what tests share"},
	{"spec/synapsetest", []string{all}, "what tests share"},
	{"spec/covered", []string{all}, "what tests share"},
}

// long are files over maxLines that hold one subject even so.
var long = map[string]string{}

const maxLines = 400

type room struct {
	pkg    string
	may    []string
	reason string
}

// TestImports holds the arrows between packages. Tests may import all.
func TestImports(t *testing.T) {
	for _, f := range sources(t) {
		if f.test || f.dir == "." {
			continue
		}
		may, ok := allowed(f.dir)
		if !ok {
			t.Errorf("%s: package %s has no line in arch_test.go: write there what it may import and why", f.path, f.dir)
			continue
		}
		for _, spec := range f.ast.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			if imported == "C" {
				t.Errorf("%s: import \"C\": bridgehost is pure Go, so that one binary runs everywhere", f.at(spec))
			}
			ours, found := strings.CutPrefix(imported, module+"/")
			if found && !slices.Contains(may, all) && !slices.Contains(may, ours) {
				t.Errorf("%s: %s may not import %s, only %v: declare an interface where it is used and let internal/host fill it, or change the table in arch_test.go with a reason", f.at(spec), f.dir, ours, may)
			}
		}
	}
}

// allowed is what the package in dir may import. Folders under spec are tests.
func allowed(dir string) ([]string, bool) {
	for _, r := range rooms {
		if r.pkg == dir || r.pkg == "spec" && strings.HasPrefix(dir, "spec/") {
			return r.may, true
		}
	}
	return nil, false
}

// TestRoomsHaveReasons keeps the table readable: every line once, with its reason.
func TestRoomsHaveReasons(t *testing.T) {
	seen := map[string]bool{all: true}
	for _, r := range rooms {
		if seen[r.pkg] {
			t.Errorf("%s stands twice in the table", r.pkg)
		}
		seen[r.pkg] = true
		if r.reason == "" {
			t.Errorf("%s has no reason", r.pkg)
		}
	}
	for _, r := range rooms {
		for _, m := range r.may {
			if !seen[m] {
				t.Errorf("%s may import %s, which is no room of the house", r.pkg, m)
			}
		}
	}
}

// TestStateIsPassedIn forbids functions that run before main, and sleeping in tests:
// a clock is passed in, and what happens outside is waited for.
func TestStateIsPassedIn(t *testing.T) {
	for _, f := range sources(t) {
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s: func init: pass what it sets to a constructor", f.at(fn))
			}
		}
		if !f.test && !strings.HasPrefix(f.dir, "spec") {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "Sleep" {
				if x, ok := s.X.(*ast.Ident); ok && x.Name == "time" {
					t.Errorf("%s: time.Sleep in a test: advance a fake clock, or wait for what is to happen", f.at(s))
				}
			}
			return true
		})
	}
}

// TestFilesHaveOneSubject forbids long files but for those in the table.
func TestFilesHaveOneSubject(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range sources(t) {
		if f.test || f.lines <= maxLines {
			continue
		}
		seen[f.path] = true
		if long[f.path] == "" {
			t.Errorf("%s: %d lines, more than %d: look for the second subject and give it a file, or give a reason in arch_test.go", f.path, f.lines, maxLines)
		}
	}
	for p := range long {
		if !seen[p] {
			t.Errorf("%s is not long any more: take it out of the table", p)
		}
	}
}

// TestPackagesSayWhatTheyAre asks every package for a comment.
func TestPackagesSayWhatTheyAre(t *testing.T) {
	documented := map[string]bool{}
	for _, f := range sources(t) {
		name := f.dir + ":" + strings.TrimSuffix(f.ast.Name.Name, "_test")
		doc := f.ast.Doc.Text()
		documented[name] = documented[name] || strings.HasPrefix(doc, "Package ") || strings.HasPrefix(doc, "Command ")
	}
	for name, ok := range documented {
		if !ok {
			dir, pkg, _ := strings.Cut(name, ":")
			t.Errorf("%s: package %s has no comment: say in a sentence or more what it is (\"Package %s …\")", dir, pkg, pkg)
		}
	}
}

// TestDependenciesHaveReasons finds a module that came without a line of reason.
func TestDependenciesHaveReasons(t *testing.T) {
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	const page = "docs/decisions/001-dependencies.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	direct := regexp.MustCompile(`(?m)^(?:require )?\s*([\w./-]+\.[\w./-]+) v\S+$`).FindAllSubmatch(mod, -1)
	if len(direct) == 0 {
		t.Fatal("no required module found in go.mod")
	}
	for _, m := range direct {
		if !bytes.Contains(text, append(append([]byte("`"), m[1]...), '`')) {
			t.Errorf("go.mod requires %s: write its line of reason into %s", m[1], page)
		}
	}
}

// source is one Go file of the tree.
type source struct {
	path, dir string // with slashes, from the root
	test      bool
	lines     int
	ast       *ast.File
	set       *token.FileSet
}

func (f *source) at(n ast.Node) string {
	return f.path + ":" + strconv.Itoa(f.set.Position(n.Pos()).Line)
}

// sources are all Go files, for every platform, but for generated ones and those tagged never.
func sources(t *testing.T) []*source {
	t.Helper()
	var files []*source
	set := token.NewFileSet()
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if n := d.Name(); n == "testdata" || n != "." && strings.HasPrefix(n, ".") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(p, ".go") {
			return nil
		}
		text, err := os.ReadFile(p)
		if err != nil || bytes.HasPrefix(text, []byte("//go:build never\n")) {
			return err
		}
		file, err := parser.ParseFile(set, p, text, parser.ParseComments)
		if err != nil {
			return err
		}
		if ast.IsGenerated(file) {
			return nil
		}
		slashed := filepath.ToSlash(p)
		files = append(files, &source{path: slashed, dir: path.Dir(slashed), test: strings.HasSuffix(p, "_test.go"),
			lines: bytes.Count(text, []byte("\n")), ast: file, set: set})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 10 {
		t.Fatalf("only %d Go files found: the test has to run in the root of the repository", len(files))
	}
	return files
}
