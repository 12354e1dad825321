package luabind

import (
	"encoding/json"
	"fmt"
	"net/url"
	"path"
	"strings"

	"bridgehost/capability"
	"bridgehost/matrix"
)

// asksItself is for api:request. The path is the scope. All users of the host share one
// token, so whatever names the user that acts must name one of the script's own.
func asksItself(c *Call, g given) error {
	s, asked := c.Script, g.text("path")
	before, _, _ := strings.Cut(asked, "?")
	if err := s.Check(capability.MatrixRaw, before); err != nil || s.Grants() == nil {
		return err
	}
	encoded, query := matrix.RawPath(asked)
	for key := range query {
		if whoActs[key] {
			return s.refuseActing("the query parameter " + key)
		}
	}
	decoded, err := url.PathUnescape(encoded)
	if err != nil {
		return argumentError(fmt.Sprintf("the path %s cannot be read", quoted(asked)))
	}
	parts := strings.Split(path.Clean("/"+decoded), "/")[1:]
	if parts[0] == "_synapse" {
		if err := s.Check(capability.MatrixServerAdmin, ""); err != nil {
			return err
		}
	}
	return s.pinned(parts, g.value("content").Bytes())
}

// pinned refuses requests by which an application service speaks for several users, when
// they name one that is not the script's.
func (s *Script) pinned(parts []string, body []byte) error {
	for _, part := range parts {
		if alias, is := strings.CutPrefix(part, "#"); is {
			if local, _, _ := strings.Cut(alias, ":"); !s.ownAlias(local) {
				return s.othersAlias(local)
			}
		}
	}
	var fields exact
	switch parts[len(parts)-1] {
	case "batch_send":
		return s.refuseActing("a request with senders of its own")
	case "createRoom", "login", "register":
		fields = exactly(body)
	default:
		return nil
	}
	if alias := fields.text("room_alias_name"); !s.ownAlias(alias) {
		return s.othersAlias(alias)
	}
	if parts[len(parts)-1] == "createRoom" {
		return nil
	}
	said := false
	for _, name := range []string{fields.text("user"), fields.text("username"), exactly(fields["identifier"]).text("user")} {
		if name == "" {
			continue
		}
		if name[0] != '@' {
			name = string(matrix.NewUserID(name, s.ServerName))
		}
		if err := s.mayBe(matrix.UserID(name)); err != nil {
			return err
		}
		said = true
	}
	if !said {
		return s.refuseActing("a request that says nobody's name")
	}
	return nil
}

// exact are the fields of an object by their very names: a struct would also take those that
// differ in case, or in letters that count as the same, and a homeserver does not.
type exact map[string]json.RawMessage

func exactly(raw []byte) exact {
	var e exact
	if json.Unmarshal(raw, &e) != nil {
		return nil // no object: the homeserver refuses it
	}
	return e
}

// text is a field that is a string, "" for all else.
func (e exact) text(key string) string {
	var s string
	if json.Unmarshal(e[key], &s) != nil {
		return ""
	}
	return s
}

// items is how long a list is.
func (e exact) items(key string) int {
	var list []json.RawMessage
	if json.Unmarshal(e[key], &list) != nil {
		return 0
	}
	return len(list)
}
