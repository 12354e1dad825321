package appservice

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"bridgehost/matrix"
)

// ThirdParty answers what the homeserver asks about the networks behind us; nil means
// that nobody knows. (AS-5)
type ThirdParty interface {
	// Protocol describes a network: an object.
	Protocol(ctx context.Context, protocol string) (json.RawMessage, error)
	// People and Places look for users and rooms: lists. protocol is "" when a Matrix user
	// (fields userid) or a room alias (fields alias) is looked for the other way round.
	People(ctx context.Context, protocol string, fields map[string]string) (json.RawMessage, error)
	Places(ctx context.Context, protocol string, fields map[string]string) (json.RawMessage, error)
}

func (s *Server) thirdParty(w http.ResponseWriter, r *http.Request, path string) {
	kind, rest, more := strings.Cut(path, "/")
	protocol, err := url.PathUnescape(rest)
	if err != nil || strings.Contains(rest, "/") || more && rest == "" ||
		kind != "protocol" && kind != "user" && kind != "location" || kind == "protocol" && rest == "" {
		refuse(w, http.StatusNotFound, "M_UNRECOGNIZED", "Unrecognized request")
		return
	}
	fields := map[string]string{}
	for key, values := range r.URL.Query() {
		if key != "access_token" {
			fields[key] = values[0]
		}
	}
	var found json.RawMessage
	switch {
	case s.o.ThirdParty == nil:
	case kind == "protocol":
		found, err = s.o.ThirdParty.Protocol(r.Context(), protocol)
	case kind == "user" && (protocol != "" || valid(matrix.ParseUserID(fields["userid"]))):
		found, err = s.o.ThirdParty.People(r.Context(), protocol, fields)
	case kind == "location" && (protocol != "" || valid(matrix.ParseRoomAlias(fields["alias"]))):
		found, err = s.o.ThirdParty.Places(r.Context(), protocol, fields)
	}
	switch {
	case err != nil:
		s.o.Logger.Error("question of the homeserver not answered", "about", "thirdparty/"+path, "err", err)
		refuse(w, http.StatusInternalServerError, "M_UNKNOWN", "The question could not be answered")
	case found == nil:
		refuse(w, http.StatusNotFound, "M_NOT_FOUND", "Nothing is known of that here")
	default:
		answer(w, http.StatusOK, string(found))
	}
}

func valid[T any](_ T, err error) bool { return err == nil }
