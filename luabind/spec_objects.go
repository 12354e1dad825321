package luabind

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/capability"
	"bridgehost/diag"
	"bridgehost/intent"
	"bridgehost/matrix"
)

// specHostClass is what t.load returns.
var specHostClass = class("script under test", "A script that runs on a simulated homeserver.")

// specUserClass is what hs:user returns.
var specUserClass = class("simulated user", "A person on the simulated homeserver. What one does has had its effects on the script when the call returns.")

// specServerClass is what t.fake_tcp returns.
var specServerClass = class("fake server", "What stands where the script's connections to one address end up. TLS is taken as given.")

var _ = []*Field{
	field(specHostClass, "intent", "intent", "The script's own bot; for what its user would see, and to prepare rooms.",
		func(env *Env, hs SpecHost) lua.LValue { return env.Intent(hs.Script().Bot) }),
	field(specHostClass, "bot", "string", "The user ID of the script's bot.",
		func(_ *Env, hs SpecHost) lua.LValue { return lua.LString(hs.Script().Bot.MXID()) }),
	field(specHostClass, "server_name", "string", "What stands after the colon in user IDs.",
		func(_ *Env, hs SpecHost) lua.LValue { return lua.LString(hs.Script().ServerName) }),
	field(specUserClass, "mxid", "string", "The user ID.",
		func(_ *Env, u SpecUser) lua.LValue { return lua.LString(u.ID()) }),
	field(specUserClass, "token", "string", "The user's access token, with which intent:user makes a double puppet.",
		func(_ *Env, u SpecUser) lua.LValue { return lua.LString(u.Token()) }),
	field(specServerClass, "connections", "integer", "How many connections were opened so far.",
		func(_ *Env, s SpecServer) lua.LValue { return lua.LNumber(s.Connections()) }),
}

var _ = method(specHostClass, "user", capability.None(noPowerSpec), never,
	"A person on the homeserver, made when there is none.",
	func(c *Call, hs SpecHost, a *struct {
		Name string `lua:"name" doc:"the localpart"`
	}) (lua.LValue, error) {
		u, err := hs.User(a.Name)
		return c.Object(specUserClass, u), err
	}, results("The user."), example(`local alice = hs:user("alice")`))

type expectArgs struct {
	From    matrix.UserID `lua:"from,opt" doc:"who sent it"`
	Room    matrix.RoomID `lua:"room,opt" doc:"where"`
	Body    string        `lua:"body,opt" doc:"its text, or a Lua pattern for the whole of it"`
	MsgType string        `lua:"msgtype,opt" doc:"m.text, m.notice, m.emote …"`
}

// describe is what was expected, for errors.
func (a expectArgs) describe() string {
	what := "a message"
	if a.MsgType != "" {
		what = "a message of type " + a.MsgType
	}
	for _, part := range []struct{ name, value string }{{"from", string(a.From)}, {"in", string(a.Room)}} {
		if part.value != "" {
			what += " " + part.name + " " + part.value
		}
	}
	if a.Body != "" {
		what += fmt.Sprintf(" that says %q", a.Body)
	}
	return what
}

func (c *Call) expect(hs SpecHost, a expectArgs) (lua.LValue, error) {
	var messages []SpecMessage
	c.Wait(func(context.Context) { messages = hs.Messages() })
	for _, m := range messages {
		if (a.From == "" || a.From == m.From) && (a.Room == "" || a.Room == m.Room) && (a.MsgType == "" || a.MsgType == m.MsgType) &&
			(a.Body == "" || c.fits(m.Body, a.Body)) {
			hs.Take(m.ID)
			return c.Value(m.Event), nil
		}
	}
	return nil, hs.Missing("expected " + a.describe() + ", and there is none")
}

var _ = method(specHostClass, "expect_message", capability.None(noPowerSpec), waitsInside,
	"The first message of the script's users that fits and that no expectation has taken yet. Fails when there is none. Without options: the next one.",
	func(c *Call, hs SpecHost, a *expectArgs) (lua.LValue, error) { return c.expect(hs, *a) },
	results("The event: `room_id`, `sender`, `event_id`, `content` …"), errcodes("E_EXPECTED"), example(`hs:expect_message { from = "@_bh_irc_bob:test", body = "hello" }`))

var _ = method(specHostClass, "expect_notice", capability.None(noPowerSpec), waitsInside,
	"expect_message for a notice.",
	func(c *Call, hs SpecHost, a *struct {
		Room matrix.RoomID `lua:"room,opt" doc:"where"`
		From matrix.UserID `lua:"from,opt" doc:"who sent it"`
		Body string        `lua:"body,opt" doc:"its text, or a Lua pattern for the whole of it"`
	}) (lua.LValue, error) {
		return c.expect(hs, expectArgs{From: a.From, Room: a.Room, Body: a.Body, MsgType: "m.notice"})
	}, results("The event."), errcodes("E_EXPECTED"), example(`hs:expect_notice { room = room, body = "done" }`))

var _ = method(specHostClass, "expect_silence", capability.None(noPowerSpec), waitsInside,
	"Fails when the script's users have said something that no expectation has taken.",
	func(c *Call, hs SpecHost, _ *struct{}) (none, error) {
		var messages []SpecMessage
		c.Wait(func(context.Context) { messages = hs.Messages() })
		if len(messages) == 0 {
			return none{}, nil
		}
		return none{}, hs.Missing(fmt.Sprintf("expected silence, and %s said %q", messages[0].From, messages[0].Body))
	}, errcodes("E_EXPECTED"), example(`hs:expect_silence()`))

var _ = method(specHostClass, "expect_error", capability.None(noPowerSpec), waitsInside,
	"The oldest error of the script that was not taken yet. Fails when there is none.",
	func(c *Call, hs SpecHost, a *struct {
		Pattern string `lua:"pattern,opt" doc:"a Lua pattern that is to be found in its message"`
	}) (lua.LValue, error) {
		var failed *diag.Error
		c.Wait(func(context.Context) { hs.Messages(); failed = hs.Failure(false) })
		if failed == nil {
			return nil, hs.Missing("expected an error of the script, and there is none")
		}
		if a.Pattern != "" && !c.found(failed.Error(), a.Pattern) {
			return nil, hs.Missing(fmt.Sprintf("the script's error %q does not match %q", failed.Error(), a.Pattern))
		}
		return c.VM.ErrorValue(failed), nil
	}, results("The error."), errcodes("E_EXPECTED"), example(`hs:expect_error("attempt to index")`))

var _ = method(specHostClass, "reload", capability.None(noPowerSpec), waits,
	"Loads the script again, as a save does: as it is on disk, or another source. Raises what keeps it from loading; the version before goes on then.",
	func(c *Call, hs SpecHost, a *struct {
		Source string `lua:"source,opt" doc:"Lua source in place of the file's"`
	}) (none, error) {
		return none{}, hs.Reload(c.Context(), a.Source)
	}, example(`hs:reload()`))

var _ = method(specHostClass, "configure", capability.None(noPowerSpec), waits,
	"Changes the script's configuration, as an edit of bridgehost.toml does: its handlers of `config` hear of it, or, without one, it is "+
		"loaded again. Raises what is wrong with the values; the script goes on with those before then.",
	func(c *Call, hs SpecHost, a *struct {
		Config Map `lua:"config" doc:"all of what bridge.config of the script sees from now on"`
	}) (none, error) {
		values, err := tomlValues(a.Config)
		if err != nil {
			return none{}, usage("bad argument #1 'config' to 'configure' (%s)", err)
		}
		return none{}, hs.Configure(c.Context(), values)
	}, example(`hs:configure { greeting = "Good evening" }`))

var _ = method(specHostClass, "ghost", capability.None(noPowerSpec), never,
	"The intent of one of the script's ghosts, as bridge.ghost names it. Nothing is asked of the homeserver.",
	func(c *Call, hs SpecHost, a *struct {
		RemoteID string `lua:"remote_id" doc:"the user's name in the other network"`
	}) (*intent.Intent, error) {
		s := hs.Script()
		return s.Bot.User(s.Portals.MXID(a.RemoteID), intent.UserOptions{})
	}, results("The intent."), example(`local bob = hs:ghost("bob")`))

var _ = method(specHostClass, "requests", capability.None(noPowerSpec), waits,
	"What calls of the spec itself, not of the script, have asked of the homeserver since the last look.",
	func(_ *Call, hs SpecHost, _ *struct{}) ([]SpecRequest, error) {
		return hs.Asked(), nil
	}, results("A list of `{method, host, path, raw_path, query, user, headers, content, body, status, line}`; `line` is as hs:asked shows it."),
	example(`t.eq(hs:requests()[1].content, { reason = "bye" })`))

var _ = method(specHostClass, "asked", capability.None(noPowerSpec), waits,
	"hs:requests, a line each: method, path without /_matrix/client/v3, query. Transaction IDs are called TXN.",
	func(_ *Call, hs SpecHost, _ *struct{}) ([]string, error) {
		lines := []string{}
		for _, r := range hs.Asked() {
			lines = append(lines, r.Line)
		}
		return lines, nil
	}, results("A list of lines."), example(`t.eq(hs:asked(), { "POST /register", "POST /join/" .. room })`))

var _ = method(specHostClass, "logged", capability.None(noPowerSpec), waits,
	"What the host has logged since the last look, at any level.",
	func(_ *Call, hs SpecHost, _ *struct{}) ([]SpecLog, error) {
		return hs.Logged(), nil
	}, results("A list of `{level, message, fields}`; level is debug, info, warn or error, fields are texts by name."),
	example(`t.eq(hs:logged()[1].message, "feed not read")`))

var _ = method(specHostClass, "state", capability.None(noPowerSpec), never,
	"The content of a state event, or nil.",
	func(c *Call, hs SpecHost, a *struct {
		Room     matrix.RoomID `lua:"room_id" doc:"the room"`
		Type     string        `lua:"event_type" doc:"the event's type"`
		StateKey string        `lua:"state_key,opt" doc:"its state key"`
	}) (lua.LValue, error) {
		return c.Value(hs.State(a.Room, a.Type, a.StateKey)), nil
	}, results("The content, or nil."), example(`t.eq(hs:state(room, "m.room.topic").topic, "Lua")`))

var _ = method(specHostClass, "members", capability.None(noPowerSpec), never,
	"Who is, was or is invited in a room: user ID to join, invite, leave or ban.",
	func(c *Call, hs SpecHost, a *struct {
		Room matrix.RoomID `lua:"room_id" doc:"the room"`
	}) (lua.LValue, error) {
		t := c.L.NewTable()
		for user, membership := range hs.Members(a.Room) {
			t.RawSetString(string(user), lua.LString(membership))
		}
		return t, nil
	}, results("A table."), returns("table<string, string>"), example(`t.eq(hs:members(room)[alice.mxid], "join")`))

var _ = method(specUserClass, "room", capability.None(noPowerSpec), waits,
	"Makes a room and invites the script's bot to it.",
	func(_ *Call, u SpecUser, a *struct {
		Name    string `lua:"name,opt" doc:"the room's name"`
		Private bool   `lua:"private,opt" doc:"invitation only"`
	}) (matrix.RoomID, error) {
		return u.CreateRoom(a.Name, a.Private)
	}, results("The room ID."), example(`local room = alice:room { name = "Lua" }`))

var _ = method(specUserClass, "say", capability.None(noPowerSpec), waits,
	"Says a text in a room. Who is not in it is taken in first, whatever the join rule.",
	func(_ *Call, u SpecUser, a *struct {
		Room    matrix.RoomID `lua:"room_id" doc:"the room"`
		Content Content       `lua:"content" doc:"a text, what bridge.markdown makes, or the whole content"`
	}) (matrix.EventID, error) {
		return u.Send(a.Room, "m.room.message", json.RawMessage(a.Content))
	}, results("The event ID."), example(`local event_id = alice:say(room, "hello")`))

var _ = method(specUserClass, "send", capability.None(noPowerSpec), waits,
	"Sends an event of any type.",
	func(_ *Call, u SpecUser, a *struct {
		Room     matrix.RoomID `lua:"room_id" doc:"the room"`
		Type     string        `lua:"event_type" doc:"the event's type"`
		Content  Map           `lua:"content" doc:"its content"`
		StateKey *string       `lua:"state_key,opt" doc:"makes it a state event"`
	}) (matrix.EventID, error) {
		if a.StateKey != nil {
			return u.SendState(a.Room, a.Type, *a.StateKey, json.RawMessage(a.Content))
		}
		return u.Send(a.Room, a.Type, json.RawMessage(a.Content))
	}, results("The event ID."), example(`alice:send(room, "m.room.topic", { topic = "Lua" }, { state_key = "" })`))

type relatedArgs struct {
	Room  matrix.RoomID  `lua:"room_id" doc:"the room"`
	Event matrix.EventID `lua:"event_id" doc:"the event"`
	Text  string         `lua:"text" doc:"the text, or the reaction"`
}

// declareRelated declares something that a user says about an event.
func declareRelated(name, doc, text, eventType, content string) *Function {
	return method(specUserClass, name, capability.None(noPowerSpec), waits, doc,
		func(_ *Call, u SpecUser, a *relatedArgs) (matrix.EventID, error) {
			text, _ := json.Marshal(a.Text) // a string always encodes
			event, _ := json.Marshal(a.Event)
			return u.Send(a.Room, eventType, json.RawMessage(strings.NewReplacer("TEXT", string(text), "EVENT", string(event)).Replace(content)))
		}, results("The event ID."), example(fmt.Sprintf("alice:%s(room, event_id, %q)", name, text)))
}

var _ = []*Function{
	declareRelated("reply", "Answers a message.", "me too", "m.room.message", `{"msgtype":"m.text","body":TEXT,"m.relates_to":{"m.in_reply_to":{"event_id":EVENT}}}`),
	declareRelated("edit", "Changes a message of one's own.", "hello!", "m.room.message",
		`{"msgtype":"m.text","body":TEXT,"m.new_content":{"msgtype":"m.text","body":TEXT},"m.relates_to":{"rel_type":"m.replace","event_id":EVENT}}`),
	declareRelated("react", "Reacts to a message.", "👍", "m.reaction", `{"m.relates_to":{"rel_type":"m.annotation","event_id":EVENT,"key":TEXT}}`),
}

var _ = method(specUserClass, "redact", capability.None(noPowerSpec), waits,
	"Takes a message back.",
	func(_ *Call, u SpecUser, a *struct {
		Room   matrix.RoomID  `lua:"room_id" doc:"the room"`
		Event  matrix.EventID `lua:"event_id" doc:"the event"`
		Reason string         `lua:"reason,opt" doc:"why"`
	}) (matrix.EventID, error) {
		return u.Redact(a.Room, a.Event, a.Reason)
	}, results("The event ID."), example(`alice:redact(room, event_id, "a typing error")`))

// declareOwn declares what a user does to its own membership.
func declareOwn(verb, doc string) *Function {
	return method(specUserClass, verb, capability.None(noPowerSpec), waits, doc,
		func(_ *Call, u SpecUser, a *roomArgs) (none, error) {
			return none{}, u.Membership(a.Room, verb, u.ID(), "")
		}, example(fmt.Sprintf("alice:%s(room)", verb)))
}

// declareOther declares what a user does to another one's membership.
func declareOther(verb, doc string) *Function {
	return method(specUserClass, verb, capability.None(noPowerSpec), waits, doc,
		func(_ *Call, u SpecUser, a *struct {
			Room   matrix.RoomID `lua:"room_id" doc:"the room"`
			User   matrix.UserID `lua:"user_id" doc:"whom"`
			Reason string        `lua:"reason,opt" doc:"why"`
		}) (none, error) {
			return none{}, u.Membership(a.Room, verb, a.User, a.Reason)
		}, example(fmt.Sprintf("alice:%s(room, hs.bot)", verb)))
}

var _ = []*Function{
	declareOwn("join", "Joins a room."),
	declareOwn("leave", "Leaves a room."),
	declareOther("invite", "Invites somebody."),
	declareOther("kick", "Removes somebody."),
	declareOther("ban", "Bans somebody."),
	declareOther("unban", "Lifts a ban."),
}

var _ = fn(specModule, "fake_tcp", capability.None(noPowerSpec), never,
	"Answers the script's connections to an address. The options are about connections that are opened from now on; "+
		"without them they go well again.",
	func(c *Call, a *struct {
		Address string `lua:"address" doc:"\"irc.test:6697\""`
		Fails   string `lua:"fails,opt" enum:"ECONNREFUSED|ENOTFOUND|ETIMEDOUT|E_TLS" doc:"what connecting ends with; E_TLS with tls only"`
		Stalled bool   `lua:"stalled,opt" doc:"takes nothing of what the script writes"`
	}) (lua.LValue, error) {
		s, err := c.Env.Script.Specs.FakeTCP(a.Address, SpecTCP{Fails: a.Fails, Stalled: a.Stalled})
		return c.Object(specServerClass, s), err
	}, results("The server."), example(`srv = t.fake_tcp("irc.test:6697")`))

var _ = method(specServerClass, "expect", capability.None(noPowerSpec), waitsInside,
	"The next line of the script that fits; those before it are passed over. Fails when there is none.",
	func(c *Call, s SpecServer, a *struct {
		Line string `lua:"line" doc:"the line, or a Lua pattern for the whole of it"`
	}) (string, error) {
		var lines []string
		c.Wait(func(context.Context) { lines = s.Lines() })
		for i, l := range lines {
			if c.fits(l, a.Line) {
				s.Take(i + 1)
				return l, nil
			}
		}
		return "", s.Missing(fmt.Sprintf("expected the line %q, and it did not come", a.Line))
	}, results("The line."), errcodes("E_EXPECTED"), example(`srv:expect("NICK mxrelay")`))

var _ = method(specServerClass, "send", capability.None(noPowerSpec), waits,
	"Sends a line to the script, its end (\\r\\n) included.",
	func(_ *Call, s SpecServer, a *struct {
		Line string `lua:"line" doc:"the line"`
	}) (none, error) {
		return none{}, s.Send(a.Line)
	}, errcodes("E_EXPECTED"), example(`srv:send(":bob PRIVMSG #lua :hello")`))

var _ = method(specServerClass, "hang_up", capability.None(noPowerSpec), waits,
	"Closes the connection: the script's reads end, its writes fail. It may connect again.",
	func(_ *Call, s SpecServer, a *struct {
		Reset bool `lua:"reset,opt" doc:"as if the server had crashed: the script's reads fail with ECONNRESET"`
	}) (none, error) {
		return none{}, s.HangUp(a.Reset)
	}, errcodes("E_EXPECTED"), example(`srv:hang_up()`))
