package portal

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"

	"github.com/jonboulle/clockwork"

	"bridgehost/delivery"
	"bridgehost/intent"
	"bridgehost/matrix"
)

// ManagerConfig is what a Manager works with. All fields are needed.
type ManagerConfig struct {
	Script string
	Names  Names
	Bot    *intent.Intent // the script's
	Store  Store
	Data   *delivery.Data
	Clock  clockwork.Clock
	// Key makes the aliases of portals unguessable; it must be the same after a restart.
	Key []byte
}

// Manager keeps the ghosts and portals of one script.
type Manager struct {
	cfg  ManagerConfig
	rows *rows

	mu   sync.Mutex
	busy map[string]*turn // of one ghost or portal: callers wait for each other
}

type turn struct {
	slot chan struct{}
	uses int
}

// NewManager makes the manager of one script.
func NewManager(cfg ManagerConfig) *Manager {
	return &Manager{cfg: cfg, rows: &rows{store: cfg.Store, script: cfg.Script}, busy: map[string]*turn{}}
}

// MXID is the user id of the ghost for a remote id.
func (m *Manager) MXID(remoteID string) matrix.UserID {
	user, _ := m.cfg.Names.Ghost(m.cfg.Script, remoteID)
	return user
}

// RemoteID is the remote id of a ghost; ok is false when user is no ghost of this script.
func (m *Manager) RemoteID(ctx context.Context, user matrix.UserID) (remoteID string, ok bool, err error) {
	if remoteID, ok = m.cfg.Names.RemoteID(m.cfg.Script, user); ok {
		return remoteID, true, nil
	}
	if script, mine := m.cfg.Names.Script(user); !mine || script != m.cfg.Script || user == m.cfg.Bot.MXID() {
		return "", false, nil
	}
	row, err := m.cfg.Store.GhostOf(ctx, user)
	if err != nil || row == nil || row.Script != m.cfg.Script {
		return "", false, err
	}
	return row.RemoteID, true, nil
}

// GhostOptions is what a ghost should look like; nil leaves as it is.
type GhostOptions struct {
	Displayname *string
	Avatar      *string // mxc URI
}

// Ghost is the intent of the ghost for a remote id. Its profile is set when it differs
// from what was set last.
func (m *Manager) Ghost(ctx context.Context, remoteID string, o GhostOptions) (*intent.Intent, error) {
	if remoteID == "" {
		return nil, errors.New("a ghost needs a remote id, got an empty string")
	}
	user, exact := m.cfg.Names.Ghost(m.cfg.Script, remoteID)
	ghost, err := m.cfg.Bot.User(user, intent.UserOptions{})
	if err != nil {
		return nil, err
	}
	row, err := m.rows.ghost(ctx, remoteID)
	if err != nil {
		return nil, err
	}
	if ghostDone(row, exact, o) {
		return ghost, nil
	}
	leave, err := m.enter(ctx, "ghost "+remoteID)
	if err != nil {
		return nil, err
	}
	defer leave()
	if row, err = m.rows.ghost(ctx, remoteID); err != nil {
		return nil, err
	}
	if ghostDone(row, exact, o) {
		return ghost, nil
	}
	return ghost, m.dress(ctx, ghost, remoteID, row, o)
}

// ghostDone tells whether nothing is left to do for a ghost.
func ghostDone(row *GhostRow, exact bool, o GhostOptions) bool {
	if row == nil {
		return exact && o.Displayname == nil && o.Avatar == nil
	}
	return (o.Displayname == nil || row.DisplayName == *o.Displayname) && (o.Avatar == nil || row.Avatar == *o.Avatar)
}

// dress sets a ghost's profile and remembers it.
func (m *Manager) dress(ctx context.Context, ghost *intent.Intent, remoteID string, row *GhostRow, o GhostOptions) error {
	next := GhostRow{Script: m.cfg.Script, RemoteID: remoteID, UserID: ghost.MXID()}
	if row != nil {
		next = *row
	}
	if o.Displayname != nil && next.DisplayName != *o.Displayname {
		if err := ghost.SetDisplayname(ctx, *o.Displayname, intent.SetDisplaynameOptions{}); err != nil {
			return fmt.Errorf("displayname of ghost %s: %w", ghost.MXID(), err)
		}
		next.DisplayName = *o.Displayname
	}
	if o.Avatar != nil && next.Avatar != *o.Avatar {
		if err := ghost.SetAvatarURL(ctx, *o.Avatar, intent.SetAvatarURLOptions{}); err != nil {
			return fmt.Errorf("avatar of ghost %s: %w", ghost.MXID(), err)
		}
		next.Avatar = *o.Avatar
	}
	return m.rows.putGhost(ctx, next)
}

// PortalOf is the portal that a room is, also one that is gone; nil when it is none.
func (m *Manager) PortalOf(ctx context.Context, room matrix.RoomID) (*Portal, error) {
	row, err := m.rows.portalOf(ctx, room)
	if err != nil || row == nil {
		return nil, err
	}
	return newPortal(m, *row), nil
}

// Portals lists the script's portals by remote id, those that are gone left out.
func (m *Manager) Portals(ctx context.Context) iter.Seq2[*Portal, error] {
	const page = 100
	return func(yield func(*Portal, error) bool) {
		for after := ""; ; {
			rows, err := m.cfg.Store.Portals(ctx, m.cfg.Script, after, page)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, row := range rows {
				after = row.RemoteID
				if !row.Gone && !yield(newPortal(m, row), nil) {
					return
				}
			}
			if len(rows) < page {
				return
			}
		}
	}
}

// enter lets one caller at a time work on what key names.
func (m *Manager) enter(ctx context.Context, key string) (leave func(), err error) {
	m.mu.Lock()
	t := m.busy[key]
	if t == nil {
		t = &turn{slot: make(chan struct{}, 1)}
		m.busy[key] = t
	}
	t.uses++
	m.mu.Unlock()
	gone := func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if t.uses--; t.uses == 0 {
			delete(m.busy, key)
		}
	}
	select {
	case t.slot <- struct{}{}:
		return func() { <-t.slot; gone() }, nil
	case <-ctx.Done():
		gone()
		return nil, ctx.Err()
	}
}
