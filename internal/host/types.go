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

// configsIn are the schemas of the scripts whose files lie in dir.
func configsIn(dir string) map[string]luabind.Schema {
	var scripts []found
	if abs, err := filepath.Abs(dir); err == nil {
		if name, ok := nameOf(abs); ok {
			scripts = []found{{name: name, path: abs}}
		} else if all, _, err := discover(abs); err == nil {
			scripts = slices.DeleteFunc(all, func(f found) bool { return filepath.Ext(f.path) != ".lua" })
		}
	}
	schemas := map[string]luabind.Schema{}
	for _, f := range scripts {
		asked := askedBy(f)
		if !asked.known && !asked.none {
			return nil // of one nothing is known: then anything may be asked of any
		}
		if asked.known {
			schemas[f.name] = asked.Schema
		}
	}
	return schemas
}

// WriteTypes writes the types of the Lua API for editors into dir, that of the scripts'
// configuration among them, and the .luarc.json that names them. What else stands in that
// file is kept.
func WriteTypes(dir string) error {
	for name, text := range apidoc.Types(luabind.Groups(), Version().Version, configsIn(dir)) {
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
