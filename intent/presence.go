package intent

import (
	"context"
	"encoding/json"

	"bridgehost/matrix"
)

// presence is what a user was last shown as.
type presence struct {
	Presence string
	Status   string
	hasText  bool
}

// SetPresenceOptions are those of SetPresence.
type SetPresenceOptions struct {
	Presence    string  // online (default), offline, unavailable
	Status      *string // nil: none
	IgnoreCache bool
}

// SetPresence shows whether the user is there. The same again makes no request (PR-1).
func (i *Intent) SetPresence(ctx context.Context, o SetPresenceOptions) error {
	if o.Presence == "" {
		o.Presence = "online"
	}
	if err := i.EnsureRegistered(ctx); err != nil {
		return err
	}
	if !o.IgnoreCache && i.pool.HasPresence(i.user, o.Presence, o.Status) {
		return nil
	}
	body := map[string]string{"presence": o.Presence}
	if o.Status != nil {
		body["status_msg"] = *o.Status
	}
	_, err := i.do(ctx, request{method: "PUT", path: matrix.ClientPath("presence", string(i.user), "status"), body: body})
	if err == nil {
		i.pool.SetPresence(i.user, o.Presence, o.Status)
	}
	return i.fail("set_presence", "", err)
}

// GetPresence asks whether a user is there: {presence, last_active_ago?, status_msg?,
// currently_active?} (OT-1).
// Errors: matrix.ErrForbidden, matrix.ErrNotFound.
func (i *Intent) GetPresence(ctx context.Context, user matrix.UserID) (json.RawMessage, error) {
	if err := i.EnsureRegistered(ctx); err != nil {
		return nil, err
	}
	answer, err := i.do(ctx, request{method: "GET", path: matrix.ClientPath("presence", string(user), "status")})
	return answer, i.failAbout("get_presence", "", user, err)
}

func newPresence(shown string, status *string) presence {
	p := presence{Presence: shown}
	if status != nil {
		p.Status, p.hasText = *status, true
	}
	return p
}

// HasPresence tells whether user was last shown like that by our own doing.
func (p *Pool) HasPresence(user matrix.UserID, shown string, status *string) bool {
	p.cache.mu.Lock()
	defer p.cache.mu.Unlock()
	was, ok := p.cache.presence[user]
	return ok && was == newPresence(shown, status)
}

// SetPresence remembers, in memory only, what user was shown as.
func (p *Pool) SetPresence(user matrix.UserID, shown string, status *string) {
	p.cache.mu.Lock()
	defer p.cache.mu.Unlock()
	if p.cache.presence == nil || len(p.cache.presence) >= maxEphemeral {
		p.cache.presence = map[matrix.UserID]presence{}
	}
	p.cache.presence[user] = newPresence(shown, status)
}
