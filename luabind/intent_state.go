package luabind

import (
	"encoding/json"

	"bridgehost/capability"
	"bridgehost/intent"
	"bridgehost/matrix"
)

// memberTable is a member as scripts see one.
type memberTable struct {
	Membership  string `json:"membership"`
	DisplayName string `json:"displayname,omitempty"`
	AvatarURL   string `json:"avatar_url,omitempty"`
}

func memberOf(m *intent.Member) *memberTable {
	if m == nil {
		return nil
	}
	t := memberTable(*m)
	return &t
}

func membersOf(members map[matrix.UserID]intent.Member) map[matrix.UserID]memberTable {
	out := make(map[matrix.UserID]memberTable, len(members))
	for u, m := range members {
		out[u] = memberTable(m)
	}
	return out
}

// levelFirst is what calls that set state do about power levels.
const levelFirst = " Where the room's power levels forbid it, an error without errcode is raised, and the homeserver is not asked."

var _ = method(intentClass, "send_state_event", capability.MatrixState, waits,
	"Sets the piece of the room's state that has this type and state key, and returns the event's ID; of what is so already, the ID that is there."+levelFirst+
		" What m.room.member needs is left to the homeserver.",
	func(c *Call, i *intent.Intent, a *struct {
		Room     matrix.RoomID `lua:"room_id" doc:"the room"`
		Type     string        `lua:"event_type" doc:"the event's type, such as m.room.topic"`
		Content  Map           `lua:"content" doc:"the event's content"`
		StateKey string        `lua:"state_key,opt" doc:"which one of its type; empty when there is only one"`
		eventArgs
	}) (matrix.EventID, error) {
		return i.SendStateEvent(c.Context(), a.Room, a.Type, json.RawMessage(a.Content), intent.SendStateEventOptions{StateKey: a.StateKey, EventOptions: a.options()})
	}, takes(setsState), first(joined, powerful), asks("PUT /rooms/{room_id}/state/{event_type}", "PUT /rooms/{room_id}/state/{event_type}/{state_key}"),
	errcodes("M_FORBIDDEN", "M_BAD_JSON", "M_TOO_LARGE"),
	example(`intent:send_state_event(room_id, "com.example.network", { name = "irc" }, { state_key = "libera" })`))

var _ = method(intentClass, "set_room_name", capability.MatrixState, waits,
	"Sets the room's name (m.room.name), and returns the event's ID."+levelFirst,
	func(c *Call, i *intent.Intent, a *struct {
		Room matrix.RoomID `lua:"room_id" doc:"the room"`
		Name string        `lua:"name,null" doc:"the name; empty removes it"`
		eventArgs
	}) (matrix.EventID, error) {
		return i.SetRoomName(c.Context(), a.Room, a.Name, intent.SetRoomNameOptions{EventOptions: a.options()})
	}, scope("m.room.name"), first(joined, powerful), asks("PUT /rooms/{room_id}/state/m.room.name"), errcodes("M_FORBIDDEN"),
	example(`intent:set_room_name(room_id, "#lua on libera")`))

var _ = method(intentClass, "set_room_topic", capability.MatrixState, waits,
	"Sets the room's topic (m.room.topic), and returns the event's ID."+levelFirst,
	func(c *Call, i *intent.Intent, a *struct {
		Room  matrix.RoomID `lua:"room_id" doc:"the room"`
		Topic string        `lua:"topic,null" doc:"the topic; empty removes it"`
		eventArgs
	}) (matrix.EventID, error) {
		return i.SetRoomTopic(c.Context(), a.Room, a.Topic, intent.SetRoomTopicOptions{EventOptions: a.options()})
	}, scope("m.room.topic"), first(joined, powerful), asks("PUT /rooms/{room_id}/state/m.room.topic"), errcodes("M_FORBIDDEN"),
	example(`intent:set_room_topic(room_id, "All about Lua")`))

var _ = method(intentClass, "set_room_avatar", capability.MatrixState, waits,
	"Sets the room's picture (m.room.avatar), and returns the event's ID."+levelFirst,
	func(c *Call, i *intent.Intent, a *struct {
		Room      matrix.RoomID `lua:"room_id" doc:"the room"`
		AvatarURL MXC           `lua:"avatar_url,null" doc:"an mxc:// URI; json.null removes the picture"`
		eventArgs
	}) (matrix.EventID, error) {
		return i.SetRoomAvatar(c.Context(), a.Room, string(a.AvatarURL), intent.SetRoomAvatarOptions{EventOptions: a.options()})
	}, scope("m.room.avatar"), first(joined, powerful), asks("PUT /rooms/{room_id}/state/m.room.avatar"), errcodes("M_FORBIDDEN"),
	example(`intent:set_room_avatar(room_id, url)`))

var _ = method(intentClass, "set_join_rule", capability.MatrixState, waits,
	"Sets who may join the room (m.room.join_rules), and returns the event's ID. A rule that is not known here is passed on."+levelFirst,
	func(c *Call, i *intent.Intent, a *struct {
		Room matrix.RoomID `lua:"room_id" doc:"the room"`
		Rule string        `lua:"join_rule" doc:"public, invite, knock, restricted, knock_restricted or private"`
		eventArgs
	}) (matrix.EventID, error) {
		return i.SetJoinRule(c.Context(), a.Room, a.Rule, intent.SetJoinRuleOptions{EventOptions: a.options()})
	}, scope("m.room.join_rules"), first(joined, powerful), asks("PUT /rooms/{room_id}/state/m.room.join_rules"), errcodes("M_FORBIDDEN"),
	example(`intent:set_join_rule(room_id, "invite")`))

var _ = method(intentClass, "get_power_levels", capability.MatrixRead, waits,
	"Returns the content of the room's power levels, what it leaves out at its default; the defaults alone when there are none. "+
		"Asks the homeserver only when the store does not know them.",
	func(c *Call, i *intent.Intent, a *struct {
		Room         matrix.RoomID `lua:"room_id" doc:"the room"`
		IgnoreCache  bool          `lua:"ignore_cache,opt" default:"false" doc:"ask the homeserver even when the store knows"`
		EnsureJoined *bool         `lua:"ensure_joined,opt" default:"true" doc:"join the room first when needed"`
	}) (json.RawMessage, error) {
		return i.GetPowerLevels(c.Context(), a.Room, intent.GetPowerLevelsOptions{IgnoreCache: a.IgnoreCache, EnsureJoined: a.EnsureJoined})
	}, scope("m.room.power_levels"), first(joined), asks("GET /rooms/{room_id}/state/m.room.power_levels"), errcodes("M_FORBIDDEN"),
	returns("table"), results("{users, users_default, events, events_default, state_default, invite, kick, ban, redact, notifications}: levels by user ID, by event type, and by what is done. "+
		"From room version 12 on creators stand in no list, and may do everything."),
	example(`local needed = intent:get_power_levels(room_id).state_default`))

var _ = method(intentClass, "set_power_levels", capability.MatrixState, waits,
	"Replaces the room's power levels (m.room.power_levels), and returns the event's ID. Levels are integers, and nobody gives more than one's own. "+
		"From room version 12 on a creator must not stand among the users."+levelFirst,
	func(c *Call, i *intent.Intent, a *struct {
		Room    matrix.RoomID `lua:"room_id" doc:"the room"`
		Content Map           `lua:"content" doc:"the whole content, as get_power_levels returns it"`
		eventArgs
	}) (matrix.EventID, error) {
		return i.SetPowerLevels(c.Context(), a.Room, json.RawMessage(a.Content), intent.SetPowerLevelsOptions{EventOptions: a.options()})
	}, scope("m.room.power_levels"), first(joined, powerful), asks("PUT /rooms/{room_id}/state/m.room.power_levels"), errcodes("M_FORBIDDEN", "M_BAD_JSON"),
	example(`local levels = intent:get_power_levels(room_id)
levels.users[ghost.mxid] = 50
intent:set_power_levels(room_id, levels)`))

// joinedArgs are those of getters that join the room first.
type joinedArgs struct {
	Room         matrix.RoomID `lua:"room_id" doc:"the room"`
	EnsureJoined *bool         `lua:"ensure_joined,opt" default:"true" doc:"join the room first when needed"`
}

var _ = method(intentClass, "get_state", capability.MatrixRead, waits,
	"Returns the room's whole state, which the store takes in. To one who has left, the state as it was then, which is not taken in.",
	func(c *Call, i *intent.Intent, a *joinedArgs) ([]json.RawMessage, error) {
		return i.GetState(c.Context(), a.Room, intent.GetStateOptions{EnsureJoined: a.EnsureJoined})
	}, scope(AnyType), first(joined), asks("GET /rooms/{room_id}/state"), errcodes("M_FORBIDDEN"),
	returns("MatrixEvent[]"), results("A list of events: {type, state_key, content, sender, event_id …}."),
	example(`for _, evt in ipairs(intent:get_state(room_id)) do
  intent.log:info(evt.type .. " " .. evt.state_key)
end`))

var _ = method(intentClass, "get_state_event", capability.MatrixRead, waits,
	`Returns the content of one piece of the room's state, or with format = "event" the whole event. Asks the homeserver each time; the store takes the answer in.`,
	func(c *Call, i *intent.Intent, a *struct {
		Room         matrix.RoomID `lua:"room_id" doc:"the room"`
		Type         string        `lua:"event_type" doc:"the event's type"`
		StateKey     string        `lua:"state_key,opt" doc:"which one of its type"`
		Format       string        `lua:"format,opt" enum:"content|event" default:"content" doc:"what to return"`
		EnsureJoined *bool         `lua:"ensure_joined,opt" default:"true" doc:"join the room first when needed"`
	}) (json.RawMessage, error) {
		return i.GetStateEvent(c.Context(), a.Room, a.Type, intent.GetStateEventOptions{StateKey: a.StateKey, Format: a.Format, EnsureJoined: a.EnsureJoined})
	}, scopeArg("event_type"), first(joined), asks("GET /rooms/{room_id}/state/{event_type}", "GET /rooms/{room_id}/state/{event_type}/{state_key}"),
	errcodes("M_NOT_FOUND", "M_FORBIDDEN"), results("The content, or {type, state_key, content, sender, event_id …}."),
	example(`local name = intent:get_state_event(room_id, "m.room.name").name`))

var _ = method(intentClass, "get_event", capability.MatrixRead, waits,
	"Returns one event, as the homeserver has it: of an edited message the first version. What the user may not see is not found.",
	func(c *Call, i *intent.Intent, a *struct {
		Room         matrix.RoomID  `lua:"room_id" doc:"the room"`
		Event        matrix.EventID `lua:"event_id" doc:"the event"`
		EnsureJoined *bool          `lua:"ensure_joined,opt" default:"true" doc:"join the room first when needed"`
	}) (json.RawMessage, error) {
		return i.GetEvent(c.Context(), a.Room, a.Event, intent.GetEventOptions{EnsureJoined: a.EnsureJoined})
	}, scope(AnyType), first(joined), asks("GET /rooms/{room_id}/event/{event_id}"), errcodes("M_NOT_FOUND", "M_FORBIDDEN"),
	returns("MatrixEvent"), results("{type, sender, content, event_id, origin_server_ts …}"),
	example(`local body = intent:get_event(room_id, event_id).content.body`))

var _ = method(intentClass, "get_joined_members", capability.MatrixRead, waits,
	"Returns who is in the room, and remembers it.",
	func(c *Call, i *intent.Intent, a *joinedArgs) (map[matrix.UserID]memberTable, error) {
		m, err := i.GetJoinedMembers(c.Context(), a.Room, intent.GetJoinedMembersOptions{EnsureJoined: a.EnsureJoined})
		return membersOf(m), err
	}, scope("m.room.member"), first(joined), asks("GET /rooms/{room_id}/joined_members"), errcodes("M_FORBIDDEN"),
	results("user ID → {membership, displayname?, avatar_url?}; the membership is join."),
	example(`local name = intent:get_joined_members(room_id)[user_id].displayname`))

var _ = method(intentClass, "get_members", capability.MatrixRead, waits,
	"Returns the room's m.room.member events, one for each user who is or was concerned, and remembers them, unless those who are in the room are left out. "+
		"To one who has left, those of then, which are not remembered. Does not join the room.",
	func(c *Call, i *intent.Intent, a *struct {
		Room          matrix.RoomID `lua:"room_id" doc:"the room"`
		At            string        `lua:"at,opt" doc:"the members of a past time: start or end of what get_messages returns"`
		Membership    string        `lua:"membership,opt" doc:"only these: join, invite, leave, ban or knock"`
		NotMembership string        `lua:"not_membership,opt" doc:"all but these"`
	}) ([]json.RawMessage, error) {
		return i.GetMembers(c.Context(), a.Room, intent.GetMembersOptions{At: a.At, Membership: a.Membership, NotMembership: a.NotMembership})
	}, scope("m.room.member"), asks("GET /rooms/{room_id}/members"), errcodes("M_FORBIDDEN"),
	returns("MatrixEvent[]"), results("A list of events: state_key is the user, content {membership, displayname?, avatar_url?, reason?}."),
	example(`for _, evt in ipairs(intent:get_members(room_id, { membership = "join" })) do
  intent.log:info(evt.state_key)
end`))

var _ = method(intentClass, "get_room_members", capability.MatrixRead, waits,
	"Returns the user IDs of the room's members, and remembers the members. Joins the room first when only those who are in it are wanted.",
	func(c *Call, i *intent.Intent, a *struct {
		Room    matrix.RoomID `lua:"room_id" doc:"the room"`
		Allowed []string      `lua:"allowed_memberships,opt" doc:"which memberships count; {\"join\"} when left out"`
	}) ([]matrix.UserID, error) {
		return i.GetRoomMembers(c.Context(), a.Room, intent.GetRoomMembersOptions{AllowedMemberships: a.Allowed})
	}, scope("m.room.member"), first(joined), asks("GET /rooms/{room_id}/joined_members", "GET /rooms/{room_id}/members"), errcodes("M_FORBIDDEN"),
	example(`local invited = intent:get_room_members(room_id, { allowed_memberships = { "invite" } })`))

// askMember is the request of the getters about one member.
const askMember = "GET /rooms/{room_id}/state/m.room.member/{user_id}"

// memberArgs are those of the getters about one member.
type memberArgs struct {
	Room        matrix.RoomID `lua:"room_id" doc:"the room"`
	User        matrix.UserID `lua:"user_id" doc:"the member"`
	IgnoreCache bool          `lua:"ignore_cache,opt" default:"false" doc:"ask the homeserver even when the store knows"`
}

var _ = method(intentClass, "get_room_member_info", capability.MatrixRead, waits,
	`Returns what is known of somebody in the room. Asks the homeserver only when the store knows nothing, and remembers the answer; whoever has left is known, too.`,
	func(c *Call, i *intent.Intent, a *memberArgs) (*memberTable, error) {
		m, err := i.GetRoomMemberInfo(c.Context(), a.Room, a.User, intent.GetRoomMemberInfoOptions{IgnoreCache: a.IgnoreCache})
		return memberOf(m), err
	}, scope("m.room.member"), first(joined), asks(askMember), errcodes("M_NOT_FOUND", "M_FORBIDDEN"),
	results("{membership, displayname?, avatar_url?}; `membership` is join, invite, leave, ban or knock"),
	example(`if intent:get_room_member_info(room_id, user_id).membership == "join" then intent:send_notice(room_id, "good to see you") end`))

var _ = method(intentClass, "get_room_displayname", capability.MatrixRead, waits,
	`Returns the name that somebody has in the room. Asks the homeserver only when the store knows nothing of that member.`,
	func(c *Call, i *intent.Intent, a *memberArgs) (*string, error) {
		name, err := i.GetRoomDisplayname(c.Context(), a.Room, a.User, intent.GetRoomDisplaynameOptions{IgnoreCache: a.IgnoreCache})
		return optional(name), err
	}, scope("m.room.member"), first(joined), asks(askMember), errcodes("M_NOT_FOUND", "M_FORBIDDEN"), results("The name; nil when there is none."),
	example(`local name = intent:get_room_displayname(room_id, user_id) or user_id`))

var _ = method(intentClass, "get_room_avatar_url", capability.MatrixRead, waits,
	`Returns the picture that somebody has in the room. Asks the homeserver only when the store knows nothing of that member.`,
	func(c *Call, i *intent.Intent, a *memberArgs) (*string, error) {
		url, err := i.GetRoomAvatarURL(c.Context(), a.Room, a.User, intent.GetRoomAvatarURLOptions{IgnoreCache: a.IgnoreCache})
		return optional(url), err
	}, scope("m.room.member"), first(joined), asks(askMember), errcodes("M_NOT_FOUND", "M_FORBIDDEN"), results("An mxc:// URI; nil when there is none."),
	example(`local picture = intent:get_room_avatar_url(room_id, user_id)`))

type userArgs struct {
	User matrix.UserID `lua:"user_id" doc:"the user"`
}

var _ = method(intentClass, "get_profile", capability.MatrixRead, waits,
	`Returns a user's profile, which rooms may show differently. Asks the homeserver each time, and does not register the one who asks.`,
	func(c *Call, i *intent.Intent, a *userArgs) (json.RawMessage, error) {
		return i.GetProfile(c.Context(), a.User)
	}, asks("GET /profile/{user_id}"),
	returns("table?"), results("{displayname?, avatar_url?}, with whatever else the homeserver keeps; nil when there is no such user, or no profile."),
	example(`local profile = intent:get_profile(user_id) or {}
ghost:set_displayname((profile.displayname or user_id) .. " (copy)")`))

var _ = method(intentClass, "get_displayname", capability.MatrixRead, waits,
	`Returns the name in a user's profile. Asks the homeserver each time, and does not register the one who asks.`,
	func(c *Call, i *intent.Intent, a *userArgs) (*string, error) {
		name, err := i.GetDisplayname(c.Context(), a.User)
		return optional(name), err
	}, asks("GET /profile/{user_id}/displayname"), results("The name; nil when there is none, or no such user."),
	example(`local name = intent:get_displayname(user_id) or user_id`))

var _ = method(intentClass, "get_avatar_url", capability.MatrixRead, waits,
	`Returns the picture in a user's profile. Asks the homeserver each time, and does not register the one who asks.`,
	func(c *Call, i *intent.Intent, a *userArgs) (*string, error) {
		url, err := i.GetAvatarURL(c.Context(), a.User)
		return optional(url), err
	}, asks("GET /profile/{user_id}/avatar_url"), results("An mxc:// URI; nil when there is none, or no such user."),
	example(`local picture = intent:get_avatar_url(user_id)`))

var _ = method(intentClass, "set_displayname", capability.MatrixProfile, waits,
	`Sets the user's name, which all its rooms show from then on, unless it is so already. At most 256 characters. A homeserver may not allow its own people to do that, and so not a double puppet: M_FORBIDDEN.`,
	func(c *Call, i *intent.Intent, a *struct {
		Name         string `lua:"displayname,null" doc:"the name; empty or json.null removes it"`
		CheckCurrent *bool  `lua:"check_current,opt" default:"true" doc:"ask for the present name first"`
	}) (none, error) {
		return none{}, i.SetDisplayname(c.Context(), a.Name, intent.SetDisplaynameOptions{CheckCurrent: a.CheckCurrent})
	}, first(registered), asks("GET /profile/{user_id}/displayname", "PUT /profile/{user_id}/displayname"), errcodes("M_FORBIDDEN", "M_UNKNOWN"),
	example(`ghost:set_displayname("Bob (IRC)")`))

var _ = method(intentClass, "set_avatar_url", capability.MatrixProfile, waits,
	`Sets the user's picture, which all its rooms show from then on, unless it is so already. A homeserver may not allow its own people to do that, and so not a double puppet: M_FORBIDDEN.`,
	func(c *Call, i *intent.Intent, a *struct {
		URL          MXC   `lua:"avatar_url,null" doc:"an mxc:// URI; json.null removes the picture"`
		CheckCurrent *bool `lua:"check_current,opt" default:"true" doc:"ask for the present picture first"`
	}) (none, error) {
		return none{}, i.SetAvatarURL(c.Context(), string(a.URL), intent.SetAvatarURLOptions{CheckCurrent: a.CheckCurrent})
	}, first(registered), asks("GET /profile/{user_id}/avatar_url", "PUT /profile/{user_id}/avatar_url"), errcodes("M_FORBIDDEN", "M_UNKNOWN"),
	example(`ghost:set_avatar_url(url)`))

var _ = method(intentClass, "whoami", capability.MatrixRead, waits,
	`Asks the homeserver whom it takes the user for: whether a double puppet's token still is good (M_UNKNOWN_TOKEN when not), whether a ghost is registered (M_FORBIDDEN when not).`,
	func(c *Call, i *intent.Intent, _ *struct{}) (*intent.WhoamiResult, error) {
		return i.Whoami(c.Context())
	}, asks("GET /account/whoami"), errcodes("M_UNKNOWN_TOKEN"),
	results("{user_id, device_id?, is_guest}; bots and ghosts have no device"),
	example(`local puppet = intent:user(user_id, { token = alice.token })
if not pcall(puppet.whoami, puppet) then intent:send_notice(room_id, "please log in again") end`))
