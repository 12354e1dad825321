package intent

import (
	"context"
	"encoding/json"

	"bridgehost/matrix"
)

// GetProfile returns a user's profile, nil when there is none (PF-2).
func (i *Intent) GetProfile(ctx context.Context, user matrix.UserID) (json.RawMessage, error) {
	answer, err := i.do(ctx, request{method: "GET", path: matrix.ClientPath("profile", string(user))})
	if isNotFound(err) {
		return nil, nil
	}
	return answer, i.failAbout("get_profile", "", user, err)
}

// GetDisplayname returns a user's name, "" when there is none (PF-2).
func (i *Intent) GetDisplayname(ctx context.Context, user matrix.UserID) (string, error) {
	return i.profileField(ctx, "get_displayname", user, "displayname")
}

// GetAvatarURL returns a user's picture, "" when there is none (PF-2).
func (i *Intent) GetAvatarURL(ctx context.Context, user matrix.UserID) (string, error) {
	return i.profileField(ctx, "get_avatar_url", user, "avatar_url")
}

func (i *Intent) profileField(ctx context.Context, op string, user matrix.UserID, key string) (string, error) {
	answer, err := i.do(ctx, request{method: "GET", path: matrix.ClientPath("profile", string(user), key)})
	if isNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", i.failAbout(op, "", user, err)
	}
	value, _ := field(answer, key)
	return value, nil
}

// SetDisplaynameOptions are those of SetDisplayname.
type SetDisplaynameOptions struct {
	CheckCurrent *bool // default true: set nothing when it is so already
}

// SetDisplayname sets the user's name (PF-1).
func (i *Intent) SetDisplayname(ctx context.Context, displayname string, o SetDisplaynameOptions) error {
	return i.setProfile(ctx, "set_displayname", "displayname", displayname, o.CheckCurrent)
}

// SetAvatarURLOptions are those of SetAvatarURL.
type SetAvatarURLOptions struct {
	CheckCurrent *bool // default true: set nothing when it is so already
}

// SetAvatarURL sets the user's picture (PF-1).
func (i *Intent) SetAvatarURL(ctx context.Context, avatarURL string, o SetAvatarURLOptions) error {
	return i.setProfile(ctx, "set_avatar_url", "avatar_url", avatarURL, o.CheckCurrent)
}

func (i *Intent) setProfile(ctx context.Context, op, key, value string, check *bool) error {
	if err := i.EnsureRegistered(ctx); err != nil {
		return err
	}
	if wants(check) {
		if now, err := i.profileField(ctx, op, i.user, key); err != nil || now == value {
			return err
		}
	}
	_, err := i.do(ctx, request{method: "PUT", path: matrix.ClientPath("profile", string(i.user), key), body: one(key, value)})
	return i.fail(op, "", err)
}
