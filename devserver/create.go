package devserver

import (
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
	"strings"

	"bridgehost/matrix"
)

// RoomOptions is the body of createRoom; the fields are the specification's.
type RoomOptions struct {
	Preset       string          `json:"preset,omitempty"`
	Visibility   string          `json:"visibility,omitempty"`
	Name         string          `json:"name,omitempty"`
	Topic        string          `json:"topic,omitempty"`
	Alias        string          `json:"room_alias_name,omitempty"` // localpart
	Invite       []matrix.UserID `json:"invite,omitempty"`
	IsDirect     bool            `json:"is_direct,omitempty"`
	RoomVersion  string          `json:"room_version,omitempty"`
	Creation     map[string]any  `json:"creation_content,omitempty"`
	InitialState []InitialState  `json:"initial_state,omitempty"`
	PowerLevels  map[string]any  `json:"power_level_content_override,omitempty"`
}

// InitialState is a state event that a new room begins with.
type InitialState struct {
	Type     string          `json:"type"`
	StateKey string          `json:"state_key"`
	Content  json.RawMessage `json:"content"`
}

// presets are join rule and whether the invited get power.
var presets = map[string]struct {
	joinRule string
	ops      bool
	invite   int
	guests   bool
}{
	"private_chat":         {"invite", false, 0, true},
	"trusted_private_chat": {"invite", true, 0, true},
	"public_chat":          {"public", false, 50, false},
}

func createRoom(c *call) (any, *refusal) {
	var o RoomOptions
	if r := c.object(&o, false); r != nil {
		return nil, r
	}
	rm, r := c.s.createRoom(c.user, c.svc, o)
	if r != nil {
		return nil, r
	}
	return object{"room_id": rm.id}, nil
}

// createRoom checks all that can be wrong before the room exists. s.mu is held.
func (s *Server) createRoom(creator matrix.UserID, svc *service, o RoomOptions) (*room, *refusal) {
	if o.Preset == "" {
		o.Preset = "private_chat"
		if o.Visibility == "public" {
			o.Preset = "public_chat"
		}
	}
	if _, ok := presets[o.Preset]; !ok {
		return nil, badJSON("'%s' is not a valid preset", o.Preset)
	}
	if o.RoomVersion == "" {
		o.RoomVersion = s.o.RoomVersion
	}
	version, r := parseVersion(o.RoomVersion)
	if r != nil {
		return nil, r
	}
	for _, u := range o.Invite {
		if _, err := matrix.ParseUserID(string(u)); err != nil {
			return nil, fail(http.StatusBadRequest, "M_UNKNOWN", "Invalid user_id: %s", u)
		}
	}
	var alias matrix.RoomAlias
	if o.Alias != "" {
		alias = matrix.RoomAlias("#" + o.Alias + ":" + s.o.ServerName)
		if strings.Contains(o.Alias, ":") {
			return nil, fail(http.StatusBadRequest, "M_UNKNOWN", "':' is not permitted in the room alias name. Please note this expects a local part — 'wombat', not '#wombat:example.com'.")
		}
		if s.aliases[alias] != nil {
			return nil, fail(http.StatusBadRequest, "M_ROOM_IN_USE", "Room alias already taken")
		}
		if r := s.mayAlias(alias, svc); r != nil {
			return nil, r
		}
	}
	if users, named := o.PowerLevels["users"].(map[string]any); named && version < 12 && users[string(creator)] == nil {
		return nil, fail(http.StatusBadRequest, "M_UNKNOWN", "Not a valid power_level_content_override: 'users' did not contain %s", creator)
	}
	for _, st := range o.InitialState {
		if st.Type == "" || st.Content == nil {
			return nil, fail(http.StatusInternalServerError, "M_UNKNOWN", "Internal server error")
		}
		if _, r := checkContent(st.Content); r != nil {
			return nil, r
		}
	}
	id := matrix.RoomID("!" + randomID(13) + ":" + s.o.ServerName)
	if version >= 12 {
		id = matrix.RoomID("!" + randomID(32))
	}
	rm := s.newRoom(id, version, creator)
	levels, r := s.firstLevels(rm, o)
	if r != nil {
		return nil, r
	}
	rm.published = o.Visibility == "public"
	s.rooms[id] = rm
	if alias != "" {
		s.aliases[alias] = &aliasEntry{rm, creator}
		rm.aliases[alias] = true
	}
	if r := s.fill(rm, o, levels, alias); r != nil {
		return nil, r
	}
	return rm, nil
}

// firstLevels are Synapse's, changed by preset and override.
func (s *Server) firstLevels(rm *room, o RoomOptions) (json.RawMessage, *refusal) {
	preset, users, tombstone := presets[o.Preset], object{}, 100
	if rm.creators12 {
		tombstone = 150
		if extra, given := o.Creation["additional_creators"]; given {
			list, ok := extra.([]any)
			if !ok {
				return nil, fail(http.StatusBadRequest, "M_FORBIDDEN", "additional_creators must be an array")
			}
			for _, u := range list {
				id, _ := u.(string)
				if _, err := matrix.ParseUserID(id); err != nil {
					return nil, fail(http.StatusBadRequest, "M_FORBIDDEN", "entry in additional_creators is not a valid user ID")
				}
				rm.creators = append(rm.creators, matrix.UserID(id))
			}
		}
		if preset.ops {
			rm.creators = append(rm.creators, o.Invite...)
		}
	} else {
		users[string(rm.creator)] = 100
		for _, u := range o.Invite {
			if preset.ops {
				users[string(u)] = 100
			}
		}
	}
	events := object{
		"m.room.name": 50, "m.room.power_levels": 100, "m.room.history_visibility": 100, "m.room.canonical_alias": 50,
		"m.room.avatar": 50, "m.room.tombstone": tombstone, "m.room.server_acl": 100, "m.room.encryption": 100,
	}
	if o.Preset == "public_chat" {
		events["m.call.invite"] = 50
	}
	content := object{
		"users": users, "users_default": 0, "events_default": 0, "state_default": 50,
		"ban": 50, "kick": 50, "redact": 50, "invite": preset.invite, "historical": 100,
		"events": events,
	}
	maps.Copy(content, o.PowerLevels)
	raw, err := json.Marshal(content)
	if err != nil {
		return nil, badJSON("Bad JSON value: %v", err)
	}
	for _, st := range o.InitialState {
		if st.Type == "m.room.power_levels" && st.StateKey == "" {
			raw = st.Content
		}
	}
	l, r := parseLevels(raw, true)
	if r == nil {
		r = rm.checkLevels(rm.creator, l)
	}
	return raw, r
}

// fill sends a new room's first events, in Synapse's order.
func (s *Server) fill(rm *room, o RoomOptions, levels json.RawMessage, alias matrix.RoomAlias) *refusal {
	create := object{}
	maps.Copy(create, o.Creation)
	create["room_version"] = strconv.Itoa(rm.version)
	if rm.version < 11 {
		create["creator"] = rm.creator
	}
	if len(rm.creators) > 0 {
		create["additional_creators"] = rm.creators
	}
	preset := presets[o.Preset]
	given := map[string]bool{}
	for _, st := range o.InitialState {
		given[st.Type] = st.StateKey == "" || given[st.Type]
	}
	put := func(typ, key string, content any) *refusal {
		raw, ok := content.(json.RawMessage)
		if !ok {
			raw, _ = json.Marshal(content) // came out of JSON, or is strings
		}
		raw, r := checkContent(raw)
		d := draft{typ: typ, sender: rm.creator, key: &key, content: raw}
		switch {
		case r != nil:
		case !rm.levels.set: // the first three events make the levels
			_, r = s.store(rm, d)
		default:
			_, r = s.sendState(rm, d)
		}
		return r
	}
	if r := put("m.room.create", "", create); r != nil {
		return r
	}
	if r := put("m.room.member", string(rm.creator), s.memberContent(rm, change{target: rm.creator}, "join")); r != nil {
		return r
	}
	if r := put("m.room.power_levels", "", levels); r != nil {
		return r
	}
	if alias != "" && !given["m.room.canonical_alias"] {
		if r := put("m.room.canonical_alias", "", object{"alias": alias}); r != nil {
			return r
		}
	}
	for _, d := range []struct {
		typ, field, value string
		skip              bool
	}{
		{"m.room.join_rules", "join_rule", preset.joinRule, false},
		{"m.room.history_visibility", "history_visibility", "shared", false},
		{"m.room.guest_access", "guest_access", "can_join", !preset.guests},
	} {
		if !d.skip && !given[d.typ] {
			if r := put(d.typ, "", object{d.field: d.value}); r != nil {
				return r
			}
		}
	}
	for _, st := range o.InitialState {
		if st.Type == "m.room.power_levels" && st.StateKey == "" {
			continue // was taken above
		}
		if r := put(st.Type, st.StateKey, st.Content); r != nil {
			return r
		}
	}
	return s.finishRoom(rm, o, put)
}

func (s *Server) finishRoom(rm *room, o RoomOptions, put func(typ, key string, content any) *refusal) *refusal {
	if o.Name != "" {
		if r := put("m.room.name", "", object{"name": o.Name}); r != nil {
			return r
		}
	}
	if o.Topic != "" {
		if r := put("m.room.topic", "", object{"topic": o.Topic, "m.topic": object{"m.text": []any{object{"body": o.Topic}}}}); r != nil {
			return r
		}
	}
	for _, u := range o.Invite {
		extra := object{}
		if o.IsDirect {
			extra["is_direct"] = true
		}
		if _, r := s.change(rm, change{action: "invite", sender: rm.creator, target: u, extra: extra}); r != nil {
			return r
		}
	}
	return nil
}
