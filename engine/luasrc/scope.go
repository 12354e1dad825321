package luasrc

import (
	"fmt"
	"slices"
)

// Bounds on what takes gopher-lua's compiler more than linear time or memory.
const (
	maxWork      = 200_000_000 // comparisons of names and constants, about a second
	maxLabels    = 1000        // labels and gotos of one function
	maxFunctions = 5000        // of one source; the compiler takes 12 KB for each
	maxElseifs   = 1000
	maxUpvalues  = 200
)

// scope is what the walk knows of one function: its names, as the compiler will see
// them, and what it costs.
type scope struct {
	parent   *scope
	locals   []string
	upvalues []string
	consts   map[string]bool
	labels   int
	line     int
}

func (s *scope) title() string {
	if s.parent == nil {
		return "main chunk"
	}
	return fmt.Sprintf("function at line %d", s.line)
}

// walker goes over the tree once, before it is compiled.
type walker struct {
	lim       Limits
	fn        *scope
	depth     int
	line      int // of the last node with one
	work      int
	functions int
}

func newWalker(lim Limits) *walker {
	w := &walker{lim: lim}
	w.open(0)
	return w
}

func (w *walker) open(line int) {
	if w.functions++; w.functions > maxFunctions {
		w.fail(fmt.Sprintf("too many functions in one file (limit %d)", maxFunctions), "split the file into modules")
	}
	w.fn = &scope{parent: w.fn, consts: map[string]bool{}, line: line}
}

func (w *walker) fail(msg, hint string) {
	panic(syntaxError("", token{line: max(w.line, 1), col: 1}, codeLimit, msg, hint))
}

func (w *walker) spend(n int) {
	if w.work += n; w.work > maxWork {
		w.fail("source is too complex to compile", "split the file into modules, and move data out of the code")
	}
}

func (w *walker) enter() {
	if w.depth++; w.depth > w.lim.Depth {
		w.fail("chunk has too many syntax levels",
			fmt.Sprintf("blocks, expressions and chains of operators nest at most %d deep; use a local for a part", w.lim.Depth))
	}
}

// constant counts a use of a constant of this function; key begins with its type.
func (w *walker) constant(key string) {
	c := w.fn.consts
	w.spend(1 + len(c)/2)
	if !c[key] {
		if c[key] = true; len(c) > w.lim.Constants {
			w.fail(fmt.Sprintf("%s has too many constants (limit %d)", w.fn.title(), w.lim.Constants),
				"move data into a file or a store, or split the table over several functions")
		}
	}
}

func (w *walker) declare(names ...string) { w.fn.locals = append(w.fn.locals, names...) }

func (w *walker) label() {
	if w.fn.labels++; w.fn.labels > maxLabels {
		w.fail(fmt.Sprintf("%s has too many labels and gotos (limit %d)", w.fn.title(), maxLabels), "")
	}
}

// resolve tells what name is at this place: "local", "upvalue" or "global".
func (w *walker) resolve(name string) string {
	w.spend(1 + len(w.fn.locals))
	if slices.Contains(w.fn.locals, name) {
		return "local"
	}
	for s := w.fn.parent; s != nil; s = s.parent {
		w.spend(1 + len(s.locals))
		if slices.Contains(s.locals, name) {
			w.capture(name, s)
			return "upvalue"
		}
	}
	w.constant("s" + name)
	return "global"
}

// capture notes name as an upvalue of all functions up to its owner.
func (w *walker) capture(name string, owner *scope) {
	for s := w.fn; s != owner; s = s.parent {
		w.spend(1 + len(s.upvalues))
		if slices.Contains(s.upvalues, name) {
			continue
		}
		if s.upvalues = append(s.upvalues, name); len(s.upvalues) > maxUpvalues {
			w.fail(fmt.Sprintf("%s has too many upvalues (limit %d)", s.title(), maxUpvalues), "")
		}
	}
}
