package capability

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Grant is one thing that a script may do: a capability, and on what.
type Grant struct {
	Name  string // "net:connect"
	Scope string // "irc.libera.chat:6697"; "" for all that the capability gives
	// Own is set when the scope came from the owner's configuration: it was typed by the
	// person who grants, so a name in it may also stand for an address at home.
	Own bool
}

// String is the grant as a lock has it.
func (g Grant) String() string { return strings.TrimSuffix(g.Name+" "+g.Scope, " ") }

// Grants is what a script may do. A nil *Grants allows everything: a person's own script.
type Grants struct{ list []Grant }

var fromConfig = regexp.MustCompile(`\$\{config\.([a-zA-Z0-9_]+)\}`)

// ParseGrants reads a list as it stands in a lock: "kv", "net:connect ${config.server}:6697".
// config answers the values of a key of the owner's configuration; a grant whose key has
// none is left out, and one whose key has several stands for each.
func ParseGrants(list []string, config func(key string) []string) (*Grants, error) {
	g := &Grants{list: []Grant{}}
	for _, text := range list {
		name, scope, _ := strings.Cut(text, " ")
		if !Known(name) {
			return nil, fmt.Errorf("there is no permission %q", name)
		}
		own := fromConfig.MatchString(scope)
		for _, s := range fillIn(scope, config) {
			grant := Grant{Name: name, Scope: normal(name, s), Own: own}
			if err := grant.check(); err != nil {
				return nil, fmt.Errorf("%s: %w", text, err)
			}
			g.list = append(g.list, grant)
		}
	}
	return g, nil
}

// fillIn puts values for ${config.KEY}. A value is meant as it stands: what would be a
// pattern in it is no scope.
func fillIn(scope string, config func(key string) []string) []string {
	m := fromConfig.FindStringSubmatch(scope)
	if m == nil {
		return []string{scope}
	}
	var filled []string
	if config == nil {
		return nil
	}
	for _, value := range config(m[1]) {
		if value == "" || strings.ContainsAny(value, "*$") {
			continue
		}
		filled = append(filled, fillIn(strings.Replace(scope, m[0], value, 1), config)...)
	}
	return filled
}

// ports are those of URLs that name none.
var ports = map[string]string{"http": "80", "https": "443", "ws": "80", "wss": "443", "mqtt": "1883", "mqtts": "8883", "ssl": "8883", "tcp": "1883"}

// normal brings a scope into the form that is compared: of a URL that is connected to, host and port.
func normal(name, scope string) string {
	if name != NetConnect.name || !strings.Contains(scope, "://") {
		return scope
	}
	u, err := url.Parse(scope)
	if err != nil || u.Hostname() == "" {
		return scope
	}
	port := u.Port()
	if port == "" {
		port = ports[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// check refuses a scope that could never match.
func (g Grant) check() error {
	if g.Scope == "" {
		return nil
	}
	switch g.Name {
	case NetConnect.name, NetListen.name, NetUDP.name:
		if _, _, err := net.SplitHostPort(g.Scope); err != nil {
			return fmt.Errorf("%q is no host and port like irc.libera.chat:6697", g.Scope)
		}
	case HTTPFetch.name:
		if u, err := url.Parse(g.Scope); err != nil || u.Host == "" || u.User != nil {
			return fmt.Errorf("%q is no beginning of a web address like https://example.org/feeds/", g.Scope)
		}
	case KV.name, SQL.name:
		if _, err := Size(g.Scope); err != nil {
			return err
		}
	case HTTPListen.name:
		if !strings.HasPrefix(g.Scope, "/") {
			return fmt.Errorf("%q is no path like /github", g.Scope)
		}
	}
	return nil
}

// List is every grant, in the order in which they were given.
func (g *Grants) List() []Grant {
	if g == nil {
		return nil
	}
	return slices.Clone(g.list)
}

// Has tells whether the capability was granted, on whatever scope.
func (g *Grants) Has(need Need) bool {
	return g == nil || need.name == "" || slices.ContainsFunc(g.list, func(o Grant) bool { return o.Name == need.name })
}

// Allows tells whether the capability was granted on scope: "host:port", a URL, a path,
// an event type, a user, the name of a directory. An empty scope asks for Has.
func (g *Grants) Allows(need Need, scope string) bool {
	if scope == "" {
		return g.Has(need)
	}
	return g == nil || need.name == "" || slices.ContainsFunc(g.list, func(o Grant) bool { return o.Name == need.name && o.covers(scope) })
}

// Reaches tells whether connections to that host and port were granted: themselves, or
// for the URLs of that host.
func (g *Grants) Reaches(need Need, host, port string) bool {
	return g == nil || slices.ContainsFunc(g.list, func(o Grant) bool {
		if o.Name != need.name {
			return false
		}
		granted, its := o.place()
		return o.Scope == "" || (its == "*" || its == port) && coversHost(granted, host)
	})
}

// Scopes are the scopes on which the capability was granted; one of "" is all of it.
func (g *Grants) Scopes(need Need) (scopes []string) {
	for _, o := range g.List() {
		if o.Name == need.name {
			scopes = append(scopes, o.Scope)
		}
	}
	return scopes
}

// Names tells whether address, which is not of the open internet, was named for a host
// (of a connection, or of a URL): written as the address or a range that holds it, as
// localhost, or by the owner's configuration. A pattern with * names nothing.
func (g *Grants) Names(need Need, host, port string, address netip.Addr) bool {
	return g == nil || slices.ContainsFunc(g.list, func(o Grant) bool {
		if o.Name != need.name || o.Scope == "" {
			return false
		}
		named, its := o.place()
		switch {
		case its != "*" && its != port:
			return false
		case o.Own && strings.EqualFold(named, host):
			return true
		case strings.EqualFold(named, "localhost"):
			return address.Unmap().IsLoopback() && strings.EqualFold(host, "localhost")
		}
		return within(named, address)
	})
}

// place is the host and port that a grant of connections or URLs is about.
func (g Grant) place() (host, port string) {
	if g.Name != HTTPFetch.name {
		host, port, _ = net.SplitHostPort(g.Scope)
		return host, port
	}
	u, err := url.Parse(g.Scope)
	if err != nil {
		return "", ""
	}
	if port = u.Port(); port == "" {
		port = ports[u.Scheme]
	}
	return u.Hostname(), port
}

// within tells whether address is written by an address, or lies in a range like 192.168.1.0/24.
func within(written string, address netip.Addr) bool {
	if r, err := netip.ParsePrefix(written); err == nil {
		return r.Contains(address.Unmap())
	}
	a, err := netip.ParseAddr(written)
	return err == nil && a.Unmap() == address.Unmap()
}

func (g Grant) covers(scope string) bool {
	switch g.Name {
	case NetConnect.name, NetListen.name, NetUDP.name:
		return coversAddress(g.Scope, scope)
	case HTTPFetch.name:
		return coversURL(g.Scope, scope)
	case HTTPListen.name, MatrixRaw.name:
		return g.Scope == "" || coversPath(g.Scope, scope)
	case KV.name, SQL.name:
		return true // its scope is a size
	}
	return g.Scope == "" || matches(g.Scope, scope)
}

func coversAddress(granted, scope string) bool {
	if granted == "" {
		return true
	}
	host, port, err := net.SplitHostPort(granted)
	if err != nil {
		return false
	}
	wantHost, wantPort, err := net.SplitHostPort(scope)
	return err == nil && (port == "*" || port == wantPort) && coversHost(host, wantHost)
}

// coversHost compares names without regard to case; "*.example.org" is every name below it.
func coversHost(granted, host string) bool {
	granted, host = strings.ToLower(granted), strings.TrimSuffix(strings.ToLower(host), ".")
	if granted == "*" || granted == host {
		return true
	}
	if below, ok := strings.CutPrefix(granted, "*."); ok {
		return strings.HasSuffix(host, "."+below)
	}
	address, err := netip.ParseAddr(host)
	return err == nil && within(granted, address)
}

// coversURL compares scheme, host and port, and the path as a whole number of its parts.
func coversURL(granted, scope string) bool {
	if granted == "" {
		return true
	}
	g, err := url.Parse(granted)
	if err != nil {
		return false
	}
	s, err := url.Parse(scope)
	if err != nil || !strings.EqualFold(g.Scheme, s.Scheme) || !coversHost(g.Hostname(), s.Hostname()) {
		return false
	}
	return portOf(g) == portOf(s) && coversPath(g.EscapedPath(), s.EscapedPath())
}

func portOf(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	return ports[strings.ToLower(u.Scheme)]
}

// coversPath tells whether p is granted, or lies below it. Dots do not lead out, however they are written.
func coversPath(granted, p string) bool {
	decoded, err := url.PathUnescape(p)
	if err != nil || strings.ContainsAny(decoded, "\\\x00") || slices.Contains(strings.Split(decoded, "/"), "..") {
		return false
	}
	granted = strings.TrimSuffix(granted, "/")
	p = path.Clean("/" + p)
	return p == granted || strings.HasPrefix(p, granted+"/") || granted == ""
}

// matches compares with a pattern in which * stands for any text.
func matches(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	last := len(parts) - 1
	if last == 0 {
		return pattern == text
	}
	text, begins := strings.CutPrefix(text, parts[0])
	if !begins {
		return false
	}
	for _, part := range parts[1:last] {
		at := strings.Index(text, part)
		if at < 0 {
			return false
		}
		text = text[at+len(part):]
	}
	return strings.HasSuffix(text, parts[last])
}
