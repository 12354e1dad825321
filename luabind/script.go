package luabind

import (
	"fmt"
	"io/fs"
	"sync/atomic"

	"github.com/hashicorp/go-hclog"
	"github.com/jonboulle/clockwork"

	"bridgehost/capability"
	"bridgehost/delivery"
	"bridgehost/diag"
	"bridgehost/intent"
	"bridgehost/matrix"
	"bridgehost/portal"
)

// Script is what the bindings of one script work with, in all of its generations.
// internal/host fills it in before the first generation loads; it does not change
// then, but for Config, which SetConfig replaces between generations.
type Script struct {
	Name       string // "irc"
	ServerName string // "example.org"
	Prefix     string // of our users: "_bh_"
	BridgeName string // marks a double puppet's own events
	HostBot    matrix.UserID
	Dir        string // where the script's files are
	Assets     fs.FS  // the files that lie there, none outside; nil when the script is a single file
	Standalone bool   // runs under exec: ends with its main chunk

	Bot     *intent.Intent
	Pool    *intent.Pool
	Portals *portal.Manager
	Data    *delivery.Data
	SQL     Database
	Admins  []matrix.UserID
	Clock   clockwork.Clock
	Log     hclog.Logger
	Host    Host
	// Specs is set where bridge.test may be required.
	Specs SpecRunner

	// Observe is told what scripts call, for coverage; nil: nobody is.
	Observe func(Observed)
	// Used is told what capabilities calls take, and whether they had them; nil: nobody is.
	Used func(g capability.Grant, allowed bool)

	// Config is what the host's configuration says about this script: TOML values.
	Config map[string]any
	// Dirs are the directories that bridge.fs reaches, by the names that scripts call them.
	Dirs map[string]string

	hooks  atomic.Int64 // requests that are being answered
	grants atomic.Pointer[capability.Grants]
	files  atomic.Int64 // that are open
}

// Host is what bindings ask of the host around them. internal/host implements it.
type Host interface {
	// CommandClash lists the other scripts that see the room and have a command of that name.
	CommandClash(room matrix.RoomID, script, name string) []string
}

// SetGrants says what the script may do from now on; nil: everything, as a person's own may.
// Connections that are not allowed any more are closed.
func (s *Script) SetGrants(g *capability.Grants) {
	s.grants.Store(g)
	if h, ok := s.Host.(Connections); ok {
		h.Egress().Recheck(s.Name)
	}
}

// Grants is what the script may do; nil: everything.
func (s *Script) Grants() *capability.Grants { return s.grants.Load() }

// Check is the one place where a call leaves the VM: it tells whether the script may
// use that capability on scope, "" for one that is not known yet. The error says which
// line its manifest lacks.
func (s *Script) Check(need capability.Need, scope string) error {
	if !need.Valid() {
		return &diag.Error{Kind: diag.KindInternal, Message: "a function was declared without saying what capability it needs"}
	}
	asked := capability.Grant{Name: need.Name(), Scope: scope}
	allowed := s.Grants().Allows(need, scope)
	if s.Used != nil && asked.Name != "" {
		s.Used(asked, allowed)
	}
	if allowed {
		return nil
	}
	if asked.Scope = capability.Narrow(asked.Name, scope); scope == AnyType {
		asked.Scope = ""
	}
	var scopes []string
	if asked.Scope != "" {
		scopes = []string{asked.Scope}
	}
	return &diag.Error{Kind: diag.KindPermission, Code: "E_CAPABILITY",
		Message: fmt.Sprintf("%s may not do this: %s was not granted", s.Name, asked),
		Hint: fmt.Sprintf("its author asks for it in bridge.toml, under [permissions]: %s; the owner of this host grants it: bridgehost permissions %s --grant '%s'",
			capability.Line(asked.Name, "…", scopes...), s.Name, asked)}
}

// openFile counts a file that is being opened; the script may have at most so many at
// once. close gives the place back.
func (s *Script) openFile(most int) (close func(), err error) {
	if s.files.Add(1) > int64(most) {
		s.files.Add(-1)
		return nil, &diag.Error{Kind: diag.KindLimit, Code: "E_OPEN_FILES", Retryable: true,
			Message: fmt.Sprintf("%d files are open already", most), Hint: "let fewer handlers work on files at once, or raise limits.open_files"}
	}
	return func() { s.files.Add(-1) }, nil
}

// Owns tells whether user is this script's bot or one of its ghosts.
func (s *Script) Owns(user matrix.UserID) bool {
	local, server := user.Localpart(), user.Server()
	if server != s.ServerName {
		return false
	}
	own := s.Prefix + s.Name
	return local == own || len(local) > len(own) && local[:len(own)] == own && local[len(own)] == '_' ||
		s.Bot != nil && user == s.Bot.MXID()
}

// IsAdmin tells whether user may give administrators' commands.
func (s *Script) IsAdmin(user matrix.UserID) bool {
	for _, a := range s.Admins {
		if a == user {
			return true
		}
	}
	return false
}
