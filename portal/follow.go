package portal

import (
	"context"
	"encoding/json"
	"fmt"

	"bridgehost/intent"
	"bridgehost/matrix"
)

// Follow keeps portals true to what happened to their rooms. An upgraded room keeps its
// portal: the bot joins the replacement. One that the bot is no longer in is marked as gone,
// until the bot is back. Call it with each state event that the state store has taken in,
// before the script's handlers run. Only a tombstone asks the homeserver something.
func (m *Manager) Follow(ctx context.Context, e *matrix.Event) error {
	if e.StateKey == nil {
		return nil
	}
	switch e.Type {
	case "m.room.tombstone":
		return m.upgraded(ctx, e)
	case "m.room.member":
		if matrix.UserID(*e.StateKey) == m.cfg.Bot.MXID() {
			return m.botMoved(ctx, e)
		}
	}
	return nil
}

// botMoved marks the portal of a room by whether the bot is in it.
func (m *Manager) botMoved(ctx context.Context, e *matrix.Event) error {
	var content struct {
		Membership string `json:"membership"`
	}
	if json.Unmarshal(e.Content, &content) != nil {
		return nil
	}
	switch content.Membership {
	case "join", "leave", "ban":
		return m.mark(ctx, e.RoomID, content.Membership != "join")
	}
	return nil
}

// mark says whether the portal of that room is gone, if the room is one.
func (m *Manager) mark(ctx context.Context, room matrix.RoomID, gone bool) error {
	row, err := m.rows.portalOf(ctx, room)
	if err != nil || row == nil || row.Gone == gone {
		return err
	}
	_, err = m.rows.change(ctx, row.RemoteID, func(r *Row) bool {
		if r.RoomID != room || r.Gone == gone {
			return false
		}
		r.Gone = gone
		return true
	})
	return err
}

// upgraded follows a tombstone. When the bot may not enter the replacement, the portal is
// gone: the old room is read by nobody any more.
func (m *Manager) upgraded(ctx context.Context, e *matrix.Event) error {
	next := replacement(e.Content)
	row, err := m.rows.portalOf(ctx, e.RoomID)
	if err != nil || row == nil || next == "" {
		return err
	}
	if _, err := m.cfg.Bot.JoinRoom(ctx, string(next), intent.JoinRoomOptions{Servers: []string{e.Sender.Server()}}); err != nil {
		err = fmt.Errorf("follow portal %q into the upgraded room: %w", row.RemoteID, err)
		if !refused(err) {
			return err
		}
		if failed := m.mark(ctx, e.RoomID, true); failed != nil {
			return failed
		}
		return err
	}
	if err := m.rows.free(ctx, next, row.RemoteID); err != nil {
		return fmt.Errorf("follow portal %q into the upgraded room: %w", row.RemoteID, err)
	}
	_, err = m.rows.change(ctx, row.RemoteID, func(r *Row) bool {
		if r.RoomID != e.RoomID {
			return false
		}
		r.RoomID, r.Gone = next, false
		return true
	})
	return err
}

// replacement is the room that a tombstone leads to; "" when it leads nowhere.
func replacement(tombstone json.RawMessage) matrix.RoomID {
	var content struct {
		Replacement matrix.RoomID `json:"replacement_room"`
	}
	if json.Unmarshal(tombstone, &content) != nil {
		return ""
	}
	return content.Replacement
}
