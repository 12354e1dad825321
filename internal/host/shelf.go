package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"bridgehost/bundle"
)

// shelf is the folder in which the files of installed bundles lie as they came: DATA/bundles,
// each by its hash. Nothing in it is unpacked.
type shelf struct{ dir string }

func (c *Config) shelf() shelf { return shelf{filepath.Join(c.Data, "bundles")} }

func (s shelf) path(sha256 string) string { return filepath.Join(s.dir, sha256+bundle.Ending) }

// put keeps a bundle's file and its signature; nil is none.
func (s shelf) put(b *bundle.Bundle, raw, signature []byte) error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	if signature != nil {
		if err := replaceFile(s.path(b.SHA256)+bundle.SignatureEnding, signature, 0o600); err != nil {
			return err
		}
	}
	return replaceFile(s.path(b.SHA256), raw, 0o600)
}

// open reads what the lock says is there, and checks it against the lock.
func (s shelf) open(k bundle.Locked) (*bundle.Bundle, error) {
	path := s.path(k.SHA256)
	b, raw, err := bundle.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &bundle.Refused{Reason: fmt.Sprintf("%s %s is in %s, and its file %s is gone; install it again: bridgehost install %s", k.ID, k.Version, bundle.LockFile, path, k.Source)}
	} else if err != nil {
		return nil, fmt.Errorf("%s %s: %w", k.ID, k.Version, err)
	}
	if k.Publisher != "" {
		if err := s.verify(k, b, raw); err != nil {
			return nil, fmt.Errorf("%s %s: %w", k.ID, k.Version, err)
		}
	}
	return b, k.Check(b, k.Publisher)
}

func (s shelf) verify(k bundle.Locked, b *bundle.Bundle, raw []byte) error {
	signature, err := bundle.ReadSignature(s.path(k.SHA256))
	if err != nil {
		return err
	}
	if signature == nil {
		return &bundle.Refused{Reason: "its signature is gone from " + s.dir}
	}
	key, err := bundle.ParsePublicKey(k.Publisher)
	if err != nil {
		return err
	}
	return bundle.Verify(b, raw, signature, key)
}

// sweep removes the files that the lock does not name.
func (s shelf) sweep(l *bundle.Lock) error {
	files, err := filepath.Glob(filepath.Join(s.dir, "*"+bundle.Ending))
	if err != nil {
		return err
	}
	wanted := map[string]bool{}
	for _, k := range l.Bundles {
		wanted[s.path(k.SHA256)] = true
	}
	for _, file := range files {
		if wanted[file] {
			continue
		}
		err := os.Remove(file)
		if sig := os.Remove(file + bundle.SignatureEnding); !errors.Is(sig, fs.ErrNotExist) {
			err = errors.Join(err, sig)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
