package portal

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"bridgehost/intent"
	"bridgehost/matrix"
)

// open makes or takes the room of a portal. was is the row that is gone, or nil. The
// caller holds the portal's turn.
func (m *Manager) open(ctx context.Context, remoteID string, was *Row, o Options) (*Row, error) {
	row := Row{Script: m.cfg.Script, RemoteID: remoteID, RoomID: o.RoomID, Made: m.cfg.Clock.Now()}
	var gone matrix.RoomID
	if was != nil {
		gone, row.Data = was.RoomID, was.Data
	}
	var err error
	if o.RoomID != "" {
		err = m.take(ctx, remoteID, o.RoomID)
	} else {
		err = m.make(ctx, &row, gone, o)
	}
	if err != nil {
		return nil, err
	}
	// Before the row is written: what a crash leaves undone is done by the next call.
	if err := m.listIn(ctx, o.Space, row.RoomID); err != nil {
		return nil, err
	}
	return &row, m.rows.put(ctx, row)
}

// take enters a room that exists.
func (m *Manager) take(ctx context.Context, remoteID string, room matrix.RoomID) error {
	if err := m.rows.free(ctx, room, remoteID); err != nil {
		return err
	}
	_, err := m.cfg.Bot.EnsureJoined(ctx, room, intent.EnsureJoinedOptions{})
	return err
}

// maxRooms is how often make goes on to the next alias; each time somebody else must have
// made a room at the same time.
const maxRooms = 8

// make makes the room, and sets in row what it was made with. The room's alias, made from
// the remote id with a key, is what a repeat after a crash finds: the room is made once even
// when its id was never learnt. An alias may still lead to an earlier room of the portal
// in which the bot is no longer (gone, or it may not enter): then the room gets the alias
// that follows from that room's id, and so on.
func (m *Manager) make(ctx context.Context, row *Row, gone matrix.RoomID, o Options) error {
	invite := slices.DeleteFunc(slices.Clone(o.Invite), func(u matrix.UserID) bool { return u == m.cfg.Bot.MXID() })
	create := intent.CreateRoomOptions{
		Preset: "private_chat", IsDirect: o.Direct, Invitees: invite, Name: deref(o.Name), Topic: deref(o.Topic),
	}
	if o.Public {
		create.Preset, create.Visibility = "public_chat", "public"
	}
	var last matrix.RoomID
	for range maxRooms {
		create.AliasLocalpart = m.alias(row.RemoteID, last).Localpart()
		room, err := m.cfg.Bot.CreateRoom(ctx, create)
		if err == nil {
			row.RoomID, row.Name, row.Topic, row.Invited = room, create.Name, create.Topic, o.Invite
			return nil
		}
		if !errors.Is(err, matrix.ErrRoomInUse) {
			return err
		}
		if last, err = m.lastRoom(ctx, row.RemoteID, last, nil); err != nil {
			return err
		}
		if last == "" || last == gone {
			continue
		}
		if row.RoomID, err = m.takeOver(ctx, row.RemoteID, last); err == nil || !refused(err) {
			return err
		}
	}
	return errors.New("its room's aliases are taken again and again")
}

// lastRoom follows the aliases of a portal, from the one that comes after the room from to
// the last that leads to a room. each may be nil.
func (m *Manager) lastRoom(ctx context.Context, remoteID string, from matrix.RoomID, each func(matrix.RoomAlias) error) (matrix.RoomID, error) {
	for {
		alias := m.alias(remoteID, from)
		found, err := m.cfg.Bot.ResolveRoomAlias(ctx, alias)
		if errors.Is(err, matrix.ErrNotFound) {
			return from, nil
		}
		if err == nil && each != nil {
			err = each(alias)
		}
		if err != nil {
			return "", err
		}
		from = found.RoomID
	}
}

// takeOver enters the room that an earlier try made, or what it was upgraded to.
func (m *Manager) takeOver(ctx context.Context, remoteID string, room matrix.RoomID) (matrix.RoomID, error) {
	if err := m.rows.free(ctx, room, remoteID); err != nil {
		return "", err
	}
	if _, err := m.cfg.Bot.EnsureJoined(ctx, room, intent.EnsureJoinedOptions{IgnoreCache: true}); err != nil {
		return "", err
	}
	tombstone, err := m.cfg.Bot.GetStateEvent(ctx, room, "m.room.tombstone", intent.GetStateEventOptions{})
	if errors.Is(err, matrix.ErrNotFound) {
		return room, nil
	} else if err != nil {
		return "", err
	}
	next := replacement(tombstone)
	if next == "" {
		return room, nil
	}
	return m.cfg.Bot.JoinRoom(ctx, string(next), intent.JoinRoomOptions{Servers: []string{m.cfg.Names.ServerName}})
}

// alias is #PREFIXNAME_p_HASH; after is the room whose successor it leads to, "" for the
// portal's first.
func (m *Manager) alias(remoteID string, after matrix.RoomID) matrix.RoomAlias {
	mac := hmac.New(sha256.New, m.cfg.Key)
	fmt.Fprintf(mac, "%s\x00%d:%s%s", m.cfg.Script, len(remoteID), remoteID, after)
	return matrix.RoomAlias(fmt.Sprintf("#%s%s_p_%s:%s", m.cfg.Names.Prefix, m.cfg.Script,
		hex.EncodeToString(mac.Sum(nil))[:hashLength], m.cfg.Names.ServerName))
}

// listIn makes the room a child of a space.
func (m *Manager) listIn(ctx context.Context, space, room matrix.RoomID) error {
	if space == "" {
		return nil
	}
	content, err := json.Marshal(map[string]any{"via": []string{m.cfg.Names.ServerName}})
	if err != nil {
		return err
	}
	_, err = m.cfg.Bot.SendStateEvent(ctx, space, "m.space.child", content, intent.SendStateEventOptions{StateKey: string(room)})
	return err
}

// refused tells the homeserver's lasting refusals from what may go well later. That our
// token is not known is none: it is a matter of set-up.
func refused(err error) bool {
	var e *matrix.Error
	return errors.As(err, &e) && !e.Retryable() && e.Status >= 400 && e.Status != http.StatusUnauthorized
}
