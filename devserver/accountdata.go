package devserver

import (
	"encoding/json"
	"net/http"

	"bridgehost/matrix"
)

// dataKey is where a piece of account data is kept; room is "" for the account's own.
type dataKey struct {
	room matrix.RoomID
	typ  string
}

// ownData refuses what is another user's. The room need not exist, as on Synapse, but for tags.
func (c *call) ownData(what string) *refusal {
	if matrix.UserID(c.args[0]) != c.user {
		return forbidden("Cannot %s for other users.", what)
	}
	return nil
}

func (c *call) dataKey() dataKey {
	if len(c.args) == 3 {
		return dataKey{matrix.RoomID(c.args[1]), c.args[2]}
	}
	return dataKey{"", c.args[1]}
}

func getAccountData(c *call) (any, *refusal) {
	if r := c.ownData("get account data"); r != nil {
		return nil, r
	}
	data := c.s.account(c.user).data[c.dataKey()]
	if data == nil {
		return nil, notFound("Account data not found")
	}
	return data, nil
}

func putAccountData(c *call) (any, *refusal) {
	if r := c.ownData("add account data"); r != nil {
		return nil, r
	}
	var in object
	if r := c.object(&in, false); r != nil {
		return nil, r
	}
	key := c.dataKey()
	switch key.typ {
	case "m.fully_read":
		return nil, fail(http.StatusMethodNotAllowed, "M_BAD_JSON", "Cannot set m.fully_read through this API. Use /rooms/!roomId:server.name/read_markers")
	case "m.push_rules":
		return nil, fail(http.StatusMethodNotAllowed, "M_BAD_JSON", "Cannot set m.push_rules through this API. Use /pushrules")
	}
	c.s.account(c.user).keep(key, append(json.RawMessage{}, c.body...))
	return object{}, nil
}

func (a *account) keep(key dataKey, data json.RawMessage) {
	if a.data == nil {
		a.data = map[dataKey]json.RawMessage{}
	}
	a.data[key] = data
}

func getTags(c *call) (any, *refusal) {
	if r := c.ownData("get tags"); r != nil {
		return nil, r
	}
	tags := c.s.account(c.user).tags[matrix.RoomID(c.args[1])]
	if tags == nil {
		tags = map[string]json.RawMessage{}
	}
	return object{"tags": tags}, nil
}

func putTag(c *call) (any, *refusal) {
	if r := c.ownData("add tags"); r != nil {
		return nil, r
	}
	if len(c.args[2]) > 255 {
		return nil, fail(http.StatusBadRequest, "M_INVALID_PARAM", "tag parameter's length is over 255 bytes")
	}
	if rm := c.s.rooms[matrix.RoomID(c.args[1])]; rm == nil || rm.membership(c.user) == "" {
		return nil, forbidden("User %s has no membership in room %s", c.user, c.args[1])
	}
	var in object
	if r := c.object(&in, false); r != nil {
		return nil, r
	}
	a, room := c.s.account(c.user), matrix.RoomID(c.args[1])
	if a.tags == nil {
		a.tags = map[matrix.RoomID]map[string]json.RawMessage{}
	}
	if a.tags[room] == nil {
		a.tags[room] = map[string]json.RawMessage{}
	}
	a.tags[room][c.args[2]] = append(json.RawMessage{}, c.body...)
	return object{}, nil
}

func deleteTag(c *call) (any, *refusal) {
	if r := c.ownData("add tags"); r != nil {
		return nil, r
	}
	delete(c.s.account(c.user).tags[matrix.RoomID(c.args[1])], c.args[2])
	return object{}, nil
}
