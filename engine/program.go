package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"sort"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/diag"
	"bridgehost/engine/luasrc"
)

// Program is the sources of one script, compiled: what require can reach. It does
// not change and may be shared by VMs.
type Program struct {
	Name    string                   // of the script
	Main    string                   // the file that runs first
	Version string                   // of the manifest
	Values  any                      // of the source
	Files   map[string]*luasrc.Chunk // by relative path: "irc.lua", "net/codec.lua"
	Hash    string                   // of all files, hexadecimal

	broken map[string]*diag.Error // files that nobody requires by name and that do not compile
	texts  map[string]string

	packages map[string]map[string]string // Source.Packages
}

// Compile compiles all files (relative path → source) of one script; files that do
// not end in .lua are only counted into the hash. Main and what it requires by name
// must compile, and what that requires: the first error on this way is returned. Any
// other file may be broken until it is required.
func Compile(name, main string, files map[string]string) (*Program, *diag.Error) {
	return CompileSource(Source{Name: name, Main: main, Files: files})
}

// CompileSource is Compile of a source with its packages.
func CompileSource(src Source) (*Program, *diag.Error) {
	name, main, files := src.Name, src.Main, src.Files
	p := &Program{Name: name, Main: main, Files: make(map[string]*luasrc.Chunk, len(files)), Hash: HashFiles(files),
		Version: src.Version, broken: map[string]*diag.Error{}, texts: files, packages: src.Packages}
	if _, ok := files[main]; !ok {
		return nil, &diag.Error{Kind: diag.KindUsage, Message: fmt.Sprintf("script %s has no file %s", name, main)}
	}
	for _, file := range sortedFiles(files, main) {
		if path.Ext(file) != ".lua" {
			continue
		}
		chunk, err := luasrc.Compile(file, files[file], luasrc.Limits{})
		if err != nil {
			p.broken[file] = syntaxError(file, err)
			continue
		}
		p.Files[file] = chunk
	}
	if len(p.broken) > 0 {
		if err := p.needed(main, map[string]bool{}); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// needed is the first error of file and of what it requires by name.
func (p *Program) needed(file string, seen map[string]bool) *diag.Error {
	if seen[file] {
		return nil
	}
	seen[file] = true
	if err := p.broken[file]; err != nil {
		return err
	}
	for _, name := range luasrc.Requires(p.texts[file]) {
		if next, _ := p.module(packageOf(file), name); next != "" {
			if err := p.needed(next, seen); err != nil {
				return err
			}
		}
	}
	return nil
}

// HashFiles is the hash that Program has.
func HashFiles(files map[string]string) string {
	h := sha256.New()
	for _, file := range sortedFiles(files, "") {
		fmt.Fprintf(h, "%d:%s%d:%s", len(file), file, len(files[file]), files[file])
	}
	return hex.EncodeToString(h.Sum(nil))
}

func sortedFiles(files map[string]string, first string) []string {
	names := make([]string, 0, len(files))
	for file := range files {
		names = append(names, file)
	}
	sort.Slice(names, func(i, j int) bool {
		if (names[i] == first) != (names[j] == first) {
			return names[i] == first
		}
		return names[i] < names[j]
	})
	return names
}

// Source returns the text of a file, for excerpts; it makes a Program a diag.Source.
func (p *Program) Source(file string) (string, bool) {
	if p == nil {
		return "", false
	}
	text, ok := p.texts[file]
	return text, ok
}

func (p *Program) chunk(file string) *luasrc.Chunk {
	if p == nil {
		return nil
	}
	return p.Files[file]
}

func (p *Program) has(file string) bool {
	return p.chunk(file) != nil || p != nil && p.broken[file] != nil
}

// module finds the file that require of a name reads, called from a file of that package.
func (p *Program) module(pkg, name string) (file string, tried []string) {
	tried = ModuleFiles(name)
	if p == nil {
		return "", tried
	}
	if file := p.packages[pkg][name]; p.has(file) {
		return file, tried
	}
	for _, file := range tried {
		file = path.Join(pkg, file)
		if p.has(file) && packageOf(file) == pkg {
			return file, tried
		}
	}
	return "", tried
}

// packageOf is the package that a file belongs to, "" for the script's own.
func packageOf(file string) string {
	pkg, _, _ := strings.Cut(file, "/")
	if !strings.HasPrefix(pkg, "@") {
		return ""
	}
	return pkg
}

// ModuleFiles are the files of a script that require of a name looks for, in this order.
func ModuleFiles(name string) []string {
	base := strings.ReplaceAll(name, ".", "/")
	return []string{base + ".lua", base + "/init.lua"}
}

// modules are the names that require of this script's own files knows.
func (p *Program) modules() []string {
	var names []string
	if p == nil {
		return nil
	}
	for file := range p.texts {
		if file != p.Main && p.has(file) && packageOf(file) == "" {
			names = append(names, strings.ReplaceAll(strings.TrimSuffix(strings.TrimSuffix(file, ".lua"), "/init"), "/", "."))
		}
	}
	for name := range p.packages[""] {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// syntaxError is err with the places to show.
func syntaxError(file string, err *luasrc.SyntaxError) *diag.Error {
	e := err.Error
	if e.Kind == "" {
		e.Kind = diag.KindScript
	}
	if e.Where == "" && err.Line > 0 {
		e.Where = fmt.Sprintf("%s:%d", file, err.Line)
	}
	e.Cause = fmt.Errorf("%s", e.Message)
	guessed := err.Missing != nil && err.Missing.Line == err.Line
	if !guessed && (err.Token != "" || err.Opener == nil) { // the end of the file shows nothing
		e.Marks = append(e.Marks, diag.Mark{File: file, Line: err.Line, Col: err.Col, Len: len(err.Token)})
	}
	if o := err.Opener; o != nil {
		e.Marks = append(e.Marks, diag.Mark{File: file, Line: o.Line, Col: o.Col, Len: len(o.Token), Note: "opened here"})
	}
	if m := err.Missing; m != nil {
		e.Marks = append(e.Marks, diag.Mark{File: file, Line: m.Line, Col: m.Col, Note: "'" + m.Token + "' is probably missing before this line"})
	}
	sort.SliceStable(e.Marks, func(i, j int) bool { return e.Marks[i].Line < e.Marks[j].Line })
	return &e
}

// function makes a Lua function of a compiled file.
func (vm *VM) function(c *luasrc.Chunk) *lua.LFunction {
	return vm.L.NewFunctionFromProto(c.Proto)
}

// Sources are the texts of all files, for excerpts. They are not to be changed.
func (p *Program) Sources() map[string]string {
	if p == nil {
		return nil
	}
	return p.texts
}
