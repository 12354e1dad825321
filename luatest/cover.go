package luatest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"bridgehost/engine"
)

// Cover counts the lines that scripts under test run, over many specs.
type Cover struct {
	mu      sync.Mutex
	folders map[string]*engine.Coverage // by where the files lie
}

// NewCover makes one that has seen nothing.
func NewCover() *Cover { return &Cover{folders: map[string]*engine.Coverage{}} }

// of is the coverage of a script, a file or a folder.
func (c *Cover) of(path string) *engine.Coverage {
	if c == nil {
		return nil
	}
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		path = filepath.Dir(path)
	}
	path = filepath.Clean(path)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.folders[path] == nil {
		c.folders[path] = engine.NewCoverage()
	}
	return c.folders[path]
}

// Files are all files of the scripts that were loaded, in order, named as the specs are.
func (c *Cover) Files() []engine.CoveredFile {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []engine.CoveredFile
	for dir, folder := range c.folders {
		for _, f := range folder.Files() {
			f.File = filepath.ToSlash(filepath.Join(dir, filepath.FromSlash(f.File)))
			all = append(all, f)
		}
	}
	slices.SortFunc(all, func(a, b engine.CoveredFile) int { return strings.Compare(a.File, b.File) })
	return all
}
