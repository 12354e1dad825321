package devserver

import (
	"encoding/json"
	"net/http"

	"bridgehost/matrix"
)

// neededTexts are the strings that events of some types must have.
var neededTexts = map[string][]string{"m.room.message": {"body", "msgtype"}, "m.room.name": {"name"}, "m.room.topic": {"topic"}}

// validate refuses events that cannot be, whoever sends them; before any rights are looked at.
func validate(d draft) *refusal {
	var content map[string]json.RawMessage
	_ = json.Unmarshal(d.content, &content) // was looked at
	for _, key := range neededTexts[d.typ] {
		switch raw := content[key]; {
		case raw == nil:
			return fail(http.StatusBadRequest, "M_UNKNOWN", "'%s' not in content", key)
		case text(raw) == nil:
			return fail(http.StatusBadRequest, "M_UNKNOWN", "'%s' not a string type", key)
		}
	}
	switch d.typ {
	case "m.room.tombstone":
		if content["replacement_room"] == nil {
			return fail(http.StatusBadRequest, "M_UNKNOWN", "Content has no replacement_room key")
		}
	case "m.room.create":
		if d.key != nil {
			return fail(http.StatusBadRequest, "M_INVALID_PARAM", "Cannot resend m.room.create event")
		}
	case "m.room.power_levels":
		if d.key != nil {
			if _, r := parseLevels(d.content, true); r != nil {
				return r
			}
		}
	}
	switch d.typ {
	case "m.room.member", "m.room.name", "m.room.topic", "m.room.tombstone":
		if d.key == nil {
			return fail(http.StatusBadRequest, "M_UNKNOWN", "'%s' must be state events", d.typ)
		}
	}
	return nil
}

// checkUsers refuses levels of what is no user.
func (l levels) checkUsers() *refusal {
	for u := range l.users {
		if _, err := matrix.ParseUserID(u); err != nil {
			return fail(http.StatusBadRequest, "M_UNKNOWN", "Not a valid user_id: %s", u)
		}
	}
	return nil
}
