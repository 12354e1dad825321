package bundle

import (
	"bytes"
	"net/http"
	"path"
	"strings"
	"unicode/utf8"
)

// What a bundle may hold at most.
const (
	MaxSize     = 10 << 20 // bytes of all files
	MaxFiles    = 1000
	MaxManifest = 64 << 10 // bytes of bridge.toml
)

// images are endings with what the beginning of such a file says.
var images = map[string]string{".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp"}

// secretKey begins a secret key of minisign, which nobody means to share.
const secretKey = "untrusted comment: minisign encrypted secret key"

// checkFile refuses what is not text, image or declared asset.
func checkFile(name string, data []byte, m *Manifest) error {
	if bytes.HasPrefix(data, []byte(secretKey)) {
		return refuse("%q is a secret key of minisign: keep it outside of the folder", name)
	}
	ending := strings.ToLower(path.Ext(name))
	if want := images[ending]; want != "" {
		if got := http.DetectContentType(data); got != want {
			return refuse("%q is called an image, but holds %s", name, got)
		}
		return nil
	}
	isLua := ending == ".lua"
	if isLua && bytes.HasPrefix(data, []byte("\x1bLua")) {
		return refuse("%q is compiled; only Lua that can be read is shared", name)
	}
	at := notText(data)
	switch {
	case at < 0 && isLua:
		return checkDirection(name, data)
	case at < 0, !isLua && m.declares(name):
		return nil
	case isLua:
		return refuse("%q is no text in UTF-8 (byte %d)", name, at+1)
	}
	return refuse(`%q is neither text nor an image; declare it in %s: assets = ["%s"]`, name, File, name)
}

// notText is where data stops to be text in UTF-8, -1 when it does not.
func notText(data []byte) int {
	for i := 0; i < len(data); {
		c, size := utf8.DecodeRune(data[i:])
		if c == utf8.RuneError && size == 1 || c < ' ' && c != '\t' && c != '\n' && c != '\r' && c != '\f' || c == 0x7f {
			return i
		}
		i += size
	}
	return -1
}

// turns tells of characters that make a line read otherwise than it runs.
func turns(c rune) bool { return c >= 0x202a && c <= 0x202e || c >= 0x2066 && c <= 0x2069 }

func checkDirection(name string, data []byte) error {
	for i, line := range bytes.Split(data, []byte("\n")) {
		if at := bytes.IndexFunc(line, turns); at >= 0 {
			c, _ := utf8.DecodeRune(line[at:])
			return refuse("%s:%d turns the direction of writing (U+%04X), so that it reads otherwise than it runs; write it as an escape", name, i+1, c)
		}
	}
	return nil
}

// declares tells whether name is among the assets of the manifest.
func (m *Manifest) declares(name string) bool {
	for _, pattern := range m.Assets {
		if ok, err := path.Match(pattern, name); ok && err == nil {
			return true
		}
	}
	return false
}

// check checks all files of a bundle, and reads its manifest.
func check(files map[string][]byte) (*Manifest, error) {
	text, ok := files[File]
	switch {
	case !ok:
		return nil, refuse("there is no %s in it; make one: bridgehost bundle init", File)
	case len(files) > MaxFiles:
		return nil, refuse("it has %d files; %d are allowed", len(files), MaxFiles)
	}
	total, once := 0, newNamesOnce()
	names := inOrder(files)
	for _, name := range names {
		if err := checkName(name); err != nil {
			return nil, err
		}
		if err := once.add(name); err != nil {
			return nil, err
		}
		if total += len(files[name]); total > MaxSize {
			return nil, refuse("its files have more than %d MB", MaxSize>>20)
		}
	}
	m, err := Parse(string(text))
	if err != nil {
		return nil, &Refused{Reason: err.Error(), Cause: err}
	}
	lua := map[string]string{}
	for _, name := range names {
		if err := checkFile(name, files[name], m); err != nil {
			return nil, err
		}
		lua[name] = ""
	}
	if err := m.HasMain(string(text), lua); err != nil {
		return nil, &Refused{Reason: err.Error(), Cause: err}
	}
	return m, m.ownModules(lua)
}
