package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"bridgehost/luabind"
	"bridgehost/matrix"
)

// questions asks the scripts what the homeserver asks. It satisfies appservice.Queries
// and appservice.ThirdParty.
type questions struct{ h *Host }

// QueryUser asks the script whose user that would be; when it is nobody's in particular, those
// of the owner, which may act as anybody.
func (q *questions) QueryUser(ctx context.Context, user matrix.UserID) (bool, error) {
	about := map[string]any{"user_id": user}
	if name, ok := q.h.router.ScriptOf(user); ok && q.h.script(name) != nil {
		answer, err := q.one(ctx, q.h.script(name), luabind.QueryUserEvent, about)
		return answer != nil, err
	}
	answer, err := q.those(ctx, func(s *script) bool { return s.lua.Grants() == nil }, luabind.QueryUserEvent, about)
	return answer != nil, err
}

// QueryAlias asks each script that may have such an alias.
func (q *questions) QueryAlias(ctx context.Context, alias matrix.RoomAlias) (bool, error) {
	answer, err := q.those(ctx, func(s *script) bool { return s.lua.MayHaveAlias(alias) }, luabind.QueryAliasEvent, map[string]any{"room_alias": alias})
	return answer != nil, err
}

// Protocol asks each script.
func (q *questions) Protocol(ctx context.Context, protocol string) (json.RawMessage, error) {
	return q.shaped(ctx, luabind.QueryProtocolEvent, map[string]any{"protocol": protocol}, '{')
}

// People asks each script.
func (q *questions) People(ctx context.Context, protocol string, fields map[string]string) (json.RawMessage, error) {
	return q.shaped(ctx, luabind.QueryPeopleEvent, lookup(protocol, fields), '[')
}

// Places asks each script.
func (q *questions) Places(ctx context.Context, protocol string, fields map[string]string) (json.RawMessage, error) {
	return q.shaped(ctx, luabind.QueryPlacesEvent, lookup(protocol, fields), '[')
}

func lookup(protocol string, fields map[string]string) map[string]any {
	about := map[string]any{"fields": fields}
	if protocol != "" {
		about["protocol"] = protocol
	}
	return about
}

// shaped asks for an object or a list; an empty table is either.
func (q *questions) shaped(ctx context.Context, event string, about map[string]any, first byte) (json.RawMessage, error) {
	answer, err := q.all(ctx, event, about)
	switch {
	case answer == nil || err != nil || answer[0] == first:
		return answer, err
	case first == '[' && string(answer) == "{}":
		return json.RawMessage("[]"), nil
	case first == '[':
		return nil, fmt.Errorf("the handler of %q returned no list", event)
	}
	return nil, fmt.Errorf("the handler of %q returned no table", event)
}

// all asks one script after another.
func (q *questions) all(ctx context.Context, event string, about map[string]any) (json.RawMessage, error) {
	return q.those(ctx, func(*script) bool { return true }, event, about)
}

// those asks one script after another of those that may know. An error counts only when none of the others answers.
func (q *questions) those(ctx context.Context, may func(*script) bool, event string, about map[string]any) (json.RawMessage, error) {
	var failed []error
	for _, s := range q.h.all() {
		if !may(s) {
			continue
		}
		answer, err := q.one(ctx, s, event, about)
		if answer != nil {
			return answer, nil
		}
		if err != nil {
			failed = append(failed, err)
		}
	}
	return nil, errors.Join(failed...)
}

func (q *questions) one(ctx context.Context, s *script, event string, about map[string]any) (json.RawMessage, error) {
	raw, err := json.Marshal(about)
	if err != nil {
		return nil, err
	}
	answer, err := s.lua.Query(ctx, s.Script, event, raw)
	if err != nil {
		return nil, fmt.Errorf("script %s: %w", s.Name, err)
	}
	return answer, nil
}
