package devserver

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"bridgehost/matrix"
)

// eventFilter is a RoomEventFilter.
type eventFilter struct {
	Types           []string        `json:"types"`
	NotTypes        []string        `json:"not_types"`
	Senders         []matrix.UserID `json:"senders"`
	NotSenders      []matrix.UserID `json:"not_senders"`
	Rooms           []matrix.RoomID `json:"rooms"`
	NotRooms        []matrix.RoomID `json:"not_rooms"`
	ContainsURL     *bool           `json:"contains_url"`
	LazyLoadMembers bool            `json:"lazy_load_members"`
}

// filter reads a filter. Synapse decodes it once more than the query is decoded anyway.
func (c *call) filter(name string) (f eventFilter, r *refusal) {
	text := c.r.URL.Query().Get(name)
	if text == "" {
		return f, nil
	}
	if plain, err := url.PathUnescape(text); err == nil {
		text = plain
	}
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		return f, fail(http.StatusBadRequest, "M_NOT_JSON", "Query parameter %s must be a valid JSON object", name)
	}
	return f, nil
}

func (f eventFilter) keeps(e *event) bool {
	if f.ContainsURL != nil {
		var c struct{ URL *string }
		_ = json.Unmarshal(e.content, &c) // what is no string is no URL
		if (c.URL != nil) != *f.ContainsURL {
			return false
		}
	}
	return allows(f.Types, f.NotTypes, e.typ, matchesType) && allows(f.Senders, f.NotSenders, e.sender, equal) &&
		allows(f.Rooms, f.NotRooms, e.room.id, equal)
}

// allows tells whether a list of what is wanted, nil for everything, and one of what is
// not let something through.
func allows[T any](want, not []T, v T, match func(T, T) bool) bool {
	for _, n := range not {
		if match(n, v) {
			return false
		}
	}
	for _, w := range want {
		if match(w, v) {
			return true
		}
	}
	return want == nil
}

func equal[T comparable](a, b T) bool { return a == b }

// matchesType knows * at the end of a type.
func matchesType(want, typ string) bool {
	if start, wild := strings.CutSuffix(want, "*"); wild {
		return strings.HasPrefix(typ, start)
	}
	return want == typ
}

// senders are the member events of those who sent something, as they were after the event of
// an index.
func (f eventFilter) senders(rm *room, events []*event, index int) []*event {
	out, known := []*event{}, map[matrix.UserID]bool{}
	for _, e := range events {
		if m := rm.state[stateID{"m.room.member", string(e.sender)}].at(index); m != nil && !known[e.sender] {
			known[e.sender] = true
			out = append(out, m)
		}
	}
	return out
}
