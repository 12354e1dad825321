package devserver

import (
	"encoding/json"
	"net/http"
	"strconv"

	"bridgehost/matrix"
)

func createFilter(c *call) (any, *refusal) {
	if matrix.UserID(c.args[0]) != c.user {
		return nil, forbidden("Cannot create filters for other users")
	}
	var in object
	if r := c.object(&in, false); r != nil {
		return nil, r
	}
	var shape userFilter
	if err := json.Unmarshal(c.body, &shape); err != nil {
		return nil, fail(http.StatusBadRequest, "M_UNKNOWN", "%v", err)
	}
	if f := shape.EventFormat; f != nil && *f != "client" && *f != "federation" {
		return nil, fail(http.StatusBadRequest, "M_UNKNOWN", "%q is not one of ['client', 'federation']", *f)
	}
	a := c.s.account(c.user)
	a.filters = append(a.filters, append(json.RawMessage{}, c.body...))
	return object{"filter_id": strconv.Itoa(len(a.filters) - 1)}, nil
}

func getFilter(c *call) (any, *refusal) {
	if matrix.UserID(c.args[0]) != c.user {
		return nil, forbidden("Cannot get filters for other users")
	}
	n, err := strconv.Atoi(c.args[1])
	if err != nil {
		return nil, fail(http.StatusBadRequest, "M_UNKNOWN", "Invalid filter_id")
	}
	filters := c.s.account(c.user).filters
	if n < 0 || n >= len(filters) {
		return nil, notFound("No such filter")
	}
	return filters[n], nil
}

// userFilter is what a filter has to look like; further fields are let through.
type userFilter struct {
	Presence    *filterPart `json:"presence"`
	AccountData *filterPart `json:"account_data"`
	EventFormat *string     `json:"event_format"`
	EventFields []string    `json:"event_fields"`
	Room        *struct {
		roomNames
		IncludeLeave bool        `json:"include_leave"`
		Ephemeral    *filterPart `json:"ephemeral"`
		State        *filterPart `json:"state"`
		Timeline     *filterPart `json:"timeline"`
		AccountData  *filterPart `json:"account_data"`
	} `json:"room"`
}

type roomNames struct {
	Rooms    []string `json:"rooms"`
	NotRooms []string `json:"not_rooms"`
}

type filterPart struct {
	eventFilter
	Limit float64 `json:"limit"`
}
