package sqlite

import (
	"context"
	"encoding/json"
	"fmt"

	"bridgehost/matrix"
	"bridgehost/portal"
)

const portalColumns = "SELECT remote, room, name, topic, avatar, gone, made, invited, data FROM portals WHERE " + ofScript

func portalRow(script string, r row) portal.Row {
	p := portal.Row{Script: script, RemoteID: r.str(0), RoomID: matrix.RoomID(r.str(1)), Name: r.str(2), Topic: r.str(3),
		Avatar: r.str(4), Gone: r.bool(5), Made: r.time(6), Data: r.bytes(8)}
	_ = json.Unmarshal([]byte(r.str(7)), &p.Invited) // written by PutPortal
	return p
}

// Portal returns the row of a remote id, nil when there is none.
func (db *DB) Portal(_ context.Context, script, remoteID string) (*portal.Row, error) {
	return db.portal(script, " AND remote = ?", blob(remoteID))
}

// PortalOf returns the row of a room, nil when there is none.
func (db *DB) PortalOf(_ context.Context, script string, room matrix.RoomID) (*portal.Row, error) {
	return db.portal(script, " AND room = ?", string(room))
}

func (db *DB) portal(script, where string, value any) (p *portal.Row, err error) {
	err = db.read(func(c *conn) error {
		_, err := c.one(func(r row) { x := portalRow(script, r); p = &x }, portalColumns+where, script, value)
		return err
	})
	return p, err
}

// Portals lists up to n portals of script by remote id, after that remote id.
func (db *DB) Portals(_ context.Context, script, after string, n int) (list []portal.Row, err error) {
	err = db.read(func(c *conn) error {
		return c.query(func(r row) error { list = append(list, portalRow(script, r)); return nil },
			portalColumns+" AND remote > ? ORDER BY remote LIMIT ?", script, blob(after), n)
	})
	return list, err
}

// PutPortal writes a row, replacing the one of that remote id.
func (db *DB) PutPortal(ctx context.Context, p portal.Row) error {
	invited, err := json.Marshal(p.Invited)
	if err != nil {
		return err
	}
	err = db.write(ctx, func(w *writer) error {
		script, err := w.script(p.Script)
		if err == nil {
			_, err = w.exec(`INSERT OR REPLACE INTO portals (script, remote, room, name, topic, avatar, gone, made, invited, data)
				VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, script, blob(p.RemoteID), string(p.RoomID), p.Name, p.Topic, p.Avatar,
				p.Gone, p.Made, string(invited), p.Data)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("write portal %q of %s: %w", p.RemoteID, p.Script, err)
	}
	return nil
}

// DeletePortal forgets a row.
func (db *DB) DeletePortal(ctx context.Context, script, remoteID string) error {
	return db.write(ctx, func(w *writer) error {
		_, err := w.exec("DELETE FROM portals WHERE "+ofScript+" AND remote = ?", script, blob(remoteID))
		return err
	})
}

const ghostColumns = "SELECT s.name, g.remote, g.user, g.displayname, g.avatar FROM ghosts g JOIN scripts s ON s.id = g.script WHERE "

// Ghost returns the row of a remote id, nil when there is none.
func (db *DB) Ghost(_ context.Context, script, remoteID string) (*portal.GhostRow, error) {
	return db.ghost("s.name = ? AND g.remote = ?", script, blob(remoteID))
}

// GhostOf returns the row of a user, nil when there is none.
func (db *DB) GhostOf(_ context.Context, user matrix.UserID) (*portal.GhostRow, error) {
	return db.ghost("g.user = ?", string(user))
}

func (db *DB) ghost(where string, values ...any) (g *portal.GhostRow, err error) {
	err = db.read(func(c *conn) error {
		_, err := c.one(func(r row) {
			g = &portal.GhostRow{Script: r.str(0), RemoteID: r.str(1), UserID: matrix.UserID(r.str(2)), DisplayName: r.str(3), Avatar: r.str(4)}
		}, ghostColumns+where, values...)
		return err
	})
	return g, err
}

// PutGhost writes a row, replacing the one of that remote id.
func (db *DB) PutGhost(ctx context.Context, g portal.GhostRow) error {
	err := db.write(ctx, func(w *writer) error {
		script, err := w.script(g.Script)
		if err == nil {
			_, err = w.exec("INSERT OR REPLACE INTO ghosts (script, remote, user, displayname, avatar) VALUES (?, ?, ?, ?, ?)",
				script, blob(g.RemoteID), string(g.UserID), g.DisplayName, g.Avatar)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("write ghost %q of %s: %w", g.RemoteID, g.Script, err)
	}
	return nil
}
