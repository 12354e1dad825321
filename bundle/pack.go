package bundle

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Ending is that of a bundle's file.
const Ending = ".bridge"

// Bundle is what a bundle's file holds.
type Bundle struct {
	Manifest *Manifest
	Files    map[string][]byte // path → content, bridge.toml among them
	SHA256   string            // of the file, in hex
}

// FileName is what the bundle's file is called: the last part of the id, and the version.
func (m *Manifest) FileName() string { return m.Module() + "-" + m.Version + Ending }

// inOrder lists the files as they stand in a bundle: the manifest, then by name.
func inOrder(files map[string][]byte) []string {
	names := slices.Sorted(maps.Keys(files))
	if i := slices.Index(names, File); i > 0 {
		names = slices.Insert(slices.Delete(names, i, i+1), 0, File)
	}
	return names
}

// firstOf1980 is the earliest day that a zip can tell, the date of every file.
const firstOf1980 = 1<<5 | 1

// entry is the only one that a file may have in a bundle.
func entry(name string, data []byte) *zip.FileHeader {
	//lint:ignore SA1019 Modified would add a field of its own to every entry
	h := &zip.FileHeader{Name: name, Method: zip.Store, ModifiedDate: firstOf1980, CRC32: crc32.ChecksumIEEE(data),
		CompressedSize64: uint64(len(data)), UncompressedSize64: uint64(len(data)), ReaderVersion: 20}
	h.SetMode(0o644)
	return h
}

// Pack makes a bundle's file. Equal files give equal bytes, on every system and with every
// version of the compiler: they are stored, not compressed.
func Pack(files map[string][]byte) ([]byte, *Bundle, error) {
	m, err := check(files)
	if err != nil {
		return nil, nil, err
	}
	raw, err := write(files)
	if err != nil {
		return nil, nil, err
	}
	return raw, &Bundle{Manifest: m, Files: files, SHA256: sum(raw)}, nil
}

func write(files map[string][]byte) ([]byte, error) {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, name := range inOrder(files) {
		w, err := z.CreateRaw(entry(name, files[name]))
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(files[name]); err != nil {
			return nil, err
		}
	}
	err := z.Close()
	return out.Bytes(), err
}

func sum(raw []byte) string {
	s := sha256.Sum256(raw)
	return hex.EncodeToString(s[:])
}

// ReadFolder reads the files of a script's folder that belong into its bundle: all but hidden
// ones, bundles and signatures.
func ReadFolder(dir string) (map[string][]byte, error) {
	files, total := map[string][]byte{}, int64(0)
	err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case file == dir:
			return nil
		case strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		case d.IsDir(), strings.HasSuffix(d.Name(), Ending), strings.HasSuffix(d.Name(), Ending+SignatureEnding):
			return nil
		}
		name, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if !d.Type().IsRegular() {
			return refuse("%q is a %s; a bundle holds plain files only", name, kind(d.Type()))
		}
		if len(files) == MaxFiles {
			return refuse("the folder has more than %d files", MaxFiles)
		}
		data, err := readAtMost(file, MaxSize-total)
		if err != nil {
			return err
		}
		total += int64(len(data))
		files[name] = data
		return nil
	})
	if errors.Is(err, errTooLarge) {
		err = refuse("its files have more than %d MB", MaxSize>>20)
	}
	var refused *Refused
	if errors.As(err, &refused) {
		refused.File = dir
	}
	return files, err
}

var errTooLarge = errors.New("too large")

// readAtMost reads a file of at most limit bytes, whatever its size is said to be.
func readAtMost(file string, limit int64) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil {
		return nil, err
	} else if info.IsDir() {
		return nil, fmt.Errorf("%s is a folder", file)
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = errTooLarge
	}
	return data, err
}

// kind names what is no plain file.
func kind(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSymlink != 0:
		return "link"
	case mode&fs.ModeDir != 0:
		return "folder"
	case mode&fs.ModeDevice != 0:
		return "device"
	case mode&fs.ModeNamedPipe != 0:
		return "pipe"
	case mode&fs.ModeSocket != 0:
		return "socket"
	}
	return "thing of an unknown kind"
}
