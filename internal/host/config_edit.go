package host

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// EditOptions are what `config edit` needs.
type EditOptions struct {
	Path  string
	Edit  func(file string) error                 // lets a person edit it
	Again func(why error) (again bool, err error) // asks whether to edit on
}

// EditConfig lets a person edit a copy of the configuration, and puts it in its place when it
// is valid. It tells whether anything was changed.
func EditConfig(o EditOptions) (changed bool, err error) {
	before, err := os.ReadFile(o.Path)
	if errors.Is(err, os.ErrNotExist) {
		return false, fmt.Errorf("%w: there is no %s; make one: bridgehost setup", ErrConfig, o.Path)
	} else if err != nil {
		return false, err
	}
	abs, err := filepath.Abs(o.Path)
	if err != nil {
		return false, err
	}
	dir, err := os.MkdirTemp("", "bridgehost-edit-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	copied := filepath.Join(dir, configName)
	if err := os.WriteFile(copied, before, 0o600); err != nil {
		return false, err
	}
	for {
		if err := o.Edit(copied); err != nil {
			return false, err
		}
		text, err := os.ReadFile(copied)
		if err != nil {
			return false, err
		}
		if string(text) == string(before) {
			return false, nil
		}
		wrong := validConfig(abs, o.Path, string(text))
		if wrong == nil {
			return true, rewriteFile(o.Path, string(text))
		}
		again, err := o.Again(wrong)
		if err != nil {
			return false, err
		}
		if !again {
			return false, fmt.Errorf("%w\nNothing was written", wrong)
		}
	}
}

// validConfig is the first thing that is wrong with a configuration, those of scripts included.
func validConfig(abs, name, text string) error {
	c, err := parseConfig(DefaultConfig().at(abs), name, text)
	if err != nil {
		return err
	}
	checked, err := c.checked()
	if err == nil && !checked.OK {
		p := checked.Problems[0]
		err = fmt.Errorf("%w: %s: %s: %s", ErrConfig, p.Place, p.Key, p.Problem)
	}
	return err
}
