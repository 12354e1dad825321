package capability_test

import (
	"net/netip"
	"testing"

	"bridgehost/capability"
)

// at home: what the owner typed into bridgehost.toml.
func atHome(key string) []string {
	return map[string][]string{
		"server": {"irc.libera.chat"}, "port": {"6697"}, "broker": {"mqtt://broker.lan"}, "star": {"*"},
		"feeds": {"https://a.example/f", "https://b.example/f"}, "nested": {"${config.star}"},
	}[key]
}

func TestGrants(t *testing.T) {
	for _, c := range []struct {
		granted string
		need    capability.Need
		scope   string
		want    bool
	}{
		{"kv", capability.KV, "", true},
		{"kv 10MB", capability.KV, "anything", true},
		{"kv", capability.SQL, "", false},
		{"net:connect", capability.NetConnect, "anywhere.example:1", true},
		{"net:connect irc.libera.chat:6697", capability.NetConnect, "", true},
		{"net:connect irc.libera.chat:6697", capability.NetConnect, "irc.libera.chat:6697", true},
		{"net:connect irc.libera.chat:6697", capability.NetConnect, "IRC.Libera.Chat.:6697", true},
		{"net:connect irc.libera.chat:6697", capability.NetConnect, "irc.libera.chat:22", false},
		{"net:connect irc.libera.chat:6697", capability.NetConnect, "evil.irc.libera.chat:6697", false},
		{"net:connect irc.libera.chat:*", capability.NetConnect, "irc.libera.chat:22", true},
		{"net:connect *.libera.chat:6697", capability.NetConnect, "irc.libera.chat:6697", true},
		{"net:connect *.libera.chat:6697", capability.NetConnect, "libera.chat:6697", false},
		{"net:connect *.libera.chat:6697", capability.NetConnect, "evillibera.chat:6697", false},
		{"net:connect 192.168.1.0/24:1883", capability.NetConnect, "192.168.1.9:1883", true},
		{"net:connect 192.168.1.0/24:1883", capability.NetConnect, "192.168.2.9:1883", false},
		{"net:connect [::1]:1883", capability.NetConnect, "[::1]:1883", true},
		{"net:connect ${config.server}:${config.port}", capability.NetConnect, "irc.libera.chat:6697", true},
		{"net:connect ${config.server}:${config.port}", capability.NetConnect, "irc.libera.chat:6668", false},
		{"net:connect ${config.broker}", capability.NetConnect, "broker.lan:1883", true},
		{"net:connect ${config.star}:1", capability.NetConnect, "evil.example:1", false},
		{"net:connect ${config.nested}:1", capability.NetConnect, "evil.example:1", false},
		{"net:connect ${config.missing}:1", capability.NetConnect, "", false},
		{"http:fetch https://example.org/feeds/", capability.HTTPFetch, "https://example.org/feeds/a.xml", true},
		{"http:fetch https://example.org/feeds", capability.HTTPFetch, "https://example.org:443/feeds?x=1", true},
		{"http:fetch https://example.org/feeds", capability.HTTPFetch, "https://example.org/feeds2", false},
		{"http:fetch https://example.org/feeds/", capability.HTTPFetch, "https://example.org/feeds/../admin", false},
		{"http:fetch https://example.org/feeds/", capability.HTTPFetch, "https://example.org/feeds/%2e%2e/admin", false},
		{"http:fetch https://example.org/feeds/", capability.HTTPFetch, "https://example.org/feeds/..%2fadmin", false},
		{"http:fetch https://example.org", capability.HTTPFetch, "http://example.org/", false},
		{"http:fetch https://example.org", capability.HTTPFetch, "https://example.org:8443/", false},
		{"http:fetch https://example.org", capability.HTTPFetch, "https://example.org@evil.example/", false},
		{"http:fetch https://*.example.org/", capability.HTTPFetch, "https://a.example.org/x", true},
		{"http:fetch ${config.feeds}", capability.HTTPFetch, "https://b.example/f", true},
		{"http:fetch ${config.feeds}", capability.HTTPFetch, "https://c.example/f", false},
		{"http:listen /github", capability.HTTPListen, "/github", true},
		{"http:listen /github", capability.HTTPListen, "/githubber", false},
		{"matrix:send m.room.message", capability.MatrixSend, "m.room.message", true},
		{"matrix:send m.room.message", capability.MatrixSend, "m.reaction", false},
		{"matrix:state org.example.*", capability.MatrixState, "org.example.thing", true},
		{"matrix:state org.example.*", capability.MatrixState, "m.room.power_levels", false},
		{"matrix:state a*b*c", capability.MatrixState, "a.b.b.c", true},
		{"matrix:state a*b*c", capability.MatrixState, "a.c", false},
		{"matrix:state ab*ab", capability.MatrixState, "ab", false},
		{"matrix:puppet @me:*", capability.MatrixPuppet, "@me:example.org", true},
		{"matrix:raw /_matrix/client/v3/rooms", capability.MatrixRaw, "/_matrix/client/v3/rooms/!a:b/aliases", true},
		{"matrix:raw /_matrix/client/v3/rooms", capability.MatrixRaw, "/_matrix/client/v3/account/password", false},
		{"fs:read music", capability.FSRead, "music", true},
		{"fs:read music", capability.FSRead, "home", false},
		{"fs:read music", capability.FSWrite, "music", false},
	} {
		g, err := capability.ParseGrants([]string{c.granted}, atHome)
		if err != nil {
			t.Errorf("%s: %v", c.granted, err)
			continue
		}
		if got := g.Allows(c.need, c.scope); got != c.want {
			t.Errorf("%q allows %s on %q: %v, want %v", c.granted, c.need, c.scope, got, c.want)
		}
	}
}

func TestOwnScriptsMayAll(t *testing.T) {
	var own *capability.Grants
	if !own.Allows(capability.MatrixRaw, "/anything") || !own.Names(capability.NetConnect, "localhost", "1", netip.MustParseAddr("127.0.0.1")) {
		t.Error("a person's own script is refused something")
	}
	none, err := capability.ParseGrants(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if none.Allows(capability.KV, "") {
		t.Error("a bundle that was granted nothing may store something")
	}
}

// An address at home is reached only when it was named.
func TestGrantsName(t *testing.T) {
	for _, c := range []struct {
		granted, host, address string
		want                   bool
	}{
		{"net:connect", "evil.example", "127.0.0.1", false},
		{"net:connect *:1883", "evil.example", "10.0.0.1", false},
		{"net:connect evil.example:1883", "evil.example", "127.0.0.1", false},
		{"net:connect localhost:1883", "localhost", "127.0.0.1", true},
		{"net:connect localhost:1883", "localhost", "::1", true},
		{"net:connect localhost:1883", "evil.example", "127.0.0.1", false},
		{"net:connect localhost:1883", "localhost", "10.0.0.1", false},
		{"net:connect 10.0.0.1:1883", "10.0.0.1", "10.0.0.1", true},
		{"net:connect 10.0.0.1:1883", "10.0.0.1", "::ffff:10.0.0.1", true},
		{"net:connect 10.0.0.0/8:1883", "broker.lan", "10.9.9.9", true},
		{"net:connect 10.0.0.0/8:22", "broker.lan", "10.9.9.9", false},
		{"net:connect ${config.broker}", "broker.lan", "192.168.1.5", true},
		{"net:connect ${config.broker}", "other.lan", "192.168.1.5", false},
	} {
		g, err := capability.ParseGrants([]string{c.granted}, atHome)
		if err != nil {
			t.Fatal(err)
		}
		if got := g.Names(capability.NetConnect, c.host, "1883", netip.MustParseAddr(c.address)); got != c.want {
			t.Errorf("%q names %s (%s): %v, want %v", c.granted, c.address, c.host, got, c.want)
		}
	}
}

func TestGrantsThatNeverMatch(t *testing.T) {
	for _, bad := range []string{"exec", "net:connect example.org", "http:fetch example.org", "http:listen github", "http:fetch https://a:b@example.org/"} {
		if _, err := capability.ParseGrants([]string{bad}, nil); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func FuzzGrants(f *testing.F) {
	for _, seed := range []string{"kv", "net:connect *.a:1", "http:fetch https://a/%2e", "matrix:state a*b*c", "net:connect ${config.nested}"} {
		f.Add(seed, "https://a/b/../c")
	}
	f.Fuzz(func(t *testing.T, granted, scope string) {
		g, err := capability.ParseGrants([]string{granted}, atHome)
		if err != nil {
			return
		}
		for _, n := range []capability.Need{capability.NetConnect, capability.HTTPFetch, capability.MatrixState, capability.MatrixRaw} {
			if g.Allows(n, scope) && !g.Has(n) {
				t.Errorf("%q allows %s on %q, and has it not", granted, n, scope)
			}
		}
	})
}

func TestSize(t *testing.T) {
	for text, want := range map[string]int64{"": 10 << 20, "0B": 0, "500KB": 500 << 10, "10MB": 10 << 20, "2 GB": 2 << 30} {
		if n, err := capability.Size(text); err != nil || n != want {
			t.Errorf("Size(%q) = %d, %v", text, n, err)
		}
	}
	for _, text := range []string{"much", "10", "-1MB", "99999999999GB", "1.5MB", "MB", "1TB"} {
		if n, err := capability.Size(text); err == nil {
			t.Errorf("Size(%q) = %d", text, n)
		}
	}
	granted, err := capability.ParseGrants([]string{"kv 1MB", "kv 2MB"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n, bounded := granted.Quota(capability.KV); n != 2<<20 || !bounded {
		t.Errorf("the larger one counts: %d, %v", n, bounded)
	}
	if n, bounded := granted.Quota(capability.SQL); n != capability.DefaultSize || !bounded {
		t.Errorf("without a grant: %d, %v", n, bounded)
	}
	var own *capability.Grants
	if _, bounded := own.Quota(capability.KV); bounded {
		t.Error("a person's own script is bounded")
	}
}

func FuzzSize(f *testing.F) {
	for _, text := range []string{"", "10MB", "1 GB", "-1B", "999999999999999999KB"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if n, err := capability.Size(text); err == nil && (n < 0 || n > 1<<40) {
			t.Errorf("Size(%q) = %d", text, n)
		}
	})
}
