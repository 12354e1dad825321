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
	Name  string                   // of the script
	Main  string                   // the file that runs first
	Files map[string]*luasrc.Chunk // by relative path: "irc.lua", "net/codec.lua"
	Hash  string                   // of all files, hexadecimal
}

// Compile compiles all files (relative path → source) of one script; files that do
// not end in .lua are only counted into the hash. The first error in the order of
// paths is returned, the one of main before the others.
func Compile(name, main string, files map[string]string) (*Program, *diag.Error) {
	p := &Program{Name: name, Main: main, Files: make(map[string]*luasrc.Chunk, len(files)), Hash: HashFiles(files)}
	if _, ok := files[main]; !ok {
		return nil, &diag.Error{Kind: diag.KindUsage, Message: fmt.Sprintf("script %s has no file %s", name, main)}
	}
	for _, file := range sortedFiles(files, main) {
		if path.Ext(file) != ".lua" {
			continue
		}
		chunk, err := luasrc.Compile(file, files[file], luasrc.Limits{})
		if err != nil {
			return nil, syntaxError(file, err)
		}
		p.Files[file] = chunk
	}
	return p, nil
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
	if c := p.chunk(file); c != nil {
		return c.Source, true
	}
	return "", false
}

func (p *Program) chunk(file string) *luasrc.Chunk {
	if p == nil {
		return nil
	}
	return p.Files[file]
}

// module finds the file that require of a name reads.
func (p *Program) module(name string) (file string, tried []string) {
	base := strings.ReplaceAll(name, ".", "/")
	tried = []string{base + ".lua", base + "/init.lua"}
	for _, file := range tried {
		if p.chunk(file) != nil {
			return file, tried
		}
	}
	return "", tried
}

// modules are the names that require of this script's own files knows.
func (p *Program) modules() []string {
	var names []string
	if p == nil {
		return nil
	}
	for file := range p.Files {
		if file != p.Main {
			names = append(names, strings.ReplaceAll(strings.TrimSuffix(strings.TrimSuffix(file, ".lua"), "/init"), "/", "."))
		}
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
	e.Marks = append(e.Marks, diag.Mark{File: file, Line: err.Line, Col: err.Col, Len: len(err.Token)})
	if o := err.Opener; o != nil {
		e.Marks = append(e.Marks, diag.Mark{File: file, Line: o.Line, Col: o.Col, Len: len(o.Token), Note: "'" + o.Token + "' is not closed"})
	}
	if m := err.Missing; m != nil {
		e.Marks = append(e.Marks, diag.Mark{File: file, Line: m.Line, Col: m.Col, Note: "'" + m.Token + "' is probably missing before this line"})
	}
	return &e
}

// function makes a Lua function of a compiled file.
func (vm *VM) function(c *luasrc.Chunk) *lua.LFunction {
	return vm.L.NewFunctionFromProto(c.Proto)
}

// Sources are the texts of all files, for excerpts.
func (p *Program) Sources() map[string]string {
	if p == nil {
		return nil
	}
	all := make(map[string]string, len(p.Files))
	for file, c := range p.Files {
		all[file] = c.Source
	}
	return all
}
