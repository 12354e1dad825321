package luabind

import (
	"context"
	"encoding/json"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/capability"
	"bridgehost/intent"
	"bridgehost/matrix"
)

var _ = method(intentClass, "get_account_data", capability.MatrixRead, waits,
	"Returns what the user keeps on the homeserver under a type, for the account or for one room.",
	func(c *Call, i *intent.Intent, a *struct {
		Type string        `lua:"type" doc:"such as com.example.settings"`
		Room matrix.RoomID `lua:"room_id,opt" doc:"data of that room"`
	}) (json.RawMessage, error) {
		return i.GetAccountData(c.Context(), a.Type, intent.AccountDataOptions{Room: a.Room})
	}, scopeArg("type"), asks("GET /user/{user_id}/account_data/{type}", "GET /user/{user_id}/rooms/{room_id}/account_data/{type}"), errcodes("M_NOT_FOUND"),
	results("The data, a table."),
	example(`local known, settings = pcall(intent.get_account_data, intent, "com.example.settings")
local theme = known and settings.theme or "light"`))

var _ = method(intentClass, "set_account_data", capability.MatrixProfile, waits,
	"Keeps data on the homeserver under a type, for the account or for one room, in place of what was there. Only this user sees it. "+
		"m.fully_read and m.push_rules cannot be set so: M_BAD_JSON.",
	func(c *Call, i *intent.Intent, a *struct {
		Type string        `lua:"type" doc:"such as com.example.settings"`
		Data Map           `lua:"data" doc:"any table"`
		Room matrix.RoomID `lua:"room_id,opt" doc:"data of that room"`
	}) (none, error) {
		return none{}, i.SetAccountData(c.Context(), a.Type, json.RawMessage(a.Data), intent.AccountDataOptions{Room: a.Room})
	}, asks("PUT /user/{user_id}/account_data/{type}", "PUT /user/{user_id}/rooms/{room_id}/account_data/{type}"), errcodes("M_BAD_JSON"),
	example(`intent:set_account_data("com.example.settings", { theme = "dark" })`))

var _ = method(intentClass, "get_room_tags", capability.MatrixRead, waits, "Returns the user's own tags of a room.",
	func(c *Call, i *intent.Intent, a *roomArgs) (json.RawMessage, error) {
		return i.GetRoomTags(c.Context(), a.Room)
	}, scope("m.tag"), first(registered), asks("GET /user/{user_id}/rooms/{room_id}/tags"), returns("table"), results("{tags = {[tag] = {order?}}}; `order` goes from 0 to 1, smaller first"),
	example(`if intent:get_room_tags(room_id).tags["m.favourite"] then intent:send_notice(room_id, "one of the best rooms") end`))

var _ = method(intentClass, "set_room_tag", capability.MatrixProfile, waits, "Tags a room, for this user alone, who must have been in it or be invited. The same tag again replaces what stands with it.",
	func(c *Call, i *intent.Intent, a *struct {
		Room  matrix.RoomID `lua:"room_id" doc:"the room"`
		Tag   string        `lua:"tag" doc:"m.favourite, m.lowpriority, or u.NAME"`
		Order *float64      `lua:"order,opt" doc:"0 to 1, smaller first"`
		Info  Map           `lua:"info,opt" doc:"further fields of the tag"`
	}) (none, error) {
		return none{}, i.SetRoomTag(c.Context(), a.Room, a.Tag, intent.SetRoomTagOptions{Order: a.Order, Info: json.RawMessage(a.Info)})
	}, first(registered), asks("PUT /user/{user_id}/rooms/{room_id}/tags/{tag}"), errcodes("M_FORBIDDEN"),
	example(`intent:set_room_tag(room_id, "m.favourite", { order = 0.5 })`))

var _ = method(intentClass, "remove_room_tag", capability.MatrixProfile, waits, "Takes one of the user's own tags off a room. That it was not there is no error.",
	func(c *Call, i *intent.Intent, a *struct {
		Room matrix.RoomID `lua:"room_id" doc:"the room"`
		Tag  string        `lua:"tag" doc:"m.favourite, m.lowpriority, or u.NAME"`
	}) (none, error) {
		return none{}, i.RemoveRoomTag(c.Context(), a.Room, a.Tag)
	}, first(registered), asks("DELETE /user/{user_id}/rooms/{room_id}/tags/{tag}"), example(`intent:remove_room_tag(room_id, "m.favourite")`))

var _ = method(intentClass, "create_filter", capability.MatrixRead, waits,
	"Keeps a filter for events on the homeserver, each time a new one.",
	func(c *Call, i *intent.Intent, a *struct {
		Filter Map `lua:"filter_params" doc:"as the specification has it: {room = {timeline = {limit, types}}}"`
	}) (string, error) {
		return i.CreateFilter(c.Context(), json.RawMessage(a.Filter))
	}, asks("POST /user/{user_id}/filter"), errcodes("M_UNKNOWN"), results("The filter's ID."),
	example(`local filter_id = intent:create_filter({ room = { timeline = { limit = 10, types = { "m.room.message" } } } })`))

var _ = method(intentClass, "versions", capability.MatrixRead, waitsInside,
	"Asks what the homeserver speaks; once for all users, and again with `no_cache`. The result also has the method `versions:supports(feature)`: whether a version (\"v1.11\") or an unstable feature (\"org.matrix.msc3202\") is there.",
	func(c *Call, i *intent.Intent, a *struct {
		NoCache bool `lua:"no_cache,opt" default:"false" doc:"ask again"`
	}) (lua.LValue, error) {
		var told *intent.Versions
		var err error
		c.Wait(func(ctx context.Context) {
			told, err = i.Versions(c.calling(ctx), intent.VersionsOptions{NoCache: a.NoCache})
		})
		if err != nil {
			return nil, err
		}
		return c.versions(told), nil
	}, asks("GET /_matrix/client/versions"), returns("table"), results("{versions = {\"v1.11\", …}, unstable_features = {[name] = boolean}}"),
	example(`local newer = intent:versions():supports("v1.11")`))

// versions is a plain table, so that it can be written as JSON, with one method behind it.
func (env *Env) versions(told *intent.Versions) lua.LValue {
	t, ok := env.Value(told.Raw).(*lua.LTable)
	if !ok {
		return lua.LNil
	}
	L := env.VM.L
	methods, mt := L.CreateTable(0, 1), L.CreateTable(0, 1)
	methods.RawSetString("supports", L.NewFunction(func(L *lua.LState) int {
		feature, ok := L.Get(2).(lua.LString)
		if !ok {
			env.VM.Raise(L, ErrorOf(argumentError("bad argument #1 'feature' to 'supports' (string expected, got "+typeName(env, L.Get(2))+")")))
		}
		L.Push(lua.LBool(told.Supports(string(feature))))
		return 1
	}))
	mt.RawSetString("__index", methods)
	t.Metatable = mt
	return t
}

var _ = method(intentClass, "appservice_ping", capability.MatrixRead, waits,
	"Asks the homeserver to ping an application service: whether it reaches the host at all. Only for our own id, and not as a double puppet: M_FORBIDDEN. "+
		"M_URL_NOT_SET when the registration file has no url, M_CONNECTION_FAILED and M_CONNECTION_TIMEOUT when nobody answers there, M_BAD_STATUS when the answer is an error.",
	func(c *Call, i *intent.Intent, a *struct {
		ID  string `lua:"appservice_id" doc:"the id in the registration file"`
		Txn string `lua:"txn_id,opt" doc:"comes back in the ping"`
	}) (int64, error) {
		took, err := i.AppservicePing(c.Context(), a.ID, intent.AppservicePingOptions{TxnID: a.Txn})
		return took.Milliseconds(), err
	}, asks("POST /_matrix/client/v1/appservice/{appservice_id}/ping"), ours, results("How many milliseconds it took."),
	example(`local ms = intent:appservice_ping("bridgehost")`), errcodes("M_CONNECTION_FAILED", "M_CONNECTION_TIMEOUT", "M_BAD_STATUS", "M_URL_NOT_SET", "M_FORBIDDEN"))
