package host

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"bridgehost/bundle"
)

// KeyReport tells of a key pair that was made.
type KeyReport struct {
	Secret    string `json:"secret_key_file"`
	Public    string `json:"public_key_file"`
	Publisher string `json:"publisher"` // the public key
	Password  bool   `json:"password"`
	DryRun    bool   `json:"dry_run,omitempty"`
}

// DefaultKey is where the secret key lies unless told otherwise: outside of what is packed.
func DefaultKey() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("where keys lie is not known; name the file with --key: %w", err)
	}
	return filepath.Join(dir, "bridgehost", "publisher.key"), nil
}

// MakeKey makes a key pair: the secret one in file, mode 0600, the public one beside it with
// the ending .pub. Without a password the file alone is enough to sign.
func MakeKey(file, password string, dry bool) (*KeyReport, error) {
	r := &KeyReport{Secret: file, Public: file + ".pub", Password: password != "", DryRun: dry}
	for _, f := range []string{r.Secret, r.Public} {
		if _, err := os.Lstat(f); err == nil {
			return nil, fmt.Errorf("%s is there already, and a key is never replaced; who has it can go on with it. Choose another file: --key FILE", f)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	if dry {
		return r, nil
	}
	key, text, err := bundle.NewKey(nil, password)
	if err != nil {
		return nil, err
	}
	r.Publisher = key.Public().String()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, err
	}
	if err := replaceFile(r.Secret, text, 0o600); err != nil {
		return nil, err
	}
	return r, replaceFile(r.Public, key.Public().File(), 0o644)
}

// SignBundle signs a bundle's file: the signature lies beside it. password is asked if the key has one.
func SignBundle(file, keyFile string, password func() (string, error), dry bool) (*BundleReport, error) {
	b, raw, err := bundle.Open(file)
	if err != nil {
		return nil, err
	}
	key, err := bundle.ReadSecretKey(keyFile, password)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no key %s; make one: bridgehost bundle keygen --key %[1]s", keyFile)
	} else if err != nil {
		return nil, err
	}
	signature, err := bundle.Sign(b, raw, key)
	if err != nil {
		return nil, err
	}
	r := report(file, b, len(raw))
	r.DryRun, r.SignedBy = dry, key.Public().String()
	if b.Manifest.Publisher == "" {
		r.Notes = append(r.Notes, fmt.Sprintf("%s names no publisher, so nobody can tell whose signature to expect; add before packing: publisher = %q", bundle.File, r.SignedBy))
	}
	if dry {
		return r, nil
	}
	return r, replaceFile(file+bundle.SignatureEnding, signature, 0o644)
}

// ReadPassword reads the first line of a file, or of in for "-".
func ReadPassword(file string, in io.Reader) (string, error) {
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return "", err
		}
		defer f.Close()
		in = f
	}
	line, err := bufio.NewReader(io.LimitReader(in, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return strings.TrimRight(line, "\r\n"), nil
}
