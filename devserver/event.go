package devserver

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"strconv"

	"bridgehost/matrix"
)

// maxEventBytes is the specification's limit of an event.
const maxEventBytes = 65536

// event is one stored event. What a redaction changes is changed with s.mu held.
type event struct {
	room       *room
	index      int // in the room's timeline
	seq        int // among all events of the server
	id         matrix.EventID
	typ        string
	sender     matrix.UserID
	key        *string
	ts         int64
	content    json.RawMessage
	redacts    matrix.EventID
	membership string // of m.room.member
	prev       *event // the state event that it replaced
	prevBody   json.RawMessage
	stripped   json.RawMessage // invite_room_state, of invites
	redactedBy *event
	relates    *relation // nil when it is about no other event, and once it was redacted
}

// eventID makes an id as the room's version has them: with the server's name at first,
// then a hash, which holds "/" and "+" in version 3 alone.
func (s *Server) eventID(rm *room) matrix.EventID {
	switch {
	case rm.version < 3:
		return matrix.EventID("$" + randomID(13) + ":" + s.o.ServerName)
	case rm.version == 3:
		b := make([]byte, 32)
		rand.Read(b)
		return matrix.EventID("$" + base64.RawStdEncoding.EncodeToString(b))
	}
	return matrix.EventID("$" + randomID(32))
}

func randomID(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b)
}

// appendWire appends the event as clients and application services get it.
func (e *event) appendWire(b []byte, now int64) []byte {
	b = e.appendBody(b)
	b = append(b, `,"unsigned":{"age":`...)
	b = strconv.AppendInt(b, now-e.ts, 10)
	if e.prev != nil {
		b = append(b, `,"replaces_state":`...)
		b = appendString(b, string(e.prev.id))
		b = append(b, `,"prev_sender":`...)
		b = appendString(b, string(e.prev.sender))
		b = append(b, `,"prev_content":`...)
		b = append(b, e.prevBody...)
	}
	if e.stripped != nil {
		b = append(b, `,"invite_room_state":`...)
		b = append(b, e.stripped...)
	}
	if e.redactedBy != nil {
		b = append(b, `,"redacted_by":`...)
		b = appendString(b, string(e.redactedBy.id))
		b = append(b, `,"redacted_because":`...)
		b = append(e.redactedBy.appendBody(b), '}')
	}
	return append(b, '}', '}')
}

// appendBody appends all but unsigned and the closing bracket.
func (e *event) appendBody(b []byte) []byte {
	b = append(b, `{"type":`...)
	b = appendString(b, e.typ)
	b = append(b, `,"room_id":`...)
	b = appendString(b, string(e.room.id))
	b = append(b, `,"sender":`...)
	b = appendString(b, string(e.sender))
	b = append(b, `,"event_id":`...)
	b = appendString(b, string(e.id))
	b = append(b, `,"origin_server_ts":`...)
	b = strconv.AppendInt(b, e.ts, 10)
	if e.key != nil {
		b = append(b, `,"state_key":`...)
		b = appendString(b, *e.key)
	}
	if e.redacts != "" {
		b = append(b, `,"redacts":`...)
		b = appendString(b, string(e.redacts))
	}
	b = append(b, `,"content":`...)
	return append(b, e.content...)
}

func appendString(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			enc, _ := json.Marshal(s) // a string always encodes
			return append(b, enc...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

func (s *Server) wire(e *event) json.RawMessage { return e.appendWire(nil, s.now()) }

// export copies an event for the outside.
func (s *Server) export(e *event) Event {
	raw := s.wire(e)
	out := Event{
		Type: e.typ, RoomID: e.room.id, Sender: e.sender, EventID: e.id, OriginServerTS: e.ts,
		Redacts: e.redacts, Content: bytes.Clone(e.content), Raw: raw,
	}
	if e.key != nil {
		key := *e.key
		out.StateKey = &key
	}
	if _, unsigned, ok := bytes.Cut(raw, []byte(`,"unsigned":`)); ok && json.Valid(unsigned[:len(unsigned)-1]) {
		out.Unsigned = unsigned[:len(unsigned)-1]
	}
	return out
}

// checkContent refuses what canonical JSON cannot hold, and makes the content compact.
func checkContent(raw json.RawMessage) (json.RawMessage, *refusal) {
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return nil, fail(400, "M_NOT_JSON", "Content not JSON.")
	}
	out := b.Bytes()
	if len(out) == 0 || out[0] != '{' {
		return nil, badJSON("Content must be a JSON object.")
	}
	for i := 0; i < len(out); i++ {
		switch c := out[i]; {
		case c == '"':
			for i++; out[i] != '"'; i++ {
				if out[i] == '\\' {
					i++
				}
			}
		case c == '-' || c >= '0' && c <= '9':
			start := i
			for i+1 < len(out) && bytes.IndexByte([]byte("+-.eE0123456789"), out[i+1]) >= 0 {
				i++
			}
			if bytes.ContainsAny(out[start:i+1], ".eE") {
				return nil, badJSON("Bad JSON value: float")
			}
			if n, err := strconv.ParseInt(string(out[start:i+1]), 10, 64); err != nil || n > 1<<53-1 || n < -(1<<53-1) {
				return nil, badJSON("JSON integer out of range")
			}
		}
	}
	return out, nil
}

// sameContent compares two contents as canonical JSON.
func sameContent(a, b json.RawMessage) bool {
	if bytes.Equal(a, b) {
		return true
	}
	return bytes.Equal(canonical(a), canonical(b))
}

func canonical(raw json.RawMessage) []byte {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return raw
	}
	out, err := json.Marshal(v)
	if err != nil {
		return raw
	}
	return out
}

// kept is what a redaction leaves of a content (room version 10 and 11).
func kept(typ string, content json.RawMessage) json.RawMessage {
	var keep []string
	switch typ {
	case "m.room.member":
		keep = []string{"membership", "join_authorised_via_users_server"}
	case "m.room.create":
		return content
	case "m.room.join_rules":
		keep = []string{"join_rule", "allow"}
	case "m.room.history_visibility":
		keep = []string{"history_visibility"}
	case "m.room.power_levels":
		keep = []string{"ban", "events", "events_default", "invite", "kick", "redact", "state_default", "users", "users_default"}
	}
	var old map[string]json.RawMessage
	if json.Unmarshal(content, &old) != nil {
		return json.RawMessage("{}")
	}
	out := map[string]json.RawMessage{}
	for _, k := range keep {
		if v, ok := old[k]; ok {
			out[k] = v
		}
	}
	b, _ := json.Marshal(out) // made of valid JSON
	return b
}
