package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"bridgehost/bundle"
	"bridgehost/diag"
	"bridgehost/engine/luasrc"
)

// BundleReport is what a command about bundles has to tell.
type BundleReport struct {
	File        string            `json:"file"`
	ID          string            `json:"id,omitempty"`
	Name        string            `json:"name,omitempty"`
	Version     string            `json:"version,omitempty"`
	Summary     string            `json:"summary,omitempty"`
	SHA256      string            `json:"sha256,omitempty"`
	Bytes       int               `json:"bytes,omitempty"`
	Files       []BundleFile      `json:"files,omitempty"`
	Permissions map[string]any    `json:"permissions,omitempty"`
	Optional    map[string]any    `json:"optional_permissions,omitempty"`
	Depends     map[string]string `json:"dependencies,omitempty"`
	Publisher   string            `json:"publisher,omitempty"` // the key that the manifest names
	SignedBy    string            `json:"signed_by,omitempty"` // checked
	Signature   string            `json:"signature,omitempty"` // "", "not signed", or what is wrong with it
	Added       []string          `json:"added,omitempty"`     // by init
	Notes       []string          `json:"notes,omitempty"`     // what the author should look at
	DryRun      bool              `json:"dry_run,omitempty"`
	Unchanged   bool              `json:"unchanged,omitempty"`
	Manifest    string            `json:"manifest,omitempty"` // as init writes it
}

// BundleFile is one file in a bundle.
type BundleFile struct {
	Name  string `json:"name"`
	Bytes int    `json:"bytes"`
	Lines int    `json:"lines,omitempty"` // of Lua
}

func report(file string, b *bundle.Bundle, bytes int) *BundleReport {
	m := b.Manifest
	r := &BundleReport{File: file, ID: m.ID, Name: m.Name, Version: m.Version, Summary: m.Summary, SHA256: b.SHA256, Bytes: bytes,
		Permissions: m.Permissions, Optional: m.Optional, Depends: m.Depends, Publisher: m.Publisher}
	for _, name := range slices.Sorted(maps.Keys(b.Files)) {
		f := BundleFile{Name: name, Bytes: len(b.Files[name])}
		if strings.HasSuffix(name, ".lua") {
			f.Lines = strings.Count(string(b.Files[name]), "\n")
		}
		r.Files = append(r.Files, f)
	}
	return r
}

// lua counts the lines of Lua, without those of specs.
func (r *BundleReport) lua() (lines, files int) {
	for _, f := range r.Files {
		if strings.HasSuffix(f.Name, ".lua") && !strings.HasSuffix(f.Name, "_spec.lua") {
			lines, files = lines+f.Lines, files+1
		}
	}
	return lines, files
}

// InitBundle writes the manifest of the script in dir, or adds to it what the script's
// source says and it does not: permissions, and [config]. Nothing is run; what `dev` has seen
// the script use is added, too.
func InitBundle(ctx context.Context, dir string, dry bool) (*BundleReport, error) {
	files, err := bundle.ReadFolder(dir)
	if err != nil {
		return nil, err
	}
	full, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	name, old := filepath.Base(full), string(files[bundle.File])
	main := ""
	for _, candidate := range []string{"main.lua", name + ".lua"} {
		if files[candidate] != nil && main == "" {
			main = candidate
		}
	}
	switch {
	case old != "":
	case main == "":
		return nil, fmt.Errorf("there is no main.lua or %s.lua in %s, so it is not known what runs", name, dir)
	default:
		if err := CheckName(name); err != nil {
			return nil, fmt.Errorf("%w; rename the folder", err)
		}
	}
	s, wrong := scanSource(files)
	if wrong != nil {
		return nil, sourceError(wrong, files)
	}
	s.seen = seenIn(ctx, dir)
	d, err := draftManifest(old, name, main, s)
	if err != nil {
		return nil, asManifestError(err, old)
	}
	r := &BundleReport{File: filepath.Join(dir, bundle.File), Added: d.added, Notes: d.unclear, DryRun: dry, Unchanged: d.text == old, Manifest: d.text}
	if dry || r.Unchanged {
		return r, nil
	}
	return r, replaceFile(r.File, []byte(d.text), 0o644)
}

// PackOptions say where a bundle goes.
type PackOptions struct {
	Dir    string
	Out    string // "" for NAME-VERSION.bridge in the current folder
	Force  bool   // replace a file of that name that has other bytes
	DryRun bool
}

// PackBundle checks the script in a folder and packs it.
func PackBundle(o PackOptions) (*BundleReport, error) {
	files, err := bundle.ReadFolder(o.Dir)
	if err != nil {
		return nil, err
	}
	text := string(files[bundle.File])
	raw, b, err := bundle.Pack(files)
	if err != nil {
		return nil, asManifestError(err, text)
	}
	if err := unfinished(b.Manifest, text); err != nil {
		return nil, asManifestError(err, text)
	}
	if _, err := manifestLimits(b.Manifest); err != nil {
		return nil, asManifestError(err, text)
	}
	s, wrong := scanSource(files)
	if wrong != nil {
		return nil, sourceError(wrong, files)
	}
	d, err := draftManifest(text, "", "", s)
	if err != nil {
		return nil, err
	}
	if o.Out == "" {
		o.Out = b.Manifest.FileName()
	}
	r := report(o.Out, b, len(raw))
	for _, missing := range d.added {
		r.Notes = append(r.Notes, fmt.Sprintf("%s lacks %s; add it: bridgehost bundle init", bundle.File, missing))
	}
	r.DryRun = o.DryRun
	there, err := os.ReadFile(o.Out)
	switch {
	case err == nil && bytes.Equal(there, raw):
		r.Unchanged = true
		return r, nil
	case err == nil && !o.Force:
		return nil, fmt.Errorf("%s is there with other content; raise the version in %s, or replace it with --force", o.Out, bundle.File)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	if o.DryRun {
		return r, nil
	}
	return r, replaceFile(o.Out, raw, 0o644)
}

// unfinished finds a reason that init wrote and nobody replaced.
func unfinished(m *bundle.Manifest, text string) error {
	for _, name := range slices.Sorted(maps.Keys(m.Permissions)) {
		value := m.Permissions[name]
		why, _ := value.(string)
		if table, ok := value.(map[string]any); ok {
			why, _ = table["why"].(string)
		}
		if strings.HasPrefix(why, unsaid) {
			line := 1 + strings.Count(text[:max(strings.Index(text, quoted(name)), 0)], "\n")
			return &bundle.Error{Line: line, Message: fmt.Sprintf("[permissions] %s: its reason is still the one that init wrote", name),
				Hint: "say in a few words why the bridge needs it; people read that before they install it"}
		}
	}
	return nil
}

// ReadBundle opens a bundle's file, and tells of the signature beside it without judging it.
func ReadBundle(file string) (*BundleReport, *bundle.Bundle, error) {
	b, raw, err := bundle.Open(file)
	if err != nil {
		return nil, nil, err
	}
	r := report(file, b, len(raw))
	if err := r.checkSignature(b, raw, ""); err != nil && r.Signature == "" {
		r.Signature = err.Error()
	}
	return r, b, nil
}

// VerifyOptions say what is expected of a bundle.
type VerifyOptions struct {
	File      string
	Publisher string // the key that must have signed it; "": the one that its manifest names
	Unsigned  bool   // a bundle without signature will do
}

// VerifyBundle opens a bundle's file strictly and checks its signature.
func VerifyBundle(o VerifyOptions) (*BundleReport, error) {
	b, raw, err := bundle.Open(o.File)
	if err != nil {
		return nil, err
	}
	r := report(o.File, b, len(raw))
	err = r.checkSignature(b, raw, o.Publisher)
	if r.Signature != "" && o.Unsigned && o.Publisher == "" {
		return r, nil
	}
	return r, err
}

const notSigned = "not signed"

// checkSignature checks the signature beside the file, by a key or by the one that the manifest names.
func (r *BundleReport) checkSignature(b *bundle.Bundle, raw []byte, key string) error {
	signature, err := bundle.ReadSignature(r.File)
	if err != nil {
		return err
	}
	refused := func(format string, args ...any) error {
		return &bundle.Refused{File: filepath.Base(r.File), Reason: fmt.Sprintf(format, args...)}
	}
	if signature == nil {
		r.Signature = notSigned
		return refused("it is not signed (there is no %s beside it)", filepath.Base(r.File)+bundle.SignatureEnding)
	}
	if key == "" {
		key = b.Manifest.Publisher
	}
	if key == "" {
		return refused("its %s names no publisher; give the key that you expect: --publisher KEY", bundle.File)
	}
	public, err := bundle.ParsePublicKey(key)
	if err == nil {
		err = bundle.Verify(b, raw, signature, public)
	}
	var no *bundle.Refused
	if errors.As(err, &no) {
		no.File = filepath.Base(r.File)
	}
	if err != nil {
		return err
	}
	r.SignedBy = public.String()
	return nil
}

// asManifestError gives a mistake in a manifest its hint and place, and leaves other errors as they are.
func asManifestError(err error, text string) error {
	var wrong *bundle.Error
	if !errors.As(err, &wrong) {
		return err
	}
	e := manifestError(wrong)
	return fmt.Errorf("%w: %s", ErrManifest, strings.TrimRight(diag.Render(e, diag.Files{bundle.File: text}, diag.Options{}), "\n"))
}

// ErrManifest is wrapped when a bridge.toml is not valid.
var ErrManifest = errors.New("manifest not valid")

// sourceError is a file that is no Lua.
func sourceError(wrong *luasrc.SyntaxError, files map[string][]byte) error {
	texts := diag.Files{}
	for name, data := range files {
		texts[name] = string(data)
	}
	return &scriptError{err: &wrong.Error, text: diag.Render(&wrong.Error, texts, diag.Options{})}
}

// replaceFile writes a file whole or not at all.
func replaceFile(file string, data []byte, mode fs.FileMode) error {
	tmp, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+"-*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(data)
	err = errors.Join(err, tmp.Chmod(mode), tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return nil
}
