package intent

import (
	"context"
	"encoding/json"
	"slices"

	"bridgehost/matrix"
)

// GetJoinedMembersOptions are those of GetJoinedMembers.
type GetJoinedMembersOptions struct {
	EnsureJoined *bool // default true
}

// GetJoinedMembers returns who is in the room and remembers it (GE-1).
func (i *Intent) GetJoinedMembers(ctx context.Context, room matrix.RoomID, o GetJoinedMembersOptions) (map[matrix.UserID]Member, error) {
	const op = "get_joined_members"
	answer, err := i.get(ctx, op, room, o.EnsureJoined, request{method: "GET", path: roomPath(room, "joined_members"), room: room})
	if err != nil {
		return nil, err
	}
	var told struct {
		Joined map[matrix.UserID]struct {
			DisplayName *string `json:"display_name"`
			AvatarURL   *string `json:"avatar_url"`
		} `json:"joined"`
	}
	if err := json.Unmarshal(answer, &told); err != nil || told.Joined == nil {
		return nil, &Error{Op: op, User: i.user, Room: string(room), Message: "the homeserver's answer has no joined", Err: err}
	}
	members := make(map[matrix.UserID]Member, len(told.Joined))
	for user, m := range told.Joined {
		members[user] = Member{Membership: "join", DisplayName: deref(m.DisplayName), AvatarURL: deref(m.AvatarURL)}
	}
	return members, i.fail(op, room, i.pool.cfg.Store.SetMembers(ctx, room, members, "join"))
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// GetMembersOptions are those of GetMembers.
type GetMembersOptions struct {
	At            string // a point in time, from a sync or messages
	Membership    string // only these
	NotMembership string // all but these
}

// GetMembers returns the m.room.member events of the room, without joining it, and
// remembers them, unless those who are joined were left out, or they are of the past (MB-1).
func (i *Intent) GetMembers(ctx context.Context, room matrix.RoomID, o GetMembersOptions) ([]json.RawMessage, error) {
	const op = "get_members"
	if err := i.needRoom(op, room); err != nil {
		return nil, err
	}
	query := map[string][]string{}
	for key, value := range map[string]string{"at": o.At, "membership": o.Membership, "not_membership": o.NotMembership} {
		if value != "" {
			query[key] = []string{value}
		}
	}
	answer, err := i.do(ctx, request{method: "GET", path: roomPath(room, "members"), query: query, room: room})
	if err != nil {
		return nil, i.fail(op, room, err)
	}
	var told struct {
		Chunk []json.RawMessage `json:"chunk"`
	}
	if err := json.Unmarshal(answer, &told); err != nil || told.Chunk == nil {
		return nil, &Error{Op: op, User: i.user, Room: string(room), Message: "the homeserver's answer has no chunk", Err: err}
	}
	if o.NotMembership == "join" {
		return told.Chunk, nil
	}
	members := make(map[matrix.UserID]Member, len(told.Chunk))
	for _, raw := range told.Chunk {
		if user, m, ok := memberOf(raw); ok {
			members[user] = m
		}
	}
	if left, err := i.hasLeft(ctx, room, members); err != nil || left {
		return told.Chunk, i.fail(op, room, err)
	}
	return told.Chunk, i.fail(op, room, i.pool.cfg.Store.SetMembers(ctx, room, members, o.Membership))
}

func memberOf(event json.RawMessage) (matrix.UserID, Member, bool) {
	e, err := matrix.ParseEvent(event)
	if err != nil || e.Type != "m.room.member" || e.StateKey == nil {
		return "", Member{}, false
	}
	m, ok := MemberFromContent(e.Content)
	return matrix.UserID(*e.StateKey), m, ok
}

// GetRoomMembersOptions are those of GetRoomMembers.
type GetRoomMembersOptions struct {
	AllowedMemberships []string // default: join
}

// GetRoomMembers returns the ids of the room's members (MB-1).
func (i *Intent) GetRoomMembers(ctx context.Context, room matrix.RoomID, o GetRoomMembersOptions) ([]matrix.UserID, error) {
	users := []matrix.UserID{}
	if len(o.AllowedMemberships) == 0 || slices.Equal(o.AllowedMemberships, []string{"join"}) {
		members, err := i.GetJoinedMembers(ctx, room, GetJoinedMembersOptions{})
		if err != nil {
			return nil, err
		}
		for user := range members {
			users = append(users, user)
		}
		slices.Sort(users)
		return users, nil
	}
	events, err := i.GetMembers(ctx, room, GetMembersOptions{})
	if err != nil {
		return nil, err
	}
	for _, raw := range events {
		if user, m, ok := memberOf(raw); ok && slices.Contains(o.AllowedMemberships, m.Membership) {
			users = append(users, user)
		}
	}
	return users, nil
}

// GetRoomMemberInfoOptions are those of GetRoomMemberInfo.
type GetRoomMemberInfoOptions struct{ IgnoreCache bool }

// GetRoomMemberInfo returns what is known of user in the room, asking the server when
// nothing is known (MB-2).
// Errors: matrix.ErrNotFound for one who was never there.
func (i *Intent) GetRoomMemberInfo(ctx context.Context, room matrix.RoomID, user matrix.UserID, o GetRoomMemberInfoOptions) (*Member, error) {
	const op = "get_room_member_info"
	if !o.IgnoreCache {
		if m, err := i.pool.cfg.Store.Member(ctx, room, user); err != nil || m != nil {
			return m, i.fail(op, room, err)
		}
	}
	content, err := i.GetStateEvent(ctx, room, "m.room.member", GetStateEventOptions{StateKey: string(user)})
	if err != nil {
		return nil, err
	}
	m, ok := MemberFromContent(content)
	if !ok {
		return nil, &Error{Op: op, User: i.user, Room: string(room), Message: "the homeserver's answer has no membership"}
	}
	return &m, nil
}

// GetRoomDisplaynameOptions are those of GetRoomDisplayname.
type GetRoomDisplaynameOptions struct{ IgnoreCache bool }

// GetRoomDisplayname returns the name of user in the room, "" when it has none (MB-2).
func (i *Intent) GetRoomDisplayname(ctx context.Context, room matrix.RoomID, user matrix.UserID, o GetRoomDisplaynameOptions) (string, error) {
	m, err := i.GetRoomMemberInfo(ctx, room, user, GetRoomMemberInfoOptions(o))
	if err != nil {
		return "", err
	}
	return m.DisplayName, nil
}

// GetRoomAvatarURLOptions are those of GetRoomAvatarURL.
type GetRoomAvatarURLOptions struct{ IgnoreCache bool }

// GetRoomAvatarURL returns the picture of user in the room, "" when it has none (MB-2).
func (i *Intent) GetRoomAvatarURL(ctx context.Context, room matrix.RoomID, user matrix.UserID, o GetRoomAvatarURLOptions) (string, error) {
	m, err := i.GetRoomMemberInfo(ctx, room, user, GetRoomMemberInfoOptions(o))
	if err != nil {
		return "", err
	}
	return m.AvatarURL, nil
}
