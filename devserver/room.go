package devserver

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"bridgehost/matrix"
)

// stateID names one piece of a room's state.
type stateID struct{ Type, Key string }

// room is a room with its whole history. Guarded by Server.mu.
type room struct {
	id         matrix.RoomID
	version    int
	creator    matrix.UserID
	creators   []matrix.UserID // additional ones, room version 12
	creators12 bool
	state      snapshot
	timeline   []*event
	byID       map[matrix.EventID]*event
	related    map[matrix.EventID][]*event // what is about an event, and was not redacted
	levels     levels
	joined     map[matrix.UserID]bool
	typing     map[matrix.UserID]int // value: which call made it, so that an old timeout is known
	typingNo   int
	published  bool // in the directory of rooms
	forgotten  map[matrix.UserID]bool
	read       map[matrix.UserID]matrix.EventID
	serviceIn  map[*service]int // how many joined users each service has here
	aliases    map[matrix.RoomAlias]bool
	all        map[matrix.RoomID]*room // the server's, for restricted joins

	inviteState json.RawMessage // while an invite is stored
}

// draft is an event that somebody wants to send.
type draft struct {
	typ     string
	sender  matrix.UserID
	key     *string
	content json.RawMessage
	redacts matrix.EventID
	ts      int64 // 0: now
}

func (s *Server) newRoom(id matrix.RoomID, version int, creator matrix.UserID) *room {
	return &room{
		id: id, all: s.rooms, version: version, creator: creator, creators12: version >= 12,
		state: snapshot{}, byID: map[matrix.EventID]*event{}, related: map[matrix.EventID][]*event{}, joined: map[matrix.UserID]bool{},
		typing: map[matrix.UserID]int{}, forgotten: map[matrix.UserID]bool{}, read: map[matrix.UserID]matrix.EventID{}, serviceIn: map[*service]int{}, aliases: map[matrix.RoomAlias]bool{},
	}
}

func (rm *room) isCreator(u matrix.UserID) bool {
	return u == rm.creator || slices.Contains(rm.creators, u)
}

// membership is "" for somebody the room has never seen.
func (rm *room) membership(u matrix.UserID) string {
	if e := rm.state[stateID{"m.room.member", string(u)}]; e != nil {
		return e.membership
	}
	return ""
}

// stateString is a string of a state event's content, or def.
func (rm *room) stateString(typ, field, def string) string {
	e := rm.state[stateID{typ, ""}]
	if e == nil {
		return def
	}
	return stringOf(e.content, field, def)
}

// stringOf is a string of a content, or def.
func stringOf(content json.RawMessage, field, def string) string {
	var m map[string]any
	if json.Unmarshal(content, &m) == nil {
		if v, ok := m[field].(string); ok {
			return v
		}
	}
	return def
}

// send authorises an event and appends it. s.mu is held.
func (s *Server) send(rm *room, d draft) (*event, *refusal) {
	content, r := checkContent(d.content)
	if r != nil {
		return nil, r
	}
	d.content = content
	if r := validate(d); r != nil {
		return nil, r
	}
	if r := s.checkRelation(rm, d); r != nil {
		return nil, r
	}
	if r := rm.authorize(d); r != nil {
		return nil, r
	}
	if d.typ == "m.room.redaction" {
		if r := s.checkRedaction(rm, d); r != nil {
			return nil, r
		}
	}
	if d.key != nil {
		if old := rm.state[stateID{d.typ, *d.key}]; old != nil && old.sender == d.sender && sameContent(old.content, d.content) {
			return old, nil // Synapse answers with the event that says so already
		}
	}
	return s.store(rm, d)
}

// authorize is for everything but membership events.
func (rm *room) authorize(d draft) *refusal {
	if d.typ == "m.room.create" {
		return forbidden("Changing the room create event is forbidden")
	}
	if m := rm.membership(d.sender); m != "join" {
		return forbidden("User %s not in room %s (None)", d.sender, rm.id)
	}
	own, need := rm.user(d.sender), rm.needed(d.typ, d.key != nil)
	if own < need {
		return unstable("INSUFFICIENT_POWER", "You don't have permission to post that to the room. user_level (%d) < send_level (%d)", own, need)
	}
	if d.key != nil && strings.HasPrefix(*d.key, "@") && *d.key != string(d.sender) {
		return forbidden("You are not allowed to set others state")
	}
	switch d.typ {
	case "m.room.power_levels":
		next, r := parseLevels(d.content, true)
		if r != nil {
			return r
		}
		return rm.checkLevels(d.sender, next)
	}
	return nil
}

// checkRedaction refuses to take back what may not be, and what the sender may not take
// back. s.mu is held.
func (s *Server) checkRedaction(rm *room, d draft) *refusal {
	target := rm.byID[d.redacts]
	if target == nil {
		for _, other := range s.rooms {
			if other.byID[d.redacts] != nil {
				return fail(http.StatusBadRequest, "M_UNKNOWN", "Cannot redact event from a different room")
			}
		}
	} else if target.typ == "m.room.create" {
		return forbidden("Redacting create events is not permitted")
	} else if target.typ == "m.room.server_acl" {
		return forbidden("Redacting server ACL events is not permitted")
	}
	switch {
	case rm.user(d.sender) >= rm.levels.name("redact", 50):
		return nil
	case target == nil:
		return notFound("Could not find event %s", d.redacts)
	case target.sender != d.sender:
		return forbidden("You don't have permission to redact events")
	}
	return nil
}

// store appends an authorised event, updates what follows from it and queues it for
// those who are interested. s.mu is held; d.content is compact.
func (s *Server) store(rm *room, d draft) (*event, *refusal) {
	s.stored++
	e := &event{
		room: rm, index: len(rm.timeline), seq: s.stored, id: s.eventID(rm), typ: d.typ, sender: d.sender, key: d.key,
		ts: d.ts, content: d.content, redacts: d.redacts, stripped: rm.inviteState,
	}
	if e.ts == 0 {
		e.ts = s.now()
	}
	if r := checkSize(e); r != nil {
		return nil, r
	}
	rm.timeline = append(rm.timeline, e)
	rm.byID[e.id] = e
	rm.relate(e)
	if e.key != nil {
		s.setState(rm, e)
	}
	if e.typ == "m.room.redaction" {
		s.redact(rm, e)
	}
	s.queue(e)
	if len(s.subs) > 0 {
		out := s.export(e)
		for sub := range s.subs {
			sub.put(out)
		}
	}
	s.notify()
	return e, nil
}

func checkSize(e *event) *refusal {
	for name, v := range map[string]string{"type": e.typ, "sender": string(e.sender)} {
		if len(v) > 255 {
			return fail(http.StatusRequestEntityTooLarge, "M_TOO_LARGE", "'%s' too large", name)
		}
	}
	if e.key != nil && len(*e.key) > 255 {
		return fail(http.StatusRequestEntityTooLarge, "M_TOO_LARGE", "'state_key' too large")
	}
	if len(e.content) > maxEventBytes-1000 && len(e.appendBody(nil))+1 > maxEventBytes {
		return fail(http.StatusRequestEntityTooLarge, "M_TOO_LARGE", "event too large")
	}
	return nil
}

func (s *Server) setState(rm *room, e *event) {
	id := stateID{e.typ, *e.key}
	if old := rm.state[id]; old != nil {
		e.prev, e.prevBody = old, old.content
	}
	rm.state[id] = e
	s.dropDelayed(e)
	switch {
	case e.typ == "m.room.power_levels" && *e.key == "":
		rm.levels, _ = parseLevels(e.content, false) // was checked when it was authorised
	case e.typ == "m.room.member":
		s.setMember(rm, e)
	}
}

func (s *Server) setMember(rm *room, e *event) {
	var m struct{ Membership string }
	_ = json.Unmarshal(e.content, &m) // the membership calls made it
	e.membership = m.Membership
	user := matrix.UserID(*e.key)
	was, is := rm.joined[user], m.Membership == "join"
	if was == is {
		return
	}
	diff := 1
	if is {
		rm.joined[user] = true
		delete(rm.forgotten, user)
	} else {
		delete(rm.joined, user)
		delete(rm.typing, user)
		diff = -1
	}
	if s.local(user) {
		if a := s.account(user); is {
			a.joined[rm.id] = rm
		} else {
			delete(a.joined, rm.id)
		}
	}
	for _, svc := range s.services {
		if s.local(user) && svc.wantsUser(user) {
			rm.serviceIn[svc] += diff
		}
	}
}

func (s *Server) redact(rm *room, e *event) {
	target := rm.byID[e.redacts]
	if target == nil || target.redactedBy != nil {
		return
	}
	target.content = kept(target.typ, target.content)
	target.redactedBy = e
	rm.unrelate(target)
	if target.key != nil && target.typ == "m.room.power_levels" && rm.state[stateID{target.typ, *target.key}] == target {
		rm.levels, _ = parseLevels(target.content, false)
	}
}

// stripped is the state that an invited user is shown.
func (s *Server) strippedState(rm *room, inviter matrix.UserID) json.RawMessage {
	type small struct {
		Type    string          `json:"type"`
		Key     string          `json:"state_key"`
		Sender  matrix.UserID   `json:"sender"`
		Content json.RawMessage `json:"content"`
	}
	out := []small{}
	for _, id := range []stateID{
		{"m.room.create", ""}, {"m.room.join_rules", ""}, {"m.room.canonical_alias", ""}, {"m.room.avatar", ""},
		{"m.room.encryption", ""}, {"m.room.name", ""}, {"m.room.topic", ""}, {"m.room.member", string(inviter)},
	} {
		if e := rm.state[id]; e != nil {
			out = append(out, small{e.typ, *e.key, e.sender, e.content})
		}
	}
	b, _ := json.Marshal(out) // made of valid JSON
	return b
}

func parseVersion(v string) (int, *refusal) {
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > 12 {
		return 0, fail(400, "M_UNSUPPORTED_ROOM_VERSION", "Your homeserver does not support this room version")
	}
	return n, nil
}
