package host

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"bridgehost/luabind"
	"bridgehost/luabind/apidoc"
)

// Docs is the documentation of a function, class or module; of "" the list of modules.
func Docs(name string) (string, error) { return apidoc.Find(name) }

// typesDir is where editors find the types of the Lua API.
const typesDir = ".bridgehost/types"

// WriteTypes writes the types of the Lua API for editors into dir, and the .luarc.json
// that names them. What else stands in that file is kept.
func WriteTypes(dir string) error {
	for name, text := range apidoc.Types(luabind.Groups(), Version().Version) {
		path := filepath.Join(dir, typesDir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	path := filepath.Join(dir, ".luarc.json")
	rc := map[string]any{}
	old, err := os.ReadFile(path)
	if err == nil {
		if err := json.Unmarshal(old, &rc); err != nil {
			return fmt.Errorf("%s is no JSON and was left as it is: %w", path, err)
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if rc == nil {
		rc = map[string]any{}
	}
	rc["runtime.version"] = "Lua 5.1"
	library, _ := rc["workspace.library"].([]any)
	if !slices.Contains(library, any(typesDir)) {
		library = append(library, typesDir)
	}
	rc["workspace.library"] = library
	text, err := json.MarshalIndent(rc, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}
