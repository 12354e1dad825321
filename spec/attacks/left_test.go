package attacks

import (
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
)

// left is what got out since it was last asked: it must be nothing.
func (w *world) left(t *testing.T) (out []string) {
	t.Helper()
	w.mu.Lock()
	out = append(out, w.escaped...)
	w.escaped = nil
	sent := w.sent.String()
	w.sent.Reset()
	w.mu.Unlock()
	if w.isSecret(sent) {
		out = append(out, "a secret was sent to the world")
	}
	out = append(out, w.leftInRooms()...)
	out = append(out, w.leftAtHomeserver()...)
	if w.isSecret(w.host.Log()) {
		out = append(out, "a secret stands in the log")
	}
	for _, p := range w.hs.Users() {
		if strings.Contains(string(p.ID), "_bh_bank_") && p.Displayname != "Teller" {
			out = append(out, fmt.Sprintf("the bank's ghost is called %q", p.Displayname))
		}
	}
	text, err := os.ReadFile(w.files + "/pin.txt")
	entries, listed := os.ReadDir(w.files)
	if err != nil || listed != nil || string(text) != secret+"file" || len(entries) != 1 {
		out = append(out, "files outside were touched")
	}
	return out
}

// isSecret tells whether a text holds what no attack may see.
func (w *world) isSecret(text string) bool {
	return strings.Contains(text, secret) || slices.ContainsFunc(w.tokens, func(token string) bool { return strings.Contains(text, token) })
}

// owners tells whether a user is the person, or of the bank.
func owners(user string) bool {
	return strings.HasPrefix(user, "@alice:") || strings.HasPrefix(user, "@_bh_bank:") || strings.HasPrefix(user, "@_bh_bank_")
}

// leftInRooms looks for what others than the owners sent into their rooms, and for secrets in other rooms.
func (w *world) leftInRooms() (out []string) {
	for _, e := range w.hs.Everything() {
		room := string(e.RoomID)
		switch {
		case owners(string(e.Sender)):
		case room == w.private || room == w.vault || room == w.bankRoom:
			out = append(out, fmt.Sprintf("%s sent %s into a room of others", e.Sender, e.Type))
		case w.isSecret(string(e.Raw)):
			out = append(out, fmt.Sprintf("%s sent a secret as %s", e.Sender, e.Type))
		}
	}
	return out
}

// leftAtHomeserver looks for requests that succeeded as somebody else, or about rooms of others.
func (w *world) leftAtHomeserver() (out []string) {
	for _, r := range w.hs.Requests() {
		user := string(r.User)
		path, err := url.PathUnescape(r.Path)
		if err != nil {
			path = r.Path
		}
		switch ours := strings.HasPrefix(user, "@_bh_bank:") || strings.HasPrefix(user, "@_bh_bank_"); {
		case ours || strings.HasPrefix(user, "@_bh_"+usher+":") || r.Status >= 400 || strings.HasSuffix(r.Path, "/ping") || strings.HasSuffix(r.Path, "/register"):
		case !strings.HasPrefix(user, "@_bh_a"):
			out = append(out, fmt.Sprintf("%s %s as %s", r.Method, r.Path, user))
		case strings.Contains(path, w.private) || strings.Contains(path, w.vault) || strings.Contains(path, w.bankRoom):
			out = append(out, fmt.Sprintf("%s %s as %s, answered %d: a room of others", r.Method, r.Path, user, r.Status))
		}
	}
	return out
}
