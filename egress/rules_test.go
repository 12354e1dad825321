package egress

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"bridgehost/capability"
)

// stranger is a script that was granted something.
type stranger struct {
	g atomic.Pointer[capability.Grants]
}

func (s *stranger) Grants() *capability.Grants { return s.g.Load() }

func (s *stranger) grant(t *testing.T, list ...string) {
	t.Helper()
	g, err := capability.ParseGrants(list, func(key string) []string {
		return map[string][]string{"server": {"nas"}}[key]
	})
	if err != nil {
		t.Fatal(err)
	}
	s.g.Store(g)
}

// world is a network of names; what is connected to is written down.
type world struct {
	names   map[string][]string
	looked  int
	dialled []string
	down    string // nobody answers there
}

func (w *world) config() Config {
	return Config{
		Resolve: func(_ context.Context, host string) ([]netip.Addr, error) {
			w.looked++
			var all []netip.Addr
			for _, a := range w.names[host] {
				all = append(all, netip.MustParseAddr(a))
			}
			return all, nil
		},
		Dial: func(_ context.Context, _, address string) (net.Conn, error) {
			w.dialled = append(w.dialled, address)
			if address == w.down {
				return nil, errors.New("down")
			}
			c, _ := net.Pipe()
			return c, nil
		},
	}
}

func TestAddressesOfBundles(t *testing.T) {
	names := map[string][]string{
		"open.example": {"8.8.8.8", "2606:4700::1"}, "evil.example": {"127.0.0.1"}, "mixed.example": {"10.0.0.1", "8.8.8.8"},
		"lan.example": {"192.168.1.5"}, "nas": {"192.168.1.5"}, "localhost": {"127.0.0.1", "::1"},
		"mapped.example": {"::ffff:127.0.0.1"}, "nat64.example": {"64:ff9b::7f00:1"}, "6to4.example": {"2002:7f00:1::"},
		"teredo.example": {"2001:0:4136:e378:8000:63bf:3fff:fdd2"}, "meta.example": {"169.254.169.254"},
	}
	const all, home = "net:connect", "net:connect 192.168.1.0/24:80"
	for _, c := range []struct{ granted, host, want string }{
		{all, "open.example", "8.8.8.8:80"},
		{all, "OPEN.example.", "8.8.8.8:80"},
		{all, "8.8.8.8", "8.8.8.8:80"},
		{all, "2606:4700::1", "[2606:4700::1]:80"},
		{all, "64:ff9b::808:808", "[64:ff9b::808:808]:80"}, // translated, and open
		{all, "mixed.example", "8.8.8.8:80"},               // the other one is not tried
		{"net:connect open.example:80", "open.example", "8.8.8.8:80"},
		{home, "192.168.1.5", "192.168.1.5:80"},
		{"net:connect ${config.server}:80", "nas", "192.168.1.5:80"},
		{"net:connect localhost:80", "localhost", "127.0.0.1:80"},
		{"net:connect [::1]:80", "::1", "[::1]:80"},

		{"kv", "open.example", "it was not granted"},
		{"net:connect other.example:80", "open.example", "it was not granted"},
		{"net:connect open.example:81", "open.example", "it was not granted"},
		{home, "lan.example", "it was not granted"}, // the range was named, the name was not
		{"net:connect lan.example:80", "lan.example", "the name leads to 192.168.1.5, an address of a private network, and that was not named"},
		{all, "evil.example", "the name leads to 127.0.0.1, an address of this machine"},
		{all, "localhost", "this machine"},
		{all, "mapped.example", "this machine"},
		{all, "nat64.example", "this machine"},
		{all, "6to4.example", "this machine"},
		{all, "teredo.example", "a tunnel"},
		{all, "meta.example", "a link-local address"},
		{all, "nowhere.example", "no such host"},
		{all, "127.0.0.1", "this is an address of this machine, and that was not named"},
		{all, "::1", "this machine"},
		{all, "::", "this machine"},
		{all, "0.0.0.0", "this machine"},
		{all, "0.1.2.3", "this machine"},
		{all, "::ffff:10.0.0.1", "a private network"},
		{all, "::ffff:a00:1", "a private network"},
		{all, "172.31.255.255", "a private network"},
		{all, "fd00::1", "a private network"},
		{all, "fec0::1", "a private network"},
		{all, "100.64.0.1", "a provider's network"},
		{all, "169.254.169.254", "a link-local address"},
		{all, "fe80::1", "a link-local address"},
		{all, "fe80::1%eth0", "no plain name and no plain address"},
		{all, "224.0.0.1", "a multicast address"},
		{all, "ff02::1", "a multicast address"},
		{all, "255.255.255.255", "a reserved address"},
		{all, "203.0.113.9", "for examples"},
		{all, "198.18.0.1", "for examples"},
		{all, "2001:db8::1", "for examples"},
		{all, "64:ff9b:1::7f00:1", "a reserved address"},
		{all, "::7f00:1", "a reserved address"},
		{all, "2002:a00:1::", "a private network"},
		{all, "2606:4700::5efe:7f00:1", "this machine"},
		{all, "2606:4700::200:5efe:a00:1", "a private network"},
		{all, "0177.0.0.1", "no plain name"},
		{all, "2130706433", "no plain name"},
		{all, "127.1", "no plain name"},
		{all, "0x7f.1", "no plain name"},
		{all, "0x7f000001", "no plain name"},
		{all, "127.0.0.1.", "no plain name"},
		{all, "127.0.0.0x1", "no plain name"},
		{all, "127.0.0.1%25", "no plain name"},
		{all, "open%2eexample", "no plain name"},
		{all, "①②⑦.0.0.1", "no plain name"},
		{all, "оpen.example", "no plain name"}, // the first letter is Cyrillic
		{all, "open.example\x00.evil", "no plain name"},
		{all, "open.example:22", "no plain name"},
		{all, "open..example", "no plain name"},
		{all, "[::1]", "no plain name"},
		{all, "user@open.example", "no plain name"},
		{all, "", "no plain name"},
		{all, strings.Repeat("a", 64) + ".example", "no plain name"},
	} {
		w, s := &world{names: names}, &stranger{}
		s.grant(t, c.granted)
		a := New(w.config()).Account("s", 1)
		a.Judge(s)
		conn, err := a.Dial(t.Context(), Target{Need: capability.NetConnect, Host: c.host, Port: 80})
		if err == nil {
			if got := strings.Join(w.dialled, " "); got != c.want {
				t.Errorf("%s, granted %q: connected to %s, want %q", c.host, c.granted, got, c.want)
			}
			_ = conn.Close()
			continue
		}
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) || len(w.dialled) > 0 || a.Open() != 0 {
			t.Errorf("%s, granted %q: %v, connected to %q, %d open; want %q", c.host, c.granted, err, w.dialled, a.Open(), c.want)
		} else if e.Code != CodeNotFound && (e.Code != CodeAddress || e.Hint() == "" || e.Retryable()) {
			t.Errorf("%s: %s, hint %q, retryable %v", c.host, e.Code, e.Hint(), e.Retryable())
		}
	}
}

// The hint is a line that helps when it is followed.
func TestHintsOfRefusedAddresses(t *testing.T) {
	for need, want := range map[capability.Need]string{capability.NetConnect: "net:connect 127.0.0.1:443", capability.HTTPFetch: "http:fetch https://127.0.0.1:443/"} {
		w, s := &world{}, &stranger{}
		s.grant(t, need.Name())
		a := New(w.config()).Account("s", 1)
		a.Judge(s)
		target := Target{Need: need, Host: "127.0.0.1", Port: 443}
		_, err := a.Dial(t.Context(), target)
		e := codeIs(t, err, CodeAddress)
		if !strings.Contains(e.Hint(), "bridgehost permissions s --grant '"+want+"'") {
			t.Errorf("hint %q", e.Hint())
		}
		s.grant(t, want)
		if _, err := a.Dial(t.Context(), target); err != nil {
			t.Errorf("granted %s: %v", want, err)
		}
	}
}

// A name is looked up once for each connection, and what is connected to is what was judged.
func TestNamesThatChange(t *testing.T) {
	w, s := &world{names: map[string][]string{"evil.example": {"8.8.8.8"}}}, &stranger{}
	s.grant(t, "net:connect evil.example:80")
	a := New(w.config()).Account("s", 4)
	a.Judge(s)
	target := Target{Host: "evil.example", Port: 80}
	if _, err := a.Dial(t.Context(), target); err != nil {
		t.Fatal(err)
	}
	w.names["evil.example"] = []string{"127.0.0.1"}
	_, err := a.Dial(t.Context(), target)
	codeIs(t, err, CodeAddress)
	if w.looked != 2 || !slices.Equal(w.dialled, []string{"8.8.8.8:80"}) {
		t.Errorf("%d look-ups, connected to %q", w.looked, w.dialled)
	}
}

func TestTheNextAddressIsTried(t *testing.T) {
	w, s := &world{names: map[string][]string{"a.example": {"8.8.8.8", "9.9.9.9"}}, down: "8.8.8.8:80"}, &stranger{}
	s.grant(t, "net:connect")
	a := New(w.config()).Account("s", 4)
	a.Judge(s)
	if _, err := a.Dial(t.Context(), Target{Host: "a.example", Port: 80}); err != nil || len(w.dialled) != 2 {
		t.Errorf("%v, connected to %q", err, w.dialled)
	}
}

// One address that hangs does not take the time of the others.
func TestAnAddressThatHangs(t *testing.T) {
	w, s := &world{names: map[string][]string{"a.example": {"8.8.8.8", "9.9.9.9"}}}, &stranger{}
	s.grant(t, "net:connect")
	cfg := w.config()
	dial := cfg.Dial
	cfg.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		if address == "8.8.8.8:80" {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return dial(ctx, network, address)
	}
	a := New(cfg).Account("s", 4)
	a.Judge(s)
	if _, err := a.Dial(t.Context(), Target{Host: "a.example", Port: 80, Timeout: 100 * time.Millisecond}); err != nil {
		t.Error(err)
	}
}

func TestOwnListenersAreNeverReached(t *testing.T) {
	l, target := listen(t)
	all, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer all.Close()
	s := &stranger{}
	s.grant(t, "net:connect 0.0.0.0/0:*", "net:connect [::]:*", "net:connect [::1]:*", "net:connect localhost:*")
	d := New(Config{})
	defer d.Protect(all.Addr())()
	stop := d.Protect(l.Addr())
	a := d.Account("s", 4)
	a.Judge(s)
	ports := []int{target.Port, all.Addr().(*net.TCPAddr).Port}
	for _, host := range []string{"127.0.0.1", "127.0.0.2", "0.0.0.0", "localhost", "::1", "::"} {
		for _, port := range ports {
			_, err := a.Dial(t.Context(), Target{Host: host, Port: port})
			codeIs(t, err, CodeAddress)
			if host != "localhost" && !strings.Contains(err.Error(), "a listener of bridgehost's own") {
				t.Error(err)
			}
		}
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, of := range addresses {
		p := netip.MustParsePrefix(of.String())
		if why := d.refused(p.Addr(), ports[1]); why == "" {
			t.Errorf("%s of this machine is reached", p.Addr())
		}
	}
	if why := d.refused(netip.MustParseAddr("8.8.8.8"), ports[1]); why != "" {
		t.Errorf("another machine: %s", why)
	}
	stop()
	if _, err := a.Dial(t.Context(), target); err != nil {
		t.Errorf("when it is none any more: %v", err)
	}
}

func TestRevokedConnectionsAreClosed(t *testing.T) {
	w, s := &world{names: map[string][]string{"a.example": {"8.8.8.8"}, "b.example": {"8.8.4.4"}}}, &stranger{}
	d := New(w.config())
	a := d.Account("s", 4)
	if _, err := a.Dial(t.Context(), Target{Host: "a.example", Port: 80}); err != nil { // everything is allowed
		t.Fatal(err)
	}
	a.Judge(s)
	s.grant(t, "net:connect a.example:80", "net:connect b.example:80")
	d.Recheck("s")
	if a.Open() != 0 {
		t.Error("what nobody judged is open")
	}
	for _, host := range []string{"a.example", "b.example"} {
		if _, err := a.Dial(t.Context(), Target{Host: host, Port: 80}); err != nil {
			t.Fatal(err)
		}
	}
	s.grant(t, "net:connect b.example:80")
	d.Recheck("s")
	d.Recheck("nobody")
	if a.Open() != 1 {
		t.Errorf("%d are open, want 1", a.Open())
	}
	s.grant(t)
	d.Recheck("s")
	if a.Open() != 0 {
		t.Errorf("%d are open, want 0", a.Open())
	}
}

func FuzzPlainHost(f *testing.F) {
	for _, seed := range []string{"a.example", "127.1", "0x7f.1", "::1", "fe80::1%a", "A.", "1.2.3.4.", "xn--a"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, host string) {
		plain, ok := plainHost(host)
		if !ok {
			return
		}
		again, still := plainHost(plain)
		if !still || again != plain {
			t.Errorf("%q is %q, and that is %q, %v", host, plain, again, still)
		}
		if _, err := netip.ParseAddr(plain); err != nil && strings.ContainsAny(plain, ":%[]@/\\\x00 ") {
			t.Errorf("%q is a name: %q", host, plain)
		}
	})
}

func FuzzKind(f *testing.F) {
	for _, seed := range []string{"127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::ffff:10.0.0.1"} {
		b := netip.MustParseAddr(seed).As16()
		f.Add(b[:])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, ok := netip.AddrFromSlice(b)
		if !ok {
			return
		}
		u := a.Unmap()
		if kind(a) != kind(u) {
			t.Errorf("%s is %q, and mapped %q", u, kind(u), kind(a))
		}
		if kind(a) == "" && (u.IsLoopback() || u.IsPrivate() || u.IsUnspecified() || u.IsMulticast() || u.IsLinkLocalUnicast() || !u.IsGlobalUnicast()) {
			t.Errorf("%s is taken as one of the open internet", a)
		}
	})
}
