package richtext

import (
	"net/url"
	"slices"
	"strings"
)

// LinkSchemes are those that the specification allows in messages.
var LinkSchemes = []string{"http", "https", "ftp", "mailto", "magnet"}

// MayLink tells whether an address may be a link in a message.
func MayLink(address string) bool {
	u, err := url.Parse(strings.TrimSpace(address))
	return err == nil && slices.Contains(LinkSchemes, strings.ToLower(u.Scheme))
}

// MayLinkForeign tells it of an address that somebody else wrote: it must not mention a
// user either, which is a ping.
func MayLinkForeign(address string) bool {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || !MayLink(address) {
		return false
	}
	host := strings.TrimSuffix(u.Hostname(), ".")
	return !strings.EqualFold(host, "matrix.to") || !strings.HasPrefix(strings.TrimLeft(u.Fragment, "/"), "@")
}
