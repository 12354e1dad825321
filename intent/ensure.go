package intent

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"bridgehost/matrix"
)

// EnsureRegistered registers the user unless the store knows that it is (ER-1).
// Double puppets are real users and never registered.
// Errors: matrix.ErrExclusive when the user is outside of our namespace.
func (i *Intent) EnsureRegistered(ctx context.Context) error {
	if i.IsPuppet() {
		return nil
	}
	store := i.pool.cfg.Store
	if known, err := store.IsRegistered(ctx, i.user); err != nil || known {
		return i.fail("ensure_registered", "", err)
	}
	err := i.pool.flight.do(ctx, "register "+string(i.user), func() error {
		if known, err := store.IsRegistered(ctx, i.user); err != nil || known {
			return err
		}
		return i.register(ctx)
	})
	if errors.Is(err, matrix.ErrExclusive) {
		hint := "the user is outside of the namespaces in the registration file"
		if owns := i.pool.cfg.Owns; owns != nil && owns(i.user) {
			hint = "the registration file has it, but the homeserver has not: it reads the file when it starts"
		}
		return &Error{Op: "ensure_registered", User: i.user, Err: err, Hint: hint}
	}
	return i.fail("ensure_registered", "", err)
}

// register makes the user, whatever the store knows.
func (i *Intent) register(ctx context.Context) error {
	_, err := i.do(ctx, request{
		method: "POST", path: matrix.ClientPath("register"), early: true, query: map[string][]string{"kind": {"user"}},
		body: map[string]any{
			"type": "m.login.application_service", "username": i.user.Localpart(), "inhibit_login": true,
		},
	})
	if err != nil && !errors.Is(err, matrix.ErrUserInUse) {
		return err
	}
	return i.pool.cfg.Store.Registered(ctx, i.user)
}

// isUnregistered tells whether the homeserver refused since it does not know our user.
func isUnregistered(err error) bool {
	var m *matrix.Error
	return errors.As(err, &m) && m.Code == "M_FORBIDDEN" && strings.Contains(m.Message, "not registered this user")
}

// EnsureJoinedOptions are those of EnsureJoined.
type EnsureJoinedOptions struct {
	IgnoreCache bool
	Bot         *Intent // who invites, in place of the bot (EJ-6)
	NoBot       bool    // nobody invites
}

// EnsureJoined joins the intent's user to room, registering it first. If the room is
// invite-only or the user is banned, the bot first invites or unbans it. It reports
// whether the user was joined just now (false: the store already knew). Calls for the
// same user and room at the same time share one chain of requests (EJ-1 … EJ-8).
// Errors: *Error wrapping matrix.ErrForbidden if the bot may not invite.
func (i *Intent) EnsureJoined(ctx context.Context, room matrix.RoomID, o EnsureJoinedOptions) (bool, error) {
	if err := i.needRoom("ensure_joined", room); err != nil {
		return false, err
	}
	if !o.IgnoreCache {
		if joined, err := i.isJoined(ctx, room); err != nil || joined {
			return false, i.fail("ensure_joined", room, err)
		}
	}
	bot := i.bot
	if o.Bot != nil {
		bot = o.Bot
	}
	if o.NoBot || (bot != nil && bot.user == i.user) {
		bot = nil
	}
	helper := ""
	if bot != nil {
		helper = string(bot.user)
	}
	key := fmt.Sprintf("join %s %s %s %q %q", i.user, room, helper, i.token, i.device)
	err := i.pool.flight.do(ctx, key, func() error {
		// Another chain may have ended between the look into the store and here.
		if joined, err := i.isJoined(ctx, room); err != nil || (joined && !o.IgnoreCache) {
			return err
		}
		return i.joinByAllMeans(ctx, room, bot)
	})
	return err == nil, i.fail("ensure_joined", room, err)
}

func (i *Intent) isJoined(ctx context.Context, room matrix.RoomID) (bool, error) {
	m, err := i.pool.cfg.Store.Member(ctx, room, i.user)
	return m != nil && m.Membership == "join", err
}

// joinByAllMeans is the chain EJ-2 … EJ-7. bot may be nil.
func (i *Intent) joinByAllMeans(ctx context.Context, room matrix.RoomID, bot *Intent) error {
	if err := i.EnsureRegistered(ctx); err != nil {
		return err
	}
	_, refused := i.join(ctx, string(room), nil, nil)
	if refused == nil {
		return nil
	}
	banned := errors.Is(refused, matrix.ErrBadState)
	closed := errors.Is(refused, matrix.ErrForbidden) || errors.Is(refused, matrix.ErrUnableAuthorise) ||
		errors.Is(refused, matrix.ErrUnableGrant)
	failed := func(what string, err error) error {
		return &Error{Op: "ensure_joined", User: i.user, Room: string(room), Message: what, Err: root(err)}
	}
	switch {
	case !banned && !closed:
		return failed("could not join", refused)
	case bot == nil:
		return failed("could not join, and there is no bot to invite it", refused)
	}
	if banned {
		if _, err := bot.EnsureJoined(ctx, room, EnsureJoinedOptions{}); err != nil {
			return failed(fmt.Sprintf("is banned, and %s could not join to unban it", bot.user), err)
		}
		if err := bot.UnbanUser(ctx, room, i.user, UnbanUserOptions{}); err != nil {
			return failed(fmt.Sprintf("is banned, and %s could not unban it", bot.user), err)
		}
	}
	if err := bot.InviteUser(ctx, room, i.user, InviteUserOptions{}); err != nil {
		return failed(fmt.Sprintf("could not join, and %s could not invite it", bot.user), err)
	}
	if _, err := i.join(ctx, string(room), nil, nil); err != nil {
		return failed(fmt.Sprintf("could not join although %s invited it", bot.user), err)
	}
	return nil
}

// root is the homeserver's answer at the root of err, for errors that tell the rest anew.
func root(err error) error {
	var m *matrix.Error
	if errors.As(err, &m) {
		return m
	}
	return err
}
