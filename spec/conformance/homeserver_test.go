package conformance

import (
	"fmt"
	"slices"
	"strings"
)

// otherwise is how the homeserver answers what no rule speaks of. r.mu is held.
func (r *recorder) otherwise(a *asked) (int, any) {
	domain := r.config["domain"].(string)
	if a.path == "/_matrix/client/versions" {
		versions := []any{"r0.6.1"}
		for i := 1; i < 12; i++ {
			versions = append(versions, fmt.Sprintf("v1.%d", i))
		}
		return 200, object{"versions": versions, "unstable_features": object{}}
	}
	if a.owner == "" {
		return 401, object{"errcode": "M_UNKNOWN_TOKEN", "error": "Unrecognised access token"}
	}
	if strings.HasPrefix(a.path, "/_matrix/media/") {
		switch a.method {
		case "POST":
			r.uploads++
			return 200, object{"content_uri": fmt.Sprintf("mxc://%s/media%d", domain, r.uploads)}
		case "PUT":
			return 200, object{}
		}
	}
	rest, ok := strings.CutPrefix(a.path, "/_matrix/client/v3/")
	if !ok {
		return 404, object{"errcode": "M_UNRECOGNIZED", "error": "Unrecognized request"}
	}
	p := strings.Split(rest, "/")
	for i := range p {
		p[i] = strings.NewReplacer("%2F", "/", "%25", "%").Replace(p[i])
	}
	if p[0] == "rooms" && len(p) >= 3 {
		if status, answer := r.aboutRoom(a, p); status != 0 {
			return status, answer
		}
	}
	return r.aboutOther(a, p, domain)
}

func (r *recorder) aboutOther(a *asked, p []string, domain string) (int, any) {
	post, put := a.method == "POST", a.method == "PUT"
	switch {
	case p[0] == "register" && post:
		body, _ := a.body.(object)
		return 200, object{"user_id": fmt.Sprintf("@%v:%s", body["username"], domain)}
	case p[0] == "account" && len(p) == 2 && p[1] == "whoami":
		return 200, object{"user_id": a.as}
	case (p[0] == "join" || p[0] == "knock") && len(p) == 2 && post:
		if strings.HasPrefix(p[1], "!") {
			return 200, object{"room_id": p[1]}
		}
		return 200, object{"room_id": "!resolved:" + domain}
	case p[0] == "createRoom" && post:
		r.rooms++
		return 200, object{"room_id": fmt.Sprintf("!created%d:%s", r.rooms, domain)}
	case p[0] == "joined_rooms":
		return 200, object{"joined_rooms": []any{}}
	case slices.Contains([]string{"presence", "profile", "user"}, p[0]) && put, p[0] == "directory" && (put || a.method == "DELETE"):
		return 200, object{}
	case p[0] == "user" && post && len(p) == 3 && p[2] == "filter":
		return 200, object{"filter_id": "filter1"}
	}
	return 404, object{"errcode": "M_NOT_FOUND", "error": "Not found"}
}

func (r *recorder) aboutRoom(a *asked, p []string) (int, any) {
	kind := p[2]
	switch a.method {
	case "POST":
		switch kind {
		case "invite", "leave", "kick", "ban", "unban", "forget", "read_markers", "receipt":
			return 200, object{}
		case "join":
			return 200, object{"room_id": p[1]}
		}
	case "PUT":
		switch kind {
		case "typing":
			return 200, object{}
		case "send", "state", "redact":
			r.events++
			return 200, object{"event_id": fmt.Sprintf("$event%d", r.events)}
		}
	case "GET":
		switch {
		case kind == "joined_members":
			return 200, object{"joined": object{}}
		case kind == "members":
			return 200, object{"chunk": []any{}}
		case kind == "state" && len(p) == 3:
			return 200, []any{}
		case kind == "state":
			return r.state(a, p[1], p[3])
		}
	}
	return 0, nil
}

func (r *recorder) state(a *asked, room, typ string) (int, any) {
	creator := "@creator:" + r.config["domain"].(string)
	sender := creator
	var content object
	switch typ {
	case "m.room.power_levels":
		sender = r.sc.bot()
		content = object{"users": object{sender: 100}, "users_default": 0, "events": object{}, "events_default": 0,
			"state_default": 50, "invite": 0, "kick": 50, "ban": 50, "redact": 50, "notifications": object{"room": 50}}
	case "m.room.create":
		content = object{"room_version": "10", "creator": creator}
	default:
		return 404, object{"errcode": "M_NOT_FOUND", "error": "Event not found."}
	}
	if a.query.Get("format") != "event" {
		return 200, content
	}
	return 200, object{"type": typ, "room_id": room, "event_id": "$" + typ, "state_key": "", "sender": sender,
		"origin_server_ts": 1600000000000, "content": content}
}
