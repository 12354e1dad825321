package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"bridgehost/bundle"
)

// IndexOptions say what index is to be made.
type IndexOptions struct {
	Dir      string // with the bundles; index.json is written there
	Name     string
	Expires  string // "90d", "2160h" or a day like 2027-01-31
	KeyFile  string
	Password func() (string, error) // asked if the key has one
	DryRun   bool
	Now      time.Time
}

// IndexReport is what was listed.
type IndexReport struct {
	File    string          `json:"file"`
	Name    string          `json:"name"`
	Serial  int64           `json:"serial"`
	Expires time.Time       `json:"expires"`
	Key     string          `json:"key"`
	Bundles []bundle.Listed `json:"bundles"`
	Notes   []string        `json:"notes,omitempty"`
	DryRun  bool            `json:"dry_run,omitempty"`
}

// Text says what was listed, and what others have to write.
func (r *IndexReport) Text() string {
	var b strings.Builder
	verb := "Wrote"
	if r.DryRun {
		verb = "Would write"
	}
	fmt.Fprintf(&b, "%s %s: %s, edition %d, until %s\n", verb, r.File, counted(len(r.Bundles), "bundle"), r.Serial, r.Expires.Format(time.DateOnly))
	for _, l := range r.Bundles {
		fmt.Fprintf(&b, "  %s %s\n", l.ID, l.Version)
	}
	fmt.Fprintf(&b, "Put the folder where the web can see it. Others write into bridgehost.toml:\n\n[[index]]\nurl = \"https://…/\"\nkey = %q\n", r.Key)
	return b.String()
}

// MakeIndex lists the bundles of a folder in a signed index.json.
func MakeIndex(o IndexOptions) (*IndexReport, error) {
	until, err := expiry(o.Expires, o.Now)
	if err != nil {
		return nil, err
	}
	key, err := bundle.ReadSecretKey(o.KeyFile, o.Password)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no key %s; make one: bridgehost bundle keygen --key %[1]s", o.KeyFile)
	} else if err != nil {
		return nil, err
	}
	r := &IndexReport{File: filepath.Join(o.Dir, bundle.IndexFile), Name: o.Name, Expires: until, Key: key.Public().String(), DryRun: o.DryRun}
	old, err := oldIndex(r.File)
	if err != nil {
		return nil, err
	}
	r.Serial = max(o.Now.Unix(), old.Serial+1) // it grows also when the old index is lost
	if r.Name == "" {
		r.Name = old.Name
	}
	if r.Name == "" {
		return nil, wrongUse("how is the index called? --name NAME")
	}
	if err := r.list(o.Dir); err != nil {
		return nil, err
	}
	i := &bundle.Index{Name: r.Name, Serial: r.Serial, Expires: r.Expires, Bundles: r.Bundles}
	raw, signature, err := bundle.SignIndex(i, key)
	if err != nil || o.DryRun {
		return r, err
	}
	if err := replaceFile(r.File, raw, 0o644); err != nil {
		return nil, err
	}
	return r, replaceFile(r.File+bundle.SignatureEnding, signature, 0o644)
}

// list reads the bundles of a folder. A signature that is wrong ends it: nobody could install that bundle.
func (r *IndexReport) list(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*"+bundle.Ending))
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("there is no bundle in %s; make one: bridgehost bundle pack", dir)
	}
	slices.Sort(files)
	for _, file := range files {
		b, raw, err := bundle.Open(file)
		if err != nil {
			return err
		}
		one := report(file, b, len(raw))
		if err := one.checkSignature(b, raw, ""); err != nil {
			if one.Signature != notSigned {
				return err
			}
			r.Notes = append(r.Notes, fmt.Sprintf("%s is not signed; others install it with --unsigned only", filepath.Base(file)))
		}
		r.Bundles = append(r.Bundles, bundle.List(b, filepath.Base(file), len(raw)))
	}
	return nil
}

// oldIndex is the edition before; an empty one when there is none.
func oldIndex(file string) (*bundle.Index, error) {
	raw, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return &bundle.Index{}, nil
	} else if err != nil {
		return nil, err
	}
	i, err := bundle.ParseIndex(raw)
	if err != nil {
		return nil, fmt.Errorf("the index before: %w", err)
	}
	return i, nil
}

// expiry reads when an index expires.
func expiry(text string, now time.Time) (time.Time, error) {
	now = now.UTC().Truncate(time.Second)
	until, err := time.Parse(time.DateOnly, text)
	if days, ok := strings.CutSuffix(text, "d"); err != nil && ok {
		var n int
		if n, err = strconv.Atoi(days); err == nil && n < 100_000 {
			until = now.AddDate(0, 0, n)
		}
	} else if err != nil {
		var d time.Duration
		if d, err = time.ParseDuration(text); err == nil {
			until = now.Add(d).Truncate(time.Second)
		}
	}
	switch {
	case err != nil || until.IsZero():
		return until, wrongUse("--expires %s: a span like 90d or a day like 2027-01-31 is expected", text)
	case !until.After(now):
		return until, wrongUse("--expires %s: that is over", text)
	}
	return until, nil
}

// RotateReport tells of the statement by which an old key names a new one.
type RotateReport struct {
	File string `json:"file"`
	ID   string `json:"id"`
	Old  string `json:"old"`
	New  string `json:"new"`
}

// Text says what to do with it.
func (r *RotateReport) Text() string {
	return fmt.Sprintf("Wrote %s and its signature: %s names %s for %s\nPut both beside the bundles, and sign those with the new key.\n", r.File, r.Old[:12]+"…", r.New[:12]+"…", r.ID)
}

// RotateKey writes the statement into the current folder.
func RotateKey(id, keyFile, newKey string, password func() (string, error), dry bool) (*RotateReport, error) {
	old, err := bundle.ReadSecretKey(keyFile, password)
	if err != nil {
		return nil, err
	}
	text := newKey
	if raw, err := os.ReadFile(newKey); err == nil {
		text = string(raw)
	}
	next, err := bundle.ParsePublicKey(text)
	if err != nil {
		return nil, wrongUse("%v; a file with it does as well", err)
	}
	statement, signature, err := bundle.Rotate(id, old, next)
	if err != nil {
		return nil, err
	}
	r := &RotateReport{File: id[strings.LastIndexByte(id, '.')+1:] + NewKeyEnding, ID: id, Old: old.Public().String(), New: next.String()}
	if dry {
		return r, nil
	}
	if err := replaceFile(r.File, statement, 0o644); err != nil {
		return nil, err
	}
	return r, replaceFile(r.File+bundle.SignatureEnding, signature, 0o644)
}
