package luabind

import (
	"encoding/json"
	"time"

	"bridgehost/capability"
	"bridgehost/intent"
	"bridgehost/matrix"
)

var _ = method(intentClass, "set_presence", capability.MatrixEphemeral, waits,
	"Shows whether the user is there. The same presence and status again asks nothing of the homeserver. A status that is left out is taken away.",
	func(c *Call, i *intent.Intent, a *struct {
		Presence    string  `lua:"presence,opt" enum:"online|offline|unavailable" default:"online" doc:"what others see"`
		Status      *string `lua:"status,opt" doc:"a few words beside it"`
		IgnoreCache bool    `lua:"ignore_cache,opt" default:"false" doc:"ask the homeserver even when it knows"`
	}) (none, error) {
		return none{}, i.SetPresence(c.Context(), intent.SetPresenceOptions{Presence: a.Presence, Status: a.Status, IgnoreCache: a.IgnoreCache})
	}, first(registered), asks("PUT /presence/{user_id}/status"), example(`intent:set_presence({ presence = "unavailable", status = "out for lunch" })`))

var _ = method(intentClass, "get_presence", capability.MatrixRead, waits,
	"Asks whether a user is there. Only those who are in a room with a user may know: M_FORBIDDEN for all others.",
	func(c *Call, i *intent.Intent, a *userArgs) (json.RawMessage, error) {
		return i.GetPresence(c.Context(), a.User)
	}, scope("m.presence"), first(registered), asks("GET /presence/{user_id}/status"), errcodes("M_FORBIDDEN"),
	returns("table"), results("{presence, last_active_ago?, status_msg?, currently_active?}; `presence` is online, offline or unavailable, last_active_ago milliseconds"),
	example(`if intent:get_presence(user_id).presence ~= "online" then intent:send_notice(room_id, "nobody is there") end`))

// presenceArgs are those of the store's calls about presence.
type presenceArgs struct {
	User     matrix.UserID `lua:"user_id" doc:"the user"`
	Presence string        `lua:"presence" enum:"online|offline|unavailable" doc:"what others see"`
	Status   *string       `lua:"status,opt" doc:"the few words beside it; none when left out"`
}

var (
	_ = method(stateStoreClass, "set_presence", capability.MatrixRaw, waits, "Remembers, in memory only, what the user was last shown as: intent:set_presence of the same asks nothing then.",
		func(c *Call, s stateStore, a *presenceArgs) (none, error) {
			s.pool.SetPresence(a.User, a.Presence, a.Status)
			return none{}, nil
		}, example(`store:set_presence(ghost.mxid, "online", { status = "at work" })`))
	_ = method(stateStoreClass, "has_presence", knownState, waits, "Tells whether the host has last shown the user with this presence and this status. Kept in memory only.",
		func(c *Call, s stateStore, a *presenceArgs) (bool, error) {
			return s.pool.HasPresence(a.User, a.Presence, a.Status), nil
		}, takes(aboutOwn), example(`local away = store:has_presence(ghost.mxid, "unavailable")`))
	_ = method(stateStoreClass, "get_read", knownState, waits, "Returns the ID of the event that the host has last marked as read for the user; nil when unknown. "+
		"What people read in their clients is not seen here. Kept in memory only.",
		func(c *Call, s stateStore, a *roomUserArgs) (*matrix.EventID, error) {
			return optional(s.pool.Read(a.Room, a.User)), nil
		}, example(`local last = store:get_read(room_id, ghost.mxid)`))
	_ = method(stateStoreClass, "set_read", capability.MatrixRaw, waits, "Remembers, in memory only, what the user has read: intent:mark_read of the same event asks nothing then.",
		func(c *Call, s stateStore, a *struct {
			roomUserArgs
			Event matrix.EventID `lua:"event_id" doc:"the last event that was read"`
		}) (none, error) {
			s.pool.SetRead(a.Room, a.User, a.Event)
			return none{}, nil
		}, example(`store:set_read(room_id, ghost.mxid, event_id)`))
	_ = method(stateStoreClass, "is_typing", knownState, waits, "Tells whether the host shows the user as typing, until the time given then is over. "+
		"What people type is not seen here. Kept in memory only.",
		func(c *Call, s stateStore, a *roomUserArgs) (bool, error) {
			return s.pool.IsTyping(a.Room, a.User), nil
		}, example(`if store:is_typing(room_id, ghost.mxid) then ghost:set_typing(room_id, { is_typing = false }) end`))
	_ = method(stateStoreClass, "set_typing", capability.MatrixRaw, waits, "Remembers, in memory only, that the user is shown as typing for `timeout` milliseconds, or not: "+
		"intent:set_typing of the same asks nothing then.",
		func(c *Call, s stateStore, a *struct {
			roomUserArgs
			IsTyping bool  `lua:"is_typing" doc:"false: not any more"`
			Timeout  int64 `lua:"timeout,opt" default:"0" doc:"milliseconds; typing for none is not typing"`
		}) (none, error) {
			s.pool.SetTyping(a.Room, a.User, a.IsTyping, time.Duration(a.Timeout)*time.Millisecond)
			return none{}, nil
		}, example(`store:set_typing(room_id, ghost.mxid, true, { timeout = 5000 })`))
)
