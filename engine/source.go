package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"bridgehost/diag"
)

// Source is the files of one script as they stood on disk.
type Source struct {
	Name    string            `json:"name"`              // the script's
	Main    string            `json:"main"`              // what runs: "main.lua"
	Files   map[string]string `json:"files"`             // relative path with slashes → text
	Version string            `json:"version,omitempty"` // of the manifest
	// Packages are what require answers beside the script's own files: package → name → file.
	// The script's own package is "". The files of another lie under its name, which begins
	// with @: "@org.example.parser/parser.lua". They see each other and what their package has
	// here, not the script's files; those see the file named here only.
	Packages map[string]map[string]string `json:"packages,omitempty"`
	// Values is what the configuration says about the script, for the library that is opened
	// in its VM. A generation keeps those that it was loaded with, and is gone back to with
	// them. Whoever reads the files leaves it nil: it is filled in when they are loaded.
	Values any `json:"-"`
	// Bad is what keeps the source from being loaded, found by whoever read it: a manifest
	// that is not valid. It is reported as an error in a script's file is.
	Bad *diag.Error `json:"-"`
}

// ManifestFile lies at the top of a script's folder. What stands in it, whoever reads the
// source must know; a change of it is a change of the script.
const ManifestFile = "bridge.toml"

// MaxSource is how many bytes the files of one script may have together.
const MaxSource = 10 << 20

// ErrNoScript is wrapped when there is nothing to load: no file, no main.lua.
var ErrNoScript = errors.New("no script")

// Hash names the content: equal files give equal hashes.
func (s Source) Hash() string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(s.Files)) {
		fmt.Fprintf(h, "%d:%s%d:%s", len(name), name, len(s.Files[name]), s.Files[name])
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// ReadSource reads a script: one .lua file, or a folder with main.lua, NAME.lua or a
// manifest. Main is empty when only the manifest can say what runs.
// Specs, dot files and folders that begin with a dot are left out. Links are followed.
func ReadSource(name, path string) (Source, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Source{}, fmt.Errorf("%w: %w", ErrNoScript, err)
	case err != nil:
		return Source{}, err
	}
	src := Source{Name: name, Files: map[string]string{}}
	if !info.IsDir() {
		src.Main = filepath.Base(path)
		err := src.read(path, src.Main)
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%w: %w", ErrNoScript, err)
		}
		return src, err
	}
	err = walk(path, func(p, rel string, info fs.FileInfo) (bool, error) {
		if info.IsDir() || !isSource(info.Name()) || info.Name() == ManifestFile && rel != ManifestFile {
			return info.Name() != "spec", nil
		}
		err := src.read(p, rel)
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil // it went away meanwhile
		}
		return false, err
	})
	if err != nil {
		return Source{}, err
	}
	for _, main := range []string{"main.lua", name + ".lua", filepath.Base(path) + ".lua"} {
		if _, ok := src.Files[main]; ok {
			src.Main = main
			return src, nil
		}
	}
	if _, ok := src.Files[ManifestFile]; ok {
		return src, nil
	}
	return Source{}, fmt.Errorf("%w in %s: there is neither main.lua nor %s.lua", ErrNoScript, path, name)
}

func (s *Source) read(path, rel string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	s.Files[rel] = string(text)
	total := 0
	for _, f := range s.Files {
		total += len(f)
	}
	if total > MaxSource {
		return fmt.Errorf("the files of script %s have more than %d bytes", s.Name, MaxSource)
	}
	return nil
}

// walk calls visit for what lies below dir, with its path and its path from dir with
// slashes, in order; visit tells whether to go into a folder. It follows links, those in
// a circle once. Names that begin with a dot, and what went away meanwhile, are left out.
func walk(dir string, visit func(path, rel string, info fs.FileInfo) (into bool, err error)) error {
	top, err := os.Stat(dir)
	if err != nil {
		return err
	}
	return walkIn(dir, "", []fs.FileInfo{top}, visit)
}

func walkIn(dir, rel string, above []fs.FileInfo, visit func(path, rel string, info fs.FileInfo) (bool, error)) error {
	entries, err := os.ReadDir(dir)
	if err != nil && (len(above) == 1 || !errors.Is(err, fs.ErrNotExist)) {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		path := filepath.Join(dir, e.Name())
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return err
		}
		below := e.Name()
		if rel != "" {
			below = rel + "/" + below
		}
		into, err := visit(path, below, info)
		if err != nil {
			return err
		}
		circle := slices.ContainsFunc(above, func(a fs.FileInfo) bool { return os.SameFile(a, info) })
		if !into || !info.IsDir() || circle {
			continue
		}
		if err := walkIn(path, below, append(above[:len(above):len(above)], info), visit); err != nil {
			return err
		}
	}
	return nil
}

// isSource tells which files belong to a script: Lua and the manifest, but no spec and nothing that an
// editor leaves about.
func isSource(name string) bool {
	return name == ManifestFile || strings.HasSuffix(name, ".lua") && !strings.HasSuffix(name, "_spec.lua") && !ignored(name)
}

// ignored tells the names that editors and version control use for files of their own.
func ignored(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") || strings.HasSuffix(name, ".swp") ||
		strings.HasPrefix(name, "#") && strings.HasSuffix(name, "#") || name == "4913" ||
		len(name) == len("sed??????") && strings.HasPrefix(name, "sed") && !strings.Contains(name, ".")
}
