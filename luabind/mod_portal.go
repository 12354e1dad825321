package luabind

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/capability"
	"bridgehost/diag"
	"bridgehost/intent"
	"bridgehost/matrix"
	"bridgehost/portal"
)

// portalClass are portals. They are Lua tables, so that `data` is a table of the script's.
var portalClass = class("portal", "A room that stands for a conversation of the other network.", tableClass, holds[*portal.Portal]())

var (
	_ = field(portalClass, "room_id", "string", "The room.",
		func(_ *Env, p *portal.Portal) lua.LValue { return lua.LString(p.RoomID()) })
	_ = field(portalClass, "remote_id", "string", "The conversation's name on the other network.",
		func(_ *Env, p *portal.Portal) lua.LValue { return lua.LString(p.RemoteID()) })
	_ = field(portalClass, "data", "table", "A table of yours. `save` keeps it on disk.",
		func(env *Env, p *portal.Portal) lua.LValue {
			if raw := p.Data(); len(raw) > 0 {
				return env.Value(raw)
			}
			return env.VM.L.NewTable()
		})
	_ = metamethod(portalClass, "__tostring", func(*Env) lua.LGFunction {
		return func(L *lua.LState) int {
			text := "portal"
			if p, ok := selfOf[*portal.Portal](L.Get(1)); ok {
				text = fmt.Sprintf("portal %q (%s)", p.RemoteID(), p.RoomID())
			}
			L.Push(lua.LString(text))
			return 1
		}
	})
)

// portals is the script's manager.
func (c *Call) portals() (*portal.Manager, error) {
	if m := c.Env.Script.Portals; m != nil {
		return m, nil
	}
	return nil, &diag.Error{Kind: diag.KindUsage, Code: "E_NO_PORTALS", Message: "there are no ghosts and portals here",
		Hint: "they belong to scripts that the host keeps running"}
}

// portalOptions are those of bridge.portal and portal:update.
type portalOptions struct {
	Name   *string         `lua:"name,opt" doc:"the room's name"`
	Topic  *string         `lua:"topic,opt" doc:"the room's topic"`
	Avatar *MXC            `lua:"avatar,opt" doc:"the room's picture, a mxc:// URI"`
	Invite []matrix.UserID `lua:"invite,opt" doc:"who is invited, once"`
}

func (o *portalOptions) options() portal.Options {
	return portal.Options{Name: o.Name, Topic: o.Topic, Avatar: (*string)(o.Avatar), Invite: o.Invite}
}

var _ = fn(bridgeModule, "portal", capability.MatrixCreateRoom, waits,
	"The portal of a remote id. Makes its room the first time, or takes the one given, and keeps name, topic and avatar as said. "+
		"Calls for one id wait for each other.",
	func(c *Call, a *struct {
		RemoteID string `lua:"remote_id" doc:"the conversation's name on the other network"`
		portalOptions
		Direct bool          `lua:"direct,opt" doc:"the room is a direct chat"`
		Public bool          `lua:"public,opt" doc:"anybody may join"`
		Space  matrix.RoomID `lua:"space,opt" doc:"the space that lists the room"`
		RoomID matrix.RoomID `lua:"room_id,opt" doc:"take this room instead of making one"`
	}) (*portal.Portal, error) {
		m, err := c.portals()
		if err != nil {
			return nil, err
		}
		if a.RemoteID == "" {
			return nil, usage("bad argument #1 'remote_id' to 'portal' (a name expected, got an empty string)")
		}
		o := a.options()
		o.Direct, o.Public, o.Space, o.RoomID = a.Direct, a.Public, a.Space, a.RoomID
		return m.Portal(c.Context(), a.RemoteID, o)
	}, takes(opensPortal), also(capability.MatrixCreateRoom, "", ""), also(capability.MatrixInvite, "", "invite"), also(capability.MatrixDirectory, "", "public"), also(capability.MatrixState, "m.space.child", "space"),
	wayIn("room_id", "the homeserver decides who comes in"), errcodes("M_FORBIDDEN"), example(`local room = bridge.portal("#lua", { name = "#lua", invite = cfg.invite }).room_id`))

var _ = fn(bridgeModule, "portal_of", capability.None("the script's own portals"), waits,
	"The portal that a room is, or nil.",
	func(c *Call, a *struct {
		Room matrix.RoomID `lua:"room_id" doc:"the room"`
	}) (*portal.Portal, error) {
		m, err := c.portals()
		if err != nil {
			return nil, err
		}
		return m.PortalOf(c.Context(), a.Room)
	}, wayIn("room_id", "only the script's own portals are looked at"), example(`local portal = bridge.portal_of(evt.room_id)`), confusedWith("room_id", "bridge.portal_of takes a room id; for a remote id use bridge.portal"))

var _ = fn(bridgeModule, "portals", capability.None("the script's own portals"), never,
	"An iterator over all portals of the script.",
	func(c *Call, _ *struct{}) (lua.LValue, error) {
		m, err := c.portals()
		if err != nil {
			return nil, err
		}
		env := c.Env
		var all []*portal.Portal
		fetched := false
		return c.L.NewFunction(func(L *lua.LState) int {
			if !fetched {
				var err error
				env.VM.Wait(L, func(ctx context.Context) { all, err = collect(m.Portals(ctx)) })
				if err != nil {
					env.VM.Raise(L, ErrorOf(err))
				}
				fetched = true
			}
			if len(all) == 0 {
				L.Push(lua.LNil)
				return 1
			}
			L.Push(env.ToLua(all[0]))
			all = all[1:]
			return 1
		}), nil
	}, results("An iterator."), returns("fun(): Portal?"), example("for portal in bridge.portals() do … end"))

func collect[T any](seq iter.Seq2[T, error]) ([]T, error) {
	var all []T
	for v, err := range seq {
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

var _ = fn(bridgeModule, "ghost", capability.MatrixGhosts, waits,
	"The intent of the Matrix user that stands for somebody of the other network. Name and avatar are set when they differ from "+
		"what was set last.",
	func(c *Call, a *struct {
		RemoteID    string  `lua:"remote_id" doc:"the person's name on the other network"`
		Displayname *string `lua:"displayname,opt" doc:"the name shown"`
		Avatar      *MXC    `lua:"avatar,opt" doc:"the picture, a mxc:// URI"`
	}) (*intent.Intent, error) {
		m, err := c.portals()
		if err != nil {
			return nil, err
		}
		if a.RemoteID == "" {
			return nil, usage("bad argument #1 'remote_id' to 'ghost' (a name expected, got an empty string)")
		}
		if s := c.Script; strings.HasPrefix(a.RemoteID, "@"+s.Prefix+s.Name+"_") && strings.HasSuffix(a.RemoteID, ":"+s.ServerName) {
			return nil, &diag.Error{Kind: diag.KindUsage, Code: "E_ARGUMENT",
				Message: fmt.Sprintf("bad argument #1 'remote_id' to 'ghost' (a name on the other network expected, got the ghost %q)", a.RemoteID),
				Hint:    "bridge.ghost takes a remote id; for a user ID use intent:user"}
		}
		return m.Ghost(c.Context(), a.RemoteID, portal.GhostOptions{Displayname: a.Displayname, Avatar: (*string)(a.Avatar)})
	}, takes(actsAsGhost), errcodes("M_FORBIDDEN"), example(`bridge.ghost(nick, { displayname = nick .. " (IRC)" }):send_text(room, text)`))

var _ = fn(bridgeModule, "mxid", capability.None("makes a name"), never,
	"The user ID of the ghost of a remote id.",
	func(c *Call, a *struct {
		RemoteID string `lua:"remote_id" doc:"the person's name on the other network"`
	}) (matrix.UserID, error) {
		m, err := c.portals()
		if err != nil {
			return "", err
		}
		return m.MXID(a.RemoteID), nil
	}, example(`local mxid = bridge.mxid(nick)`))

var _ = fn(bridgeModule, "remote_id", capability.None("reads a name"), waits,
	"The remote id that a ghost of the script stands for; nil when the user is none.",
	func(c *Call, a *struct {
		MXID matrix.UserID `lua:"mxid" doc:"the user"`
	}) (*string, error) {
		m, err := c.portals()
		if err != nil {
			return nil, err
		}
		id, ok, err := m.RemoteID(c.Context(), a.MXID)
		if err != nil || !ok {
			return nil, err
		}
		return &id, nil
	}, example(`local nick = bridge.remote_id(evt.sender)`))

const ownPortal = "acts on a portal that was opened already"

var _ = method(portalClass, "save", capability.None(ownPortal), waitsInside,
	"Keeps `data` on disk, at once.",
	func(c *Call, p *portal.Portal, _ *struct{}) (none, error) {
		t, ok := c.L.Get(1).(*lua.LTable)
		if !ok {
			return none{}, nil
		}
		data := t.RawGetString("data")
		if data == lua.LNil {
			return none{}, nil // never looked at: as it was
		}
		raw, err := c.EncodeJSON(data)
		if err != nil {
			return none{}, usage("portal.data cannot be kept (%s)", err)
		}
		c.Wait(func(ctx context.Context) { err = p.Save(ctx, raw) })
		return none{}, err
	}, example(`portal.data.topic = topic; portal:save()`))

var _ = method(portalClass, "link", capability.None(ownPortal), never,
	"Ties an event to a message of the other network, both ways; durable when the handler has finished.",
	func(c *Call, p *portal.Portal, a *struct {
		EventID  matrix.EventID `lua:"event_id" doc:"the event"`
		RemoteID string         `lua:"remote_message_id" doc:"the message"`
	}) (none, error) {
		if err := c.writing(a.RemoteID); err != nil {
			return none{}, err
		}
		return none{}, storeError(p.Link(c.Unit(), a.EventID, a.RemoteID))
	}, example(`portal:link(event_id, msg.id)`))

var _ = method(portalClass, "event_of", capability.None(ownPortal), never,
	"The event that a message of the other network is tied to, or nil.",
	func(_ *Call, p *portal.Portal, a *struct {
		RemoteID string `lua:"remote_message_id" doc:"the message"`
	}) (*string, error) {
		event, err := p.EventOf(a.RemoteID)
		return orNil(string(event)), storeError(err)
	}, example(`local event_id = portal:event_of(msg.reply_to)`))

var _ = method(portalClass, "remote_of", capability.None(ownPortal), never,
	"The message of the other network that an event is tied to, or nil.",
	func(_ *Call, p *portal.Portal, a *struct {
		EventID matrix.EventID `lua:"event_id" doc:"the event"`
	}) (*string, error) {
		id, err := p.RemoteOf(a.EventID)
		return orNil(id), storeError(err)
	}, example(`local id = portal:remote_of(evt.redacts)`))

func orNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

var _ = method(portalClass, "update", capability.MatrixState, waits,
	"Sets what differs: name, topic, avatar; invites.",
	func(c *Call, p *portal.Portal, a *portalOptions) (none, error) {
		return none{}, p.Update(c.Context(), a.options())
	}, tableArg, takes(nothing), also(capability.MatrixState, "m.room.name", "name"), also(capability.MatrixState, "m.room.topic", "topic"),
	also(capability.MatrixState, "m.room.avatar", "avatar"), also(capability.MatrixInvite, "", "invite"), example(`portal:update { topic = topic }`))

var _ = method(portalClass, "sync_members", capability.MatrixGhosts, waits,
	"Joins the ghosts of these remote ids to the room, and lets all other ghosts of the script leave it.",
	func(c *Call, p *portal.Portal, a *struct {
		RemoteIDs []string `lua:"remote_ids" doc:"who is there on the other network"`
	}) (none, error) {
		return none{}, p.SyncMembers(c.Context(), slices.Clone(a.RemoteIDs))
	}, takes(syncsGhosts), example(`portal:sync_members { "alice", "bob" }`))

var _ = method(portalClass, "close", capability.None(ownPortal), waits,
	"Lets ghosts and bot leave the room and forgets the portal.",
	func(c *Call, p *portal.Portal, a *struct {
		Reason string `lua:"reason,opt" doc:"shown to those in the room"`
	}) (none, error) {
		return none{}, p.Close(c.Context(), a.Reason)
	}, example(`portal:close("the channel was closed")`))
