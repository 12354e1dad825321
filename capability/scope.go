package capability

import (
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
		return fmt.Sprintf("%q = %q", name, why)
	}
	list := make([]string, len(scopes))
	for i, s := range scopes {
		list[i] = strconv.Quote(s)
	}
	value := "[" + strings.Join(list, ", ") + "]"
	if key == "size" {
		value = list[0]
	}
	return fmt.Sprintf("%q = { %s = %s, why = %q }", name, key, value, why)
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
	if scope == "*" { // any: what has no scope
		return ""
	}
	return scope
}
