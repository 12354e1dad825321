package luabind

import (
	"context"
	"fmt"
	"strings"

	"bridgehost/capability"
	"bridgehost/diag"
	"bridgehost/intent"
	"bridgehost/matrix"
)

// nothing is for functions whose capability depends on options alone.
func nothing(*Call, given) error { return nil }

// sendsType is for functions that send an event of any type. A redaction is one even when
// it is sent like a message.
func sendsType(c *Call, g given) error {
	if g.plan.byName["state_key"] != nil && !g.value("state_key").IsZero() {
		return setsState(c, g)
	}
	typ := g.text("event_type")
	if typ == "m.room.redaction" {
		return c.Script.Check(capability.MatrixRedact, AnyType)
	}
	return c.Script.Check(capability.MatrixSend, typ)
}

// setsState is for functions that set any state. Another user's membership is an invitation,
// or moderation, however it is set.
func setsState(c *Call, g given) error {
	typ := g.text("event_type")
	if err := c.Script.Check(capability.MatrixState, typ); err != nil || typ != "m.room.member" {
		return err
	}
	if actor := g.actor(); actor != nil && g.text("state_key") == string(actor.MXID()) {
		return nil
	}
	if exactly(g.value("content").Bytes()).text("membership") == "invite" {
		return c.Script.Check(capability.MatrixInvite, string(g.actor().MXID()))
	}
	return c.Script.Check(capability.MatrixModerate, "")
}

// sendsAs is for functions that put events of several senders into a room: each of them acts.
func sendsAs(events, state, marks string) func(c *Call, g given) error {
	return func(c *Call, g given) error {
		if err := c.Script.Check(capability.MatrixSend, AnyType); err != nil {
			return err
		}
		for _, name := range []string{events, state} {
			if name == "" {
				continue
			}
			for _, raw := range g.value(name).Interface().([]Map) {
				if err := c.Script.mayBe(matrix.UserID(exactly(raw).text("sender"))); err != nil {
					return err
				}
			}
		}
		if user := g.text(marks); user != "" {
			return c.Script.mayBe(matrix.UserID(user))
		}
		return nil
	}
}

// redacts lets a script take back what its own users sent; for all else it needs the capability.
func redacts(ctx context.Context, c *Call, g given) error {
	s := c.Script
	if s.Grants().Allows(capability.MatrixRedact, AnyType) {
		return s.Check(capability.MatrixRedact, AnyType)
	}
	raw, err := g.actor().GetEvent(ctx, matrix.RoomID(g.text("room_id")), matrix.EventID(g.text("event_id")), intent.GetEventOptions{})
	if err != nil {
		return err
	}
	e, err := matrix.ParseEvent(raw)
	if err != nil {
		return err
	}
	if s.Owns(e.Sender) && e.Sender != s.HostBot {
		return nil
	}
	return s.Check(capability.MatrixRedact, e.Type)
}

func redactsThis(c *Call, g given) error {
	e, ok := g.self.(*Event)
	if ok && c.Script.Owns(e.Sender) && e.Sender != c.Script.HostBot {
		return nil
	}
	return c.Script.Check(capability.MatrixRedact, e.Type)
}

// createsRoom looks at the fields of a request that its options do not name.
func createsRoom(c *Call, g given) error {
	fields := exactly(g.value("custom_request_fields").Bytes())
	s, user, alias := c.Script, string(g.actor().MXID()), fields.text("room_alias_name")
	if fields.items("invite")+fields.items("invite_3pid") > 0 {
		if err := s.Check(capability.MatrixInvite, user); err != nil {
			return err
		}
	}
	if alias != "" || fields.text("visibility") == "public" {
		if err := s.Check(capability.MatrixDirectory, user); err != nil {
			return err
		}
	}
	if s.Grants() != nil && !s.ownAlias(alias) {
		return s.othersAlias(alias)
	}
	return nil
}

// opensPortal: name, topic and picture belong to making the room; of a room that somebody
// else made they are its state.
func opensPortal(c *Call, g given) error {
	if g.text("room_id") == "" {
		return nil
	}
	for option, typ := range map[string]string{"name": "m.room.name", "topic": "m.room.topic", "avatar": "m.room.avatar"} {
		if g.has(option, "") {
			if err := c.Script.Check(capability.MatrixState, typ); err != nil {
				return err
			}
		}
	}
	return nil
}

// actsAs is for intent:user. Who has a token acts with it, whose user it may be; and a
// homeserver of the script's choice is reached past all that is looked at in connections.
func actsAs(c *Call, g given) error {
	s, user := c.Script, matrix.UserID(g.text("user_id"))
	if g.text("base_url") != "" {
		if err := s.Check(capability.MatrixRaw, ""); err != nil {
			return err
		}
	}
	if g.text("token") != "" {
		return s.Check(capability.MatrixPuppet, string(user))
	}
	return s.mayBe(user)
}

func actsAsGhost(c *Call, g given) error {
	m, err := c.portals()
	if err != nil {
		return err
	}
	return c.Script.Check(capability.MatrixGhosts, string(m.MXID(g.text("remote_id"))))
}

// syncsGhosts names each ghost that comes to stand in the room.
func syncsGhosts(c *Call, g given) error {
	m, err := c.portals()
	if err != nil {
		return err
	}
	for _, id := range g.value("remote_ids").Interface().([]string) {
		if err := c.Script.Check(capability.MatrixGhosts, string(m.MXID(id))); err != nil {
			return err
		}
	}
	return c.Script.Check(capability.MatrixGhosts, "")
}

// aboutOwn is for what the host knows of users by itself: of other scripts' it is not told.
func aboutOwn(c *Call, g given) error {
	s, user := c.Script, matrix.UserID(g.text("user_id"))
	if s.Grants() == nil || s.Owns(user) && user != s.HostBot {
		return nil
	}
	return &diag.Error{Kind: diag.KindPermission, Code: "E_CAPABILITY",
		Message: fmt.Sprintf("%s is no user of %s", user, s.Name), Hint: "ask the homeserver: intent:get_profile(user_id)"}
}

// eventType is the type of the events that are heard under a name; "" for those that are none
// of a room: what the host itself says, and what the homeserver asks.
func eventType(name string) string {
	switch name {
	case "message", "edit":
		return "m.room.message"
	case "member", "invite", "join", "leave":
		return "m.room.member"
	}
	for typ, short := range shortNames {
		if short == name {
			return typ
		}
	}
	if strings.Contains(name, ".") {
		return name
	}
	return ""
}

func hears(c *Call, g given) error {
	if typ := eventType(g.text("event")); typ != "" {
		return c.Script.Check(capability.MatrixRead, typ)
	}
	return nil
}

// visible leaves out the rooms of others.
func (c *Call) visible(rooms []matrix.RoomID) []matrix.RoomID {
	s := c.Script
	if s.Grants() == nil {
		return rooms
	}
	var own []matrix.RoomID
	for _, room := range rooms {
		if in, err := s.isIn(c.Context(), room, nil); err == nil && in {
			own = append(own, room)
		}
	}
	return own
}
