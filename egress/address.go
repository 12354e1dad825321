package egress

import "net/netip"

// special are the ranges that are not of the open internet, and what they are.
// Source: IANA's registries of special-purpose addresses, of IPv4 and IPv6.
var special = []struct {
	prefix netip.Prefix
	what   string
}{
	{netip.MustParsePrefix("127.0.0.0/8"), thisMachine},
	{netip.MustParsePrefix("::1/128"), thisMachine},
	{netip.MustParsePrefix("0.0.0.0/8"), thisMachine}, // 0.0.0.0 connects to it
	{netip.MustParsePrefix("::/128"), thisMachine},
	{netip.MustParsePrefix("10.0.0.0/8"), "an address of a private network"},
	{netip.MustParsePrefix("172.16.0.0/12"), "an address of a private network"},
	{netip.MustParsePrefix("192.168.0.0/16"), "an address of a private network"},
	{netip.MustParsePrefix("fc00::/7"), "an address of a private network"},
	{netip.MustParsePrefix("fec0::/10"), "an address of a private network"},
	{netip.MustParsePrefix("100.64.0.0/10"), "an address within a provider's network"},
	{netip.MustParsePrefix("169.254.0.0/16"), "a link-local address"},
	{netip.MustParsePrefix("fe80::/10"), "a link-local address"},
	{netip.MustParsePrefix("224.0.0.0/4"), "a multicast address"},
	{netip.MustParsePrefix("ff00::/8"), "a multicast address"},
	{netip.MustParsePrefix("192.0.0.0/24"), reserved},
	{netip.MustParsePrefix("192.88.99.0/24"), reserved},
	{netip.MustParsePrefix("240.0.0.0/4"), reserved}, // the broadcast address, too
	{netip.MustParsePrefix("192.0.2.0/24"), examples},
	{netip.MustParsePrefix("198.51.100.0/24"), examples},
	{netip.MustParsePrefix("203.0.113.0/24"), examples},
	{netip.MustParsePrefix("198.18.0.0/15"), examples},
	{netip.MustParsePrefix("2001:db8::/32"), examples},
	{netip.MustParsePrefix("3fff::/20"), examples},
	{netip.MustParsePrefix("2001::/23"), "an address of a tunnel, or " + reserved}, // Teredo, benchmarks, ORCHID
}

const (
	thisMachine = "an address of this machine"
	reserved    = "a reserved address"
	examples    = "an address for examples and measurements"
)

// open are the IPv6 addresses that are handed out.
var open = netip.MustParsePrefix("2000::/3")

// nat64 is the prefix behind which translators reach IPv4.
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// kind says what an address is that is not of the open internet; "" for one that is.
// An IPv6 address that carries one of IPv4 is judged by that.
func kind(a netip.Addr) string {
	if a.Zone() != "" {
		return "a link-local address"
	}
	a = a.Unmap()
	for _, s := range special {
		if s.prefix.Contains(a) {
			return s.what
		}
	}
	if a.Is4() {
		return ""
	}
	b := a.As16()
	switch {
	case nat64.Contains(a):
		return kind(netip.AddrFrom4([4]byte(b[12:])))
	case b[0] == 0x20 && b[1] == 0x02: // 6to4
		return kind(netip.AddrFrom4([4]byte(b[2:])))
	case !open.Contains(a):
		return reserved
	case b[8]&^2 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe: // ISATAP
		return kind(netip.AddrFrom4([4]byte(b[12:])))
	}
	return ""
}
