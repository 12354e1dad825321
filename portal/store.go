package portal

import (
	"context"
	"time"

	"bridgehost/matrix"
)

// Row is one portal on disk.
type Row struct {
	Script   string
	RemoteID string
	RoomID   matrix.RoomID
	Name     string // as last set by the script, to set it only when it differs
	Topic    string
	Avatar   string
	Data     []byte // the script's own table, JSON
	Gone     bool   // the bot is not in the room any more
	Made     time.Time
	Invited  []matrix.UserID // invited once, and not again
}

// GhostRow is one ghost on disk.
type GhostRow struct {
	Script      string
	RemoteID    string
	UserID      matrix.UserID // looked up for ids that were shortened by a hash
	DisplayName string        // as last set, to set it only when it differs
	Avatar      string
}

// Store keeps ghosts, portals and the message map. Rows of ghosts and portals
// commit at once; links are written through the unit (delivery.Data).
type Store interface {
	// Portal and PortalOf return nil when there is none.
	Portal(ctx context.Context, script, remoteID string) (*Row, error)
	PortalOf(ctx context.Context, script string, room matrix.RoomID) (*Row, error)
	// Portals lists the script's portals by remote id, n at a time, after that remote id.
	Portals(ctx context.Context, script, after string, n int) ([]Row, error)
	PutPortal(ctx context.Context, r Row) error
	DeletePortal(ctx context.Context, script, remoteID string) error

	// Ghost and GhostOf return nil when there is none.
	Ghost(ctx context.Context, script, remoteID string) (*GhostRow, error)
	GhostOf(ctx context.Context, user matrix.UserID) (*GhostRow, error)
	PutGhost(ctx context.Context, g GhostRow) error
}
