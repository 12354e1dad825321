package capability

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// scopeKeys are the words under which a manifest names the scope of a capability.
var scopeKeys = map[string]string{
	MatrixRead.name: "types", MatrixSend.name: "types", MatrixState.name: "types", MatrixRedact.name: "types", MatrixModerate.name: "types",
	MatrixCreateRoom.name: "ghosts", MatrixInvite.name: "ghosts", MatrixGhosts.name: "ghosts", MatrixProfile.name: "ghosts",
	MatrixMedia.name: "ghosts", MatrixDirectory.name: "ghosts", MatrixPuppet.name: "users", MatrixRaw.name: "paths",
	NetConnect.name: "hosts", NetListen.name: "addresses", NetUDP.name: "addresses", HTTPFetch.name: "urls", HTTPListen.name: "paths",
	KV.name: "size", SQL.name: "size", FSRead.name: "dirs", FSWrite.name: "dirs", Env.name: "names",
}

// ScopeKey is the word under which a manifest names the capability's scope; "" when it has none.
func ScopeKey(name string) string { return scopeKeys[name] }

// Line is the line of a manifest that asks for a capability on these scopes; none: on all.
func Line(name, why string, scopes ...string) string {
	key := scopeKeys[name]
	if key == "" || len(scopes) == 0 {
		return quoted(name) + " = " + quoted(why)
	}
	list := make([]string, len(scopes))
	for i, s := range scopes {
		list[i] = quoted(s)
	}
	value := "[" + strings.Join(list, ", ") + "]"
	if key == "size" {
		value = list[0]
	}
	return fmt.Sprintf("%s = { %s = %s, why = %s }", quoted(name), key, value, quoted(why))
}

// quoted is a string as TOML has it; its escapes are those of JSON.
func quoted(text string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(text); err != nil {
		return `""`
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// Narrow is what is asked for when scope was used: of a web address the beginning that says
// where, of a user nothing, since all that are a script's own are alike.
func Narrow(name, scope string) string {
	switch scopeKeys[name] {
	case "ghosts":
		return ""
	case "urls":
		if u, err := url.Parse(scope); err == nil && u.Host != "" {
			return u.Scheme + "://" + u.Host + "/"
		}
	}
	return scope
}

// Within tells whether all that scope stands for, a pattern maybe, was granted.
func (g Grant) Within(scope string) bool {
	if scopeKeys[g.Name] == "size" {
		least, err := Size(g.Scope)
		if err != nil {
			return false
		}
		most, err := Size(scope)
		return err == nil && most <= least
	}
	return g.covers(scope)
}

// DefaultSize is how much a store holds when nobody said.
const DefaultSize = 10 << 20

// Size reads the scope of a store: "500KB", "10MB", "1GB"; "" is the default.
func Size(scope string) (int64, error) {
	if scope == "" {
		return DefaultSize, nil
	}
	units := []struct {
		name  string
		bytes int64
	}{{"KB", 1 << 10}, {"MB", 1 << 20}, {"GB", 1 << 30}, {"B", 1}}
	for _, u := range units {
		digits, ok := strings.CutSuffix(scope, u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
		if err != nil || n < 0 || n > 1<<40/u.bytes {
			break
		}
		return n * u.bytes, nil
	}
	return 0, fmt.Errorf("%q is no size like 10MB", scope)
}

// Quota is how much a script may keep in a store; bounded is false for one that may do everything.
func (g *Grants) Quota(need Need) (bytes int64, bounded bool) {
	if g == nil {
		return 0, false
	}
	scopes := g.Scopes(need)
	if len(scopes) == 0 { // what the host keeps for it has a bound as well
		return DefaultSize, true
	}
	for _, scope := range scopes {
		if n, err := Size(scope); err == nil {
			bytes = max(bytes, n)
		}
	}
	return bytes, true
}
