package matrix

import (
	"encoding/json"
	"fmt"
)

// Encode writes a value as JSON, keys sorted, with no escapes but those that JSON asks for.
func Encode(v any) (json.RawMessage, error) { return encodeBody(v) }

// Reply is content as the answer to event. A thread that content names stays.
func Reply(event EventID, content json.RawMessage) (json.RawMessage, error) {
	m, err := fields(content)
	if err != nil {
		return nil, err
	}
	relates, err := fields(m["m.relates_to"])
	if err != nil {
		return nil, err
	}
	to, _ := encodeBody(map[string]EventID{"event_id": event})
	relates["m.in_reply_to"] = to
	delete(relates, "is_falling_back") // this is a reply, not a fallback for a thread
	if m["m.relates_to"], err = encodeBody(relates); err != nil {
		return nil, err
	}
	return encodeBody(m)
}

// Edit is content in place of event's, with the form that older clients show.
func Edit(event EventID, content json.RawMessage) (json.RawMessage, error) {
	m, err := fields(content)
	if err != nil {
		return nil, err
	}
	fresh := map[string]json.RawMessage{}
	for k, v := range m {
		if k != "m.relates_to" { // of the replacement, not of what it replaces
			fresh[k] = v
		}
	}
	for _, key := range []string{"body", "formatted_body"} {
		var text string
		if json.Unmarshal(m[key], &text) == nil && m[key] != nil {
			m[key], _ = encodeBody("* " + text)
		}
	}
	if m["m.new_content"], err = encodeBody(fresh); err != nil {
		return nil, err
	}
	m["m.relates_to"], _ = encodeBody(map[string]string{"rel_type": "m.replace", "event_id": string(event)})
	return encodeBody(m)
}

// fields decodes an object; nothing and null are an empty one.
func fields(raw json.RawMessage) (map[string]json.RawMessage, error) {
	var m map[string]json.RawMessage
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &m); err != nil {
			return nil, fmt.Errorf("an object was expected: %w", err)
		}
	}
	if m == nil {
		m = map[string]json.RawMessage{}
	}
	return m, nil
}
