package portal

import (
	"context"
	"fmt"
	"sync"

	"bridgehost/matrix"
)

// cacheSize bounds what is kept of each kind of row.
const cacheSize = 5000

// cache keeps rows that were read, so that an event's way asks the store once. It also
// keeps that there is none: a nil row. What is in it is never changed in place.
type cache[K comparable, V any] struct {
	mu    sync.Mutex
	epoch uint64 // counts writes: what was read before one is not kept after it
	rows  map[K]*V
}

func (c *cache[K, V]) get(key K, read func() (*V, error)) (*V, error) {
	c.mu.Lock()
	row, ok := c.rows[key]
	epoch := c.epoch
	c.mu.Unlock()
	if ok {
		return row, nil
	}
	row, err := read()
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.epoch == epoch {
		if len(c.rows) >= cacheSize || c.rows == nil {
			c.rows = map[K]*V{}
		}
		c.rows[key] = row
	}
	return row, nil
}

// forget must be called when a row was written.
func (c *cache[K, V]) forget(keys ...K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch++
	for _, key := range keys {
		delete(c.rows, key)
	}
}

// rows are one script's portals and ghosts on disk. All writes go through it.
type rows struct {
	store  Store
	script string

	changing sync.Mutex // one change of a portal at a time, until it is on disk
	portals  cache[string, Row]
	rooms    cache[matrix.RoomID, Row]
	ghosts   cache[string, GhostRow]
}

func (r *rows) portal(ctx context.Context, remoteID string) (*Row, error) {
	return r.portals.get(remoteID, func() (*Row, error) { return r.store.Portal(ctx, r.script, remoteID) })
}

func (r *rows) portalOf(ctx context.Context, room matrix.RoomID) (*Row, error) {
	return r.rooms.get(room, func() (*Row, error) { return r.store.PortalOf(ctx, r.script, room) })
}

// change writes what f makes of a portal's row as it is now, and returns it. Several
// handlers may know a portal, each as it was at another time: nobody writes what it knows
// from before. f answers false to leave the row as it is. nil: there is no such portal.
func (r *rows) change(ctx context.Context, remoteID string, f func(*Row) bool) (*Row, error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	was, err := r.portal(ctx, remoteID)
	if err != nil || was == nil {
		return nil, err
	}
	row := *was
	if !f(&row) {
		return was, nil
	}
	return &row, r.write(ctx, row, was.RoomID)
}

// put writes a row that nobody else works on: its caller holds the portal's turn.
func (r *rows) put(ctx context.Context, row Row) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	was, err := r.portal(ctx, row.RemoteID)
	if err != nil {
		return err
	}
	if was == nil {
		was = &row
	}
	return r.write(ctx, row, was.RoomID)
}

func (r *rows) write(ctx context.Context, row Row, before matrix.RoomID) error {
	err := r.store.PutPortal(ctx, row)
	r.portals.forget(row.RemoteID) // an error does not tell what is on disk
	r.rooms.forget(before, row.RoomID)
	return err
}

func (r *rows) delete(ctx context.Context, row Row) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	err := r.store.DeletePortal(ctx, r.script, row.RemoteID)
	r.portals.forget(row.RemoteID)
	r.rooms.forget(row.RoomID)
	return err
}

func (r *rows) ghost(ctx context.Context, remoteID string) (*GhostRow, error) {
	return r.ghosts.get(remoteID, func() (*GhostRow, error) { return r.store.Ghost(ctx, r.script, remoteID) })
}

func (r *rows) putGhost(ctx context.Context, row GhostRow) error {
	err := r.store.PutGhost(ctx, row)
	r.ghosts.forget(row.RemoteID)
	return err
}

// free makes sure that a room can become the portal of remoteID: it is no other one. One
// that is gone gives its room away.
func (r *rows) free(ctx context.Context, room matrix.RoomID, remoteID string) error {
	other, err := r.portalOf(ctx, room)
	switch {
	case err != nil || other == nil || other.RemoteID == remoteID:
		return err
	case !other.Gone:
		return fmt.Errorf("room %s is the portal of %q already", room, other.RemoteID)
	}
	return r.delete(ctx, *other)
}
