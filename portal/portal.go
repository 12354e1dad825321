package portal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

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
	Space  matrix.RoomID // the space that it is listed in; counts when the room is made or taken
	RoomID matrix.RoomID // take this room instead of making one
}

// Portal is a room that stands for a conversation of the other network.
type Portal struct {
	m *Manager

	mu  sync.Mutex
	row Row // as last read or written through this value
}

func newPortal(m *Manager, row Row) *Portal { return &Portal{m: m, row: row} }

func (p *Portal) now() Row {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.row
}

func (p *Portal) set(row Row) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.row = row
}

// RoomID is the portal's room.
func (p *Portal) RoomID() matrix.RoomID { return p.now().RoomID }

// RemoteID is the conversation that it stands for.
func (p *Portal) RemoteID() string { return p.now().RemoteID }

// Data is the script's own table, as JSON; nil when it never saved one.
func (p *Portal) Data() []byte { return p.now().Data }

// Portal makes the room for a remote id once, or takes the one given, and keeps name, topic
// and avatar as said. Calls for one id wait for each other. A portal that is gone gets a
// new room.
func (m *Manager) Portal(ctx context.Context, remoteID string, o Options) (*Portal, error) {
	if remoteID == "" {
		return nil, errors.New("a portal needs a remote id, got an empty string")
	}
	row, err := m.rows.portal(ctx, remoteID)
	if err != nil {
		return nil, err
	}
	if row != nil && row.done(o) {
		return newPortal(m, *row), nil
	}
	ctx = alone(ctx)
	leave, err := m.enter(ctx, "portal "+remoteID)
	if err != nil {
		return nil, err
	}
	defer leave()
	if row, err = m.rows.portal(ctx, remoteID); err != nil {
		return nil, err
	}
	if row == nil || row.Gone {
		if row, err = m.open(ctx, remoteID, row, o); err != nil {
			return nil, fmt.Errorf("portal %q: %w", remoteID, err)
		}
	}
	p := newPortal(m, *row)
	return p, p.update(ctx, o)
}

// alone takes the unit away: what a portal's calls do commits at once and is compared with
// its row when it is done again, so no answer of an earlier try may stand in for it.
func alone(ctx context.Context) context.Context { return delivery.With(ctx, nil) }

// done tells whether nothing that o says is left to do.
func (r *Row) done(o Options) bool {
	return !r.Gone && (o.Name == nil || *o.Name == r.Name) && (o.Topic == nil || *o.Topic == r.Topic) &&
		(o.Avatar == nil || *o.Avatar == r.Avatar) && (o.RoomID == "" || o.RoomID == r.RoomID) &&
		!slices.ContainsFunc(o.Invite, func(u matrix.UserID) bool { return !slices.Contains(r.Invited, u) })
}

// Update sets what differs from what was set last.
func (p *Portal) Update(ctx context.Context, o Options) error {
	ctx = alone(ctx)
	leave, err := p.m.enter(ctx, "portal "+p.RemoteID())
	if err != nil {
		return err
	}
	defer leave()
	row, err := p.m.rows.portal(ctx, p.RemoteID())
	switch {
	case err != nil:
		return err
	case row == nil:
		return p.closed()
	case row.Gone:
		return fmt.Errorf("portal %q is gone: its bot is not in %s any more; Portal makes it anew", row.RemoteID, row.RoomID)
	}
	p.set(*row)
	return p.update(ctx, o)
}

func (p *Portal) closed() error { return fmt.Errorf("portal %q was closed", p.RemoteID()) }

// update does what o says, step by step, each written when it is done. The caller holds the
// portal's turn.
func (p *Portal) update(ctx context.Context, o Options) error {
	bot := p.m.cfg.Bot
	err := p.move(ctx, o.RoomID)
	for _, field := range []struct {
		want *string
		of   func(*Row) *string
		send func(room matrix.RoomID, value string) (matrix.EventID, error)
	}{
		{o.Name, func(r *Row) *string { return &r.Name }, func(room matrix.RoomID, v string) (matrix.EventID, error) {
			return bot.SetRoomName(ctx, room, v, intent.SetRoomNameOptions{})
		}},
		{o.Topic, func(r *Row) *string { return &r.Topic }, func(room matrix.RoomID, v string) (matrix.EventID, error) {
			return bot.SetRoomTopic(ctx, room, v, intent.SetRoomTopicOptions{})
		}},
		{o.Avatar, func(r *Row) *string { return &r.Avatar }, func(room matrix.RoomID, v string) (matrix.EventID, error) {
			return bot.SetRoomAvatar(ctx, room, v, intent.SetRoomAvatarOptions{})
		}},
	} {
		row := p.now()
		if err != nil || field.want == nil || *field.of(&row) == *field.want {
			continue
		}
		if _, err = field.send(row.RoomID, *field.want); err == nil {
			err = p.keep(ctx, row.RoomID, func(r *Row) { *field.of(r) = *field.want })
		}
	}
	if err == nil {
		err = p.invite(ctx, o.Invite)
	}
	if err != nil {
		return fmt.Errorf("portal %q: %w", p.RemoteID(), err)
	}
	return nil
}

// keep writes a change that was made in room, unless the portal is another room by now.
func (p *Portal) keep(ctx context.Context, room matrix.RoomID, f func(*Row)) error {
	row, err := p.m.rows.change(ctx, p.RemoteID(), func(r *Row) bool {
		if r.RoomID != room {
			return false
		}
		f(r)
		return true
	})
	if err != nil {
		return err
	}
	if row == nil {
		return p.closed()
	}
	p.set(*row)
	return nil
}

// move takes another room in place of the present one.
func (p *Portal) move(ctx context.Context, room matrix.RoomID) error {
	was := p.now()
	if room == "" || room == was.RoomID {
		return nil
	}
	if err := p.m.take(ctx, was.RemoteID, room); err != nil {
		return err
	}
	return p.keep(ctx, was.RoomID, func(r *Row) {
		r.RoomID, r.Name, r.Topic, r.Avatar, r.Invited = room, "", "", "", nil
	})
}

// invite invites each user once: who is in the room already, has left it, or was invited
// before is not asked again.
func (p *Portal) invite(ctx context.Context, users []matrix.UserID) error {
	for _, user := range users {
		row := p.now()
		if slices.Contains(row.Invited, user) {
			continue
		}
		known, err := p.m.cfg.Bot.StateStore().Member(ctx, row.RoomID, user)
		if err != nil {
			return err
		}
		if known == nil && user != p.m.cfg.Bot.MXID() {
			if err := p.m.cfg.Bot.InviteUser(ctx, row.RoomID, user, intent.InviteUserOptions{}); err != nil {
				return err
			}
		}
		err = p.keep(ctx, row.RoomID, func(r *Row) {
			if !slices.Contains(r.Invited, user) {
				r.Invited = append(slices.Clone(r.Invited), user)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Save keeps the script's own table on disk; at once.
func (p *Portal) Save(ctx context.Context, data []byte) error {
	row, err := p.m.rows.change(ctx, p.RemoteID(), func(r *Row) bool { r.Data = slices.Clone(data); return true })
	if err != nil {
		return err
	}
	if row == nil {
		return p.closed()
	}
	p.set(*row)
	return nil
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
		if _, err := ghost.EnsureJoined(ctx, p.RoomID(), intent.EnsureJoinedOptions{}); err != nil {
			return err
		}
	}
	return p.eachGhost(ctx, func(ghost *intent.Intent) error {
		if wanted[ghost.MXID()] {
			return nil
		}
		return ghost.LeaveRoom(ctx, p.RoomID(), intent.LeaveRoomOptions{})
	})
}

// Close lets the ghosts and the bot leave; the portal of that remote id is made anew when
// it is asked for again. A user that the homeserver does not let leave keeps nothing open.
func (p *Portal) Close(ctx context.Context, reason string) error {
	leave, err := p.m.enter(ctx, "portal "+p.RemoteID())
	if err != nil {
		return err
	}
	defer leave()
	row, err := p.m.rows.portal(ctx, p.RemoteID())
	if err != nil || row == nil { // closed before
		return err
	}
	p.set(*row)
	o := intent.LeaveRoomOptions{Reason: reason}
	err = p.eachGhost(ctx, func(ghost *intent.Intent) error { return lasting(ghost.LeaveRoom(ctx, row.RoomID, o)) })
	if err == nil {
		_, err = p.m.lastRoom(ctx, row.RemoteID, "", func(alias matrix.RoomAlias) error {
			return p.m.cfg.Bot.RemoveRoomAlias(ctx, alias.Localpart(), intent.RemoveRoomAliasOptions{})
		})
		err = lasting(err)
	}
	if err == nil {
		err = lasting(p.m.cfg.Bot.LeaveRoom(ctx, row.RoomID, o))
	}
	if err != nil {
		return fmt.Errorf("close portal %q: %w", row.RemoteID, err)
	}
	return p.m.rows.delete(ctx, *row)
}

// lasting drops a refusal that a repeat does not change.
func lasting(err error) error {
	if refused(err) {
		return nil
	}
	return err
}

// eachGhost calls f for every ghost of the script that is joined in the room.
func (p *Portal) eachGhost(ctx context.Context, f func(*intent.Intent) error) error {
	joined, _, _, err := p.m.cfg.Bot.StateStore().OwnMembers(ctx, p.RoomID())
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
