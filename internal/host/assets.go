package host

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"sync/atomic"
	"time"
)

// assets are the files of a script at path; nil of one that is a single file.
func assets(path string) fs.FS {
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return nil
	}
	return assetFolder(path)
}

// assetFolder is a folder of which no link leads out. It is opened for each call, since an
// update may put another one in its place.
type assetFolder string

func (f assetFolder) Open(name string) (fs.File, error) {
	root, err := os.OpenRoot(string(f))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.FS().Open(name)
}

// Stat implements fs.StatFS: without opening the file.
func (f assetFolder) Stat(name string) (fs.FileInfo, error) {
	root, err := os.OpenRoot(string(f))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.Stat(name)
}

// assetFiles are files in memory, by their paths.
type assetFiles map[string][]byte

// bundleAssets are the files of a bundle as it is installed now.
type bundleAssets struct{ atomic.Pointer[assetFiles] }

// Open implements fs.FS.
func (b *bundleAssets) Open(name string) (fs.File, error) {
	if files := b.Load(); files != nil {
		if data, ok := (*files)[name]; ok {
			return &assetFile{bytes.NewReader(data), name}, nil
		}
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// assetFile is one of them, opened. It is its own fs.FileInfo.
type assetFile struct {
	*bytes.Reader
	name string
}

func (f *assetFile) Stat() (fs.FileInfo, error) { return f, nil }
func (f *assetFile) Close() error               { return nil }
func (f *assetFile) Name() string               { return path.Base(f.name) }
func (f *assetFile) Mode() fs.FileMode          { return 0o444 }
func (f *assetFile) ModTime() time.Time         { return time.Time{} }
func (f *assetFile) IsDir() bool                { return false }
func (f *assetFile) Sys() any                   { return nil }
