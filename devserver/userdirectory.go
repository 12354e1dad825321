package devserver

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"bridgehost/matrix"
)

// mostFound is how many users a search answers at most.
const mostFound = 50

// searchUsers finds people who are in a room that everybody may join or read, or who share
// a room with the one who asks. Users of application services are never found, and share
// no rooms.
func searchUsers(c *call) (any, *refusal) {
	var in struct {
		Term  *string `json:"search_term"`
		Limit any     `json:"limit"` // also a text, as Python's int() has it
	}
	if r := c.object(&in, false); r != nil {
		return nil, r
	}
	if in.Term == nil {
		return nil, fail(http.StatusBadRequest, "M_UNKNOWN", "`search_term` is required field")
	}
	limit := 10
	switch v := in.Limit.(type) {
	case float64:
		limit = int(v)
	case string:
		n, err := strconv.Atoi(v)
		if err != nil {
			return nil, fail(http.StatusInternalServerError, "M_UNKNOWN", "Internal server error")
		}
		limit = n
	}
	limit = max(min(limit, mostFound), 0)
	words := wordsOf(*in.Term)
	var found []*account
	for _, a := range c.s.accounts {
		if len(words) > 0 && a.registered && !c.s.ofService(a.id) && c.s.visible(a, c.user) && matchesAll(words, wordsOf(string(a.id)+" "+a.displayname)) {
			found = append(found, a)
		}
	}
	slices.SortFunc(found, func(a, b *account) int { return strings.Compare(string(a.id), string(b.id)) })
	limited := len(found) > limit
	results := []object{}
	for _, a := range found[:min(limit, len(found))] {
		one := object{"user_id": a.id, "display_name": nil, "avatar_url": nil}
		if a.displayname != "" {
			one["display_name"] = a.displayname
		}
		if a.avatarURL != "" {
			one["avatar_url"] = a.avatarURL
		}
		results = append(results, one)
	}
	return object{"limited": limited, "results": results}, nil
}

// ofService tells whether any application service is interested in the user.
func (s *Server) ofService(u matrix.UserID) bool {
	return slices.ContainsFunc(s.services, func(svc *service) bool { return u == svc.sender || svc.wantsUser(u) })
}

// visible tells whether the directory shows a user to another one.
func (s *Server) visible(a *account, to matrix.UserID) bool {
	for _, rm := range a.joined {
		if rm.stateString("m.room.join_rules", "join_rule", "invite") == "public" ||
			rm.stateString("m.room.history_visibility", "history_visibility", "shared") == "world_readable" ||
			a.id != to && rm.joined[to] && !s.ofService(to) {
			return true
		}
	}
	return false
}

func wordsOf(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// matchesAll tells whether each word begins one of a user's.
func matchesAll(words, of []string) bool {
	for _, w := range words {
		if !slices.ContainsFunc(of, func(o string) bool { return strings.HasPrefix(o, w) }) {
			return false
		}
	}
	return true
}
