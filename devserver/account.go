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

// whoami names the device; an application service has one only where it says so.
func whoami(c *call) (any, *refusal) {
	out := object{"user_id": c.user, "is_guest": false}
	switch {
	case c.device != "":
		out["device_id"] = c.device
	case c.svc == nil:
		out["device_id"] = c.s.account(c.user).device
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
		c.s.login(a)
		out["access_token"], out["device_id"] = a.token, a.device
	}
	return out, nil
}

// login gives a user a token and a device. s.mu is held.
func (s *Server) login(a *account) {
	a.token, a.device = "syt_"+randomID(16), strings.ToUpper(randomID(8))
	s.tokens[a.token] = a
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
