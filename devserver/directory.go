package devserver

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"unicode"

	"bridgehost/matrix"
)

func getAlias(c *call) (any, *refusal) {
	alias, r := c.alias()
	if r != nil {
		return nil, r
	}
	a := c.s.aliases[alias]
	if a == nil {
		return nil, notFound("Room alias %s not found", alias)
	}
	return object{"room_id": a.room.id, "servers": []string{c.s.o.ServerName}}, nil
}

// mayAlias keeps application services in their namespace and others out of it. s.mu is held.
func (s *Server) mayAlias(alias matrix.RoomAlias, svc *service) *refusal {
	switch {
	case len(alias) > matrix.MaxIDLength:
		return fail(http.StatusBadRequest, "M_INVALID_PARAM", "Can't create aliases longer than %d characters", matrix.MaxIDLength)
	case svc != nil && !svc.wantsAlias(alias):
		return fail(http.StatusBadRequest, "M_EXCLUSIVE", "This application service has not reserved this kind of alias.")
	case s.exclusiveAlias(alias, svc):
		return fail(http.StatusBadRequest, "M_EXCLUSIVE", "This alias is reserved by an application service.")
	case strings.ContainsFunc(alias.Localpart(), unicode.IsSpace):
		return fail(http.StatusBadRequest, "M_UNKNOWN", "Invalid characters in room alias")
	case alias.Server() != s.o.ServerName:
		return fail(http.StatusBadRequest, "M_UNKNOWN", "Room alias must be local")
	}
	return nil
}

// alias is the one in the path. Its localpart ends at the first colon, so that one colon
// too many spoils the server name.
func (c *call) alias() (matrix.RoomAlias, *refusal) {
	a := matrix.RoomAlias(c.args[0])
	name, port, _ := strings.Cut(a.Server(), ":")
	if !strings.HasPrefix(string(a), "#") || name == "" || strings.ContainsFunc(port, func(r rune) bool { return r < '0' || r > '9' }) {
		return "", fail(http.StatusBadRequest, "M_INVALID_PARAM", "Room alias invalid")
	}
	return a, nil
}

func putAlias(c *call) (any, *refusal) {
	alias, r := c.alias()
	if r != nil {
		return nil, r
	}
	var in object
	if r := c.object(&in, false); r != nil {
		return nil, r
	}
	id, isText := in["room_id"].(string)
	if _, given := in["room_id"]; !given {
		return nil, fail(http.StatusBadRequest, "M_MISSING_PARAM", "1 validation error for PutBody")
	}
	rm := c.s.rooms[matrix.RoomID(id)]
	switch {
	case !isText:
		return nil, badJSON("1 validation error for PutBody")
	case rm == nil:
		return nil, fail(http.StatusBadRequest, "M_UNKNOWN", "Room does not exist")
	case c.svc == nil && !rm.joined[c.user]:
		return nil, forbidden("You must be in the room to create an alias for it")
	}
	if r := c.s.mayAlias(alias, c.svc); r != nil {
		return nil, r
	}
	if c.s.aliases[alias] != nil { // Synapse 409 with this very code
		return nil, fail(http.StatusConflict, "M_UNKNOWN", "Room alias %s already exists", alias)
	}
	c.s.aliases[alias] = &aliasEntry{rm, c.user}
	rm.aliases[alias] = true
	return object{}, nil
}

// deleteAlias lets an application service remove any alias of its namespace, also one that
// does not exist, without a look at the room.
func deleteAlias(c *call) (any, *refusal) {
	alias, r := c.alias()
	if r != nil {
		return nil, r
	}
	a := c.s.aliases[alias]
	switch {
	case c.svc != nil && !c.svc.wantsAlias(alias):
		return nil, fail(http.StatusBadRequest, "M_EXCLUSIVE", "This application service has not reserved this kind of alias")
	case c.svc != nil:
		if a != nil {
			c.s.removeAlias(alias)
		}
		return object{}, nil
	case a == nil:
		return nil, notFound("Unknown room alias")
	case a.creator != c.user:
		if may, r := c.s.moderates(a.room, c.user); r != nil {
			return nil, r
		} else if !may {
			return nil, forbidden("You don't have permission to delete the alias.")
		}
	}
	if c.s.exclusiveAlias(alias, nil) {
		return nil, fail(http.StatusBadRequest, "M_EXCLUSIVE", "This alias is reserved by an application service.")
	}
	c.s.removeAlias(alias)
	c.s.uncanonical(a.room, c.user, alias)
	return object{}, nil
}

func (s *Server) removeAlias(alias matrix.RoomAlias) {
	delete(s.aliases[alias].room.aliases, alias)
	delete(s.aliases, alias)
}

// uncanonical takes a removed alias out of the room's canonical ones, if the user may.
func (s *Server) uncanonical(rm *room, user matrix.UserID, alias matrix.RoomAlias) {
	old := rm.state[stateID{"m.room.canonical_alias", ""}]
	var content object
	if old == nil || json.Unmarshal(old.content, &content) != nil {
		return
	}
	changed := content["alias"] == string(alias)
	if changed {
		delete(content, "alias")
	}
	if alt, ok := content["alt_aliases"].([]any); ok {
		left := slices.DeleteFunc(slices.Clone(alt), func(v any) bool { return v == string(alias) })
		changed = changed || len(left) < len(alt)
		if content["alt_aliases"] = left; len(left) == 0 {
			delete(content, "alt_aliases")
		}
	}
	if !changed {
		return
	}
	raw, _ := json.Marshal(content) // came out of JSON
	key := ""
	if _, r := s.send(rm, draft{typ: "m.room.canonical_alias", sender: user, key: &key, content: raw}); r != nil {
		s.o.Log.Debug("canonical alias not changed", "room_id", rm.id, "user_id", user, "err", r)
	}
}

// moderates tells whether a user in the room could change its canonical alias: that is
// what Synapse asks of those who change the room's entry in the directory.
func (s *Server) moderates(rm *room, user matrix.UserID) (bool, *refusal) {
	if !rm.joined[user] {
		return false, unstable("NOT_JOINED", "User %s not in room %s", user, rm.id)
	}
	return rm.user(user) >= rm.needed("m.room.canonical_alias", true), nil
}

func getPublished(c *call) (any, *refusal) {
	rm := c.s.rooms[matrix.RoomID(c.args[0])]
	switch {
	case rm == nil:
		return nil, notFound("Unknown room")
	case rm.published:
		return object{"visibility": "public"}, nil
	}
	return object{"visibility": "private"}, nil
}

// putPublished publishes whatever a moderator wants to, as Synapse does when its
// configuration (room_list_publication_rules) allows that.
func putPublished(c *call) (any, *refusal) {
	in := object{"visibility": "public"}
	if r := c.object(&in, false); r != nil {
		return nil, r
	}
	if in["visibility"] != "public" && in["visibility"] != "private" {
		return nil, badJSON("1 validation error for PutBody")
	}
	rm := c.s.rooms[matrix.RoomID(c.args[0])]
	if rm == nil {
		return nil, fail(http.StatusBadRequest, "M_UNKNOWN", "Unknown room")
	}
	if may, r := c.s.moderates(rm, c.user); r != nil {
		return nil, r
	} else if !may {
		return nil, forbidden("This server requires you to be a moderator in the room to edit its room list entry")
	}
	rm.published = in["visibility"] == "public"
	return object{}, nil
}
