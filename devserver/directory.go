package devserver

import (
	"net/http"
	"strings"

	"bridgehost/matrix"
)

func getAlias(c *call) (any, *refusal) {
	if _, err := matrix.ParseRoomAlias(c.args[0]); err != nil {
		return nil, fail(http.StatusBadRequest, "M_INVALID_PARAM", "Room alias invalid")
	}
	a := c.s.aliases[matrix.RoomAlias(c.args[0])]
	if a == nil {
		return nil, notFound("Room alias %s not found", c.args[0])
	}
	return object{"room_id": a.room.id, "servers": []string{c.s.o.ServerName}}, nil
}

// mayAlias keeps application services in their namespace and others out of it. s.mu is held.
func (s *Server) mayAlias(alias matrix.RoomAlias, svc *service) *refusal {
	if _, err := matrix.ParseRoomAlias(string(alias)); err != nil {
		return fail(http.StatusBadRequest, "M_INVALID_PARAM", "Room alias invalid")
	}
	switch {
	case strings.ContainsAny(alias.Localpart(), " \t\r\n"):
		return fail(http.StatusBadRequest, "M_UNKNOWN", "Invalid characters in room alias")
	case alias.Server() != s.o.ServerName:
		return fail(http.StatusBadRequest, "M_UNKNOWN", "Room alias must be local")
	case svc != nil && !svc.wantsAlias(alias):
		return fail(http.StatusBadRequest, "M_EXCLUSIVE", "This application service has not reserved this kind of alias.")
	case s.exclusiveAlias(alias, svc):
		return fail(http.StatusBadRequest, "M_EXCLUSIVE", "This alias is reserved by an application service.")
	}
	return nil
}

func putAlias(c *call) (any, *refusal) {
	var in struct {
		RoomID matrix.RoomID `json:"room_id"`
	}
	if r := c.object(&in, false); r != nil {
		return nil, r
	}
	alias := matrix.RoomAlias(c.args[0])
	if r := c.s.mayAlias(alias, c.svc); r != nil {
		return nil, r
	}
	rm := c.s.rooms[in.RoomID]
	switch {
	case rm == nil:
		return nil, fail(http.StatusBadRequest, "M_UNKNOWN", "Room does not exist")
	case c.svc == nil && !rm.joined[c.user]:
		return nil, forbidden("You must be in the room to create an alias for it")
	case c.s.aliases[alias] != nil: // Synapse 409 with this very code
		return nil, fail(http.StatusConflict, "M_UNKNOWN", "Room alias %s already exists", alias)
	}
	c.s.aliases[alias] = &aliasEntry{rm, c.user}
	rm.aliases[alias] = true
	return object{}, nil
}

func deleteAlias(c *call) (any, *refusal) {
	alias := matrix.RoomAlias(c.args[0])
	if c.svc != nil && !c.svc.wantsAlias(alias) {
		return nil, fail(http.StatusBadRequest, "M_EXCLUSIVE", "This application service has not reserved this kind of alias")
	}
	a := c.s.aliases[alias]
	switch {
	case a == nil:
		return nil, notFound("Unknown room alias")
	case c.svc == nil && a.creator != c.user && a.room.user(c.user) < a.room.needed("m.room.canonical_alias", true):
		return nil, forbidden("You don't have permission to delete the alias.")
	}
	delete(c.s.aliases, alias)
	delete(a.room.aliases, alias)
	return object{}, nil
}
