package devserver

import (
	"encoding/json"
	"net/http"

	"bridgehost/matrix"
)

// texts are the strings that state of some types must have.
var texts = map[string]string{"m.room.name": "name", "m.room.topic": "topic"}

// validate refuses state that cannot be, whoever sends it.
func validate(d draft) *refusal {
	if d.key == nil {
		return nil
	}
	var content map[string]json.RawMessage
	_ = json.Unmarshal(d.content, &content) // was looked at
	if field, ok := texts[d.typ]; ok {
		var text *string
		switch raw := content[field]; {
		case raw == nil:
			return fail(http.StatusBadRequest, "M_UNKNOWN", "'%s' not in content", field)
		case json.Unmarshal(raw, &text) != nil || text == nil:
			return fail(http.StatusBadRequest, "M_UNKNOWN", "'%s' not a string type", field)
		}
	}
	switch d.typ {
	case "m.room.create":
		return fail(http.StatusBadRequest, "M_INVALID_PARAM", "Cannot resend m.room.create event")
	case "m.room.power_levels":
		_, r := parseLevels(d.content, true)
		return r
	case "m.room.tombstone":
		if content["replacement_room"] == nil {
			return fail(http.StatusBadRequest, "M_UNKNOWN", "Content has no replacement_room key")
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
