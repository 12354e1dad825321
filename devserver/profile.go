package devserver

import (
	"net/http"
	"strings"
	"unicode/utf8"

	"bridgehost/matrix"
)

// getProfile answers as Synapse does: a user without name and picture has no profile,
// though its name alone can be asked for.
func getProfile(c *call) (any, *refusal) {
	a := c.s.accounts[matrix.UserID(c.args[0])]
	if a == nil || !a.registered {
		return nil, notFound("Profile was not found")
	}
	field := ""
	if len(c.args) == 2 {
		field = c.args[1]
	}
	if field != "" && field != "displayname" && field != "avatar_url" {
		return nil, notFound("Profile was not found")
	}
	out := object{}
	if a.displayname != "" && field != "avatar_url" {
		out["displayname"] = a.displayname
	}
	if a.avatarURL != "" && field != "displayname" {
		out["avatar_url"] = a.avatarURL
	}
	if field == "" && len(out) == 0 {
		return nil, notFound("Profile was not found")
	}
	return out, nil
}

// putProfile also changes the member events of the rooms that the user is in.
func putProfile(c *call) (any, *refusal) {
	var in map[string]any
	if r := c.object(&in, false); r != nil {
		return nil, r
	}
	field := c.args[1]
	if field != "displayname" && field != "avatar_url" {
		return nil, fail(http.StatusNotFound, "M_UNRECOGNIZED", "Unrecognized request")
	}
	given, ok := in[field]
	if !ok {
		return nil, fail(http.StatusBadRequest, "M_MISSING_PARAM", "Missing key '%s'", field)
	}
	if matrix.UserID(c.args[0]) != c.user {
		return nil, fail(http.StatusBadRequest, "M_FORBIDDEN", "Cannot set another user's %s", field)
	}
	value, ok := given.(string)
	switch length := utf8.RuneCountInString(value); {
	case !ok:
		return nil, fail(http.StatusBadRequest, "M_INVALID_PARAM", "'%s' must be a string", field)
	case field == "displayname" && length > 256:
		return nil, fail(http.StatusBadRequest, "M_UNKNOWN", "Displayname is too long (max 256)")
	case field == "avatar_url" && length > 1000:
		return nil, fail(http.StatusBadRequest, "M_UNKNOWN", "Avatar URL is too long (max 1000)")
	case field == "displayname":
		value = strings.TrimSpace(value)
	}
	c.s.setProfile(c.user, field, value)
	return object{}, nil
}

// setProfile is also the Go API's. s.mu is held.
func (s *Server) setProfile(u matrix.UserID, field, value string) {
	a := s.account(u)
	if field == "displayname" {
		a.displayname = value
	} else {
		a.avatarURL = value
	}
	for _, rm := range a.joined {
		if _, r := s.change(rm, change{action: "join", sender: u, target: u}); r != nil {
			s.o.Log.Debug("profile not changed in a room", "room_id", rm.id, "user_id", u, "err", r)
		}
	}
}
