package host

import (
	"context"
	"errors"
	"fmt"

	"bridgehost/bundle"
	"bridgehost/control"
)

// entries are what goes into the lock.
func (p *plan) entries() (main bundle.Locked, libraries []bundle.Locked) {
	main = p.main.locked()
	if p.name != p.main.b.Manifest.Module() {
		main.As = p.name
	}
	main.Granted = p.granted
	for _, lib := range p.libraries {
		k := lib.locked()
		k.Library = true
		libraries = append(libraries, k)
		main.Requires = append(main.Requires, k.ID+"@"+k.Version)
	}
	return main, libraries
}

// apply puts the files on the shelf and the entries into the lock, and tells a running host.
// What does not load is taken back.
func (in *installer) apply(ctx context.Context, p *plan, r *InstallReport) error {
	for _, one := range append([]*parcel{p.main}, p.libraries...) {
		if err := in.cfg.shelf().put(one.b, one.raw, one.signature); err != nil {
			return err
		}
	}
	main, libraries := p.entries()
	now := &installed{in.cfg.shelf(), main, libraries}
	if err := in.setValues(p); err != nil {
		return err
	}
	err := in.cfg.changeLock(func(l *bundle.Lock) error {
		k, ok := l.Find(p.name)
		if ok != (p.was != nil) || ok && k.SHA256 != p.was.entry.SHA256 {
			return fmt.Errorf("%s was changed by another bridgehost meanwhile; look at it: bridgehost list", p.name)
		}
		l.Put(main, libraries...)
		return nil
	})
	if err == nil {
		err = in.cfg.changeNotes(func(n *notes) {
			n.Data[p.name] = owner{main.ID, main.Publisher}
			delete(n.Before, p.name)
			if p.was != nil {
				n.Before[p.name] = before{p.was.entry, p.was.libraries}
			}
		})
	}
	if err != nil {
		return err
	}
	r.Installed = true
	return in.tell(ctx, p, now, r)
}

// tell lets a running host load what is new.
func (in *installer) tell(ctx context.Context, p *plan, now *installed, r *InstallReport) error {
	call := in.direct
	if call == nil {
		call = func(ctx context.Context, in2 RelockCall) (out ReloadAnswer, err error) {
			err = control.Call(ctx, in.cfg.Data, CallRelock, in2, &out)
			return out, err
		}
	}
	out, err := call(ctx, RelockCall{Script: p.name, Color: in.Color})
	if errors.Is(err, control.ErrNotRunning) {
		return nil
	}
	if err == nil {
		r.Running = true
		for _, s := range out.Scripts {
			r.Generation = s.Generation
			if s.Later {
				r.Later = s.Error
				return nil
			}
		}
		if failed := out.Failed(); failed != nil {
			err = failed
		}
	}
	if err == nil {
		return nil
	}
	r.Installed = false
	back := in.cfg.takeBack(p.was, now, err.Error())
	if p.was == nil && back == nil {
		_, back = call(ctx, RelockCall{Script: p.name}) // it ends there too
	}
	return errors.Join(err, back)
}
