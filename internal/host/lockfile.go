package host

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"bridgehost/bundle"
)

// lockPath is where bridges.lock lies; "" when nothing can be installed.
func (c *Config) lockPath() string {
	if c.Path == "" {
		return ""
	}
	return filepath.Join(filepath.Dir(c.Path), bundle.LockFile)
}

// readLock reads bridges.lock; without one nothing is installed.
func readLock(path string) (*bundle.Lock, error) {
	if path == "" {
		return &bundle.Lock{}, nil
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &bundle.Lock{}, nil
	} else if err != nil {
		return nil, err
	}
	l, err := bundle.ParseLock(string(text))
	var refused *bundle.Refused
	if errors.As(err, &refused) {
		refused.File = path
	}
	return l, err
}

// changeLock changes bridges.lock: one process at a time, and as a whole or not at all.
func (c *Config) changeLock(change func(*bundle.Lock) error) error {
	path := c.lockPath()
	if path == "" {
		return errors.New("bundles are installed beside a bridgehost.toml, and there is none")
	}
	dir := filepath.Join(c.Data, "bundles")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	unlock, err := lockOut(filepath.Join(dir, "lock"))
	if err != nil {
		return err
	}
	defer unlock()
	l, err := readLock(path)
	if err != nil {
		return err
	}
	before, err := l.Text()
	if err != nil {
		return err
	}
	if err := change(l); err != nil {
		return err
	}
	text, err := l.Text()
	if err != nil || text == before {
		return err
	}
	return replaceFile(path, []byte(text), 0o644)
}
