package luabind

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"bridgehost/diag"
)

// directory is one of the script's directories, opened for one call: nothing that is done
// through it reaches a file outside, by .. or by a link.
type directory struct {
	*os.Root
	name string // as the owner calls it
}

// directory opens one that the owner named for this script.
func (s *Script) directory(name string) (*directory, error) {
	at, ok := s.Dirs[name]
	if !ok {
		e := &diag.Error{Kind: diag.KindPermission, Code: "E_CAPABILITY", Message: fmt.Sprintf("%s has no directory %s", s.Name, quoted(name)),
			Hint: fmt.Sprintf("add to bridgehost.toml, under [scripts.dirs_of.%s]: %s = \"/path/of/it\"", s.Name, name)}
		var known []string
		for n := range s.Dirs {
			known = append(known, n)
		}
		if near := diag.Suggest(name, known); near != "" {
			e.Message += fmt.Sprintf("; did you mean %s?", quoted(near))
		}
		return nil, e
	}
	root, err := os.OpenRoot(at)
	if err != nil {
		return nil, fileError("open", ".", name, err)
	}
	return &directory{root, name}, nil
}

// clean is a path within a directory, as the operating system writes it.
func (d *directory) clean(p string) (string, error) {
	local := filepath.FromSlash(p)
	if p == "" || strings.ContainsRune(p, 0) || !filepath.IsLocal(local) {
		return "", &diag.Error{Kind: diag.KindPermission, Code: "E_PATH",
			Message: fmt.Sprintf("%s leads out of the directory %s", quoted(p), quoted(d.name)), Hint: "a path begins within the directory, and stays there"}
	}
	return filepath.Clean(local), nil
}

// file opens a file for reading; what is no file (a pipe could be waited for without end) is refused.
func (d *directory) file(p string) (*os.File, error) {
	info, err := d.Stat(p)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, notAFile(info)
	}
	return d.Open(p)
}

func notAFile(info fs.FileInfo) error {
	if info.IsDir() {
		return syscall.EISDIR
	}
	return errors.New("it is no file: " + typeOf(info))
}

// read reads a file of at most so many bytes.
func (d *directory) read(p string, most int) ([]byte, error) {
	f, err := d.file(p)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, int64(most)+1))
	if err == nil && len(data) > most {
		return nil, &diag.Error{Kind: diag.KindLimit, Code: "E_TOO_LONG", Message: fmt.Sprintf("%s in %s has more than %d bytes", quoted(p), quoted(d.name), most)}
	}
	return data, err
}

// write puts a new file in place of an old one: who reads sees the one or the other whole.
// A link is replaced, not followed.
func (d *directory) write(p string, data []byte) (err error) {
	mode := fs.FileMode(0o644)
	if info, err := d.Lstat(p); err == nil {
		if info.Mode().IsRegular() {
			mode = info.Mode().Perm()
		} else if info.Mode()&fs.ModeSymlink == 0 {
			return notAFile(info)
		}
	}
	dir := filepath.Dir(p)
	if err := d.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	temporary := filepath.Join(dir, "."+rand.Text()+temporarySuffix)
	f, err := d.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Remove(temporary))
		}
	}()
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return d.Rename(temporary, p)
}

// temporarySuffix ends the names of files that are being written.
const temporarySuffix = ".bridgehost-new"

// maxEntries is how many names of one directory are listed.
const maxEntries = 10000

// fileInfo is what scripts see of a file.
type fileInfo struct {
	Name     string  `json:"name"`
	Type     string  `json:"type"`
	Size     int64   `json:"size"`
	Modified float64 `json:"modified"`
}

func typeOf(info fs.FileInfo) string {
	switch {
	case info.Mode().IsRegular():
		return "file"
	case info.IsDir():
		return "directory"
	case info.Mode()&fs.ModeSymlink != 0:
		return "link"
	}
	return "other"
}

func infoOf(info fs.FileInfo) fileInfo {
	return fileInfo{info.Name(), typeOf(info), info.Size(), float64(info.ModTime().UnixMicro()) / 1e6}
}

// list is what stands in a directory, by name, without files that are being written.
func (d *directory) list(p string) ([]fileInfo, error) {
	info, err := d.Stat(p) // before it is opened: a pipe would be waited for
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, syscall.ENOTDIR
	}
	entries, err := fs.ReadDir(d.FS(), filepath.ToSlash(p))
	if err != nil {
		return nil, err
	}
	if len(entries) > maxEntries {
		return nil, &diag.Error{Kind: diag.KindLimit, Code: "E_TOO_LONG", Message: fmt.Sprintf("%s in %s has %d files, more than %d", quoted(p), quoted(d.name), len(entries), maxEntries)}
	}
	all := make([]fileInfo, 0, len(entries))
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || strings.HasSuffix(e.Name(), temporarySuffix) {
			continue // it went meanwhile, or is not there yet
		}
		all = append(all, infoOf(info))
	}
	return all, nil
}

// errnosOfFiles are the words for what goes wrong with files.
var errnosOfFiles = []struct {
	err  error
	code string
}{
	{fs.ErrNotExist, "ENOENT"}, {fs.ErrPermission, "EACCES"}, {syscall.EISDIR, "EISDIR"}, {syscall.ENOTDIR, "ENOTDIR"},
	{syscall.ENOTEMPTY, "ENOTEMPTY"}, {syscall.ENOSPC, "ENOSPC"}, {syscall.ENAMETOOLONG, "ENAMETOOLONG"}, {syscall.EROFS, "EROFS"},
	{fs.ErrExist, "EEXIST"}, // also true of ENOTEMPTY
}

// fileError says what was done where. The place of the directory on this machine is not told.
func fileError(op, p, dir string, err error) *diag.Error {
	var known *diag.Error
	if errors.As(err, &known) {
		return known
	}
	what := err
	var at *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &at):
		what = at.Err
	case errors.As(err, &link):
		what = link.Err
	}
	d := &diag.Error{Kind: diag.KindFS, Message: fmt.Sprintf("%s %s in the directory %s: %v", op, quoted(path.Clean(filepath.ToSlash(p))), quoted(dir), what), Cause: err}
	if strings.Contains(what.Error(), "escapes") { // os.Root has no error of its own to compare with
		d.Kind, d.Code, d.Hint = diag.KindPermission, "E_PATH", "a link must not lead out of the directory"
		return d
	}
	for _, known := range errnosOfFiles {
		if errors.Is(err, known.err) {
			d.Code = known.code
			break
		}
	}
	return d
}
