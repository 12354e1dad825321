package appservice

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"bridgehost/matrix"
)

// DefaultPrefix begins the localpart of every user and alias that is ours.
const DefaultPrefix = "_bh_"

// Registration is the file by which a homeserver knows us. Unknown keys are kept
// in Extra and written back. (RG-1)
type Registration struct {
	ID               string         `yaml:"id"`
	URL              *string        `yaml:"url"` // nil: the homeserver pushes nothing
	ASToken          string         `yaml:"as_token"`
	HSToken          string         `yaml:"hs_token"`
	SenderLocalpart  string         `yaml:"sender_localpart"`
	Namespaces       Namespaces     `yaml:"namespaces"`
	RateLimited      bool           `yaml:"rate_limited"`
	PushEphemeral    bool           `yaml:"de.sorunome.msc2409.push_ephemeral"`
	ReceiveEphemeral bool           `yaml:"receive_ephemeral"`
	MSC3202          bool           `yaml:"org.matrix.msc3202"`
	Protocols        []string       `yaml:"protocols,omitempty"`
	Extra            map[string]any `yaml:",inline"`

	// ServerName is not in the file; whoever knows it sets it, so that OwnsUser knows
	// the sender also when no namespace covers it.
	ServerName string `yaml:"-"`

	compiled sync.Once
	users    []*regexp.Regexp
	aliases  []*regexp.Regexp
}

// Namespaces says which identifiers are ours.
type Namespaces struct {
	Users   []Namespace `yaml:"users"`
	Aliases []Namespace `yaml:"aliases"`
	Rooms   []Namespace `yaml:"rooms"`
}

// Namespace is one pattern; exclusive ones are refused to everybody else.
type Namespace struct {
	Exclusive bool   `yaml:"exclusive"`
	Regex     string `yaml:"regex"`
}

// NewOptions is what NewRegistration needs to know.
type NewOptions struct {
	ID              string // "bridgehost" when empty
	URL             string // where the homeserver reaches us; empty: null
	ServerName      string // of the homeserver, as it stands in user ids
	Prefix          string // DefaultPrefix when empty
	SenderLocalpart string // Prefix + "bot" when empty
}

// NewRegistration makes a registration with new random tokens of 256 bits.
// Errors name the option that cannot be used.
func NewRegistration(o NewOptions) (*Registration, error) {
	if o.ID == "" {
		o.ID = "bridgehost"
	}
	if o.Prefix == "" {
		o.Prefix = DefaultPrefix
	}
	if o.SenderLocalpart == "" {
		o.SenderLocalpart = o.Prefix + "bot"
	}
	switch {
	case o.ServerName == "":
		return nil, errors.New("registration: the server name is missing (as in user ids: example.org)")
	case strings.Contains(o.ID, "|"):
		return nil, fmt.Errorf("registration: id %q must not contain '|'", o.ID)
	case !localpartForm.MatchString(o.Prefix):
		return nil, fmt.Errorf("registration: prefix %q must be made of a-z 0-9 . _ = - / +", o.Prefix)
	case !localpartForm.MatchString(o.SenderLocalpart):
		return nil, fmt.Errorf("registration: sender_localpart %q must be made of a-z 0-9 . _ = - / +", o.SenderLocalpart)
	}
	r := &Registration{
		ID: o.ID, ASToken: newToken(), HSToken: newToken(), SenderLocalpart: o.SenderLocalpart,
		PushEphemeral: true, ReceiveEphemeral: true, ServerName: o.ServerName,
	}
	if o.URL != "" {
		url := strings.TrimRight(o.URL, "/")
		r.URL = &url
	}
	name, prefix := regexp.QuoteMeta(o.ServerName), regexp.QuoteMeta(o.Prefix)
	r.Namespaces = Namespaces{
		Users:   []Namespace{{Exclusive: true, Regex: "^@" + prefix + ".*:" + name + "$"}},
		Aliases: []Namespace{{Exclusive: true, Regex: "^#" + prefix + ".*:" + name + "$"}},
		Rooms:   []Namespace{},
	}
	if !strings.HasPrefix(o.SenderLocalpart, o.Prefix) {
		r.Namespaces.Users = append(r.Namespaces.Users,
			Namespace{Exclusive: true, Regex: "^@" + regexp.QuoteMeta(o.SenderLocalpart) + ":" + name + "$"})
	}
	return r, nil
}

var localpartForm = regexp.MustCompile(`^[a-z0-9._=/+-]+$`)

func newToken() string {
	var b [32]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}

// OwnsUser tells whether a user is ours: in a namespace, or the sender itself. Like
// Synapse it matches patterns at the beginning of the id.
func (r *Registration) OwnsUser(user matrix.UserID) bool {
	if r.ServerName != "" && user == matrix.NewUserID(r.SenderLocalpart, r.ServerName) {
		return true
	}
	r.compiled.Do(r.compile)
	return matchesAny(r.users, string(user))
}

// OwnsAlias tells whether an alias is in our namespace.
func (r *Registration) OwnsAlias(alias matrix.RoomAlias) bool {
	r.compiled.Do(r.compile)
	return matchesAny(r.aliases, string(alias))
}

// compile leaves out what is no pattern; check has refused those when reading.
func (r *Registration) compile() {
	r.users, r.aliases = compileAll(r.Namespaces.Users), compileAll(r.Namespaces.Aliases)
}

func compileAll(list []Namespace) (out []*regexp.Regexp) {
	for _, n := range list {
		if re, err := regexp.Compile("^(?:" + n.Regex + ")"); err == nil {
			out = append(out, re)
		}
	}
	return out
}

func matchesAny(list []*regexp.Regexp, id string) bool {
	for _, re := range list {
		if re.MatchString(id) {
			return true
		}
	}
	return false
}
