package host

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"bridgehost/bundle"
)

// plan checks what was fetched against what is installed, and chooses its libraries.
func (in *installer) plan(ctx context.Context, main *parcel) (*plan, error) {
	m := main.b.Manifest
	if err := in.suits(m); err != nil {
		return nil, err
	}
	if err := main.trust(ctx, in.d, in.lock, in.Publisher, in.Unsigned); err != nil {
		return nil, err
	}
	p := &plan{name: m.Module(), main: main}
	if in.As != "" {
		p.name = in.As
	}
	if err := CheckName(p.name); err != nil {
		return nil, fmt.Errorf("%w; choose another: --as NAME", err)
	}
	if err := in.place(p); err != nil {
		return nil, err
	}
	if err := in.gather(ctx, p); err != nil {
		return nil, err
	}
	p.values = in.cfg.Scripts.Config[p.name]
	return p, in.wants(p)
}

// suits tells whether this host is one that the bundle was made for.
func (in *installer) suits(m *bundle.Manifest) error {
	r, err := bundle.ParseRange(m.Bridgehost)
	if err != nil {
		return nil // it names none
	}
	number, _, _ := strings.Cut(Version().Version, "-") // a build before 0.4.0 counts as 0.4.0
	v, err := bundle.ParseVersion(number)
	if err == nil && !r.Has(v) {
		return &bundle.Refused{File: m.FileName(), Reason: fmt.Sprintf("it wants bridgehost %s, and this is %s", m.Bridgehost, Version().Version)}
	}
	return nil
}

// place finds what the bundle takes the place of, and refuses what only looks like it.
func (in *installer) place(p *plan) error {
	m := p.main.b.Manifest
	refused := func(format string, args ...any) error {
		return &bundle.Refused{File: m.FileName(), Reason: fmt.Sprintf(format, args...)}
	}
	var ids []string
	for _, k := range in.lock.Bundles {
		ids = append(ids, k.ID)
	}
	if other, alike := bundle.LooksLike(m.ID, ids); alike && in.As == "" {
		return refused("its id %s looks like %s, which is installed, and is another; if it is meant, give it a name: --as NAME", m.ID, other)
	}
	if own, _, err := discover(in.cfg.Scripts.Dir); err == nil {
		if i := slices.IndexFunc(own, func(f found) bool { return f.name == p.name }); i >= 0 {
			return refused("there is a script %q already, %s; give this one another name: --as NAME", p.name, own[i].path)
		}
	}
	k, ok := in.lock.Find(p.name)
	if !ok {
		whose := in.notes.Data[p.name]
		if whose.ID != "" && (whose != owner{m.ID, p.main.signedBy}) {
			return refused("under the name %s lies the data of %s, which this bundle would get; forget it: bridgehost remove %[1]s --purge, or give another name: --as NAME",
				p.name, whose)
		}
		return nil
	}
	if k.ID != m.ID {
		return refused("there is %s installed as %s; give this one another name: --as NAME", k.ID, p.name)
	}
	p.was = &installed{in.cfg.shelf(), k, in.lock.Required(k)}
	if p.main.rotated != "" {
		k.Publisher = p.main.signedBy
	}
	return k.Successor(p.main.b, p.main.signedBy, in.To != "")
}

// gather chooses and fetches the libraries.
func (in *installer) gather(ctx context.Context, p *plan) error {
	m := p.main.b.Manifest
	if len(m.Depends) == 0 {
		return nil
	}
	if err := in.ask(ctx); err != nil {
		return err
	}
	list, err := bundle.Resolve(m, func(id string) ([]bundle.Listed, error) {
		from, ok, err := placeOf(in.places, id, in.lock)
		if !ok || err != nil {
			return nil, err
		}
		return from.Versions(id), nil
	})
	if err != nil {
		return errors.Join(append([]error{err}, in.wrong...)...)
	}
	for _, l := range list {
		from, _, err := placeOf(in.places, l.ID, in.lock)
		if err != nil {
			return err
		}
		lib, err := fromIndex(ctx, in.d, from, l)
		if err != nil {
			return err
		}
		if err := lib.trust(ctx, in.d, in.lock, "", in.Unsigned); err != nil {
			return err
		}
		p.libraries = append(p.libraries, lib)
	}
	return p.complete()
}

// complete tells whether what the manifests say themselves is there: the index may have said otherwise.
func (p *plan) complete() error {
	versions := map[string]string{}
	for _, lib := range p.libraries {
		versions[lib.b.Manifest.ID] = lib.b.Manifest.Version
	}
	for _, one := range append([]*parcel{p.main}, p.libraries...) {
		for _, d := range one.b.Manifest.Dependencies() {
			v, err := bundle.ParseVersion(versions[d.ID])
			if err != nil || !d.Range.Has(v) {
				return &bundle.Refused{File: one.b.Manifest.FileName(), Reason: fmt.Sprintf("it needs %s %s, of which its index does not tell", d.ID, d.Range)}
			}
		}
	}
	return nil
}
