package matrix

import (
	"net/url"
	"strings"
)

// Path joins segments to an encoded path that starts with a slash. Each segment is
// percent-encoded as a whole, whatever it holds: "/" becomes %2F, and "." and ".."
// become %2E and %2E%2E, which no client takes for a relative path (TR-1).
func Path(segments ...string) string {
	var b strings.Builder
	for _, s := range segments {
		b.WriteByte('/')
		EncodeSegment(&b, s)
	}
	return b.String()
}

// ClientPath is a path under /_matrix/client/v3.
func ClientPath(segments ...string) string {
	return "/_matrix/client/v3" + Path(segments...)
}

// EncodeSegment writes one path segment to b; only RFC 3986's unreserved characters stay.
func EncodeSegment(b *strings.Builder, s string) {
	const hex = "0123456789ABCDEF"
	dots := s == "." || s == ".."
	for i := range len(s) {
		if c := s[i]; unreserved(c) && !(dots && c == '.') {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
}

func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '-' || c == '_' || c == '.' || c == '~'
}

// RawPath reads a path that a script wrote by hand ("_matrix/client/v3/rooms/!r:s/leave?a=b"):
// escapes are kept in meaning, what is not escaped and should be is, and what stands
// behind the first "?" is the query.
func RawPath(raw string) (path string, query url.Values) {
	raw, q, _ := strings.Cut(raw, "?")
	query, _ = url.ParseQuery(q)
	segments := strings.Split(strings.TrimPrefix(raw, "/"), "/")
	for n, s := range segments {
		if plain, err := url.PathUnescape(s); err == nil {
			segments[n] = plain
		}
	}
	return Path(segments...), query
}

// encodeQuery is url.Values.Encode with %20 for spaces, which every server reads alike.
func encodeQuery(q url.Values) string {
	return strings.ReplaceAll(q.Encode(), "+", "%20")
}
