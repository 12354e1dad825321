package intent

import (
	"context"
	"encoding/json"

	"bridgehost/matrix"
)

// InviteUserOptions are those of InviteUser.
type InviteUserOptions struct {
	Reason       string
	CheckCache   bool // send nothing when the store says invited or joined
	ExtraContent json.RawMessage
	EnsureJoined *bool // default true
}

// InviteUser invites user. That the user is already in the room is success (IN-1 … IN-4).
func (i *Intent) InviteUser(ctx context.Context, room matrix.RoomID, user matrix.UserID, o InviteUserOptions) error {
	const op = "invite_user"
	if err := i.needRoom(op, room); err != nil {
		return err
	}
	if wants(o.EnsureJoined) {
		if _, err := i.EnsureJoined(ctx, room, EnsureJoinedOptions{}); err != nil {
			return err
		}
	}
	store := i.pool.cfg.Store
	if o.CheckCache {
		m, err := store.Member(ctx, room, user)
		if err != nil {
			return i.fail(op, room, err)
		}
		if m != nil && (m.Membership == "join" || m.Membership == "invite") {
			return nil
		}
	}
	err := i.moderate(ctx, room, user, "invite", "invite", o.Reason, o.ExtraContent)
	if err != nil && saysAlreadyInRoom(err) {
		err = store.SetMembership(ctx, room, user, "join")
	}
	return i.failAbout(op, room, user, err)
}

// KickUserOptions are those of KickUser.
type KickUserOptions struct {
	Reason       string
	ExtraContent json.RawMessage
}

// KickUser removes user from the room (KI-1).
func (i *Intent) KickUser(ctx context.Context, room matrix.RoomID, user matrix.UserID, o KickUserOptions) error {
	return i.remove(ctx, "kick_user", room, user, "kick", "leave", o.Reason, o.ExtraContent)
}

// BanUserOptions are those of BanUser.
type BanUserOptions struct {
	Reason       string
	ExtraContent json.RawMessage
}

// BanUser bans user from the room (KI-1).
func (i *Intent) BanUser(ctx context.Context, room matrix.RoomID, user matrix.UserID, o BanUserOptions) error {
	return i.remove(ctx, "ban_user", room, user, "ban", "ban", o.Reason, o.ExtraContent)
}

func (i *Intent) remove(ctx context.Context, op string, room matrix.RoomID, user matrix.UserID,
	verb, membership, reason string, extra json.RawMessage,
) error {
	if _, err := i.EnsureJoined(ctx, room, EnsureJoinedOptions{}); err != nil {
		return err
	}
	return i.failAbout(op, room, user, i.moderate(ctx, room, user, verb, membership, reason, extra))
}

// UnbanUserOptions are those of UnbanUser.
type UnbanUserOptions struct {
	Reason       string
	ExtraContent json.RawMessage
}

// UnbanUser lifts a ban. Unlike the others it joins nobody (KI-1, as recorded of the reference).
func (i *Intent) UnbanUser(ctx context.Context, room matrix.RoomID, user matrix.UserID, o UnbanUserOptions) error {
	const op = "unban_user"
	if err := i.needRoom(op, room); err != nil {
		return err
	}
	return i.failAbout(op, room, user, i.moderate(ctx, room, user, "unban", "leave", o.Reason, o.ExtraContent))
}

func (i *Intent) failAbout(op string, room matrix.RoomID, user matrix.UserID, err error) error {
	if err == nil {
		return nil
	}
	if known, ok := err.(*Error); ok {
		return known
	}
	return &Error{Op: op, User: i.user, Room: string(room), Message: "about " + string(user), Err: err}
}

// moderate makes the request of that verb, or the state event when there is extra
// content, and remembers the membership.
func (i *Intent) moderate(ctx context.Context, room matrix.RoomID, user matrix.UserID,
	verb, membership, reason string, extraContent json.RawMessage,
) error {
	extra, err := i.extra(extraContent)
	if err != nil {
		return i.usage(verb+"_user", room, err.Error())
	}
	if len(extra) > 0 {
		return i.sendMembership(ctx, room, user, membership, reason, extra)
	}
	body := map[string]string{"user_id": string(user)}
	if reason != "" {
		body["reason"] = reason
	}
	overtaken, err := i.overtaken(ctx, room, user, membership)
	if err != nil {
		return err
	}
	if _, err := i.do(ctx, request{method: "POST", path: roomPath(room, verb), body: body, room: room}); err != nil {
		return err
	}
	if overtaken() {
		return nil
	}
	return i.pool.cfg.Store.SetMembership(ctx, room, user, membership)
}

// overtaken returns a function that tells whether the user has joined since: an invitation
// whose answer comes after the join that it allowed is not to be remembered.
func (i *Intent) overtaken(ctx context.Context, room matrix.RoomID, user matrix.UserID, membership string) (func() bool, error) {
	if membership != "invite" {
		return func() bool { return false }, nil
	}
	joined := func() (bool, error) {
		m, err := i.pool.cfg.Store.Member(ctx, room, user)
		return m != nil && m.Membership == "join", err
	}
	before, err := joined()
	return func() bool {
		after, err := joined()
		return !before && after && err == nil
	}, err
}

// extra is the extra content of a membership change, a double puppet's mark included (ID-3).
func (i *Intent) extra(content json.RawMessage) (map[string]json.RawMessage, error) {
	m, err := object(content)
	if err == nil && i.mark() != "" {
		m[puppetMark] = quoted(i.mark())
	}
	return m, err
}

// sendMembership changes a membership by a state event, with the display name and
// avatar that the user has in the room or in general, unless extra names them (IN-2).
func (i *Intent) sendMembership(ctx context.Context, room matrix.RoomID, user matrix.UserID,
	membership, reason string, extra map[string]json.RawMessage,
) error {
	content := map[string]json.RawMessage{"membership": quoted(membership)}
	if reason != "" {
		content["reason"] = quoted(reason)
	}
	if _, named := extra["displayname"]; !named {
		name, avatar, err := i.knownProfile(ctx, room, user)
		if err != nil {
			return err
		}
		if name != "" {
			content["displayname"] = quoted(name)
		}
		if avatar != "" {
			content["avatar_url"] = quoted(avatar)
		}
	}
	for k, v := range extra {
		content[k] = v
	}
	raw, err := json.Marshal(content)
	if err != nil {
		return err
	}
	overtaken, err := i.overtaken(ctx, room, user, membership)
	if err != nil {
		return err
	}
	key := string(user)
	id, err := i.eventID(ctx, request{method: "PUT", path: statePath(room, "m.room.member", key), body: json.RawMessage(raw), room: room})
	if err != nil || overtaken() {
		return err
	}
	return i.tookState(ctx, room, "m.room.member", key, id, raw)
}

func (i *Intent) knownProfile(ctx context.Context, room matrix.RoomID, user matrix.UserID) (name, avatar string, err error) {
	m, err := i.pool.cfg.Store.Member(ctx, room, user)
	if err != nil {
		return "", "", err
	}
	if m != nil {
		return m.DisplayName, m.AvatarURL, nil
	}
	profile, err := i.do(ctx, request{method: "GET", path: matrix.ClientPath("profile", string(user)), room: room})
	if err != nil {
		return "", "", ctx.Err() // a profile that cannot be read is no obstacle
	}
	name, _ = field(profile, "displayname")
	avatar, _ = field(profile, "avatar_url")
	return name, avatar, nil
}
