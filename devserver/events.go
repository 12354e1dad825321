package devserver

import (
	"encoding/json"
	"net/http"

	"bridgehost/matrix"
)

// known finds the room of a send; Synapse's answer to an unknown one is 403.
func (c *call) known() (*room, *refusal) {
	if rm := c.s.rooms[matrix.RoomID(c.args[0])]; rm != nil {
		return rm, nil
	}
	return nil, forbidden("User %s not in room %s (None)", c.user, c.args[0])
}

// draft reads body and ts of a send.
func (c *call) draft(typ string) (draft, *refusal) {
	var content json.RawMessage
	if r := c.object(&content, false); r != nil {
		return draft{}, r
	}
	ts, r := c.ts()
	return draft{typ: typ, sender: c.user, content: content, ts: ts}, r
}

func sendMessage(c *call) (any, *refusal) {
	return c.once(func() (any, *refusal) {
		d, r := c.draft(c.args[1])
		if r != nil {
			return nil, r
		}
		if d.typ == "m.room.redaction" {
			var in struct{ Redacts matrix.EventID }
			_ = json.Unmarshal(d.content, &in) // not a string: redacts nothing
			d.redacts = in.Redacts
		}
		if out, r, asked := c.later(d); asked {
			return out, r
		}
		rm, r := c.known()
		if r != nil {
			return nil, r
		}
		return eventID(c.s.send(rm, d))
	})
}

func eventID(e *event, r *refusal) (any, *refusal) {
	if r != nil {
		return nil, r
	}
	return json.RawMessage(append(appendString([]byte(`{"event_id":`), string(e.id)), '}')), nil
}

func redact(c *call) (any, *refusal) {
	return c.once(func() (any, *refusal) {
		d, r := c.draft("m.room.redaction")
		if r != nil {
			return nil, r
		}
		d.ts = 0 // Synapse heeds none here
		rm := c.s.rooms[matrix.RoomID(c.args[0])]
		if rm == nil {
			return nil, notFound("Could not find room version for %s", c.args[0])
		}
		var in struct{ Redacts *string }
		if rm.version >= 11 && json.Unmarshal(d.content, &in) == nil && in.Redacts != nil && *in.Redacts != c.args[1] {
			return nil, fail(http.StatusBadRequest, "M_INVALID_PARAM", "Cannot provide a redacts value incoherent with the event_id of the URL parameter")
		}
		return eventID(c.s.sendRedaction(rm, d, matrix.EventID(c.args[1])))
	})
}

// sendRedaction puts the target where the room's version wants it.
func (s *Server) sendRedaction(rm *room, d draft, target matrix.EventID) (*event, *refusal) {
	d.redacts = target
	if rm.version >= 11 {
		var m object
		if json.Unmarshal(d.content, &m) == nil && m != nil {
			m["redacts"] = target
			d.content, _ = json.Marshal(m) // came out of JSON
		}
	}
	return s.send(rm, d)
}

// putState is any state event; membership goes by its own rules.
func putState(c *call) (any, *refusal) {
	d, r := c.draft(c.args[1])
	if r != nil {
		return nil, r
	}
	key := ""
	if len(c.args) == 3 {
		key = c.args[2]
	}
	d.key = &key
	if out, r, asked := c.later(d); asked {
		return out, r
	}
	rm, r := c.known()
	if r != nil {
		return nil, r
	}
	return eventID(c.s.sendState(rm, d))
}

// sendState sends a state event of any type. s.mu is held.
func (s *Server) sendState(rm *room, d draft) (*event, *refusal) {
	if d.typ != "m.room.member" {
		if d.typ == "m.room.canonical_alias" {
			if r := s.checkCanonical(rm, d.content); r != nil {
				return nil, r
			}
		}
		return s.send(rm, d)
	}
	var content object
	if json.Unmarshal(d.content, &content) != nil {
		return nil, badJSON("Content must be a JSON object.")
	}
	action, ok := content["membership"].(string)
	if !ok {
		return nil, fail(http.StatusBadRequest, "M_UNKNOWN", "Invalid membership (must be a string)")
	}
	if action == "join" && s.faults.ForbidJoin {
		return nil, forbidden("You are not allowed to join this room (fault)")
	}
	return s.change(rm, change{action: action, sender: d.sender, target: matrix.UserID(*d.key), extra: content, ts: d.ts})
}

// checkCanonical refuses aliases that do not lead to the room.
func (s *Server) checkCanonical(rm *room, content json.RawMessage) *refusal {
	var in struct {
		Alias matrix.RoomAlias
		Alt   []matrix.RoomAlias `json:"alt_aliases"`
	}
	if json.Unmarshal(content, &in) != nil {
		return badJSON("The alt_aliases property must be a list.")
	}
	if in.Alias != "" {
		in.Alt = append(in.Alt, in.Alias)
	}
	for _, a := range in.Alt {
		if e := s.aliases[a]; e == nil || e.room != rm {
			return fail(http.StatusBadRequest, "M_BAD_ALIAS", "Room alias %s does not point to the room", a)
		}
	}
	return nil
}

func allState(c *call) (any, *refusal) {
	rm, r := c.readable()
	if r != nil {
		return nil, r
	}
	out := []json.RawMessage{}
	for _, e := range rm.stateFor(c.user).inOrder() {
		out = append(out, c.s.wire(e))
	}
	return out, nil
}

func getState(c *call) (any, *refusal) {
	rm, r := c.readable()
	if r != nil {
		return nil, r
	}
	key := ""
	if len(c.args) == 3 {
		key = c.args[2]
	}
	e := rm.stateFor(c.user)[stateID{c.args[1], key}]
	if e == nil {
		return nil, notFound("Event not found.")
	}
	if c.r.URL.Query().Get("format") == "event" {
		return c.s.wire(e), nil
	}
	return e.content, nil
}

func getEvent(c *call) (any, *refusal) {
	rm, r := c.readable()
	if r != nil {
		return nil, notFound("Event not found.")
	}
	e := rm.byID[matrix.EventID(c.args[1])]
	if e == nil {
		return nil, notFound("Event not found.")
	}
	return c.shown(e), nil
}
