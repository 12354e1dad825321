package host

import (
	"io/fs"
	"os"
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
