// Package portal knows ghosts, portals, the message map, and which script sees which
// event. A Router says who sees an event; a Manager keeps one script's ghosts and
// portals: every call of it is safe to make again, and from several handlers at once.
package portal

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"bridgehost/matrix"
)

// Names puts the ids of scripts' users together and takes them apart: the bot of script
// NAME is @PREFIXNAME, its ghosts are @PREFIXNAME_REMOTE.
type Names struct {
	Prefix     string // "_bh_"
	ServerName string
}

// hashMark begins the suffix of ids that were too long. No escape sequence begins so.
const hashMark = "=_"

const hashLength = 32

// Bot is the script's own user.
func (n Names) Bot(script string) matrix.UserID {
	return matrix.NewUserID(n.Prefix+script, n.ServerName)
}

// Ghost is the user for a remote id: its localpart is the specification's mapping from
// other character sets, which can be undone. An id that would be longer than 255 bytes
// is cut and gets a hash; exact is false then, and only the ghost table leads back.
// Source: specification, appendices, "Mapping from other character sets" (RG-2).
func (n Names) Ghost(script, remoteID string) (user matrix.UserID, exact bool) {
	local := n.Prefix + script + "_" + escape(remoteID)
	user = matrix.NewUserID(local, n.ServerName)
	if len(user) <= matrix.MaxIDLength {
		return user, true
	}
	sum := sha256.Sum256([]byte(remoteID))
	suffix := hashMark + hex.EncodeToString(sum[:])[:hashLength]
	keep := max(matrix.MaxIDLength-len("@:")-len(n.ServerName)-len(suffix), 0)
	return matrix.NewUserID(local[:min(keep, len(local))]+suffix, n.ServerName), false
}

// RemoteID is the remote id of a script's ghost; ok is false for users that are none, and
// for ghosts whose id was cut.
func (n Names) RemoteID(script string, user matrix.UserID) (remoteID string, ok bool) {
	local, mine := n.localpart(user)
	rest, ghost := strings.CutPrefix(local, n.Prefix+script+"_")
	if !mine || !ghost || rest == "" {
		return "", false
	}
	return unescape(rest)
}

// Script is the script that a user id belongs to, as bot or ghost.
func (n Names) Script(user matrix.UserID) (script string, ok bool) {
	local, mine := n.localpart(user)
	rest, found := strings.CutPrefix(local, n.Prefix)
	if !mine || !found {
		return "", false
	}
	script, _, _ = strings.Cut(rest, "_")
	return script, script != ""
}

func (n Names) localpart(user matrix.UserID) (local string, mine bool) {
	return user.Localpart(), len(user) > 0 && user[0] == '@' && user.Server() == n.ServerName
}

const hexDigits = "0123456789abcdef"

func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '.', c == '/', c == '+':
			b.WriteByte(c)
		case c == '_':
			b.WriteString("__")
		case c >= 'A' && c <= 'Z':
			b.WriteByte('_')
			b.WriteByte(c - 'A' + 'a')
		default:
			b.Write([]byte{'=', hexDigits[c>>4], hexDigits[c&15]})
		}
	}
	return b.String()
}

// unescape is strict: what escape does not write is no ghost of ours.
func unescape(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '_' && i+1 < len(s) && s[i+1] == '_':
			b.WriteByte('_')
			i++
		case c == '_' && i+1 < len(s) && s[i+1] >= 'a' && s[i+1] <= 'z':
			b.WriteByte(s[i+1] - 'a' + 'A')
			i++
		case c == '=' && i+2 < len(s):
			high, low := strings.IndexByte(hexDigits, s[i+1]), strings.IndexByte(hexDigits, s[i+2])
			if high < 0 || low < 0 {
				return "", false
			}
			b.WriteByte(byte(high<<4 | low))
			i += 2
		case c == '_' || c == '=':
			return "", false
		default:
			b.WriteByte(c)
		}
	}
	out := b.String()
	return out, escape(out) == s
}
