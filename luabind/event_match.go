package luabind

import (
	"encoding/json"
	"maps"

	"bridgehost/capability"
	"bridgehost/matrix"
)

// Filter is what bridge.on takes beside the event's name: which events a handler wants.
type Filter struct {
	MsgType  string        `lua:"msgtype,opt" doc:"messages of this type only, such as m.text"`
	Room     matrix.RoomID `lua:"room,opt" doc:"events of this room only"`
	Sender   matrix.UserID `lua:"sender,opt" doc:"events of this user only"`
	Own      bool          `lua:"own,opt" default:"false" doc:"also what the script's own users sent, and notices"`
	Parallel bool          `lua:"parallel,opt" default:"false" doc:"does not hold back the room's next event"`
}

// shortNames are the events that have one short name by their type alone.
var shortNames = map[string]string{
	"m.reaction": "reaction", "m.room.redaction": "redaction", "m.room.name": "room.name", "m.room.topic": "room.topic",
	"m.room.power_levels": "power_levels", "m.room.encrypted": "encrypted", "m.typing": "typing", "m.receipt": "receipt", "m.presence": "presence",
}

// otherNames are those that depend on more, or are no Matrix events.
var otherNames = []string{"message", "edit", "member", "invite", "join", "leave", QueryUserEvent, QueryAliasEvent, QueryProtocolEvent, QueryPeopleEvent, QueryPlacesEvent, "load", "unload", "config", "error"}

// ownTables are what handlers get of events that do not come from a room, as editors know it.
var ownTables = map[string]string{
	"load": "{ reloaded: boolean, from: integer? }", "unload": "table", ConfigEvent: "{ changed: string[] }",
	"error": "{ error: Error, during: string }", QueryUserEvent: "{ user_id: string }", QueryAliasEvent: "{ room_alias: string }",
	QueryProtocolEvent: "{ protocol: string }", QueryPeopleEvent: "{ protocol: string?, fields: table<string, string> }",
	QueryPlacesEvent: "{ protocol: string?, fields: table<string, string> }",
}

// OwnTables are the events whose handlers get a table of their own, and its type.
func OwnTables() map[string]string { return maps.Clone(ownTables) }

// KnownEvent tells whether name is a short name of an event; Matrix types are all allowed (they hold a dot).
func KnownEvent(name string) bool {
	for _, known := range EventNames() {
		if name == known {
			return true
		}
	}
	return false
}

// EventNames lists the short names, for suggestions.
func EventNames() []string {
	names := append([]string(nil), otherNames...)
	for _, name := range shortNames {
		names = append(names, name)
	}
	return names
}

// Names are those under which handlers hear of the event: its type, and its short names.
func (s *Script) Names(e *Event) []string {
	names := []string{e.Type}
	switch {
	case e.Type == "m.room.message" && e.IsEdit():
		names = append(names, "edit")
	case e.Type == "m.room.message":
		names = append(names, "message")
	case e.Type == "m.room.member" && e.StateKey != nil:
		names = append(names, "member")
		if name := s.membershipName(e); name != "" {
			names = append(names, name)
		}
	case shortNames[e.Type] != "":
		names = append(names, shortNames[e.Type])
	}
	return names
}

// membershipName is "invite" for invitations of the script's own users, "join" for those who were
// not in the room before (a changed profile is no join, SS-6), "leave" for those who were.
func (s *Script) membershipName(e *Event) string {
	before := previousMembership(e)
	switch now := e.content().Membership; {
	case now == "invite" && s.Owns(matrix.UserID(*e.StateKey)):
		return "invite"
	case now == "join" && before != "join":
		return "join"
	case (now == "leave" || now == "ban") && (before == "join" || before == ""):
		return "leave"
	}
	return ""
}

func previousMembership(e *Event) string {
	type content struct {
		Membership string `json:"membership"`
	}
	var u struct {
		Prev content `json:"prev_content"`
	}
	if len(e.Unsigned) > 0 && json.Unmarshal(e.Unsigned, &u) == nil && u.Prev.Membership != "" {
		return u.Prev.Membership
	}
	// Some servers put it beside the content.
	var top struct {
		Prev content `json:"prev_content"`
	}
	if len(e.Raw) > 0 && json.Unmarshal(e.Raw, &top) == nil {
		return top.Prev.Membership
	}
	return ""
}

// IsOwn tells whether the event was sent by the script itself: by one of its users, or
// by a double puppet of ours, which marks its events.
func (s *Script) IsOwn(e *Event) bool {
	return s.Owns(e.Sender) || s.BridgeName != "" && e.content().PuppetSource == s.BridgeName
}

// Wants tells whether a handler registered for name with filter f is for the event. names are its Names.
func (s *Script) Wants(name string, f *Filter, e *Event, names []string) bool {
	known := false
	if !s.Grants().Allows(capability.MatrixRead, e.Type) {
		return false // it was taken back while the handler was there
	}
	for _, n := range names {
		known = known || n == name
	}
	if !known {
		return false
	}
	if f == nil {
		f = &Filter{}
	}
	msgtype := e.shown().MsgType
	switch {
	case !f.Own && s.IsOwn(e):
		return false
	case !f.Own && name == "message" && msgtype == "m.notice" && f.MsgType != "m.notice":
		return false // the bots' way of saying that no bot should answer
	case f.MsgType != "" && f.MsgType != msgtype:
		return false
	case f.Room != "" && f.Room != e.RoomID:
		return false
	case f.Sender != "" && f.Sender != e.Sender:
		return false
	}
	return true
}
