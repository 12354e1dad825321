package matrix

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Event is one event as a homeserver sends it. The fields are those that the host
// itself looks at; Raw keeps the whole, unknown fields and every digit included.
type Event struct {
	Type           string          `json:"type"`
	RoomID         RoomID          `json:"room_id,omitempty"`
	Sender         UserID          `json:"sender"`
	EventID        EventID         `json:"event_id,omitempty"`
	StateKey       *string         `json:"state_key,omitempty"`
	OriginServerTS int64           `json:"origin_server_ts"`
	Redacts        EventID         `json:"redacts,omitempty"`
	Content        json.RawMessage `json:"content"`
	Unsigned       json.RawMessage `json:"unsigned,omitempty"`
	Raw            json.RawMessage `json:"-"`
}

// ErrBadEvent is wrapped when an event cannot be read: not an object, no type, too deep.
var ErrBadEvent = errors.New("not a usable event")

// ParseEvent reads one event. A missing or null content becomes {}. The result
// keeps raw, which the caller must not change afterwards.
func ParseEvent(raw json.RawMessage) (*Event, error) {
	e := &Event{Raw: raw}
	if err := json.Unmarshal(raw, e); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadEvent, err)
	}
	if e.Type == "" {
		return nil, fmt.Errorf("%w: it has no type", ErrBadEvent)
	}
	if len(e.Content) == 0 || string(e.Content) == "null" {
		e.Content = json.RawMessage("{}")
	}
	return e, nil
}

// IsState tells whether the event is a state event (it has a state key, maybe empty).
func (e *Event) IsState() bool { return e.StateKey != nil }
