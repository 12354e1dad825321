package luabind

import (
	"errors"
	"io/fs"

	"bridgehost/capability"
)

var fsModule = module("bridge.fs", "Files in the directories that the owner named for this script in bridgehost.toml, under [scripts.dirs_of.NAME]. "+
	"A path is relative to one of them; neither .. nor a link leads out.", returnsErrors)

type fileArgs struct {
	Dir  string `lua:"dir" doc:"the directory's name in bridgehost.toml"`
	Path string `lua:"path" doc:"the file within it, with / between folders"`
}

// inside opens a directory and does something in it.
func inside[R any](c *Call, op, dir, path string, do func(d *directory, path string) (R, error)) (r R, err error) {
	done, err := c.Script.openFile(c.VM.Limits().OpenFiles)
	if err != nil {
		return r, err
	}
	defer done()
	d, err := c.Script.directory(dir)
	if err != nil {
		return r, err
	}
	defer d.Close()
	p, err := d.clean(path)
	if err != nil {
		return r, err
	}
	if r, err = do(d, p); err != nil {
		return r, fileError(op, p, dir, err)
	}
	return r, nil
}

var _ = fn(fsModule, "read", capability.FSRead, waits,
	"The bytes of a file. It may be as long as a string.",
	func(c *Call, a *fileArgs) ([]byte, error) {
		return inside(c, "read", a.Dir, a.Path, func(d *directory, p string) ([]byte, error) { return d.read(p, c.VM.Limits().String) })
	}, scopeArg("dir"), results("The bytes, or nil and an error."), returns("string?", "Error?"), errcodes("ENOENT", "EISDIR", "E_PATH", "E_CAPABILITY"),
	example(`local text, err = fs.read("inbox", "today.txt")`))

var _ = fn(fsModule, "write", capability.FSWrite, waits,
	"Makes a file, or replaces it as a whole: who reads it sees the old one or the new one, also after a crash. Folders on the way are made.",
	func(c *Call, a *struct {
		Dir  string `lua:"dir" doc:"the directory's name in bridgehost.toml"`
		Path string `lua:"path" doc:"the file within it, with / between folders"`
		Data []byte `lua:"data" doc:"what is written"`
	}) (bool, error) {
		return inside(c, "write", a.Dir, a.Path, func(d *directory, p string) (bool, error) { return true, d.write(p, a.Data) })
	}, scopeArg("dir"), results("true, or nil and an error."), returns("boolean?", "Error?"), errcodes("EISDIR", "E_PATH", "E_CAPABILITY"),
	example(`assert(fs.write("outbox", "2026/report.txt", text))`))

var _ = fn(fsModule, "list", capability.FSRead, waits,
	"What stands in a directory, by name.",
	func(c *Call, a *struct {
		Dir  string `lua:"dir" doc:"the directory's name in bridgehost.toml"`
		Path string `lua:"path,opt" doc:"a folder within it" default:"."`
	}) ([]fileInfo, error) {
		return inside(c, "list", a.Dir, a.Path, func(d *directory, p string) ([]fileInfo, error) { return d.list(p) })
	}, scopeArg("dir"), results("A list of `{name, type, size, modified}`, or nil and an error; `type` is file, directory, link or other, `modified` seconds since 1970."),
	returns("table[]?", "Error?"), errcodes("ENOENT", "ENOTDIR", "E_PATH", "E_CAPABILITY"),
	example(`for _, f in ipairs(fs.list("inbox")) do … end`))

var _ = fn(fsModule, "stat", capability.FSRead, waits,
	"What is known of a file. nil, without an error, when there is none.",
	func(c *Call, a *fileArgs) (*fileInfo, error) {
		return inside(c, "look at", a.Dir, a.Path, func(d *directory, p string) (*fileInfo, error) {
			info, err := d.Lstat(p)
			if errors.Is(err, fs.ErrNotExist) {
				return nil, nil
			} else if err != nil {
				return nil, err
			}
			found := infoOf(info)
			return &found, nil
		})
	}, scopeArg("dir"), results("`{name, type, size, modified}`, or nil, or nil and an error; a link is not followed."), returns("table?", "Error?"), errcodes("E_PATH", "E_CAPABILITY"),
	example(`local known = fs.stat("inbox", "today.txt")`))

var _ = fn(fsModule, "remove", capability.FSWrite, waits,
	"Removes a file, a link, or a folder that is empty.",
	func(c *Call, a *fileArgs) (bool, error) {
		return inside(c, "remove", a.Dir, a.Path, func(d *directory, p string) (bool, error) {
			err := d.Remove(p)
			return err == nil, ignoreMissing(err)
		})
	}, scopeArg("dir"), results("Whether it was there, or nil and an error."), returns("boolean?", "Error?"), errcodes("ENOTEMPTY", "E_PATH", "E_CAPABILITY"),
	example(`fs.remove("outbox", "old.txt")`))

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
