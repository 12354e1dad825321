package luabind

import (
	"encoding/json"

	"bridgehost/capability"
	"bridgehost/intent"
	"bridgehost/matrix"
)

var _ = method(intentClass, "ensure_registered", capability.MatrixGhosts, waits,
	`Registers the user unless the state store knows that it is; that it was registered before is success. Other calls do this by themselves. Double puppets are real users and never registered.`,
	func(c *Call, i *intent.Intent, _ *struct{}) (none, error) {
		return none{}, i.EnsureRegistered(c.Context())
	}, takes(nothing),
	asks("POST /register"), errcodes("M_EXCLUSIVE"), example(`ghost:ensure_registered()`))

var _ = method(intentClass, "ensure_joined", capability.MatrixSend, waits,
	`Joins the room unless the state store knows that the user is in it. If the room is invite-only or the user is banned, the bot first invites or unbans it; the bot itself gets no help. `+
		`Calls for the same user and room at the same time share one chain of requests. Returns true when the user was joined just now, false when the store knew.`,
	func(c *Call, i *intent.Intent, a *struct {
		Room        RoomOrAlias         `lua:"room_id" type:"room ID" doc:"the room"`
		IgnoreCache bool                `lua:"ignore_cache,opt" default:"false" doc:"ask the homeserver even when the store knows"`
		Bot         Opt[*intent.Intent] `lua:"bot,opt" doc:"who invites, in place of the bot (a double puppet does so by the membership event); json.null: nobody"`
	}) (bool, error) {
		return i.EnsureJoined(c.Context(), matrix.RoomID(a.Room), intent.EnsureJoinedOptions{IgnoreCache: a.IgnoreCache, Bot: a.Bot.Value, NoBot: a.Bot.Null})
	}, wayIn("room_id", "the homeserver decides who comes in"), first(registered), asks("POST /join/{room_id}", "POST /rooms/{room_id}/invite", "POST /rooms/{room_id}/unban",
		"GET /profile/{user_id}", "PUT /rooms/{room_id}/state/m.room.member/{user_id}"), errcodes("M_FORBIDDEN", "M_NOT_FOUND", "M_BAD_STATE", "M_USER_DEACTIVATED"),
	example(`ghost:ensure_joined(room_id)`))

var _ = method(intentClass, "join_room", capability.MatrixSend, waits,
	`Joins a room by ID or alias, always asking the homeserver and without the bot's help. A join that failed for no lasting reason is tried again after 2, 4, 8 … seconds. Returns the room's ID. A banned user gets M_BAD_STATE.`,
	func(c *Call, i *intent.Intent, a *struct {
		Room             RoomOrAlias `lua:"room_id_or_alias" doc:"the room"`
		Servers          []string    `lua:"servers,opt" doc:"servers that know the room"`
		ThirdPartySigned Map         `lua:"third_party_signed,opt" doc:"the proof of an invitation by e-mail"`
		MaxRetries       *int        `lua:"max_retries,opt" default:"4" doc:"how often a join is tried again that failed for no lasting reason"`
	}) (matrix.RoomID, error) {
		return i.JoinRoom(c.Context(), string(a.Room), intent.JoinRoomOptions{Servers: a.Servers, ThirdPartySigned: json.RawMessage(a.ThirdPartySigned), MaxRetries: a.MaxRetries})
	}, wayIn("room_id_or_alias", "the homeserver decides who comes in"), first(registered), asks("POST /join/{room_id_or_alias}"), errcodes("M_FORBIDDEN", "M_NOT_FOUND", "M_BAD_STATE"),
	example(`ghost:join_room(room_id)`))

var _ = method(intentClass, "join_room_by_id", capability.MatrixSend, waits,
	`Joins a room by its ID, always asking the homeserver, once and without the bot's help. With extra_content, and for double puppets, it sends the membership event itself, with the user's present name and picture. Returns the room's ID.`,
	func(c *Call, i *intent.Intent, a *struct {
		Room             matrix.RoomID `lua:"room_id" doc:"the room"`
		ThirdPartySigned Map           `lua:"third_party_signed,opt" doc:"the proof of an invitation by e-mail"`
		ExtraContent     Map           `lua:"extra_content,opt" doc:"further fields of the membership event"`
	}) (matrix.RoomID, error) {
		return i.JoinRoomByID(c.Context(), a.Room, intent.JoinRoomByIDOptions{ThirdPartySigned: json.RawMessage(a.ThirdPartySigned), ExtraContent: json.RawMessage(a.ExtraContent)})
	}, wayIn("room_id", "the homeserver decides who comes in"), first(registered), asks("POST /rooms/{room_id}/join", "GET /profile/{user_id}", "PUT /rooms/{room_id}/state/m.room.member/{user_id}"),
	errcodes("M_FORBIDDEN", "M_BAD_STATE"), example(`ghost:join_room_by_id(room_id, { extra_content = { displayname = "Bob" } })`))

var _ = method(intentClass, "leave_room", capability.MatrixSend, waits,
	`Leaves the room, or refuses an invitation to it. That the user is not in it is no error unless asked for. With extra_content, and for double puppets, it sends the membership event itself.`,
	func(c *Call, i *intent.Intent, a *struct {
		Room           matrix.RoomID `lua:"room_id" doc:"the room"`
		Reason         string        `lua:"reason,opt" doc:"shown to the others"`
		ExtraContent   Map           `lua:"extra_content,opt" doc:"further fields of the membership event"`
		RaiseNotInRoom bool          `lua:"raise_not_in_room,opt" default:"false" doc:"raise when the user is not in the room"`
	}) (none, error) {
		return none{}, i.LeaveRoom(c.Context(), a.Room, intent.LeaveRoomOptions{Reason: a.Reason, ExtraContent: json.RawMessage(a.ExtraContent), RaiseNotInRoom: a.RaiseNotInRoom})
	}, wayIn("room_id", "who leaves learns nothing"), first(registered), asks("POST /rooms/{room_id}/leave", "GET /profile/{user_id}", "PUT /rooms/{room_id}/state/m.room.member/{user_id}"),
	errcodes("M_FORBIDDEN"), example(`intent:leave_room(room_id, { reason = "The bridge ends." })`))

var _ = method(intentClass, "error_and_leave", capability.MatrixSend, waits,
	`Says why in a notice, and leaves the room. When the notice is refused, the user stays. One of text and html is needed.`,
	func(c *Call, i *intent.Intent, a *struct {
		Room matrix.RoomID `lua:"room_id" doc:"the room"`
		Text Text          `lua:"text,opt" doc:"the notice; bridge.markdown and bridge.html give both forms"`
		HTML string        `lua:"html,opt" doc:"the notice's formatted form"`
	}) (none, error) {
		html := a.HTML
		if html == "" {
			html = a.Text.HTML
		}
		return none{}, i.ErrorAndLeave(c.Context(), a.Room, intent.ErrorAndLeaveOptions{Text: a.Text.Body, HTML: html, Mentions: a.Text.mentions()})
	}, scope("m.room.message"), first(joined, powerful), asks("PUT /rooms/{room_id}/send/m.room.message/{txn_id}", "POST /rooms/{room_id}/leave", "PUT /rooms/{room_id}/state/m.room.member/{user_id}"),
	errcodes("M_FORBIDDEN"), example(`ghost:error_and_leave(room_id, "This channel does not exist.")`))

var _ = method(intentClass, "invite_user", capability.MatrixInvite, waits,
	`Invites a user to the room. That the user is in it already is success, and the store then knows that. With extra_content, and always by a double puppet, it is a state event, with the name and the picture that the user has in the room or else in general.`,
	func(c *Call, i *intent.Intent, a *struct {
		Room         matrix.RoomID `lua:"room_id" doc:"the room"`
		User         matrix.UserID `lua:"user_id" doc:"whom to invite"`
		Reason       string        `lua:"reason,opt" doc:"shown to the invited user"`
		CheckCache   bool          `lua:"check_cache,opt" default:"false" doc:"send nothing when the store says invited or joined"`
		ExtraContent Map           `lua:"extra_content,opt" doc:"further fields of the membership event"`
		EnsureJoined *bool         `lua:"ensure_joined,opt" default:"true" doc:"join the room first when needed"`
	}) (none, error) {
		return none{}, i.InviteUser(c.Context(), a.Room, a.User, intent.InviteUserOptions{Reason: a.Reason, CheckCache: a.CheckCache,
			ExtraContent: json.RawMessage(a.ExtraContent), EnsureJoined: a.EnsureJoined})
	}, first(joined), asks("POST /rooms/{room_id}/invite", "PUT /rooms/{room_id}/state/m.room.member/{user_id}", "GET /profile/{user_id}"),
	errcodes("M_FORBIDDEN", "M_BAD_STATE"), example(`intent:invite_user(room_id, "@carol:example.org", { reason = "come and see" })`))

// removalArgs are those of kick_user, ban_user and unban_user.
type removalArgs struct {
	Room         matrix.RoomID `lua:"room_id" doc:"the room"`
	User         matrix.UserID `lua:"user_id" doc:"whom"`
	Reason       string        `lua:"reason,opt" doc:"shown to all"`
	ExtraContent Map           `lua:"extra_content,opt" doc:"further fields of the membership event"`
}

// declareRemoval declares one of them; verb is what its request says.
func declareRemoval(verb, doc string, f func(c *Call, i *intent.Intent, a *removalArgs) error, more ...detail) *Function {
	return method(intentClass, verb+"_user", capability.MatrixModerate, waits,
		doc+" With extra_content, and always by a double puppet, it is a state event, with the name and the picture that the user has in the room or else in general.",
		func(c *Call, i *intent.Intent, a *removalArgs) (none, error) { return none{}, f(c, i, a) },
		append(more, asks("POST /rooms/{room_id}/"+verb, "PUT /rooms/{room_id}/state/m.room.member/{user_id}", "GET /profile/{user_id}"))...)
}

var _ = []*Function{
	declareRemoval("kick", "Removes a user from the room, or takes an invitation back. The user may come again where the join rule lets it.",
		func(c *Call, i *intent.Intent, a *removalArgs) error {
			return i.KickUser(c.Context(), a.Room, a.User, intent.KickUserOptions{Reason: a.Reason, ExtraContent: json.RawMessage(a.ExtraContent)})
		}, first(joined), errcodes("M_FORBIDDEN"), example(`alice:invite(room_id, "@carol:test")
intent:kick_user(room_id, "@carol:test", { reason = "spam" })`)),
	declareRemoval("ban", "Bans a user from the room, whether it is in it or not.",
		func(c *Call, i *intent.Intent, a *removalArgs) error {
			return i.BanUser(c.Context(), a.Room, a.User, intent.BanUserOptions{Reason: a.Reason, ExtraContent: json.RawMessage(a.ExtraContent)})
		}, first(joined), errcodes("M_FORBIDDEN"), example(`intent:ban_user(room_id, "@carol:example.org", { reason = "spam" })`)),
	declareRemoval("unban", "Lifts a ban. Unlike kick_user and ban_user this neither registers nor joins the intent's own user. M_BAD_STATE: the user is not banned.",
		func(c *Call, i *intent.Intent, a *removalArgs) error {
			return i.UnbanUser(c.Context(), a.Room, a.User, intent.UnbanUserOptions{Reason: a.Reason, ExtraContent: json.RawMessage(a.ExtraContent)})
		}, errcodes("M_FORBIDDEN", "M_BAD_STATE"), example(`intent:ban_user(room_id, "@carol:example.org")
intent:unban_user(room_id, "@carol:example.org")`)),
}

var _ = method(intentClass, "create_room", capability.MatrixCreateRoom, waits,
	`Makes a room and returns its ID. The store then knows that the user is in it, whom it invited, and the initial state. After a crash in between it may be made twice; bridge.portal makes a room once.`,
	func(c *Call, i *intent.Intent, a *struct {
		AliasLocalpart        AliasLocalpart  `lua:"alias_localpart,opt" doc:"an alias on the user's own server, without # and server name"`
		Visibility            string          `lua:"visibility,opt" enum:"private|public" default:"private" doc:"whether the room directory shows it; Synapse shows only what its room_list_publication_rules allow"`
		Preset                string          `lua:"preset,opt" default:"private_chat" doc:"private_chat, trusted_private_chat or public_chat"`
		Name                  string          `lua:"name,opt" doc:"the room's name"`
		Topic                 string          `lua:"topic,opt" doc:"the room's topic"`
		IsDirect              bool            `lua:"is_direct,opt" default:"false" doc:"invitees see it as a direct chat"`
		Invitees              []matrix.UserID `lua:"invitees,opt" doc:"who is invited"`
		InitialState          []Map           `lua:"initial_state,opt" doc:"state events: {type, state_key, content}"`
		RoomVersion           string          `lua:"room_version,opt" doc:"in place of the homeserver's default"`
		CreationContent       Map             `lua:"creation_content,opt" doc:"further fields of m.room.create"`
		PowerLevelOverride    Map             `lua:"power_level_override,opt" doc:"fields of the power levels, in place of those that the preset has; from room version 12 on the creator must not stand in users, before that it must"`
		BeeperAutoJoinInvites bool            `lua:"beeper_auto_join_invites,opt" default:"false" doc:"invitees join at once, on homeservers that can do that"`
		CustomRequestFields   Map             `lua:"custom_request_fields,opt" doc:"further fields of the request; options win over them"`
	}) (matrix.RoomID, error) {
		return i.CreateRoom(c.Context(), intent.CreateRoomOptions{AliasLocalpart: string(a.AliasLocalpart), Visibility: a.Visibility, Preset: a.Preset,
			Name: a.Name, Topic: a.Topic, IsDirect: a.IsDirect, Invitees: a.Invitees, InitialState: raws(a.InitialState), RoomVersion: a.RoomVersion,
			CreationContent: json.RawMessage(a.CreationContent), PowerLevelOverride: json.RawMessage(a.PowerLevelOverride),
			BeeperAutoJoinInvites: a.BeeperAutoJoinInvites, CustomRequestFields: json.RawMessage(a.CustomRequestFields)})
	}, takes(createsRoom), also(capability.MatrixCreateRoom, "", ""), also(capability.MatrixInvite, "", "invitees"), also(capability.MatrixDirectory, "", "alias_localpart"), also(capability.MatrixDirectory, "", "visibility=public"), first(registered), asks("POST /createRoom"), errcodes("M_ROOM_IN_USE", "M_EXCLUSIVE", "M_UNSUPPORTED_ROOM_VERSION"), results("The room ID."),
	example(`local hall = intent:create_room { name = "Hall", preset = "public_chat", invitees = { user_id } }`))

type roomArgs struct {
	Room matrix.RoomID `lua:"room_id" doc:"the room"`
}

var _ = method(intentClass, "forget_room", capability.MatrixSend, waits, `Makes the homeserver forget that the user was in a room, which must have been left before: it no longer shows the user what happened there.`,
	func(c *Call, i *intent.Intent, a *roomArgs) (none, error) {
		return none{}, i.ForgetRoom(c.Context(), a.Room)
	}, wayIn("room_id", "the room was left"), first(registered), asks("POST /rooms/{room_id}/forget"), errcodes("M_UNKNOWN"), example(`intent:leave_room(room_id)
intent:forget_room(room_id)`))

var _ = method(intentClass, "get_joined_rooms", capability.MatrixRead, waits, `Lists the rooms in which the user is, as the homeserver knows them.`,
	func(c *Call, i *intent.Intent, _ *struct{}) ([]matrix.RoomID, error) {
		return i.GetJoinedRooms(c.Context())
	}, first(registered), asks("GET /joined_rooms"), results("A list of room IDs."), example(`for _, joined in ipairs(intent:get_joined_rooms()) do print(joined) end`))

var _ = method(intentClass, "add_room_alias", capability.MatrixDirectory, waits,
	`Gives the room an alias on the user's own server, in the bridge's namespace (a double puppet's: outside of all namespaces). The user need not be in the room, unless it is a double puppet.`,
	func(c *Call, i *intent.Intent, a *struct {
		Room           matrix.RoomID  `lua:"room_id" doc:"the room"`
		AliasLocalpart AliasLocalpart `lua:"alias_localpart" doc:"the alias without # and server name"`
		Override       bool           `lua:"override,opt" default:"false" doc:"take the alias from another room: remove it, and set it again"`
	}) (none, error) {
		return none{}, i.AddRoomAlias(c.Context(), a.Room, string(a.AliasLocalpart), intent.AddRoomAliasOptions{Override: a.Override})
	}, first(registered), asks("PUT /directory/room/{room_alias}", "DELETE /directory/room/{room_alias}"), errcodes("M_ROOM_IN_USE", "M_EXCLUSIVE", "M_FORBIDDEN"),
	example(`intent:add_room_alias(room_id, "_bh_hall", { override = true })`))

var _ = method(intentClass, "remove_room_alias", capability.MatrixDirectory, waits,
	`Removes an alias on the user's own server. That there is none is no error unless asked for; Synapse tells that to double puppets only.`,
	func(c *Call, i *intent.Intent, a *struct {
		AliasLocalpart AliasLocalpart `lua:"alias_localpart" doc:"the alias without # and server name"`
		Raise404       bool           `lua:"raise_404,opt" default:"false" doc:"raise when there is no such alias"`
	}) (none, error) {
		return none{}, i.RemoveRoomAlias(c.Context(), string(a.AliasLocalpart), intent.RemoveRoomAliasOptions{Raise404: a.Raise404})
	}, first(registered), asks("DELETE /directory/room/{room_alias}"), errcodes("M_NOT_FOUND", "M_EXCLUSIVE", "M_FORBIDDEN"), example(`intent:remove_room_alias("_bh_hall")`))

var _ = method(intentClass, "resolve_room_alias", capability.MatrixDirectory, waits, `Asks what room an alias stands for, of any server.`,
	func(c *Call, i *intent.Intent, a *struct {
		Alias matrix.RoomAlias `lua:"room_alias" doc:"the alias"`
	}) (*intent.ResolvedAlias, error) {
		return i.ResolveRoomAlias(c.Context(), a.Alias)
	}, first(registered), asks("GET /directory/room/{room_alias}"), errcodes("M_NOT_FOUND"), results("`{room_id, servers}`: `servers` are those that know the room."),
	example(`intent:add_room_alias(room_id, "_bh_hall")
local hall = intent:resolve_room_alias("#_bh_hall:" .. hs.server_name).room_id`))
