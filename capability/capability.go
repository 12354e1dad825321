// Package capability names what a script may do outside of its VM. Every function of
// the Lua API says with a Need which capability it takes, or why it takes none.
//
// A Need is made from the constants here, or by None:
//
//	capability.MatrixSend
//	capability.None("reads what the script was given")
package capability

import "slices"

// Need is what calling a function takes. Its zero value is no valid Need, so that a
// declaration cannot leave it out.
type Need struct {
	name   string
	reason string
}

// None says that a function takes no capability, and why.
func None(reason string) Need { return Need{reason: reason} }

// Name is the capability as it stands in a manifest ("matrix:send"), "" for none.
func (n Need) Name() string { return n.name }

// Reason says why no capability is needed; "" when one is.
func (n Need) Reason() string { return n.reason }

// Valid tells a Need that was made here from a forgotten one.
func (n Need) Valid() bool { return n.name != "" || n.reason != "" }

// String is the name, or "none".
func (n Need) String() string {
	if n.name == "" {
		return "none"
	}
	return n.name
}

func area(name string) Need { return Need{name: name} }

// The capabilities. What each one gives, and its scope, stands in SCRIPTING 3.2.
var (
	MatrixRead        = area("matrix:read")
	MatrixSend        = area("matrix:send")
	MatrixState       = area("matrix:state")
	MatrixRedact      = area("matrix:redact")
	MatrixModerate    = area("matrix:moderate")
	MatrixCreateRoom  = area("matrix:create-room")
	MatrixInvite      = area("matrix:invite")
	MatrixGhosts      = area("matrix:ghosts")
	MatrixProfile     = area("matrix:profile")
	MatrixMedia       = area("matrix:media")
	MatrixDirectory   = area("matrix:directory")
	MatrixEphemeral   = area("matrix:ephemeral")
	MatrixPuppet      = area("matrix:puppet")
	MatrixRaw         = area("matrix:raw")
	MatrixServerAdmin = area("matrix:server-admin")
	NetConnect        = area("net:connect")
	NetListen         = area("net:listen")
	NetUDP            = area("net:udp")
	HTTPFetch         = area("http:fetch")
	HTTPListen        = area("http:listen")
	KV                = area("kv")
	SQL               = area("sql")
	FSRead            = area("fs:read")
	FSWrite           = area("fs:write")
	Env               = area("env")
)

// all is the list that a manifest is checked against.
var all = []Need{MatrixRead, MatrixSend, MatrixState, MatrixRedact, MatrixModerate, MatrixCreateRoom, MatrixInvite,
	MatrixGhosts, MatrixProfile, MatrixMedia, MatrixDirectory, MatrixEphemeral, MatrixPuppet, MatrixRaw,
	MatrixServerAdmin, NetConnect, NetListen, NetUDP, HTTPFetch, HTTPListen, KV, SQL, FSRead, FSWrite, Env}

// Names lists every capability, in the order of the documentation.
func Names() []string {
	names := make([]string, len(all))
	for i, n := range all {
		names[i] = n.name
	}
	return names
}

// Known tells whether there is a capability of that name.
func Known(name string) bool {
	return slices.ContainsFunc(all, func(n Need) bool { return n.name == name })
}
