package devserver

import (
	"net/http"
	"strings"

	"bridgehost/matrix"
)

func versions(*call) (any, *refusal) {
	list := []string{"r0.6.1"}
	for _, v := range []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"} {
		list = append(list, "v1."+v)
	}
	return object{"versions": list, "unstable_features": object{"fi.mau.msc2659.stable": true}}, nil
}

func whoami(c *call) (any, *refusal) {
	out := object{"user_id": c.user, "is_guest": false}
	if c.device != "" {
		out["device_id"] = c.device
	}
	return out, nil
}

// register is for application services only: ordinary users are made by Server.User.
func register(c *call) (any, *refusal) {
	var in struct {
		Type         string
		Username     string
		InhibitLogin bool `json:"inhibit_login"`
	}
	if r := c.object(&in, false); r != nil {
		return nil, r
	}
	if in.Type != "m.login.application_service" {
		if c.svc != nil {
			return nil, badJSON("Application service requests must have type m.login.application_service")
		}
		return nil, forbidden("Registration has been disabled. Only m.login.application_service registrations are allowed.")
	}
	if c.svc == nil {
		return nil, fail(http.StatusUnauthorized, "M_UNKNOWN_TOKEN", "Invalid access token passed.")
	}
	name := in.Username
	if rest, ok := strings.CutPrefix(name, "@"); ok { // Synapse takes a whole id too
		name, _, _ = strings.Cut(rest, ":")
	}
	if name == "" {
		return nil, badJSON("Invalid username")
	}
	u := matrix.NewUserID(name, c.s.o.ServerName)
	switch {
	case strings.ContainsFunc(name, invalidLocalpart):
		return nil, fail(http.StatusBadRequest, "M_INVALID_USERNAME", "User ID can only contain characters a-z, 0-9, or '=_-./+'")
	case len(u) > matrix.MaxIDLength:
		return nil, fail(http.StatusBadRequest, "M_INVALID_USERNAME", "User ID may not be longer than 255 characters")
	case !c.svc.wantsUser(u):
		return nil, fail(http.StatusBadRequest, "M_EXCLUSIVE", "Invalid user localpart for this application service.")
	case c.s.exclusive(u, c.svc):
		return nil, fail(http.StatusBadRequest, "M_EXCLUSIVE", "This user ID is reserved by an application service.")
	}
	a := c.s.account(u)
	if a.registered {
		return nil, fail(http.StatusBadRequest, "M_USER_IN_USE", "User ID already taken.")
	}
	a.registered, a.displayname = true, name
	out := object{"user_id": u, "home_server": c.s.o.ServerName}
	if !in.InhibitLogin {
		a.token = "syt_" + randomID(16)
		c.s.tokens[a.token] = a
		out["access_token"], out["device_id"] = a.token, strings.ToUpper(randomID(8))
	}
	return out, nil
}

func invalidLocalpart(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || strings.ContainsRune("=_-./+", r))
}

// pingService calls the application service back. It takes s.mu itself.
func pingService(c *call) (any, *refusal) {
	var in struct {
		TransactionID string `json:"transaction_id"`
	}
	if r := c.object(&in, true); r != nil {
		return nil, r
	}
	switch {
	case c.svc == nil:
		return nil, forbidden("Only application services can use the /appservice/ping endpoint")
	case c.svc.ID != c.args[0]:
		return nil, forbidden("Mismatching application service ID in path")
	}
	c.s.mu.Lock()
	target, token := c.svc.URL, c.svc.HSToken
	c.s.mu.Unlock()
	if target == "" {
		return nil, fail(http.StatusBadRequest, "M_URL_NOT_SET", "The application service does not have a URL set")
	}
	took, r := c.s.ping(c.svc, target, token, in.TransactionID)
	if r != nil {
		return nil, r
	}
	return object{"duration_ms": took.Milliseconds()}, nil
}

func getProfile(c *call) (any, *refusal) {
	u := matrix.UserID(c.args[0])
	a := c.s.accounts[u]
	if a == nil || !a.registered {
		return nil, notFound("Profile was not found")
	}
	out := object{}
	field := ""
	if len(c.args) == 2 {
		field = c.args[1]
	}
	if a.displayname != "" && field != "avatar_url" {
		out["displayname"] = a.displayname
	}
	if a.avatarURL != "" && field != "displayname" {
		out["avatar_url"] = a.avatarURL
	}
	if field != "" && field != "displayname" && field != "avatar_url" {
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
	if matrix.UserID(c.args[0]) != c.user {
		return nil, fail(http.StatusBadRequest, "M_FORBIDDEN", "Cannot set another user's %s", field)
	}
	value, ok := in[field].(string)
	if !ok && in[field] != nil {
		return nil, fail(http.StatusBadRequest, "M_INVALID_PARAM", "'%s' must be a string", field)
	}
	if field == "displayname" && len(value) > 256 {
		return nil, fail(http.StatusBadRequest, "M_UNKNOWN", "Displayname is too long (max 256)")
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

func putPresence(c *call) (any, *refusal) {
	var in struct {
		Presence  string
		StatusMsg string `json:"status_msg"`
	}
	if r := c.object(&in, false); r != nil {
		return nil, r
	}
	if matrix.UserID(c.args[0]) != c.user {
		return nil, forbidden("Can only set your own presence state")
	}
	switch in.Presence {
	case "online", "offline", "unavailable", "busy":
	default:
		return nil, fail(http.StatusBadRequest, "M_UNKNOWN", "Invalid presence state")
	}
	a := c.s.account(c.user)
	a.presence, a.statusMsg = in.Presence, in.StatusMsg
	content := object{"presence": a.presence, "currently_active": a.presence == "online"}
	if a.statusMsg != "" {
		content["status_msg"] = a.statusMsg
	}
	c.s.queueEphemeral(nil, c.user, object{"type": "m.presence", "sender": c.user, "content": content})
	return object{}, nil
}

func getPresence(c *call) (any, *refusal) {
	a := c.s.accounts[matrix.UserID(c.args[0])]
	if a == nil {
		return nil, notFound("User not found")
	}
	out := object{"presence": "offline"}
	if a.presence != "" {
		out["presence"] = a.presence
	}
	if a.statusMsg != "" {
		out["status_msg"] = a.statusMsg
	}
	return out, nil
}
