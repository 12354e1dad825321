package luabind

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"bridgehost/capability"
	"bridgehost/diag"
)

// maxAsset is how long an asset may be; a bundle has room for no more.
const maxAsset = 10 << 20

var _ = fn(bridgeModule, "asset", capability.None("reads files of the script's own"), never,
	"The bytes of a file that lies in the script's folder, or in its bundle: a template, a list, a picture. "+
		"The path is relative to the folder, with / between names; neither .., nor names that begin with a dot, nor a link lead out. "+
		"It is read as it stands now, at the top level, too.",
	func(c *Call, a *struct {
		Path string `lua:"path" doc:"the file: \"templates/welcome.html\""`
	}) ([]byte, error) {
		return readAsset(c.Script.Assets, a.Path, min(maxAsset, c.VM.Limits().String))
	}, errcodes("ENOENT", "EISDIR", "E_PATH", "E_TOO_LONG"), example(`local welcome = bridge.asset("templates/welcome.html")`))

// readAsset reads one of the script's own files, nil being those of a script that is one file.
func readAsset(files fs.FS, name string, most int) ([]byte, error) {
	refused := func(message, hint string) error {
		return &diag.Error{Kind: diag.KindPermission, Code: "E_PATH", Message: message, Hint: hint}
	}
	if files == nil {
		return nil, refused("a script that is one file has no assets", "make it a folder: NAME/main.lua, and the asset beside it")
	}
	if !fs.ValidPath(name) || strings.ContainsAny(name, "\\\x00") || strings.HasPrefix(name, ".") || strings.Contains(name, "/.") {
		return nil, refused(quoted(name)+" is no file of the script's folder", "a path is relative to the folder, without . and ..")
	}
	info, err := fs.Stat(files, name) // before it is opened: a pipe would be waited for
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = notAFile(info)
	case info.Size() > int64(most):
		return nil, assetTooLong(name, most)
	}
	if err != nil {
		return nil, assetError(name, err)
	}
	f, err := files.Open(name)
	if err != nil {
		return nil, assetError(name, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, int64(most)+1))
	switch {
	case err != nil:
		return nil, assetError(name, err)
	case len(data) > most:
		return nil, assetTooLong(name, most)
	}
	return data, nil
}

func assetTooLong(name string, most int) error {
	return &diag.Error{Kind: diag.KindLimit, Code: "E_TOO_LONG", Message: fmt.Sprintf("the asset %s has more than %d bytes", quoted(name), most)}
}

// assetError is what goes wrong with a file, in the words of bridge.fs.
func assetError(name string, err error) error {
	e := fileError("read", name, "", err)
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	e.Message = fmt.Sprintf("read the asset %s: %v", quoted(name), err)
	return e
}
