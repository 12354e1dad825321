package egress

import (
	"net/netip"
	"strings"
)

// plainHost brings the name of a host into the one form that is looked up, and compared:
// small letters, without a dot at the end. ok is false for what has more than one
// reading: an address in an odd spelling (0177.0.0.1, 127.1, 2130706433), one with a
// zone, escaped or foreign letters.
func plainHost(host string) (plain string, ok bool) {
	if a, err := netip.ParseAddr(host); err == nil {
		return a.String(), a.Zone() == ""
	}
	plain = strings.TrimSuffix(strings.ToLower(host), ".")
	labels := strings.Split(plain, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || strings.ContainsFunc(label, notInName) {
			return "", false
		}
	}
	return plain, len(plain) <= 253 && !isNumber(labels[len(labels)-1])
}

func notInName(r rune) bool {
	return !('a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '-' || r == '_')
}

// isNumber tells whether a name's last part makes it an address in the eyes of some
// resolvers. Source: WHATWG URL, "ends in a number".
func isNumber(label string) bool {
	if hex, ok := strings.CutPrefix(label, "0x"); ok {
		return !strings.ContainsFunc(hex, func(r rune) bool { return !('0' <= r && r <= '9' || 'a' <= r && r <= 'f') })
	}
	return !strings.ContainsFunc(label, func(r rune) bool { return r < '0' || r > '9' })
}
