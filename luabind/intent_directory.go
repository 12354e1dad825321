package luabind

import (
	"encoding/json"

	"bridgehost/capability"
	"bridgehost/intent"
	"bridgehost/matrix"
)

var _ = method(intentClass, "set_room_directory_visibility", capability.MatrixDirectory, waits,
	"Says whether the homeserver's public list of rooms shows the room. The user must be in the room and have the power to change its canonical alias; Synapse shows only what its room_list_publication_rules allow.",
	func(c *Call, i *intent.Intent, a *struct {
		Room       matrix.RoomID `lua:"room_id" doc:"the room"`
		Visibility string        `lua:"visibility" enum:"private|public" doc:"public: it is shown"`
	}) (none, error) {
		return none{}, i.SetRoomDirectoryVisibility(c.Context(), a.Room, a.Visibility)
	}, first(registered), asks("PUT /directory/list/room/{room_id}"), errcodes("M_FORBIDDEN"),
	example(`intent:set_room_directory_visibility(room_id, "public")`))

var _ = method(intentClass, "get_room_directory_visibility", capability.MatrixDirectory, waits,
	"Tells whether the homeserver's public list of rooms shows the room. The user need not be in it.",
	func(c *Call, i *intent.Intent, a *roomArgs) (string, error) {
		return i.GetRoomDirectoryVisibility(c.Context(), a.Room)
	}, first(registered), asks("GET /directory/list/room/{room_id}"), errcodes("M_NOT_FOUND"), results("`public` or `private`."),
	example(`if intent:get_room_directory_visibility(room_id) == "private" then
  intent:set_room_directory_visibility(room_id, "public")
end`))

var _ = method(intentClass, "search_users", capability.MatrixRead, waits,
	"Looks for users by the words that their name or ID begins with. Synapse finds people in rooms that everybody may join or read, and, for a double puppet, those who share a room with it; it never finds users of bridges.",
	func(c *Call, i *intent.Intent, a *struct {
		Query string `lua:"search_query" doc:"the beginnings of words of a name or ID; all must fit"`
		Limit *int   `lua:"limit,opt" default:"10" doc:"how many at most; Synapse gives no more than 50"`
	}) (json.RawMessage, error) {
		return i.SearchUsers(c.Context(), a.Query, intent.SearchUsersOptions{Limit: a.Limit})
	}, first(registered), asks("POST /user_directory/search"),
	returns("table"), results("`{results, limited}`: `results` is a list of `{user_id, display_name?, avatar_url?}`, `limited` tells whether there are more."),
	example(`for _, found in ipairs(intent:search_users("alice").results) do
  print(found.user_id, found.display_name)
end`))

var _ = method(intentClass, "knock_room", capability.MatrixSend, waits,
	"Asks to be let into a room, by ID or alias, whose join rule is knock or knock_restricted. Who is in it may then invite the user. Returns the room's ID.",
	func(c *Call, i *intent.Intent, a *struct {
		Room    RoomOrAlias `lua:"room_id_or_alias" doc:"the room"`
		Reason  string      `lua:"reason,opt" doc:"shown to those who decide"`
		Servers []string    `lua:"servers,opt" doc:"servers that know the room"`
	}) (matrix.RoomID, error) {
		return i.KnockRoom(c.Context(), string(a.Room), intent.KnockRoomOptions{Reason: a.Reason, Servers: a.Servers})
	}, wayIn("room_id_or_alias", "the homeserver decides who comes in"), asks("POST /knock/{room_id_or_alias}"), errcodes("M_FORBIDDEN", "M_NOT_FOUND", "M_BAD_STATE"),
	example(`alice:send(room_id, "m.room.join_rules", { join_rule = "knock" }, { state_key = "" })
ghost:knock_room(room_id, { reason = "May I?" })`))
