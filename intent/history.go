package intent

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"

	"bridgehost/matrix"
)

// GetMessagesOptions are those of GetMessages.
type GetMessagesOptions struct {
	FromToken    string
	ToToken      string
	Limit        *int
	FilterJSON   string
	EnsureJoined *bool // default true
}

// MessagesPage is a part of a room's history.
type MessagesPage struct {
	Start  string            `json:"start"`
	End    string            `json:"end,omitempty"` // "" when there is no more
	Events []json.RawMessage `json:"events"`
	State  []json.RawMessage `json:"state,omitempty"` // members whom a filter for lazy loading leaves to the reader
}

// GetMessages reads a room's history from a token on, "b" backwards or "f" forwards (GE-1).
// Errors: matrix.ErrForbidden.
func (i *Intent) GetMessages(ctx context.Context, room matrix.RoomID, direction string, o GetMessagesOptions) (*MessagesPage, error) {
	const op = "get_messages"
	q := url.Values{"dir": {direction}}
	put(q, "from", o.FromToken)
	put(q, "to", o.ToToken)
	put(q, "filter", o.FilterJSON)
	putNumber(q, "limit", o.Limit)
	answer, err := i.get(ctx, op, room, o.EnsureJoined, request{method: "GET", path: roomPath(room, "messages"), query: q, room: room})
	if err != nil {
		return nil, err
	}
	var told struct {
		Start string            `json:"start"`
		End   string            `json:"end"`
		Chunk []json.RawMessage `json:"chunk"`
		State []json.RawMessage `json:"state"`
	}
	if err := json.Unmarshal(answer, &told); err != nil {
		return nil, i.fail(op, room, err)
	}
	switch {
	case told.Start == "":
		return nil, &Error{Op: op, User: i.user, Room: string(room), Message: "the homeserver's answer has no start"}
	case told.Chunk == nil:
		return nil, &Error{Op: op, User: i.user, Room: string(room), Message: "the homeserver's answer has no chunk"}
	}
	return &MessagesPage{told.Start, told.End, told.Chunk, told.State}, nil
}

func put(q url.Values, key, value string) {
	if value != "" {
		q.Set(key, value)
	}
}

func putNumber(q url.Values, key string, value *int) {
	if value != nil {
		q.Set(key, strconv.Itoa(*value))
	}
}

// GetEventContextOptions are those of GetEventContext.
type GetEventContextOptions struct {
	Limit        *int // events around it; the server's default is 10
	Filter       string
	EnsureJoined *bool // default true
}

// GetEventContext returns an event with those around it, as the specification has it:
// {event, events_before, events_after, start, end, state} (GE-1).
// Errors: matrix.ErrNotFound, matrix.ErrForbidden.
func (i *Intent) GetEventContext(ctx context.Context, room matrix.RoomID, event matrix.EventID, o GetEventContextOptions) (json.RawMessage, error) {
	q := url.Values{}
	put(q, "filter", o.Filter)
	putNumber(q, "limit", o.Limit)
	return i.get(ctx, "get_event_context", room, o.EnsureJoined,
		request{method: "GET", path: roomPath(room, "context", string(event)), query: q, room: room})
}

// GetRelationsOptions are those of GetRelations.
type GetRelationsOptions struct {
	RelType      string
	EventType    string // with RelType only
	FromToken    string
	ToToken      string
	Limit        *int
	Direction    string // "b" (the server's default) or "f"
	EnsureJoined *bool  // default true
}

// GetRelations returns the events that relate to one: {chunk, next_batch?, prev_batch?} (GE-1).
func (i *Intent) GetRelations(ctx context.Context, room matrix.RoomID, event matrix.EventID, o GetRelationsOptions) (json.RawMessage, error) {
	const op = "get_relations"
	segments := []string{"rooms", string(room), "relations", string(event)}
	switch {
	case o.RelType != "" && o.EventType != "":
		segments = append(segments, o.RelType, o.EventType)
	case o.RelType != "":
		segments = append(segments, o.RelType)
	case o.EventType != "":
		return nil, i.usage(op, room, "event_type goes with rel_type")
	}
	q := url.Values{}
	put(q, "from", o.FromToken)
	put(q, "to", o.ToToken)
	put(q, "dir", o.Direction)
	putNumber(q, "limit", o.Limit)
	return i.get(ctx, op, room, o.EnsureJoined,
		request{method: "GET", path: "/_matrix/client/v1" + matrix.Path(segments...), query: q, room: room})
}
