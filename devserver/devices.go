package devserver

import (
	"net/http"

	"bridgehost/matrix"
)

// putDevice makes a device of an application service's user, or names it (MSC4190).
func putDevice(c *call) (any, *refusal) {
	var in struct {
		DisplayName *string `json:"display_name"`
	}
	if r := c.object(&in, true); r != nil {
		return nil, r
	}
	a, id := c.s.account(c.user), c.args[0]
	_, known := a.devices[id]
	switch {
	case c.svc == nil && !known:
		return nil, notFound("No device found")
	case !known:
		if a.devices == nil {
			a.devices = map[string]string{}
		}
		a.devices[id] = ""
	}
	if in.DisplayName != nil {
		a.devices[id] = *in.DisplayName
	}
	if !known {
		writeJSON(c.w, http.StatusCreated, []byte("{}"))
		return written{}, nil
	}
	return object{}, nil
}

func getDevice(c *call) (any, *refusal) {
	name, known := c.s.account(c.user).devices[c.args[0]]
	if !known {
		return nil, notFound("No device found")
	}
	return object{"device_id": c.args[0], "display_name": name}, nil
}

// hasDevice refuses a device that the user does not have. s.mu is held.
func (s *Server) hasDevice(user matrix.UserID, device string) *refusal {
	if a := s.accounts[user]; a != nil {
		if _, ok := a.devices[device]; ok {
			return nil
		}
	}
	return fail(http.StatusBadRequest, "M_UNKNOWN_DEVICE", "Application service trying to use a device that doesn't exist ('%s' for %s)", device, user)
}
