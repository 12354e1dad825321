package host

import (
	"fmt"
	"slices"
	"strings"

	"bridgehost/bundle"
	"bridgehost/capability"
)

// permissionWords say what a permission gives, without and with its scope (%s), to people who
// install a bundle. NAME is the script's; a test holds them and the capabilities together.
var permissionWords = map[string][2]string{
	"matrix:read":         {"read messages in the rooms it is in", "read %s events in the rooms it is in"},
	"matrix:send":         {"post messages", "post %s events"},
	"matrix:state":        {"change settings of its rooms", "change %s of its rooms"},
	"matrix:redact":       {"delete what others wrote", "delete %s events of others"},
	"matrix:moderate":     {"kick, ban and unban people", "kick, ban and unban people (%s)"},
	"matrix:create-room":  {"create rooms", "create rooms (%s)"},
	"matrix:invite":       {"invite people to its rooms", "invite %s to its rooms"},
	"matrix:ghosts":       {"use Matrix users @PREFIXNAME_*", "use Matrix users @PREFIXNAME_%s"},
	"matrix:profile":      {"change names and pictures of its users", "change names and pictures of %s"},
	"matrix:media":        {"upload and download pictures and files", "upload and download %s"},
	"matrix:directory":    {"look into the directory of rooms and publish its own", "look into the directory of rooms (%s)"},
	"matrix:ephemeral":    {"see and show who is typing, reading and online", "see and show %s"},
	"matrix:puppet":       {"act as users who agreed to it", "act as %s"},
	"matrix:raw":          {"SEND ANY REQUEST to the homeserver as one of its users", "SEND ANY REQUEST below %s to the homeserver as one of its users"},
	"matrix:server-admin": {"ADMINISTER THE HOMESERVER: see and change all users and rooms", "ADMINISTER THE HOMESERVER (%s)"},
	"net:connect":         {"connect to ANY host", "connect to %s"},
	"net:listen":          {"listen on ANY port of this machine", "listen on %s"},
	"net:udp":             {"send and receive datagrams from ANY host", "send and receive datagrams at %s"},
	"http:fetch":          {"fetch from ANY web address", "fetch from %s"},
	"http:listen":         {"answer web requests below /hook/NAME/", "answer web requests at /hook/NAME%s"},
	"kv":                  {"store data of its own", "store up to %s"},
	"sql":                 {"keep a database of its own", "keep a database of up to %s"},
	"fs:read":             {"read files in the directories that you give it", "read files in the directory that you give it as %s"},
	"fs:write":            {"change files in the directories that you give it", "change files in the directory that you give it as %s"},
	"env":                 {"read variables of the environment", "read the variable %s of the environment"},
}

// wish is one thing that a bundle asks for, as a person reads it.
type wish struct {
	Grant    string `json:"grant"` // as it stands in the lock: "net:connect ${config.server}:6697"
	Words    string `json:"words"`
	Why      string `json:"why"`
	By       string `json:"by,omitempty"` // the library that asks for it
	Optional bool   `json:"optional,omitempty"`
	New      bool   `json:"new,omitempty"` // in an update: the version before did not ask for it
}

// dangerous tells of what reaches beyond the bridge: it is shown in red.
func (w wish) dangerous() bool {
	name, _, _ := strings.Cut(w.Grant, " ")
	return name == capability.MatrixRaw.Name() || name == capability.MatrixServerAdmin.Name()
}

// wishes are what a manifest asks for, each with its reason.
func (c *Config) wishes(m *bundle.Manifest, script string, optional bool) (list []wish) {
	grants, table := m.Asked(), m.Permissions
	if optional {
		grants, table = m.AskedOptional(), m.Optional
	}
	for _, g := range grants {
		name, scope, _ := strings.Cut(g, " ")
		why, _ := table[name].(string)
		if t, ok := table[name].(map[string]any); ok {
			why, _ = t["why"].(string)
		}
		list = append(list, wish{Grant: g, Words: c.inWords(name, scope, script, m.Config), Why: why, Optional: optional})
	}
	return list
}

// inWords says what a grant gives.
func (c *Config) inWords(name, scope, script string, schema map[string]any) string {
	words := permissionWords[name]
	text := words[0]
	if scope != "" {
		text = fmt.Sprintf(words[1], c.shownScope(scope, script, schema))
	}
	return strings.NewReplacer("PREFIX", c.Appservice.Prefix, "NAME", script).Replace(text)
}

// shownScope puts what is known of the configuration into a scope: the owner's values, the
// defaults, and else the key.
func (c *Config) shownScope(scope, script string, schema map[string]any) string {
	values := c.Scripts.Config[script]
	return configRef.ReplaceAllStringFunc(scope, func(ref string) string {
		key := configRef.FindStringSubmatch(ref)[1]
		if v := texts(values[key]); len(v) > 0 {
			return strings.Join(v, ",")
		}
		about, _ := schema[key].(map[string]any)
		if v := texts(about["default"]); len(v) > 0 {
			return strings.Join(v, ",")
		}
		return "<" + key + ">"
	})
}

// cannot says what a bundle without these permissions can never do.
func cannot(list []wish) string {
	has := func(names ...capability.Need) bool {
		return slices.ContainsFunc(list, func(w wish) bool {
			name, _, _ := strings.Cut(w.Grant, " ")
			return slices.ContainsFunc(names, func(n capability.Need) bool { return n.Name() == name })
		})
	}
	var no []string
	for _, c := range []struct {
		has  bool
		text string
	}{
		{has(capability.FSRead, capability.FSWrite), "read files"},
		{false, "run programs"},
		{has(capability.NetConnect, capability.NetUDP, capability.HTTPFetch), "connect to anything"},
		{has(capability.NetListen, capability.HTTPListen), "listen on ports"},
		{has(capability.MatrixRaw, capability.MatrixServerAdmin), "see rooms it is not invited to"},
	} {
		if !c.has {
			no = append(no, c.text)
		}
	}
	last := len(no) - 1
	if last == 0 {
		return "It cannot " + no[0] + "."
	}
	return "It cannot " + strings.Join(no[:last], ", ") + " or " + no[last] + "."
}
