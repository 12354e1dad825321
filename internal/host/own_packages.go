package host

import (
	"fmt"
	"path/filepath"

	"bridgehost/bundle"
	"bridgehost/diag"
	"bridgehost/engine"
)

// addOwn gives a person's own script the libraries that its manifest names. Their bundles lie in
// its folder, from which packing leaves them out. What is missing keeps the script from loading.
func addOwn(src *engine.Source, m *bundle.Manifest, dir string) {
	if len(m.Depends) == 0 {
		return
	}
	bad := func(err error) {
		src.Bad = &diag.Error{Kind: diag.KindUsage, Code: "E_MANIFEST", Message: "[dependencies]: " + err.Error(), Where: bundle.File + ":1", Cause: err,
			Hint: "put the library's bundle, NAME-VERSION" + bundle.Ending + ", into the folder of the script; it is not packed"}
	}
	there, list, err := ownBundles(dir)
	if err != nil {
		bad(err)
		return
	}
	chosen, err := bundle.Resolve(m, func(id string) ([]bundle.Listed, error) { return list.Versions(id), nil })
	if err != nil {
		bad(err)
		return
	}
	libraries := map[string]*bundle.Bundle{}
	for _, l := range chosen {
		libraries[l.ID] = there[l.SHA256]
	}
	src.Packages = map[string]map[string]string{}
	for id, b := range libraries {
		if err := addPackage(src, "@"+id, b, libraries); err != nil {
			bad(err)
			return
		}
	}
	src.Packages[""] = packagesOf(m, libraries)
}

// ownBundles reads the bundles that lie in a folder.
func ownBundles(dir string) (there map[string]*bundle.Bundle, list *bundle.Index, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "*"+bundle.Ending))
	if err != nil {
		return nil, nil, err
	}
	there, list = map[string]*bundle.Bundle{}, &bundle.Index{}
	for _, file := range files {
		b, raw, err := bundle.Open(file)
		if err != nil {
			return nil, nil, err
		}
		there[b.SHA256] = b
		list.Bundles = append(list.Bundles, bundle.List(b, file, len(raw)))
	}
	return there, list, nil
}

// packagesOf is what require answers to those who have that manifest.
func packagesOf(m *bundle.Manifest, libraries map[string]*bundle.Bundle) map[string]string {
	files := map[string]string{}
	for _, d := range m.Dependencies() {
		if lib := libraries[d.ID]; lib != nil {
			files[d.Module] = "@" + d.ID + "/" + lib.Manifest.Main
		}
	}
	return files
}

// fits tells whether the libraries are those that a manifest names.
func fits(m *bundle.Manifest, libraries map[string]*bundle.Bundle) error {
	for _, d := range m.Dependencies() {
		lib := libraries[d.ID]
		if lib == nil {
			return fmt.Errorf("%s needs %s, which its entry does not require", m.ID, d.ID)
		}
		if v, err := bundle.ParseVersion(lib.Manifest.Version); err != nil || !d.Range.Has(v) {
			return fmt.Errorf("%s needs %s %s, and its entry requires %s", m.ID, d.ID, d.Range, lib.Manifest.Version)
		}
	}
	return nil
}
