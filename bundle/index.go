package bundle

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"
)

// IndexFile is what an index is called; its signature lies beside it.
const IndexFile = "index.json"

const (
	indexVersion = 1
	maxIndex     = 8 << 20
	maxListed    = 20_000
)

// Index lists bundles that can be had from one place.
type Index struct {
	Version int       `json:"version"` // of the form
	Name    string    `json:"name"`
	Serial  int64     `json:"serial"`  // grows with each edition, so that an old one is not served again
	Expires time.Time `json:"expires"` // a place that nobody keeps stops to count
	Bundles []Listed  `json:"bundles"`
}

// Listed is one version of one bundle.
type Listed struct {
	ID        string            `json:"id"`
	Version   string            `json:"version"`
	Title     string            `json:"name,omitempty"`
	Summary   string            `json:"summary,omitempty"`
	URL       string            `json:"url"` // from the index's own address
	SHA256    string            `json:"sha256"`
	Size      int64             `json:"size"`
	Publisher string            `json:"publisher,omitempty"`
	Depends   map[string]string `json:"dependencies,omitempty"`
}

// List describes a bundle's file for an index.
func List(b *Bundle, url string, size int) Listed {
	m := b.Manifest
	return Listed{ID: m.ID, Version: m.Version, Title: m.Name, Summary: m.Summary, URL: url, SHA256: b.SHA256, Size: int64(size),
		Publisher: m.Publisher, Depends: m.Depends}
}

func indexError(format string, args ...any) error {
	r := refuse(format, args...)
	r.File = IndexFile
	return r
}

// SignIndex writes and signs an index.
func SignIndex(i *Index, key SecretKey) (raw, signature []byte, err error) {
	i.Version = indexVersion
	slices.SortFunc(i.Bundles, func(a, b Listed) int { return strings.Compare(a.ID+" "+a.Version, b.ID+" "+b.Version) })
	if err := i.check(); err != nil {
		return nil, nil, err
	}
	if raw, err = json.MarshalIndent(i, "", "  "); err != nil {
		return nil, nil, err
	}
	raw = append(raw, '\n')
	signature, err = signBytes(raw, i.comment(), key)
	return raw, signature, err
}

func (i *Index) comment() string {
	return fmt.Sprintf("index:%s serial:%d expires:%s", url.QueryEscape(i.Name), i.Serial, i.Expires.UTC().Format(time.RFC3339))
}

// ReadIndex checks an index: its signature by key, that it is not expired, and that it is
// no older than the edition that was seen last (0: none was).
func ReadIndex(raw, signature []byte, key PublicKey, now time.Time, seen int64) (*Index, error) {
	if len(raw) > maxIndex {
		return nil, indexError("it has more than %d MB", maxIndex>>20)
	}
	comment, err := verifyBytes(raw, signature, key)
	if err != nil {
		return nil, indexError("%v", err)
	}
	i, err := ParseIndex(raw)
	if err != nil {
		return nil, err
	}
	switch {
	case comment != i.comment():
		return nil, indexError("its signature is for another (%.100q)", comment)
	case !now.Before(i.Expires):
		return nil, indexError("it expired on %s; whoever keeps it has to sign it again", i.Expires.UTC().Format(time.DateOnly))
	case i.Serial < seen:
		return nil, indexError("it is an old edition (serial %d, seen was %d)", i.Serial, seen)
	}
	return i, nil
}

// ParseIndex reads an index whose signature was checked.
func ParseIndex(raw []byte) (*Index, error) {
	i := &Index{}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(i); err != nil {
		return nil, indexError("it cannot be read: %v", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, indexError("something stands behind its end")
	}
	if i.Version != indexVersion {
		return nil, indexError("it has version %d; this bridgehost knows %d", i.Version, indexVersion)
	}
	return i, i.check()
}

func (i *Index) check() error {
	switch c, hidden := unseen(i.Name); {
	case i.Name == "" || hidden || len(i.Name) > maxShown:
		return indexError("its name is missing, too long, or has a character that is not seen (U+%04X)", c)
	case i.Serial < 1:
		return indexError("its serial is missing")
	case i.Expires.IsZero() || i.Expires.Nanosecond() != 0:
		return indexError("the day on which it expires is missing, or has parts of a second")
	case len(i.Bundles) > maxListed:
		return indexError("it lists more than %d bundles", maxListed)
	}
	seen := map[string]bool{}
	for _, l := range i.Bundles {
		if err := l.check(); err != nil {
			return indexError("%.80q %.40q: %v", l.ID, l.Version, err)
		}
		if seen[l.ID+"@"+l.Version] {
			return indexError("%s %s stands twice", l.ID, l.Version)
		}
		seen[l.ID+"@"+l.Version] = true
	}
	return nil
}

func (l Listed) check() error {
	if c, at := strange(l.ID); at >= 0 {
		return refuse("its id has the character U+%04X, which may look like a letter and is none of a-z", c)
	}
	if !idForm.MatchString(l.ID) || len(l.ID) > 255 {
		return refuse("no id of a bundle")
	}
	if _, err := ParseVersion(l.Version); err != nil {
		return err
	}
	for _, text := range []string{l.Title, l.Summary, l.URL} {
		if c, hidden := unseen(text); hidden || len(text) > 2000 {
			return refuse("a text is too long, or has a character that is not seen (U+%04X)", c)
		}
	}
	u, err := url.Parse(l.URL)
	switch {
	case err != nil || l.URL == "" || u.User != nil || u.Opaque != "" || u.Scheme != "" && u.Scheme != "https" && u.Scheme != "http":
		return refuse("%q is no web address", l.URL)
	case !hashForm.MatchString(l.SHA256):
		return refuse("its sha256 is not of 64 digits and small letters a to f")
	case l.Size <= 0 || l.Size > MaxPacked:
		return refuse("a bundle cannot have %d bytes", l.Size)
	}
	if l.Publisher != "" {
		if _, err := ParsePublicKey(l.Publisher); err != nil {
			return err
		}
	}
	for id, want := range l.Depends {
		if _, err := ParseRange(want); err != nil || !idForm.MatchString(id) {
			return refuse("%q %q is no dependency", id, want)
		}
	}
	return nil
}

// Matches tells whether b is what the index lists.
func (l Listed) Matches(b *Bundle) error {
	switch {
	case b.SHA256 != l.SHA256:
		return refuse("%s %s: the index has sha256 %.12s…, the file has %.12s…", l.ID, l.Version, l.SHA256, b.SHA256)
	case b.Manifest.ID != l.ID || b.Manifest.Version != l.Version:
		return refuse("the index calls it %s %s, the bundle itself %s %s", l.ID, l.Version, b.Manifest.ID, b.Manifest.Version)
	case b.Manifest.Publisher != l.Publisher:
		return refuse("%s %s: the index and the bundle name different publishers", l.ID, l.Version)
	}
	return nil
}

// Versions lists the versions of a bundle by its whole id, oldest first.
func (i *Index) Versions(id string) (list []Listed) {
	for _, l := range i.Bundles {
		if l.ID == id {
			list = append(list, l)
		}
	}
	slices.SortFunc(list, func(a, b Listed) int {
		va, _ := ParseVersion(a.Version) // checked
		vb, _ := ParseVersion(b.Version)
		return va.Compare(vb)
	})
	return list
}

// Find is the newest version of a bundle in a range.
func (i *Index) Find(id string, r Range) (best Listed, ok bool) {
	for _, l := range i.Versions(id) {
		if v, err := ParseVersion(l.Version); err == nil && r.Has(v) {
			best, ok = l, true
		}
	}
	return best, ok
}

// Called lists the ids whose last part is name, or which are name: more than one is for a person to choose.
func (i *Index) Called(name string) (ids []string) {
	for _, l := range i.Bundles {
		if l.ID == name || moduleOf(l.ID) == name {
			ids = append(ids, l.ID)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
