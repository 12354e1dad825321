package luabind

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"bridgehost/capability"
	"bridgehost/intent"
	"bridgehost/matrix"
)

var stateStoreClass = class("state_store", "What the host knows of rooms and users. One store serves all intents; reading asks nothing of the homeserver.",
	holds[stateStore]())

type stateStore struct {
	intent.StateStore
	pool *intent.Pool // knows what is kept in memory only
}

var knownState = capability.None("reads what the host was told already")

type roomUserArgs struct {
	Room matrix.RoomID `lua:"room_id" doc:"the room"`
	User matrix.UserID `lua:"user_id" doc:"the user"`
}

type membershipsArgs struct {
	Room        matrix.RoomID `lua:"room_id" doc:"the room"`
	Memberships Opt[[]string] `lua:"memberships,opt" doc:"which memberships count; {\"join\", \"invite\"} when left out"`
}

func (a membershipsArgs) of(c *Call, s stateStore) (map[matrix.UserID]intent.Member, error) {
	return s.Members(c.Context(), a.Room, a.Memberships.Or([]string{"join", "invite"})...)
}

var (
	_ = method(stateStoreClass, "is_registered", knownState, waits, `Tells whether the user is known to be registered.`,
		func(c *Call, s stateStore, a *userArgs) (bool, error) { return s.IsRegistered(c.Context(), a.User) })
	_ = method(stateStoreClass, "registered", capability.MatrixRaw, waits, `Remembers that the user is registered.`,
		func(c *Call, s stateStore, a *userArgs) (none, error) {
			return none{}, s.Registered(c.Context(), a.User)
		})
	_ = method(stateStoreClass, "get_member", knownState, waits, `Returns what is known of a member, {membership, displayname?, avatar_url?}; nil when nothing is.`,
		func(c *Call, s stateStore, a *roomUserArgs) (*memberTable, error) {
			m, err := s.Member(c.Context(), a.Room, a.User)
			return memberOf(m), err
		})
	_ = method(stateStoreClass, "get_membership", knownState, waits, `Returns a member's membership; "leave" when nothing is known.`,
		func(c *Call, s stateStore, a *roomUserArgs) (string, error) {
			m, err := s.Member(c.Context(), a.Room, a.User)
			if err != nil || m == nil {
				return "leave", err
			}
			return m.Membership, nil
		})
	_ = method(stateStoreClass, "is_joined", knownState, waits, `Tells whether the user is known to be in the room.`,
		func(c *Call, s stateStore, a *roomUserArgs) (bool, error) {
			m, err := s.Member(c.Context(), a.Room, a.User)
			return m != nil && m.Membership == "join", err
		})
	_ = method(stateStoreClass, "set_member", capability.MatrixRaw, waits, `Replaces what is known of a member, profile included.`,
		func(c *Call, s stateStore, a *struct {
			roomUserArgs
			Member Map `lua:"member" doc:"{membership, displayname?, avatar_url?}"`
		}) (none, error) {
			m, err := memberFrom(json.RawMessage(a.Member))
			if err != nil {
				return none{}, err
			}
			return none{}, s.SetMember(c.Context(), a.Room, a.User, m)
		})
	_ = method(stateStoreClass, "set_membership", capability.MatrixRaw, waits, `Changes a membership and keeps the profile.`,
		func(c *Call, s stateStore, a *struct {
			roomUserArgs
			Membership string `lua:"membership" doc:"join, invite, leave, ban or knock"`
		}) (none, error) {
			return none{}, s.SetMembership(c.Context(), a.Room, a.User, a.Membership)
		})
	_ = method(stateStoreClass, "joined", capability.MatrixRaw, waits, `Remembers that the user is in the room.`, setMembership("join"))
	_ = method(stateStoreClass, "invited", capability.MatrixRaw, waits, `Remembers that the user is invited.`, setMembership("invite"))
	_ = method(stateStoreClass, "left", capability.MatrixRaw, waits, `Remembers that the user is not in the room.`, setMembership("leave"))
	_ = method(stateStoreClass, "get_members", knownState, waits, `Returns the user IDs of the members that are known.`,
		func(c *Call, s stateStore, a *membershipsArgs) ([]matrix.UserID, error) {
			m, err := a.of(c, s)
			return slices.Sorted(maps.Keys(m)), err
		})
	_ = method(stateStoreClass, "get_member_profiles", knownState, waits, `Returns the members that are known: user ID → {membership, displayname?, avatar_url?}.`,
		func(c *Call, s stateStore, a *membershipsArgs) (map[matrix.UserID]memberTable, error) {
			m, err := a.of(c, s)
			return membersOf(m), err
		})
	_ = method(stateStoreClass, "get_members_filtered", knownState, waits, `Returns the user IDs of the known members, without those of a bridge: not_prefix and not_suffix together, and not_id.`,
		func(c *Call, s stateStore, a *struct {
			Room        matrix.RoomID `lua:"room_id" doc:"the room"`
			NotPrefix   string        `lua:"not_prefix" doc:"how the left out IDs begin"`
			NotSuffix   string        `lua:"not_suffix" doc:"how the left out IDs end"`
			NotID       string        `lua:"not_id" doc:"one more that is left out"`
			Memberships Opt[[]string] `lua:"memberships,opt" doc:"which memberships count; {\"join\", \"invite\"} when left out"`
		}) ([]matrix.UserID, error) {
			m, err := membershipsArgs{a.Room, a.Memberships}.of(c, s)
			return slices.DeleteFunc(slices.Sorted(maps.Keys(m)), func(u matrix.UserID) bool {
				return string(u) == a.NotID || strings.HasPrefix(string(u), a.NotPrefix) && strings.HasSuffix(string(u), a.NotSuffix)
			}), err
		})
	_ = method(stateStoreClass, "set_members", capability.MatrixRaw, waits, `Replaces the members that are known, or those of one membership.`,
		func(c *Call, s stateStore, a *struct {
			Room    matrix.RoomID  `lua:"room_id" doc:"the room"`
			Members map[string]Map `lua:"members" doc:"user ID → {membership, displayname?, avatar_url?}"`
			Only    string         `lua:"only_membership,opt" doc:"replace those of this membership only"`
		}) (none, error) {
			members := make(map[matrix.UserID]intent.Member, len(a.Members))
			for user, raw := range a.Members {
				m, err := memberFrom(json.RawMessage(raw))
				if err != nil {
					return none{}, err
				}
				members[matrix.UserID(user)] = m
			}
			return none{}, s.SetMembers(c.Context(), a.Room, members, a.Only)
		})
	_ = method(stateStoreClass, "has_full_member_list", knownState, waits, `Tells whether everybody who is in the room is known.`,
		func(c *Call, s stateStore, a *roomArgs) (bool, error) {
			return s.HasFullMemberList(c.Context(), a.Room)
		})
	_ = method(stateStoreClass, "find_shared_rooms", knownState, waits, `Lists the rooms in which the user is known to be.`,
		func(c *Call, s stateStore, a *userArgs) ([]matrix.RoomID, error) {
			return s.SharedRooms(c.Context(), a.User)
		})
	_ = method(stateStoreClass, "get_power_levels", knownState, waits, `Returns the content of the room's power levels; nil when unknown.`,
		func(c *Call, s stateStore, a *roomArgs) (json.RawMessage, error) {
			raw, _, err := s.PowerLevels(c.Context(), a.Room)
			return raw, err
		})
	_ = method(stateStoreClass, "has_power_levels_cached", knownState, waits, `Tells whether the room's power levels are known.`,
		func(c *Call, s stateStore, a *roomArgs) (bool, error) {
			_, ok, err := s.PowerLevels(c.Context(), a.Room)
			return ok, err
		})
	_ = method(stateStoreClass, "set_power_levels", capability.MatrixRaw, waits, `Remembers the room's power levels.`,
		func(c *Call, s stateStore, a *contentArgs) (none, error) {
			return none{}, s.SetPowerLevels(c.Context(), a.Room, json.RawMessage(a.Content))
		})
	_ = method(stateStoreClass, "has_power_level", knownState, waits, `Tells whether the user may send events of that type; nil when the levels are unknown.`, hasPowerLevel)
	_ = method(stateStoreClass, "get_create", knownState, waits, `Returns the room's m.room.create event; nil when unknown.`,
		func(c *Call, s stateStore, a *roomArgs) (json.RawMessage, error) {
			raw, _, err := s.Create(c.Context(), a.Room)
			return raw, err
		})
	_ = method(stateStoreClass, "has_create_cached", knownState, waits, `Tells whether the room's m.room.create event is known.`,
		func(c *Call, s stateStore, a *roomArgs) (bool, error) {
			_, ok, err := s.Create(c.Context(), a.Room)
			return ok, err
		})
	_ = method(stateStoreClass, "set_create", capability.MatrixRaw, waits, `Remembers a room's m.room.create event.`,
		func(c *Call, s stateStore, a *struct {
			Event Map `lua:"event" doc:"the whole event"`
		}) (none, error) {
			e, err := eventFrom(json.RawMessage(a.Event))
			if err != nil {
				return none{}, err
			}
			return none{}, s.SetCreate(c.Context(), e.RoomID, json.RawMessage(a.Event))
		})
	_ = method(stateStoreClass, "get_encryption_info", knownState, waits, `Returns the content of m.room.encryption; nil when the room is not encrypted or nothing is known.`,
		func(c *Call, s stateStore, a *roomArgs) (json.RawMessage, error) {
			raw, _, err := s.EncryptionInfo(c.Context(), a.Room)
			return raw, err
		})
	_ = method(stateStoreClass, "has_encryption_info_cached", knownState, waits, `Tells whether it is known if the room is encrypted.`,
		func(c *Call, s stateStore, a *roomArgs) (bool, error) {
			_, ok, err := s.EncryptionInfo(c.Context(), a.Room)
			return ok, err
		})
	_ = method(stateStoreClass, "is_encrypted", knownState, waits, `Tells whether the room is encrypted; nil when unknown.`,
		func(c *Call, s stateStore, a *roomArgs) (*bool, error) {
			raw, ok, err := s.EncryptionInfo(c.Context(), a.Room)
			if err != nil || !ok {
				return nil, err
			}
			yes := raw != nil
			return &yes, nil
		})
	_ = method(stateStoreClass, "set_encryption_info", capability.MatrixRaw, waits, `Remembers the content of m.room.encryption.`,
		func(c *Call, s stateStore, a *contentArgs) (none, error) {
			return none{}, s.SetEncryptionInfo(c.Context(), a.Room, json.RawMessage(a.Content))
		})
	_ = method(stateStoreClass, "update_state", capability.MatrixRaw, waits, `Takes a state event in, as if the homeserver had sent it.`,
		func(c *Call, s stateStore, a *struct {
			Event Map `lua:"evt" doc:"the whole event"`
		}) (none, error) {
			e, err := eventFrom(json.RawMessage(a.Event))
			if err != nil {
				return none{}, err
			}
			return none{}, s.UpdateState(c.Context(), e)
		})
)

type contentArgs struct {
	Room    matrix.RoomID `lua:"room_id" doc:"the room"`
	Content Map           `lua:"content" doc:"the event's content"`
}

func setMembership(membership string) func(*Call, stateStore, *roomUserArgs) (none, error) {
	return func(c *Call, s stateStore, a *roomUserArgs) (none, error) {
		return none{}, s.SetMembership(c.Context(), a.Room, a.User, membership)
	}
}

func hasPowerLevel(c *Call, s stateStore, a *struct {
	roomUserArgs
	Type string `lua:"event_type" doc:"the event's type"`
}) (*bool, error) {
	raw, ok, err := s.PowerLevels(c.Context(), a.Room)
	if err != nil || !ok {
		return nil, err
	}
	create, _, err := s.Create(c.Context(), a.Room)
	if err != nil {
		return nil, err
	}
	levels := matrix.ParsePowerLevels(raw)
	info := matrix.ParseCreate(create)
	state := matrix.IsStateType(a.Type)
	yes := levels.User(a.User, info) >= levels.Event(a.Type, state)
	return &yes, nil
}

func memberFrom(raw json.RawMessage) (intent.Member, error) {
	m, ok := intent.MemberFromContent(raw)
	if !ok {
		return m, argumentError("a member needs a membership: { membership = \"join\", … }")
	}
	return m, nil
}

func eventFrom(raw json.RawMessage) (*matrix.Event, error) {
	e, err := matrix.ParseEvent(raw)
	if err != nil {
		return nil, argumentError(err.Error())
	}
	if e.RoomID == "" {
		return nil, argumentError("the event has no room_id")
	}
	return e, nil
}
