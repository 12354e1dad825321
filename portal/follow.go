package portal

import (
	"context"
	"encoding/json"
	"fmt"

	"bridgehost/intent"
	"bridgehost/matrix"
)

// Follow keeps portals true to what happened to their rooms: an upgraded room keeps its
// portal (the bot joins the replacement), and one that the bot was thrown out of is marked
// as gone. Call it with each state event that the script sees, before its handlers run.
func (m *Manager) Follow(ctx context.Context, e *matrix.Event) error {
	if e.StateKey == nil {
		return nil
	}
	switch e.Type {
	case "m.room.tombstone":
		return m.upgraded(ctx, e)
	case "m.room.member":
		if matrix.UserID(*e.StateKey) == m.cfg.Bot.MXID() && e.Sender != m.cfg.Bot.MXID() {
			return m.thrownOut(ctx, e)
		}
	}
	return nil
}

func (m *Manager) upgraded(ctx context.Context, e *matrix.Event) error {
	var content struct {
		Replacement matrix.RoomID `json:"replacement_room"`
	}
	if json.Unmarshal(e.Content, &content) != nil || content.Replacement == "" {
		return nil
	}
	row, err := m.cfg.Store.PortalOf(ctx, m.cfg.Script, e.RoomID)
	if err != nil || row == nil {
		return err
	}
	if _, err := m.cfg.Bot.JoinRoom(ctx, string(content.Replacement), intent.JoinRoomOptions{Servers: []string{e.Sender.Server()}}); err != nil {
		return fmt.Errorf("follow portal %q into the upgraded room: %w", row.RemoteID, err)
	}
	row.RoomID = content.Replacement
	return m.cfg.Store.PutPortal(ctx, *row)
}

func (m *Manager) thrownOut(ctx context.Context, e *matrix.Event) error {
	var content struct {
		Membership string `json:"membership"`
	}
	if json.Unmarshal(e.Content, &content) != nil || content.Membership != "leave" && content.Membership != "ban" {
		return nil
	}
	row, err := m.cfg.Store.PortalOf(ctx, m.cfg.Script, e.RoomID)
	if err != nil || row == nil {
		return err
	}
	row.Gone = true
	return m.cfg.Store.PutPortal(ctx, *row)
}
