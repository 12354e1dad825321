package engine

import (
	"context"
	"sync"
)

// Handle is a live thing that the host owns for a script: a socket, a client, a listener.
type Handle interface {
	Close() error
	// Alive is false once the handle was closed or the other side hung up.
	Alive() bool
}

// handles are what a script's generations opened. What is kept under a key passes
// from one generation to the next; all else ends with the generation that opened it.
type handles struct {
	mu    sync.Mutex
	owner map[Handle]*Generation
	kept  map[string]*keep
}

type keep struct {
	opening     chan struct{} // one slot: who may look and open
	handle      Handle
	fingerprint string // of what it was opened with
}

func newHandles() *handles {
	return &handles{owner: map[Handle]*Generation{}, kept: map[string]*keep{}}
}

// Own makes the host close h when the generation ends, unless Keep passed it on.
func (g *Generation) Own(h Handle) {
	hs := g.Script.handles
	hs.mu.Lock()
	hs.owner[h] = g
	hs.mu.Unlock()
}

// Disown is told when h was closed: nothing is left to do about it.
func (g *Generation) Disown(h Handle) {
	hs := g.Script.handles
	hs.mu.Lock()
	delete(hs.owner, h)
	hs.mu.Unlock()
}

// OpenHandles counts the handles that the script's generations own.
func (s *Script) OpenHandles() int {
	s.handles.mu.Lock()
	defer s.handles.mu.Unlock()
	return len(s.handles.owner)
}

// Keep hands the handle of key over to g if it is alive and was opened under the
// same fingerprint; fresh is false then. Otherwise open makes a new one, which is
// kept from then on, and the old one is closed. Two callers of one key wait for
// each other. Called without the VM's lock; ctx ends the waiting.
func (g *Generation) Keep(ctx context.Context, key, fingerprint string, open func() (Handle, error)) (h Handle, fresh bool, err error) {
	hs := g.Script.handles
	hs.mu.Lock()
	k := hs.kept[key]
	if k == nil {
		k = &keep{opening: make(chan struct{}, 1)}
		hs.kept[key] = k
	}
	hs.mu.Unlock()

	select {
	case k.opening <- struct{}{}:
		defer func() { <-k.opening }()
	case <-ctx.Done():
		return nil, false, ctx.Err()
	}
	hs.mu.Lock()
	old := k.handle
	if old != nil && old.Alive() && k.fingerprint == fingerprint {
		// An older generation that still ends may use it, but does not get it back.
		if owner := hs.owner[old]; owner == nil || !g.isStopping() || owner.isStopping() {
			hs.owner[old] = g
		}
		hs.mu.Unlock()
		return old, false, nil
	}
	k.handle = nil
	hs.mu.Unlock()
	if old != nil {
		g.Disown(old)
		_ = old.Close() // it is dead or not wanted any more
	}
	h, err = open()
	if err != nil {
		return nil, true, err
	}
	hs.mu.Lock()
	k.handle, k.fingerprint = h, fingerprint
	hs.owner[h] = g
	hs.mu.Unlock()
	return h, true, nil
}

// release closes what g owns.
func (hs *handles) release(g *Generation) {
	hs.mu.Lock()
	var mine []Handle
	for h, owner := range hs.owner {
		if owner == g {
			mine = append(mine, h)
			delete(hs.owner, h)
		}
	}
	for key, k := range hs.kept {
		for _, h := range mine {
			if k.handle == h {
				delete(hs.kept, key)
			}
		}
	}
	hs.mu.Unlock()
	for _, h := range mine {
		_ = h.Close() // the script is gone, nobody is left to hear of it
	}
}
