package conformance

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// tolerances are the differences that a scenario may allow.
var tolerances = map[string]string{
	"bot_user_id":          "a request made as the bot may leave out user_id",
	"state_trailing_slash": "…/state/TYPE and …/state/TYPE/ are the same resource",
	"typed_defaults":       "keys that only repeat a documented default may be absent",
	"empty_table":          "a returned empty list and a returned empty object are the same",
	"plain_body":           "a text made from HTML is compared by its letters and digits",
	"extra_return":         "a call whose result the reference leaves open may return anything",
	"unordered":            "requests may come in any order",
	"unordered_return":     "returned lists may be in any order",
	"versions_probe":       "GET /_matrix/client/versions may come at any time",
	"create_probe":         "GET …/state/m.room.create may be left out, or made without format=event",
	"delete_body":          "a DELETE may come without a body",
	"empty_reason":         "an empty reason may be left out",
	"allow_redirect":       "that query parameter may be left out",
	"invite_default":       "where nothing says so, the level to invite may be 50 or 0",
	"null_is_absent":       "a null in a returned object may be absent",
	"errcode_unknown":      "an answer without errcode may be reported as M_UNKNOWN",
}

// openResults are the calls that extra_return speaks of.
var openResults = []string{"set_join_rule", "set_presence", "unpin_message", "info", "debug", "warning"}

// comparison collects what differs from one scenario's expectations.
type comparison struct {
	sc       *scenario
	allowed  map[string]bool
	problems []string
}

func compare(sc *scenario, got object, requests []object) []string {
	c := &comparison{sc: sc, allowed: map[string]bool{}}
	for _, t := range sc.Tolerate {
		if tolerances[t] == "" {
			c.add("unknown tolerance %s", t)
		}
		c.allowed[t] = true
	}
	c.outcomes("step", sc.Steps, sc.Expect.Steps, got["steps"])
	c.requests(sc.Expect.Requests, requests)
	c.outcomes("inspect", sc.Inspect, sc.Expect.Inspect, got["inspect"])
	return c.problems
}

func (c *comparison) add(format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, args...))
}

func (c *comparison) outcomes(what string, steps, want []object, got any) {
	list, _ := got.([]any)
	for i, w := range want {
		call, _ := steps[i]["call"].(string)
		where := fmt.Sprintf("%s %d (%s %s)", what, i+1, text(steps[i]["as"]), call)
		if i >= len(list) {
			c.add("%s: no result", where)
			continue
		}
		g, _ := list[i].(object)
		value, returned := g["return"]
		_, wantReturn := w["return"]
		switch {
		case wantReturn && !returned:
			c.add("%s: raised %s, want return %s", where, text(g["error"]), text(w["return"]))
		case wantReturn:
			c.value(where, call, w["return"], value)
		case returned:
			c.add("%s: returned %s, want error %s", where, text(value), text(w["error"]))
		default:
			c.failure(where, w["error"].(object), g["error"])
		}
	}
}

func (c *comparison) value(where, call string, want, got any) {
	want, got = wholeNumbers(want), wholeNumbers(got)
	if want == nil && c.allowed["extra_return"] && slices.Contains(openResults, call) {
		return
	}
	if c.allowed["typed_defaults"] {
		want, got = dropDefaults(want, got)
	}
	if c.allowed["null_is_absent"] {
		want, got = withoutNulls(want), withoutNulls(got)
	}
	if w, ok := want.(object); ok && c.allowed["invite_default"] && equal(w["invite"], int64(50)) {
		if g, ok := got.(object); ok && equal(g["invite"], int64(0)) {
			g["invite"] = int64(50)
		}
	}
	for tolerance, f := range map[string]func(any) any{"empty_table": emptyTables, "unordered_return": sortedLists} {
		if c.allowed[tolerance] {
			want, got = f(want), f(got)
		}
	}
	if !equal(want, got) {
		c.add("%s: returned %s, want %s", where, text(got), text(want))
	}
}

func (c *comparison) failure(where string, want object, got any) {
	g, ok := got.(object)
	if !ok || g["not_a_table"] != nil || g["missing_method"] != nil {
		c.add("%s: %s", where, text(got))
		return
	}
	if message, _ := g["message"].(string); message == "" {
		c.add("%s: the error has no message: %s", where, text(g))
	}
	status := wholeNumbers(g["status"])
	if want["local"] == true {
		n, _ := status.(int64)
		if status != nil && n != 0 && (n < 200 || n > 299) {
			c.add("%s: status %v, want none", where, status)
		}
		return
	}
	if !equal(status, want["status"]) {
		c.add("%s: status %v, want %v", where, status, want["status"])
	}
	if unknown := want["errcode"] == nil && g["errcode"] == "M_UNKNOWN" && c.allowed["errcode_unknown"]; !unknown && !equal(g["errcode"], want["errcode"]) {
		c.add("%s: errcode %v, want %v", where, g["errcode"], want["errcode"])
	}
}

// compared are the parts of a request that count.
var compared = []string{"method", "path", "server", "query", "auth", "user_id", "content_type", "body",
	"body_not_json", "body_sha256", "body_length"}

func (c *comparison) requests(want, got []object) {
	want, got = c.normal(want), c.normal(got)
	for i := range max(len(want), len(got)) {
		switch {
		case i >= len(got):
			c.add("request %d: missing: %s", i+1, text(want[i]))
		case i >= len(want):
			c.add("request %d: not expected: %s", i+1, text(got[i]))
		default:
			w, g := want[i], got[i]
			if c.allowed["typed_defaults"] && w["body"] != nil && g["body"] != nil {
				w, g = maps.Clone(w), maps.Clone(g)
				w["body"], g["body"] = dropDefaults(w["body"], g["body"])
			}
			if !equal(w, g) {
				c.add("request %d:\n     got %s\n    want %s", i+1, text(got[i]), text(want[i]))
			}
		}
	}
}

func (c *comparison) normal(list []object) []object {
	out := []object{}
	for _, r := range list {
		path := r["path"].(string)
		if c.allowed["versions_probe"] && strings.HasSuffix(path, "/_matrix/client/versions") ||
			c.allowed["create_probe"] && r["method"] == "GET" && strings.HasSuffix(strings.TrimSuffix(path, "/"), "/state/m.room.create") {
			continue
		}
		out = append(out, c.normalOne(r, path))
	}
	if c.allowed["unordered"] {
		slices.SortFunc(out, func(a, b object) int { return strings.Compare(text(a), text(b)) })
	}
	return out
}

var emptyStateKey = regexp.MustCompile(`^(.*/rooms/[^/]+/state/[^/]+)/?$`)

func (c *comparison) normalOne(r object, path string) object {
	n := object{}
	for _, k := range compared {
		if v, ok := r[k]; ok {
			n[k] = v
		}
	}
	if m := emptyStateKey.FindStringSubmatch(path); m != nil && c.allowed["state_trailing_slash"] {
		n["path"] = m[1] + "/"
	}
	if c.allowed["bot_user_id"] && r["auth"] == "as_token" && r["user_id"] == nil {
		n["user_id"] = c.sc.bot()
	}
	body, _ := r["body"].(object)
	if body != nil {
		body = maps.Clone(body)
		n["body"] = body
	}
	if c.allowed["delete_body"] && r["method"] == "DELETE" && len(body) == 0 {
		delete(n, "body")
		delete(n, "content_type")
	}
	if c.allowed["empty_reason"] && body != nil && body["reason"] == "" {
		delete(body, "reason")
	}
	if c.allowed["plain_body"] && body != nil && body["body"] != nil {
		body["body"] = letters(body["body"])
	}
	if query, ok := r["query"].([]any); ok && c.allowed["allow_redirect"] {
		n["query"] = slices.DeleteFunc(slices.Clone(query), func(kv any) bool { return kv.([]any)[0] == "allow_redirect" })
	}
	return n
}
