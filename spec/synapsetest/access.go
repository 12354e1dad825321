package synapsetest

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// Request is one request as Synapse answered it.
type Request struct {
	User   string // "" when nobody was authenticated, as for POST /register
	Method string
	Path   string // not escaped, without query
	Status int
}

// accessLine is a line of Synapse's access log; {None} stands for nobody.
var accessLine = regexp.MustCompile(`synapse\.access\.\S+ .* - \{(\S+)\} Processed request: .* (\d+)!? "(\w+) (\S+) HTTP/`)

// Log is all that Synapse has logged since the beginning, over restarts.
func (s *Server) Log() string {
	s.t.Helper()
	b, err := os.ReadFile(filepath.Join(s.Dir, "homeserver.log"))
	if err != nil {
		s.t.Fatalf("read Synapse's log: %v", err)
	}
	return string(b)
}

// Requests are all requests since the beginning, over restarts, oldest first, as
// Synapse's own log has them.
func (s *Server) Requests() []Request {
	s.t.Helper()
	var all []Request
	for line := range strings.Lines(s.Log()) {
		m := accessLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		r := Request{User: m[1], Method: m[3]}
		if r.User == "None" {
			r.User = ""
		}
		path, _, _ := strings.Cut(m[4], "?")
		r.Path = path
		if plain, err := url.PathUnescape(path); err == nil {
			r.Path = plain
		}
		r.Status, _ = strconv.Atoi(m[2]) // digits, says the pattern
		all = append(all, r)
	}
	return all
}

// Verb is what a request changes about membership in a room: join, invite, unban and so
// on; "" for every other request.
func (r Request) Verb(room string) string {
	path, ok := strings.CutPrefix(r.Path, "/_matrix/client/v3/")
	if !ok || r.Method != http.MethodPost {
		return ""
	}
	if path == "join/"+room {
		return "join"
	}
	switch verb := strings.TrimPrefix(path, "rooms/"+room+"/"); verb {
	case "join", "invite", "leave", "kick", "ban", "unban":
		return verb
	}
	return ""
}
