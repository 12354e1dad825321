package engine

import (
	"maps"
	"slices"
	"sync"

	lua "github.com/yuin/gopher-lua"
)

// Coverage counts how often the lines of scripts ran, over many VMs. A VM that has one looks
// at each of its instructions; one that has none pays nothing.
type Coverage struct {
	mu    sync.Mutex
	texts map[string]string // of the files, as they were first loaded
	runs  map[string]map[int]uint64
}

// NewCoverage makes one that has seen nothing.
func NewCoverage() *Coverage {
	return &Coverage{texts: map[string]string{}, runs: map[string]map[int]uint64{}}
}

// CoveredLine is a line with code, and how often it ran.
type CoveredLine struct {
	Line int
	Runs uint64
}

// CoveredFile is a file of a script; its lines are in order.
type CoveredFile struct {
	File  string
	Lines []CoveredLine
}

// Files are all files of the scripts that were loaded, those included that nothing required.
// What a VM ran is counted once it is closed.
func (c *Coverage) Files() []CoveredFile {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []CoveredFile
	for _, name := range slices.Sorted(maps.Keys(c.runs)) {
		f := CoveredFile{File: name}
		for _, line := range slices.Sorted(maps.Keys(c.runs[name])) {
			f.Lines = append(f.Lines, CoveredLine{line, c.runs[name][line]})
		}
		all = append(all, f)
	}
	return all
}

// add counts what a program ran. A file with another text than at first is left out: its
// lines are not the same ones.
func (c *Coverage) add(p *Program, ran map[*lua.FunctionProto][]uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, chunk := range p.Files {
		if first, ok := c.texts[name]; ok && first != p.texts[name] {
			continue
		}
		c.texts[name] = p.texts[name]
		if c.runs[name] == nil {
			c.runs[name] = map[int]uint64{}
		}
		once := map[int]uint64{} // of this VM: a line has many instructions, and the one that ran most counts
		count(chunk.Proto, ran, once)
		for line, n := range once {
			c.runs[name][line] += n
		}
	}
}

func count(p *lua.FunctionProto, ran map[*lua.FunctionProto][]uint64, lines map[int]uint64) {
	for pc := 0; pc < len(p.Code)-1; pc++ { // the last instruction is the return at `end`
		n := uint64(0)
		if counts := ran[p]; counts != nil {
			n = counts[pc]
		}
		inst := p.Code[pc]
		if line := p.DbgSourcePositions[pc]; !atEnd(inst) {
			lines[line] = max(lines[line], n)
		}
		if int(inst>>26) == lua.OP_CLOSURE { // upvalues follow
			pc += int(p.FunctionPrototypes[inst&0x3ffff].NumUpvalues)
		}
	}
	for _, inner := range p.FunctionPrototypes {
		count(inner, ran, lines)
	}
}

// atEnd tells the instructions that the compiler puts on the line of an `end`: no code of
// the author's, and never reached behind a return.
func atEnd(inst uint32) bool {
	switch int(inst >> 26) {
	case lua.OP_CLOSE:
		return true
	case lua.OP_JMP:
		return int(inst&0x3ffff)-0x1ffff < 0 // back to the head of a loop
	}
	return false
}

// recorder is what one VM runs, by instruction. Used with the VM's lock held.
type recorder struct {
	last   *lua.FunctionProto
	counts []uint64 // of last
	all    map[*lua.FunctionProto][]uint64
	polls  int // instructions left until the budget is looked at
}

// hit counts the instruction that L is about to run.
func (r *recorder) hit(L *lua.LState) {
	f := topFrame(L)
	if f == nil || f.Fn.IsG || f.Pc < 1 {
		return
	}
	if p := f.Fn.Proto; p != r.last {
		if r.all[p] == nil {
			r.all[p] = make([]uint64, len(p.Code))
		}
		r.last, r.counts = p, r.all[p]
	}
	r.counts[f.Pc-1]++
}
