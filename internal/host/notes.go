package host

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"bridgehost/bundle"
)

// notes are what is remembered about bundles beside the lock, in DATA/bundles/notes.json. It is
// a file and not the database, so that a command can write it while the host runs.
type notes struct {
	Serials map[string]int64  `json:"serials"` // an index's key → the newest edition that was seen
	Failed  map[string]string `json:"failed"`  // id@version → why it was taken back
	Data    map[string]owner  `json:"data"`    // a script's name → the bundle whose data lies under it
	Before  map[string]before `json:"before"`  // a script's name → what its last update took the place of
}

// owner is a bundle, and who publishes it.
type owner struct {
	ID        string `json:"id"`
	Publisher string `json:"publisher,omitempty"`
}

// theOwners is the data of a script that is no bundle.
var theOwners = owner{ID: "a script of your own"}

// noteOwn remembers that the data under a name is of a script of the owner's: no bundle gets it.
func (c *Config) noteOwn(script string) error {
	n, err := c.readNotes()
	if err != nil || n.Data[script] == theOwners {
		return err
	}
	return c.changeNotes(func(n *notes) { n.Data[script] = theOwners })
}

// String says whose the data is.
func (o owner) String() string {
	if o == theOwners {
		return o.ID
	}
	return o.ID + " by " + o.by()
}

// by names the publisher.
func (o owner) by() string {
	if o.Publisher == "" {
		return "somebody who did not sign it"
	}
	return fmt.Sprintf("%.16s…", o.Publisher)
}

// before is what stood in the lock.
type before struct {
	Entry     bundle.Locked   `json:"entry"`
	Libraries []bundle.Locked `json:"libraries"`
}

func (c *Config) notesPath() string { return filepath.Join(c.shelf().dir, "notes.json") }

func (c *Config) readNotes() (*notes, error) {
	n := &notes{}
	text, err := os.ReadFile(c.notesPath())
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	default:
		if err := json.Unmarshal(text, n); err != nil {
			return nil, fmt.Errorf("%s: %w", c.notesPath(), err)
		}
	}
	if n.Failed == nil {
		n.Failed = map[string]string{}
	}
	if n.Data == nil {
		n.Data = map[string]owner{}
	}
	if n.Serials == nil {
		n.Serials = map[string]int64{}
	}
	if n.Before == nil {
		n.Before = map[string]before{}
	}
	return n, nil
}

// changeNotes changes the notes: one process at a time, and as a whole or not at all.
func (c *Config) changeNotes(change func(*notes)) error {
	if err := os.MkdirAll(c.shelf().dir, 0o700); err != nil {
		return err
	}
	unlock, err := lockOut(filepath.Join(c.shelf().dir, "lock"))
	if err != nil {
		return err
	}
	defer unlock()
	n, err := c.readNotes()
	if err != nil {
		return err
	}
	change(n)
	text, err := json.MarshalIndent(n, "", "  ")
	if err != nil {
		return err
	}
	return replaceFile(c.notesPath(), append(text, '\n'), 0o600)
}
