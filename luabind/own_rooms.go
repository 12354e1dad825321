package luabind

import (
	"context"
	"fmt"
	"strings"

	"bridgehost/capability"
	"bridgehost/diag"
	"bridgehost/intent"
	"bridgehost/matrix"
)

// mayEnter tells whether a script that may not do everything acts in a room: one of its
// users is there or invited. Only what the host knows counts, so nobody learns anything of
// other rooms; how to get in the homeserver decides.
func (s *Script) mayEnter(ctx context.Context, room matrix.RoomID, actor *intent.Intent) error {
	in, err := s.isIn(ctx, room, actor)
	if err != nil || in {
		return err
	}
	return &diag.Error{Kind: diag.KindPermission, Code: "E_ROOM",
		Message: fmt.Sprintf("no user of %s is in room %s, or invited to it", s.Name, room),
		Hint:    "get in first: intent:ensure_joined(room_id), or be invited"}
}

// isIn tells whether a user of the script is in the room or invited to it. A user who lent
// the account counts when it is the one that acts.
func (s *Script) isIn(ctx context.Context, room matrix.RoomID, actor *intent.Intent) (bool, error) {
	if s.Bot == nil {
		return false, nil
	}
	store := s.Bot.StateStore()
	joined, invited, _, err := store.OwnMembers(ctx, room)
	if err != nil {
		return false, err
	}
	for _, list := range [][]matrix.UserID{joined, invited} {
		for _, user := range list {
			if s.Owns(user) && user != s.HostBot {
				return true, nil
			}
		}
	}
	if actor == nil || s.Owns(actor.MXID()) {
		return false, nil
	}
	m, err := store.Member(ctx, room, actor.MXID()) // permit has looked at who acts
	return m != nil && (m.Membership == "join" || m.Membership == "invite"), err
}

// QueryParams are further query parameters of a request. Those that say who acts are not
// among them for a script that may not do everything.
type QueryParams map[string]string

// AliasLocalpart is an alias without # and server name.
type AliasLocalpart string

// whoActs are the query parameters that would make a request somebody else's.
var whoActs = map[string]bool{"user_id": true, "device_id": true, "org.matrix.msc3202.device_id": true, "access_token": true}

// arguments looks at arguments that could reach beyond the script, whatever the function.
func (s *Script) arguments(f *Function, g given) error {
	if s.Grants() == nil {
		return nil
	}
	for _, slot := range f.queries {
		for key := range g.args.FieldByIndex(slot.index).Interface().(QueryParams) {
			if whoActs[key] {
				return s.refuseActing("the query parameter " + key)
			}
		}
	}
	for _, slot := range f.aliases {
		if local := g.args.FieldByIndex(slot.index).String(); !s.ownAlias(local) {
			return s.othersAlias(local)
		}
	}
	return nil
}

// refuseActing refuses what would make a request another user's.
func (s *Script) refuseActing(what string) error {
	return &diag.Error{Kind: diag.KindPermission, Code: "E_CAPABILITY",
		Message: fmt.Sprintf("%s may not be given: it says who acts", what),
		Hint:    "take intent:user(user_id); for a user that is not the script's own it needs " + capability.MatrixPuppet.Name()}
}

// ownAlias tells whether an alias is none of another script's.
func (s *Script) ownAlias(local string) bool {
	rest, ours := strings.CutPrefix(local, s.Prefix)
	return !ours || rest == s.Name || strings.HasPrefix(rest, s.Name+"_")
}

func (s *Script) othersAlias(local string) error {
	return &diag.Error{Kind: diag.KindPermission, Code: "E_CAPABILITY",
		Message: fmt.Sprintf("the alias %s belongs to another script", quoted(local)),
		Hint:    fmt.Sprintf("aliases of %s begin with %s%s_", s.Name, s.Prefix, s.Name)}
}

// MayHaveAlias tells whether an alias of the host's could be this script's.
func (s *Script) MayHaveAlias(alias matrix.RoomAlias) bool {
	local, _, _ := strings.Cut(strings.TrimPrefix(string(alias), "#"), ":")
	return s.Grants() == nil || s.ownAlias(local)
}
