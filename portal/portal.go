package portal

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"bridgehost/delivery"
	"bridgehost/intent"
	"bridgehost/matrix"
)

// Options is what a portal should be; nil leaves as it is.
type Options struct {
	Name   *string
	Topic  *string
	Avatar *string // mxc URI
	Invite []matrix.UserID
	Direct bool          // a direct chat; counts when the room is made
	Public bool          // anybody may join; counts when the room is made
	Space  matrix.RoomID // the space that it is listed in
	RoomID matrix.RoomID // take this room instead of making one
}

// Portal is a room that stands for a conversation of the other network.
type Portal struct {
	m   *Manager
	row Row
}

func newPortal(m *Manager, row Row) *Portal { return &Portal{m: m, row: row} }

// RoomID is the portal's room.
func (p *Portal) RoomID() matrix.RoomID { return p.row.RoomID }

// RemoteID is the conversation that it stands for.
func (p *Portal) RemoteID() string { return p.row.RemoteID }

// Data is the script's own table, as JSON; nil when it never saved one.
func (p *Portal) Data() []byte { return p.row.Data }

// Portal makes the room for a remote id once, or takes the one given, and keeps name, topic
// and avatar as said. Calls for one id wait for each other.
func (m *Manager) Portal(ctx context.Context, remoteID string, o Options) (*Portal, error) {
	if remoteID == "" {
		return nil, errors.New("a portal needs a remote id, got an empty string")
	}
	row, err := m.cfg.Store.Portal(ctx, m.cfg.Script, remoteID)
	if err != nil {
		return nil, err
	}
	if row != nil && !row.Gone && row.same(o) {
		p := newPortal(m, *row)
		return p, p.invite(ctx, o.Invite)
	}
	leave, err := m.enter(ctx, "portal "+remoteID)
	if err != nil {
		return nil, err
	}
	defer leave()
	if row, err = m.cfg.Store.Portal(ctx, m.cfg.Script, remoteID); err != nil {
		return nil, err
	}
	if row == nil || row.Gone {
		row, err = m.open(ctx, remoteID, o)
		if err != nil {
			return nil, fmt.Errorf("portal %q: %w", remoteID, err)
		}
	}
	p := newPortal(m, *row)
	if err := p.update(ctx, o); err != nil {
		return nil, fmt.Errorf("portal %q: %w", remoteID, err)
	}
	return p, p.invite(ctx, o.Invite)
}

// same tells whether nothing that o says differs from what was set last.
func (r *Row) same(o Options) bool {
	return (o.Name == nil || *o.Name == r.Name) && (o.Topic == nil || *o.Topic == r.Topic) &&
		(o.Avatar == nil || *o.Avatar == r.Avatar) && (o.RoomID == "" || o.RoomID == r.RoomID)
}

// open makes or takes the room. The alias, made from the remote id with a key, is what a
// repeat after a crash finds: the room is made once even when its id was never learnt.
func (m *Manager) open(ctx context.Context, remoteID string, o Options) (*Row, error) {
	row := Row{Script: m.cfg.Script, RemoteID: remoteID, RoomID: o.RoomID, Made: m.cfg.Clock.Now()}
	if row.RoomID != "" {
		if _, err := m.cfg.Bot.EnsureJoined(ctx, row.RoomID, intent.EnsureJoinedOptions{}); err != nil {
			return nil, err
		}
		return &row, m.cfg.Store.PutPortal(ctx, row)
	}
	alias := m.alias(remoteID)
	create := intent.CreateRoomOptions{
		AliasLocalpart: alias.Localpart(), Preset: "private_chat", IsDirect: o.Direct, Invitees: o.Invite,
		Name: deref(o.Name), Topic: deref(o.Topic),
	}
	if o.Public {
		create.Preset, create.Visibility = "public_chat", "public"
	}
	room, err := m.cfg.Bot.CreateRoom(ctx, create)
	if errors.Is(err, matrix.ErrRoomInUse) {
		if room, err = m.takeOver(ctx, alias); err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, err
	} else {
		row.Name, row.Topic, row.Invited = create.Name, create.Topic, o.Invite
	}
	row.RoomID = room
	if err := m.cfg.Store.PutPortal(ctx, row); err != nil {
		return nil, err
	}
	return &row, m.listIn(ctx, o.Space, row.RoomID)
}

// takeOver finds the room that an earlier try made.
func (m *Manager) takeOver(ctx context.Context, alias matrix.RoomAlias) (matrix.RoomID, error) {
	found, err := m.cfg.Bot.ResolveRoomAlias(ctx, alias)
	if err != nil {
		return "", err
	}
	_, err = m.cfg.Bot.EnsureJoined(ctx, found.RoomID, intent.EnsureJoinedOptions{})
	return found.RoomID, err
}

// alias is #PREFIXNAME_p_HASH.
func (m *Manager) alias(remoteID string) matrix.RoomAlias {
	mac := hmac.New(sha256.New, m.cfg.Key)
	mac.Write([]byte(m.cfg.Script + "\x00" + remoteID))
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

// Update sets what differs from what was set last.
func (p *Portal) Update(ctx context.Context, o Options) error {
	leave, err := p.m.enter(ctx, "portal "+p.row.RemoteID)
	if err != nil {
		return err
	}
	defer leave()
	if err := p.update(ctx, o); err != nil {
		return fmt.Errorf("portal %q: %w", p.row.RemoteID, err)
	}
	return p.invite(ctx, o.Invite)
}

func (p *Portal) update(ctx context.Context, o Options) error {
	if p.row.same(o) {
		return nil
	}
	bot, room := p.m.cfg.Bot, p.row.RoomID
	if o.RoomID != "" && o.RoomID != room {
		if _, err := bot.EnsureJoined(ctx, o.RoomID, intent.EnsureJoinedOptions{}); err != nil {
			return err
		}
		p.row.RoomID, p.row.Name, p.row.Topic, p.row.Avatar = o.RoomID, "", "", ""
		room = o.RoomID
	}
	if o.Name != nil && *o.Name != p.row.Name {
		if _, err := bot.SetRoomName(ctx, room, *o.Name, intent.SetRoomNameOptions{}); err != nil {
			return err
		}
		p.row.Name = *o.Name
	}
	if o.Topic != nil && *o.Topic != p.row.Topic {
		if _, err := bot.SetRoomTopic(ctx, room, *o.Topic, intent.SetRoomTopicOptions{}); err != nil {
			return err
		}
		p.row.Topic = *o.Topic
	}
	if o.Avatar != nil && *o.Avatar != p.row.Avatar {
		if _, err := bot.SetRoomAvatar(ctx, room, *o.Avatar, intent.SetRoomAvatarOptions{}); err != nil {
			return err
		}
		p.row.Avatar = *o.Avatar
	}
	return p.m.cfg.Store.PutPortal(ctx, p.row)
}

// invite invites each user once: who is in the room already, has left it, or was invited
// before is not asked again.
func (p *Portal) invite(ctx context.Context, users []matrix.UserID) error {
	for _, user := range users {
		if slices.Contains(p.row.Invited, user) {
			continue
		}
		known, err := p.m.cfg.Bot.StateStore().Member(ctx, p.row.RoomID, user)
		if err != nil {
			return err
		}
		if known == nil {
			if err := p.m.cfg.Bot.InviteUser(ctx, p.row.RoomID, user, intent.InviteUserOptions{}); err != nil {
				return fmt.Errorf("portal %q: %w", p.row.RemoteID, err)
			}
		}
		p.row.Invited = append(slices.Clone(p.row.Invited), user)
		if err := p.m.cfg.Store.PutPortal(ctx, p.row); err != nil {
			return err
		}
	}
	return nil
}

// Save keeps the script's own table on disk; at once.
func (p *Portal) Save(ctx context.Context, data []byte) error {
	p.row.Data = data
	return p.m.cfg.Store.PutPortal(ctx, p.row)
}

// SyncMembers joins the ghosts of these remote ids, and lets those leave that are joined and
// not named.
func (p *Portal) SyncMembers(ctx context.Context, remoteIDs []string) error {
	wanted := map[matrix.UserID]bool{}
	for _, id := range remoteIDs {
		ghost, err := p.m.Ghost(ctx, id, GhostOptions{})
		if err != nil {
			return err
		}
		wanted[ghost.MXID()] = true
		if _, err := ghost.EnsureJoined(ctx, p.row.RoomID, intent.EnsureJoinedOptions{}); err != nil {
			return err
		}
	}
	return p.eachGhost(ctx, func(ghost *intent.Intent) error {
		if wanted[ghost.MXID()] {
			return nil
		}
		return ghost.LeaveRoom(ctx, p.row.RoomID, intent.LeaveRoomOptions{})
	})
}

// Close lets the ghosts and the bot leave; the portal of that remote id is made anew when
// it is asked for again.
func (p *Portal) Close(ctx context.Context, reason string) error {
	o := intent.LeaveRoomOptions{Reason: reason}
	err := p.eachGhost(ctx, func(ghost *intent.Intent) error { return ghost.LeaveRoom(ctx, p.row.RoomID, o) })
	if err != nil {
		return err
	}
	alias := p.m.alias(p.row.RemoteID)
	if err := p.m.cfg.Bot.RemoveRoomAlias(ctx, alias.Localpart(), intent.RemoveRoomAliasOptions{}); err != nil {
		return err
	}
	if err := p.m.cfg.Bot.LeaveRoom(ctx, p.row.RoomID, o); err != nil {
		return err
	}
	return p.m.cfg.Store.DeletePortal(ctx, p.m.cfg.Script, p.row.RemoteID)
}

// eachGhost calls f for every ghost of the script that is joined in the room.
func (p *Portal) eachGhost(ctx context.Context, f func(*intent.Intent) error) error {
	joined, _, _, err := p.m.cfg.Bot.StateStore().OwnMembers(ctx, p.row.RoomID)
	if err != nil {
		return err
	}
	for _, user := range slices.Clone(joined) {
		script, _ := p.m.cfg.Names.Script(user)
		if script != p.m.cfg.Script || user == p.m.cfg.Bot.MXID() {
			continue
		}
		ghost, err := p.m.cfg.Bot.User(user, intent.UserOptions{})
		if err == nil {
			err = f(ghost)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func deref(s *string) string { return *cmp.Or(s, new(string)) }

// The stores of the message map; the NUL keeps them apart from the stores that scripts name.
const (
	linkStore = "\x00link/"
	backStore = "\x00back/"
)

// Link ties an event to a message of the other network, both ways; durable with the handler.
func (p *Portal) Link(u *delivery.Unit, event matrix.EventID, remoteID string) error {
	d := p.m.cfg.Data
	if err := d.Set(u, linkStore+p.row.RemoteID, remoteID, []byte(event), 0); err != nil {
		return err
	}
	return d.Set(u, backStore+p.row.RemoteID, string(event), []byte(remoteID), 0)
}

// EventOf is the event of a message of the other network; "" when there is none.
func (p *Portal) EventOf(remoteID string) (matrix.EventID, error) {
	v, err := p.m.cfg.Data.Get(linkStore+p.row.RemoteID, remoteID)
	return matrix.EventID(v), err
}

// RemoteOf is the message of the other network that an event is; "" when there is none.
func (p *Portal) RemoteOf(event matrix.EventID) (string, error) {
	v, err := p.m.cfg.Data.Get(backStore+p.row.RemoteID, string(event))
	return string(v), err
}
