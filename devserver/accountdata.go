package devserver

import (
	"encoding/json"
	"net/http"
	"strconv"

	"bridgehost/matrix"
)

// dataKey is where a piece of account data is kept; room is "" for the account's own.
type dataKey struct {
	room matrix.RoomID
	typ  string
}

// ownData refuses what is another user's. The room need not exist, as on Synapse.
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
	if key.typ == "m.fully_read" {
		return nil, fail(http.StatusMethodNotAllowed, "M_UNKNOWN", "Cannot set m.fully_read through this API. Use /rooms/!roomId:server.name/read_markers")
	}
	a := c.s.account(c.user)
	if a.data == nil {
		a.data = map[dataKey]json.RawMessage{}
	}
	a.data[key] = append(json.RawMessage{}, c.body...)
	return object{}, nil
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
	if r := c.ownData("remove tags"); r != nil {
		return nil, r
	}
	delete(c.s.account(c.user).tags[matrix.RoomID(c.args[1])], c.args[2])
	return object{}, nil
}

func createFilter(c *call) (any, *refusal) {
	if matrix.UserID(c.args[0]) != c.user {
		return nil, forbidden("Cannot create filters for other users")
	}
	var in object
	if r := c.object(&in, false); r != nil {
		return nil, r
	}
	a := c.s.account(c.user)
	a.filters++
	return object{"filter_id": strconv.Itoa(a.filters - 1)}, nil
}
