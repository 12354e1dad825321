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
	Memberships Opt[[]string] `lua:"memberships,opt" enum:"join|invite|leave|ban|knock" doc:"which memberships count; {\"join\", \"invite\"} when left out"`
}

func (a membershipsArgs) of(c *Call, s stateStore) (map[matrix.UserID]intent.Member, error) {
	return s.Members(c.Context(), a.Room, a.Memberships.Or([]string{"join", "invite"})...)
}

var (
	_ = method(stateStoreClass, "is_registered", knownState, waits, `Tells whether the user is known to be registered.`,
		func(c *Call, s stateStore, a *userArgs) (bool, error) { return s.IsRegistered(c.Context(), a.User) },
		takes(aboutOwn), example(`if not store:is_registered(ghost.mxid) then ghost:ensure_registered() end`))
	_ = method(stateStoreClass, "registered", capability.MatrixRaw, waits, `Remembers that the user is registered: ensure_registered asks nothing then.`,
		func(c *Call, s stateStore, a *userArgs) (none, error) {
			return none{}, s.Registered(c.Context(), a.User)
		}, example(`store:registered(ghost.mxid)`))
	_ = method(stateStoreClass, "get_member", capability.MatrixRead, waits, `Returns what is known of a member; nil when nothing is.`,
		func(c *Call, s stateStore, a *roomUserArgs) (*memberTable, error) {
			m, err := s.Member(c.Context(), a.Room, a.User)
			return memberOf(m), err
		}, results("{membership, displayname?, avatar_url?}, or nil."), scope("m.room.member"), example(`local member = store:get_member(room_id, user_id)
if member and member.displayname then intent:send_notice(room_id, "hello " .. member.displayname) end`))
	_ = method(stateStoreClass, "get_membership", capability.MatrixRead, waits, `Returns a member's membership: "join", "invite", "leave", "ban" or "knock"; "leave" when nothing is known.`,
		func(c *Call, s stateStore, a *roomUserArgs) (string, error) {
			m, err := s.Member(c.Context(), a.Room, a.User)
			if err != nil || m == nil {
				return "leave", err
			}
			return m.Membership, nil
		}, scope("m.room.member"), example(`if store:get_membership(room_id, user_id) == "ban" then return end`))
	_ = method(stateStoreClass, "is_joined", capability.MatrixRead, waits, `Tells whether the user is known to be in the room.`,
		func(c *Call, s stateStore, a *roomUserArgs) (bool, error) {
			m, err := s.Member(c.Context(), a.Room, a.User)
			return m != nil && m.Membership == "join", err
		}, scope("m.room.member"), example(`if not store:is_joined(room_id, user_id) then intent:invite_user(room_id, user_id) end`))
	_ = method(stateStoreClass, "set_member", capability.MatrixRaw, waits, `Replaces what is known of a member in the room, profile included.`,
		func(c *Call, s stateStore, a *struct {
			roomUserArgs
			Member Map `lua:"member" doc:"{membership, displayname?, avatar_url?}"`
		}) (none, error) {
			m, err := memberFrom(json.RawMessage(a.Member))
			if err != nil {
				return none{}, err
			}
			return none{}, s.SetMember(c.Context(), a.Room, a.User, m)
		}, example(`store:set_member(room_id, user_id, { membership = "join", displayname = "Alice" })`))
	_ = method(stateStoreClass, "set_membership", capability.MatrixRaw, waits, `Changes what is known of a membership, and keeps the profile that is known.`,
		func(c *Call, s stateStore, a *struct {
			roomUserArgs
			Membership string `lua:"membership" enum:"join|invite|leave|ban|knock" doc:"the membership"`
		}) (none, error) {
			return none{}, s.SetMembership(c.Context(), a.Room, a.User, a.Membership)
		}, example(`store:set_membership(room_id, user_id, "knock")`))
	_ = method(stateStoreClass, "joined", capability.MatrixRaw, waits, `Remembers that the user is in the room, and keeps the profile that is known.`, setMembership("join"),
		example(`store:joined(room_id, ghost.mxid)`))
	_ = method(stateStoreClass, "invited", capability.MatrixRaw, waits, `Remembers that the user is invited to the room, and keeps the profile that is known.`, setMembership("invite"),
		example(`store:invited(room_id, ghost.mxid)`))
	_ = method(stateStoreClass, "left", capability.MatrixRaw, waits, `Remembers that the user is not in the room, and keeps the profile that is known.`, setMembership("leave"),
		example(`store:left(room_id, ghost.mxid)`))
	_ = method(stateStoreClass, "get_members", capability.MatrixRead, waits, `Lists the user IDs of the members that are known, in order. That is everybody only if has_full_member_list says so.`,
		func(c *Call, s stateStore, a *membershipsArgs) ([]matrix.UserID, error) {
			m, err := a.of(c, s)
			return slices.Sorted(maps.Keys(m)), err
		}, scope("m.room.member"), example(`local banned = store:get_members(room_id, { memberships = { "ban" } })`))
	_ = method(stateStoreClass, "get_member_profiles", capability.MatrixRead, waits, `Returns the members that are known. That is everybody only if has_full_member_list says so.`,
		func(c *Call, s stateStore, a *membershipsArgs) (map[matrix.UserID]memberTable, error) {
			m, err := a.of(c, s)
			return membersOf(m), err
		}, results("User ID → {membership, displayname?, avatar_url?}."), scope("m.room.member"), example(`for user, member in pairs(store:get_member_profiles(room_id)) do print(user, member.displayname) end`))
	_ = method(stateStoreClass, "get_members_filtered", capability.MatrixRead, waits, `Lists the user IDs of the known members, in order, `+
		`without a bridge's own: those that begin with not_prefix and end with not_suffix, and not_id.`,
		func(c *Call, s stateStore, a *struct {
			Room        matrix.RoomID `lua:"room_id" doc:"the room"`
			NotPrefix   string        `lua:"not_prefix" doc:"how the left out IDs begin"`
			NotSuffix   string        `lua:"not_suffix" doc:"how the left out IDs end"`
			NotID       string        `lua:"not_id" doc:"one more that is left out"`
			Memberships Opt[[]string] `lua:"memberships,opt" enum:"join|invite|leave|ban|knock" doc:"which memberships count; {\"join\", \"invite\"} when left out"`
		}) ([]matrix.UserID, error) {
			m, err := membershipsArgs{a.Room, a.Memberships}.of(c, s)
			return slices.DeleteFunc(slices.Sorted(maps.Keys(m)), func(u matrix.UserID) bool {
				return string(u) == a.NotID || strings.HasPrefix(string(u), a.NotPrefix) && strings.HasSuffix(string(u), a.NotSuffix)
			}), err
		}, scope("m.room.member"), example(`local people = store:get_members_filtered(room_id, "@_bh_", ":" .. intent.domain, intent.mxid)`))
	_ = method(stateStoreClass, "set_members", capability.MatrixRaw, waits, `Replaces the members that are known, or those of one membership. `+
		`Whoever is not named is unknown then. After a list of all, or of all who are joined, has_full_member_list says true.`,
		func(c *Call, s stateStore, a *struct {
			Room    matrix.RoomID  `lua:"room_id" doc:"the room"`
			Members map[string]Map `lua:"members" doc:"user ID → {membership, displayname?, avatar_url?}"`
			Only    string         `lua:"only_membership,opt" enum:"join|invite|leave|ban|knock" doc:"replace those of this membership only"`
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
		}, example(`store:set_members(room_id, { [user_id] = { membership = "ban" } }, { only_membership = "ban" })`))
	_ = method(stateStoreClass, "has_full_member_list", capability.MatrixRead, waits, `Tells whether everybody who is in the room is known, as after get_joined_members. `+
		`It ends with a tombstone, and when the last of our users has left.`,
		func(c *Call, s stateStore, a *roomArgs) (bool, error) {
			return s.HasFullMemberList(c.Context(), a.Room)
		}, scope("m.room.member"), example(`if not store:has_full_member_list(room_id) then intent:get_joined_members(room_id) end`))
	_ = method(stateStoreClass, "find_shared_rooms", capability.MatrixRead, waits, `Lists the IDs of the rooms in which the user is known to be, in order.`,
		func(c *Call, s stateStore, a *userArgs) ([]matrix.RoomID, error) {
			rooms, err := s.SharedRooms(c.Context(), a.User)
			return c.visible(rooms), err
		}, scope("m.room.member"), example(`for _, room in ipairs(store:find_shared_rooms(user_id)) do intent:send_notice(room, "hello") end`))
	_ = method(stateStoreClass, "get_power_levels", capability.MatrixRead, waits, `Returns the content of the room's power levels as they were sent; nil when they are unknown, or when it is known that there are none. `+
		`intent:get_power_levels asks, and fills in what is left out.`,
		func(c *Call, s stateStore, a *roomArgs) (json.RawMessage, error) {
			raw, _, err := s.PowerLevels(c.Context(), a.Room)
			if string(raw) == "null" {
				raw = nil
			}
			return raw, err
		}, returns("table?"), results("The content of m.room.power_levels, or nil."), scope("m.room.power_levels"), example(`local levels = store:get_power_levels(room_id) or intent:get_power_levels(room_id)`))
	_ = method(stateStoreClass, "has_power_levels_cached", capability.MatrixRead, waits, `Tells whether the room's power levels are known, also that there are none.`,
		func(c *Call, s stateStore, a *roomArgs) (bool, error) {
			_, ok, err := s.PowerLevels(c.Context(), a.Room)
			return ok, err
		}, scope("m.room.power_levels"), example(`if not store:has_power_levels_cached(room_id) then intent:get_power_levels(room_id) end`))
	_ = method(stateStoreClass, "set_power_levels", capability.MatrixRaw, waits, `Remembers the content of the room's power levels, in place of the former one. `+
		`Nothing is sent: intent:set_power_levels does that.`,
		func(c *Call, s stateStore, a *struct {
			Room    matrix.RoomID `lua:"room_id" doc:"the room"`
			Content Map           `lua:"content" doc:"the event's content"`
		}) (none, error) {
			return none{}, s.SetPowerLevels(c.Context(), a.Room, json.RawMessage(a.Content))
		}, example(`store:set_power_levels(room_id, { users = { [user_id] = 50 } })`))
	_ = method(stateStoreClass, "has_power_level", capability.MatrixRead, waits, `Tells whether the user has the level that events of that type need; nil when the levels are unknown. `+
		`A type that the specification does not know as state counts as a message. `+
		`From room version 12 on the creators may send everything, if the m.room.create event is known.`, hasPowerLevel,
		results("true, false or nil."), scope("m.room.power_levels"), example(`if store:has_power_level(room_id, intent.mxid, "m.room.topic") then intent:set_room_topic(room_id, "bridged") end`))
	_ = method(stateStoreClass, "get_create", capability.MatrixRead, waits, `Returns the room's whole m.room.create event; nil when unknown. Its sender made the room.`,
		func(c *Call, s stateStore, a *roomArgs) (json.RawMessage, error) {
			raw, _, err := s.Create(c.Context(), a.Room)
			return raw, err
		}, ours, returns("MatrixEvent?"), results("The event: `sender`, `content` …; or nil."), scope("m.room.create"), example(`local create = store:get_create(room_id)
local is_space = create and create.content.type == "m.space"`))
	_ = method(stateStoreClass, "has_create_cached", capability.MatrixRead, waits, `Tells whether the room's m.room.create event is known.`,
		func(c *Call, s stateStore, a *roomArgs) (bool, error) {
			_, ok, err := s.Create(c.Context(), a.Room)
			return ok, err
		}, scope("m.room.create"), example(`local known = store:has_create_cached(room_id)`))
	_ = method(stateStoreClass, "set_create", capability.MatrixRaw, waits, `Remembers a room's m.room.create event. The room is the event's room_id.`,
		func(c *Call, s stateStore, a *struct {
			Event Map `lua:"event" doc:"the whole event, room_id included"`
		}) (none, error) {
			e, err := eventFrom(json.RawMessage(a.Event))
			if err != nil {
				return none{}, err
			}
			return none{}, s.SetCreate(c.Context(), e.RoomID, json.RawMessage(a.Event))
		}, example(`store:set_create({ room_id = room_id, type = "m.room.create", state_key = "", sender = user_id, content = { room_version = "12" } })`))
	_ = method(stateStoreClass, "get_encryption_info", capability.MatrixRead, waits, `Returns the content of the room's m.room.encryption event; nil when the room is not encrypted, or when nothing is known.`,
		func(c *Call, s stateStore, a *roomArgs) (json.RawMessage, error) {
			raw, _, err := s.EncryptionInfo(c.Context(), a.Room)
			return raw, err
		}, returns("table?"), results("The content of m.room.encryption, or nil."), scope("m.room.encryption"), example(`local info = store:get_encryption_info(room_id)
if info then print(info.algorithm) end`))
	_ = method(stateStoreClass, "has_encryption_info_cached", capability.MatrixRead, waits, `Tells whether it is known if the room is encrypted.`,
		func(c *Call, s stateStore, a *roomArgs) (bool, error) {
			_, ok, err := s.EncryptionInfo(c.Context(), a.Room)
			return ok, err
		}, scope("m.room.encryption"), example(`local known = store:has_encryption_info_cached(room_id)`))
	_ = method(stateStoreClass, "is_encrypted", capability.MatrixRead, waits, `Tells whether the room is encrypted; nil when unknown.`,
		func(c *Call, s stateStore, a *roomArgs) (*bool, error) {
			raw, ok, err := s.EncryptionInfo(c.Context(), a.Room)
			if err != nil || !ok {
				return nil, err
			}
			yes := raw != nil
			return &yes, nil
		}, results("true, false or nil."), scope("m.room.encryption"), example(`if store:is_encrypted(room_id) then intent:send_notice(room_id, "I cannot read this room") end`))
	_ = method(stateStoreClass, "set_encryption_info", capability.MatrixRaw, waits, `Remembers the content of the room's m.room.encryption event; json.null: the room is not encrypted.`,
		func(c *Call, s stateStore, a *struct {
			Room    matrix.RoomID `lua:"room_id" doc:"the room"`
			Content Map           `lua:"content,null" doc:"the event's content"`
		}) (none, error) {
			return none{}, s.SetEncryptionInfo(c.Context(), a.Room, json.RawMessage(a.Content))
		}, example(`store:set_encryption_info(room_id, { algorithm = "m.megolm.v1.aes-sha2" })`))
	_ = method(stateStoreClass, "update_state", capability.MatrixRaw, waits, `Takes a state event in, as if the homeserver had sent it: membership, power levels, create, encryption, tombstone. `+
		`Every other event changes nothing. The room is the event's room_id.`,
		func(c *Call, s stateStore, a *struct {
			Event Map `lua:"evt" doc:"the whole event, room_id included"`
		}) (none, error) {
			e, err := eventFrom(json.RawMessage(a.Event))
			if err != nil {
				return none{}, err
			}
			return none{}, s.UpdateState(c.Context(), e)
		}, example(`store:update_state({ room_id = room_id, type = "m.room.member", sender = user_id, state_key = user_id, content = { membership = "leave" } })`))
)

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
	if !ok || !slices.Contains([]string{"join", "invite", "leave", "ban", "knock"}, m.Membership) {
		return m, argumentError("a member needs a membership: { membership = \"join\", … }, or invite, leave, ban, knock")
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
