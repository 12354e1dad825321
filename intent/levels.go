package intent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"sync"

	"bridgehost/matrix"
)

// levelCache keeps what was made of the levels of rooms, so that a send need not parse
// those of a room with thousands of users.
type levelCache struct {
	mu    sync.Mutex
	rooms map[matrix.RoomID]parsedLevels
}

type parsedLevels struct {
	content, created json.RawMessage
	levels           *matrix.PowerLevels
	create           *matrix.CreateInfo
}

const maxParsedLevels = 4096 // rooms; the cache starts anew then

func (c *levelCache) parse(room matrix.RoomID, content, created json.RawMessage) (*matrix.PowerLevels, *matrix.CreateInfo) {
	c.mu.Lock()
	known, ok := c.rooms[room]
	c.mu.Unlock()
	if ok && bytes.Equal(known.content, content) && bytes.Equal(known.created, created) {
		return known.levels, known.create
	}
	known = parsedLevels{content, created, matrix.ParsePowerLevels(content), matrix.ParseCreate(created)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rooms == nil || len(c.rooms) >= maxParsedLevels {
		c.rooms = map[matrix.RoomID]parsedLevels{}
	}
	c.rooms[room] = known
	return known.levels, known.create
}

// checkLevel refuses what the room's levels do not allow, before any request is made
// of it (PL-1). Membership is the server's affair.
// Errors: *Error without an answer at its root when the level is too low.
func (i *Intent) checkLevel(ctx context.Context, op string, room matrix.RoomID, typ string, state bool) error {
	if typ == "m.room.member" {
		return nil
	}
	content, unreadable, err := i.levelsOf(ctx, room)
	if err != nil {
		return i.fail(op, room, err)
	}
	created, err := i.createOf(ctx, room)
	if err != nil {
		return i.fail(op, room, err)
	}
	levels, create := i.pool.levels.parse(room, content, created)
	if unreadable {
		if create == nil || !create.Outranks(i.user) {
			return &Error{Op: op, User: i.user, Room: string(room),
				Message: fmt.Sprintf("power level of %s is not known to be enough for %s: the levels may not be read", i.user, typ)}
		}
		return nil
	}
	has, needs := levels.User(i.user, create), levels.Event(typ, state)
	if has >= needs || has == math.MaxInt64 {
		return nil
	}
	return &Error{Op: op, User: i.user, Room: string(room),
		Message: fmt.Sprintf("power level of %s is not enough for %s in %s (has %d, needs %d)", i.user, typ, room, has, needs),
		Hint:    fmt.Sprintf("give %s the level %d in the settings of the room", i.user, needs)}
}

// levelsOf is the content of the room's levels, from the store or asked for once.
// That the user is not in the room is an error: it may be a mistake of the store (SS-5).
func (i *Intent) levelsOf(ctx context.Context, room matrix.RoomID) (content json.RawMessage, unreadable bool, err error) {
	store := i.pool.cfg.Store
	if content, ok, err := store.PowerLevels(ctx, room); err != nil || ok {
		return content, false, err
	}
	content, err = i.fetchLevels(ctx, room)
	if errors.Is(err, matrix.ErrForbidden) && !saysNotInRoom(err) {
		return nil, true, nil
	}
	return content, false, err
}

// fetchLevels asks for the levels and remembers them, also that there are none ("null"),
// unless they are of the past.
func (i *Intent) fetchLevels(ctx context.Context, room matrix.RoomID) (json.RawMessage, error) {
	content, err := i.do(ctx, request{method: "GET", path: statePath(room, "m.room.power_levels", ""), room: room})
	if isNotFound(err) {
		content, err = json.RawMessage("null"), nil
	}
	if err != nil {
		return nil, err
	}
	if left, err := i.hasLeft(ctx, room, nil); err != nil || left {
		return content, err
	}
	return content, i.pool.cfg.Store.SetPowerLevels(ctx, room, content)
}

// createOf is the room's m.room.create event; nil when the server does not show it.
func (i *Intent) createOf(ctx context.Context, room matrix.RoomID) (json.RawMessage, error) {
	store := i.pool.cfg.Store
	if event, ok, err := store.Create(ctx, room); err != nil || ok {
		return event, err
	}
	event, err := i.do(ctx, request{method: "GET", path: statePath(room, "m.room.create", ""), room: room,
		query: map[string][]string{"format": {"event"}}})
	var refused *matrix.Error
	if errors.As(err, &refused) && refused.Status >= 400 && refused.Status < 500 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return event, store.SetCreate(ctx, room, event)
}

// UserLevel is the level of any user in a room, a creator's included. What the store does
// not know is asked for.
func (i *Intent) UserLevel(ctx context.Context, room matrix.RoomID, user matrix.UserID) (int64, error) {
	const op = "get_power_levels"
	if _, err := i.EnsureJoined(ctx, room, EnsureJoinedOptions{}); err != nil {
		return 0, err
	}
	content, unreadable, err := i.levelsOf(ctx, room)
	if err == nil && unreadable {
		err = matrix.ErrForbidden
	}
	if err != nil {
		return 0, i.fail(op, room, err)
	}
	created, err := i.createOf(ctx, room)
	if err != nil {
		return 0, i.fail(op, room, err)
	}
	levels, create := i.pool.levels.parse(room, content, created)
	return levels.User(user, create), nil
}

// GetPowerLevelsOptions are those of GetPowerLevels.
type GetPowerLevelsOptions struct {
	IgnoreCache  bool
	EnsureJoined *bool // default true
}

// GetPowerLevels returns the room's levels, everything left out at its default (GP-1).
func (i *Intent) GetPowerLevels(ctx context.Context, room matrix.RoomID, o GetPowerLevelsOptions) (json.RawMessage, error) {
	const op = "get_power_levels"
	if err := i.needRoom(op, room); err != nil {
		return nil, err
	}
	if wants(o.EnsureJoined) {
		if _, err := i.EnsureJoined(ctx, room, EnsureJoinedOptions{}); err != nil {
			return nil, err
		}
	}
	if !o.IgnoreCache {
		content, ok, err := i.pool.cfg.Store.PowerLevels(ctx, room)
		if err != nil {
			return nil, i.fail(op, room, err)
		}
		if ok {
			return matrix.FillPowerLevels(content), nil
		}
	}
	content, err := i.fetchLevels(ctx, room)
	if err != nil {
		return nil, i.fail(op, room, err)
	}
	return matrix.FillPowerLevels(content), nil
}

// SetPowerLevelsOptions are those of SetPowerLevels.
type SetPowerLevelsOptions struct{ EventOptions }

// SetPowerLevels sets the room's levels (ST-2).
func (i *Intent) SetPowerLevels(ctx context.Context, room matrix.RoomID, content json.RawMessage, o SetPowerLevelsOptions) (matrix.EventID, error) {
	return i.sendState(ctx, "set_power_levels", room, "m.room.power_levels", "", content, o.EventOptions)
}
