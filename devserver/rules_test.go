package devserver

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"bridgehost/matrix"
)

func esc(id matrix.RoomID) string { return url.PathEscape(string(id)) }

func TestWhoMayCall(t *testing.T) {
	hs, b := setUp(t, Options{})
	reg := func(name string) object { return object{"type": "m.login.application_service", "username": name} }
	ghost := b.register("_bh_x")
	b.as("none", "GET", "v3/account/whoami", nil).expect(t, "no token", 401, "M_MISSING_TOKEN", "Missing access token")
	b.as("bad", "GET", "v3/account/whoami", nil).expect(t, "bad token", 401, "M_UNKNOWN_TOKEN", "")
	b.as("@_bh_y:bh.test", "GET", "v3/account/whoami", nil).expect(t, "not registered", 403, "M_FORBIDDEN", "Application service has not registered this user (@_bh_y:bh.test)")
	b.as("@alice:bh.test", "GET", "v3/account/whoami", nil).expect(t, "not ours", 403, "M_FORBIDDEN", "Application service cannot masquerade as this user")
	if a := b.as(ghost, "GET", "v3/account/whoami", nil); a.body["user_id"] != ghost {
		t.Error(a.raw)
	}
	if a := b.as("", "GET", "v3/account/whoami", nil); a.body["user_id"] != "@_bh_bot:bh.test" {
		t.Error(a.raw)
	}
	b.as("", "POST", "v3/register", reg("_bh_x")).expect(t, "twice", 400, "M_USER_IN_USE", "User ID already taken.")
	b.as("", "POST", "v3/register", reg("alice")).expect(t, "outside", 400, "M_EXCLUSIVE", "Invalid user localpart for this application service.")
	b.as("", "POST", "v3/register", reg("_bh_Ä")).expect(t, "letters", 400, "M_INVALID_USERNAME", "")
	b.as("none", "POST", "v3/register", object{"username": "bob", "password": "x"}).expect(t, "closed", 403, "M_FORBIDDEN", "Registration")
	b.as("", "POST", "v3/register", `{"type"`).expect(t, "broken", 400, "M_NOT_JSON", "Content not JSON.")
	b.as("", "POST", "v3/register", `[]`).expect(t, "list", 400, "M_BAD_JSON", "Content must be a JSON object.")
	b.as("", "GET", "v3/nothing", nil).expect(t, "unknown", 404, "M_UNRECOGNIZED", "Unrecognized request")
	b.as("", "GET", "v3/createRoom", nil).expect(t, "method", 405, "M_UNRECOGNIZED", "Unrecognized request")
	room := ok(hs.User("carol").CreateRoom(RoomOptions{}))
	b.as("", "PUT", "v3/directory/room/%23x:bh.test", object{"room_id": room}).expect(t, "alias", 400, "M_EXCLUSIVE", "has not reserved")
}

func TestJoinRules(t *testing.T) {
	hs, b := setUp(t, Options{})
	alice, bob := hs.User("alice"), hs.User("bob")
	ghost := b.register("_bh_x")
	space := ok(alice.CreateRoom(RoomOptions{}))
	roomWith := func(rule string, prepare func(room matrix.RoomID)) matrix.RoomID {
		content := object{"join_rule": rule}
		if rule == "restricted" {
			content["allow"] = []any{object{"type": "m.room_membership", "room_id": space}}
		}
		raw, _ := json.Marshal(content)
		room := ok(alice.CreateRoom(RoomOptions{InitialState: []InitialState{{Type: "m.room.join_rules", Content: raw}}}))
		if prepare != nil {
			prepare(room)
		}
		return room
	}
	invite := func(r matrix.RoomID) { done(t, alice.Invite(r, matrix.UserID(ghost))) }
	ban := func(r matrix.RoomID) { done(t, alice.Ban(r, matrix.UserID(ghost), "")) }
	for _, c := range []struct {
		name, rule string
		prepare    func(matrix.RoomID)
		status     int
		code, text string
	}{
		{"public", "public", nil, 200, "", ""},
		{"invite only", "invite", nil, 403, "M_FORBIDDEN", "You are not invited to this room."},
		{"invited", "invite", invite, 200, "", ""},
		{"private", "private", nil, 403, "M_FORBIDDEN", "You are not allowed to join this room"},
		{"knock", "knock", nil, 403, "M_FORBIDDEN", "You are not invited to this room."},
		{"restricted", "restricted", nil, 403, "M_FORBIDDEN", "You do not belong to any of the required rooms/spaces"},
		{"restricted, in the space", "restricted", func(matrix.RoomID) {
			invite(space)
			b.as(ghost, "POST", "v3/join/"+esc(space), object{})
		}, 200, "", ""},
		{"banned", "public", ban, 403, "M_BAD_STATE", "Cannot join user who was banned"},
	} {
		room := roomWith(c.rule, c.prepare)
		b.as(ghost, "POST", "v3/join/"+esc(room), object{}).expect(t, c.name, c.status, c.code, c.text)
	}
	b.as(ghost, "POST", "v3/join/!nowhere:bh.test", nil).expect(t, "no room", 404, "M_UNKNOWN", "Can't join remote room")
	b.as(ghost, "POST", "v3/join/%23no:bh.test", nil).expect(t, "no alias", 404, "M_NOT_FOUND", "Room alias #no:bh.test not found")
	if err := bob.Join(roomWith("invite", nil)); err == nil || !strings.Contains(err.Error(), "You are not invited") {
		t.Error(err)
	}
}

func TestMembershipAndPower(t *testing.T) {
	hs, b := setUp(t, Options{})
	alice, bob := hs.User("alice"), hs.User("bob")
	ghost := b.register("_bh_x")
	room := ok(alice.CreateRoom(RoomOptions{Preset: "public_chat", Alias: "lobby"}))
	path := "v3/rooms/" + esc(room)
	send := path + "/send/m.room.message/"
	b.as(ghost, "PUT", send+"0", object{"body": "x"}).expect(t, "incomplete", 400, "M_UNKNOWN", "'msgtype' not in content")
	b.as(ghost, "PUT", send+"0", object{"body": 1, "msgtype": "m.text"}).expect(t, "no text", 400, "M_UNKNOWN", "'body' not a string type")
	b.as(ghost, "PUT", path+"/send/m.room.topic/0", object{"topic": "x"}).expect(t, "no state", 400, "M_UNKNOWN", "'m.room.topic' must be state events")
	b.as(ghost, "PUT", send+"1", object{"body": "x", "msgtype": "m.text"}).expect(t, "outside", 403, "M_FORBIDDEN", "User @_bh_x:bh.test not in room "+string(room))
	b.as(ghost, "GET", path+"/state", nil).expect(t, "peek", 403, "M_FORBIDDEN", "room previews are disabled")
	b.as(ghost, "POST", path+"/leave", object{}).expect(t, "leave", 403, "M_FORBIDDEN", "@_bh_x:bh.test not in room "+string(room)+".")
	b.as(ghost, "POST", "v3/join/%23lobby:bh.test", nil).expect(t, "by alias", 200, "", "")
	b.as(ghost, "POST", "v3/join/"+esc(room), nil).expect(t, "again", 200, "", "")
	b.as(ghost, "POST", path+"/invite", object{"user_id": bob.ID}).expect(t, "invite", 403, "M_FORBIDDEN", "You don't have permission to invite users")
	b.as(ghost, "POST", path+"/invite", object{"user_id": alice.ID}).expect(t, "invite a member", 403, "M_FORBIDDEN", "@alice:bh.test is already in the room.")
	b.as(ghost, "POST", path+"/kick", object{"user_id": alice.ID}).expect(t, "kick", 403, "M_FORBIDDEN", "You cannot kick user @alice:bh.test.")
	b.as(ghost, "POST", path+"/kick", object{"user_id": bob.ID}).expect(t, "kick nobody", 403, "M_FORBIDDEN", "The target user is not in the room")
	b.as(ghost, "POST", path+"/ban", object{"user_id": bob.ID}).expect(t, "ban", 403, "M_FORBIDDEN", "You don't have permission to ban")
	b.as(ghost, "PUT", path+"/state/m.room.name", object{"name": "x"}).expect(t, "state", 403, "M_FORBIDDEN", "You don't have permission to post that to the room. user_level (0) < send_level (50)")
	b.as(ghost, "PUT", path+"/state/m.room.create/", object{}).expect(t, "create", 400, "M_INVALID_PARAM", "Cannot resend m.room.create event")
	done(t, bob.Join(room))
	b.as(bob.Token, "POST", path+"/unban", object{"user_id": ghost}).expect(t, "unban a member", 403, "M_BAD_STATE", "Cannot unban user who was not banned (membership=join)")

	_, err := alice.SendState(room, "m.room.power_levels", "", object{
		"users": object{ghost: 50}, "events": object{"m.x": 60}, "events_default": 10, "redact": 40})
	done(t, err)
	b.as(bob.Token, "PUT", send+"2", object{"body": "x", "msgtype": "m.text"}).expect(t, "muted", 403, "M_FORBIDDEN", "user_level (0) < send_level (10)")
	b.as(ghost, "PUT", path+"/send/m.x/3", object{}).expect(t, "per event", 403, "M_FORBIDDEN", "user_level (50) < send_level (60)")
	b.as(ghost, "PUT", path+"/state/m.room.power_levels", object{"users": object{ghost: 60}}).
		expect(t, "raise oneself", 403, "M_FORBIDDEN", "You don't have permission to add ops level greater than your own")
	b.as(ghost, "PUT", path+"/state/m.room.power_levels", object{"users": object{ghost: "50"}}).expect(t, "text", 400, "M_BAD_JSON", `"`+ghost+`": '50' is not of type 'integer'`)
	b.as(ghost, "PUT", path+"/state/m.y/@alice:bh.test", object{}).expect(t, "others' state", 403, "M_FORBIDDEN", "You are not allowed to set others state")
	b.as(ghost, "POST", path+"/kick", object{"user_id": bob.ID}).expect(t, "kick with power", 200, "", "")
	b.as(ghost, "POST", path+"/ban", object{"user_id": alice.ID}).expect(t, "ban a higher one", 403, "M_FORBIDDEN", "You don't have permission to ban this user")
	done(t, alice.Ban(room, bob.ID, "spam"))
	b.as(ghost, "POST", path+"/invite", object{"user_id": bob.ID}).expect(t, "invite a banned one", 403, "M_BAD_STATE", "Cannot invite user who was banned")
	done(t, alice.Unban(room, bob.ID))
	if m := hs.Members(room); m[bob.ID] != "leave" || m[matrix.UserID(ghost)] != "join" {
		t.Error(m)
	}
	said := ok(alice.Say(room, "hello"))
	b.as(ghost, "PUT", path+"/redact/"+string(said)+"/r1", object{"reason": "x"}).expect(t, "redact", 200, "", "")
	if e := hs.Timeline(room); string(e[len(e)-2].Content) != "{}" || e[len(e)-1].Redacts != said {
		t.Errorf("%s", e[len(e)-2].Raw)
	}
	b.as(ghost, "POST", path+"/leave", object{}).expect(t, "leave", 200, "", "")
	b.as(ghost, "POST", path+"/leave", object{}).expect(t, "leave again", 200, "", "")
}

func TestRedactNeedsPowerForOthers(t *testing.T) {
	hs, b := setUp(t, Options{})
	alice := hs.User("alice")
	ghost := b.register("_bh_x")
	room := ok(alice.CreateRoom(RoomOptions{Preset: "public_chat", RoomVersion: "12"}))
	b.as(ghost, "POST", "v3/join/"+esc(room), nil)
	theirs := ok(alice.Say(room, "x"))
	own := b.as(ghost, "PUT", "v3/rooms/"+esc(room)+"/send/m.room.message/1", object{"msgtype": "m.text", "body": "y"}).body["event_id"].(string)
	b.as(ghost, "PUT", "v3/rooms/"+esc(room)+"/redact/"+string(theirs)+"/2", object{}).expect(t, "theirs", 403, "M_FORBIDDEN", "You don't have permission to redact events")
	b.as(ghost, "PUT", "v3/rooms/"+esc(room)+"/redact/"+own+"/3", object{}).expect(t, "own", 200, "", "")
	b.as(ghost, "PUT", "v3/rooms/"+esc(room)+"/redact/$no/4", object{}).expect(t, "unknown", 404, "M_NOT_FOUND", "Could not find event $no")
	redact := "v3/rooms/" + esc(room) + "/redact/"
	b.as(ghost, "PUT", redact+own+"/5", nil).expect(t, "no body", 400, "M_NOT_JSON", "")
	b.as(ghost, "PUT", redact+own+"/6", object{"redacts": "$other"}).expect(t, "another one in the content", 400, "M_INVALID_PARAM", "incoherent")
	b.as(ghost, "PUT", "v3/rooms/!no/redact/"+own+"/7", object{}).expect(t, "no room", 404, "M_NOT_FOUND", "Could not find room version")
	elsewhere := ok(alice.CreateRoom(RoomOptions{Preset: "public_chat"}))
	b.as(alice.Token, "PUT", "v3/rooms/"+esc(elsewhere)+"/redact/"+own+"/8", object{}).expect(t, "in another room", 400, "M_UNKNOWN", "Cannot redact event from a different room")
	create := hs.Timeline(room)[0].EventID
	b.as(alice.Token, "PUT", redact+string(create)+"/9", object{}).expect(t, "the room's creation", 403, "M_FORBIDDEN", "Redacting create events is not permitted")
}

func TestRoomVersion12CreatorsOutrank(t *testing.T) {
	hs, b := setUp(t, Options{})
	alice := hs.User("alice")
	room := ok(alice.CreateRoom(RoomOptions{Preset: "public_chat"}))
	if strings.Contains(string(room), ":") {
		t.Error(room)
	}
	_, err := alice.SendState(room, "m.room.power_levels", "", object{"users": object{string(alice.ID): 100}})
	if err == nil || !strings.Contains(err.Error(), "must not appear") {
		t.Error(err)
	}
	_, err = alice.SendState(room, "m.room.power_levels", "", object{"events": object{"m.room.name": int64(9007199254740991)}})
	done(t, err)
	_, err = alice.SendState(room, "m.room.name", "", object{"name": "x"})
	done(t, err)
	b.as("", "POST", "v3/createRoom", object{"room_version": "99"}).expect(t, "version", 400, "M_UNSUPPORTED_ROOM_VERSION", "")
}

func TestContentRules(t *testing.T) {
	_, b := setUp(t, Options{})
	room := b.as("", "POST", "v3/createRoom", object{"room_alias_name": "_bh_r", "name": "n"}).body["room_id"].(string)
	b.as("", "POST", "v3/createRoom", object{"room_alias_name": "_bh_r"}).expect(t, "alias", 400, "M_ROOM_IN_USE", "Room alias already taken")
	send := "v3/rooms/" + url.PathEscape(room) + "/send/m.x/"
	b.as("", "PUT", send+"1", `{"a":1.5}`).expect(t, "float", 400, "M_BAD_JSON", "float")
	b.as("", "PUT", send+"2", `{"a":9007199254740992}`).expect(t, "2^53", 400, "M_BAD_JSON", "range")
	b.as("", "PUT", send+"3", `{"a":"1.5e9 \" 3.4"}`).expect(t, "in text", 200, "", "")
	b.as("", "PUT", send+"4", object{"a": strings.Repeat("x", 65536)}).expect(t, "large", 413, "M_TOO_LARGE", "event too large")
	b.as("", "PUT", send+"5", object{"a": strings.Repeat("x", 64000)}).expect(t, "nearly", 200, "", "")
	state := "v3/rooms/" + url.PathEscape(room) + "/state/"
	if a := b.as("", "GET", state+"m.room.name/", nil); a.body["name"] != "n" {
		t.Error(a.raw)
	}
	if a := b.as("", "GET", state+"m.room.create?format=event", nil); a.body["sender"] != "@_bh_bot:bh.test" {
		t.Error(a.raw)
	}
	b.as("", "GET", state+"m.room.topic", nil).expect(t, "no state", 404, "M_NOT_FOUND", "Event not found.")
	one := b.as("", "PUT", state+"m.s/k%2Fx", object{"msgtype": "m.text", "body": "a"}).body["event_id"]
	if two := b.as("", "PUT", state+"m.s/k%2Fx", object{"msgtype": "m.text", "body": "a"}).body["event_id"]; one != two {
		t.Error("equal state is not sent twice")
	}
	alias := "v3/directory/room/%23_bh_r:bh.test"
	b.as("", "PUT", alias, object{"room_id": room}).expect(t, "taken", 409, "M_UNKNOWN", "already exists")
	b.as("", "DELETE", alias, nil).expect(t, "delete", 200, "", "")
	b.as("", "GET", alias, nil).expect(t, "gone", 404, "M_NOT_FOUND", "")
}

func TestTransactionIDsAreKeyedByServiceNotUser(t *testing.T) {
	hs, b := setUp(t, Options{})
	alice := hs.User("alice")
	x, y := b.register("_bh_x"), b.register("_bh_y")
	room := ok(alice.CreateRoom(RoomOptions{Preset: "public_chat"}))
	for _, u := range []string{x, y} {
		b.as(u, "POST", "v3/join/"+esc(room), nil).expect(t, u, 200, "", "")
	}
	path := "v3/rooms/" + esc(room) + "/send/m.room.message/t1"
	first := b.as(x, "PUT", path, object{"msgtype": "m.text", "body": "a"}).body["event_id"]
	if got := b.as(y, "PUT", path, object{"msgtype": "m.text", "body": "b"}).body["event_id"]; got != first {
		t.Error("another user's equal id must be the same event, as on Synapse")
	}
	if got := b.as(alice.Token, "PUT", path, object{"msgtype": "m.text", "body": "c"}).body["event_id"]; got == first {
		t.Error("an ordinary user has ids of her own")
	}
	b.as(x, "PUT", path+"bad", object{"msgtype": "m.text", "body": "a", "a": 1.5}).expect(t, "refused", 400, "M_BAD_JSON", "")
	b.as(x, "PUT", path+"bad", object{"msgtype": "m.text", "body": "a", "a": 1}).expect(t, "a refusal is not remembered", 200, "", "")
	hs.ForgetTransactions()
	if got := b.as(x, "PUT", path, object{"msgtype": "m.text", "body": "a"}).body["event_id"]; got == first {
		t.Error("it should have been forgotten")
	}
}

func TestReadingBack(t *testing.T) {
	hs, b := setUp(t, Options{})
	alice := hs.User("alice")
	room := ok(alice.CreateRoom(RoomOptions{Preset: "public_chat", Invite: []matrix.UserID{"@_bh_bot:bh.test"}, IsDirect: true}))
	b.as("", "POST", "v3/join/"+esc(room), nil)
	path := "v3/rooms/" + esc(room)
	for _, text := range []string{"1", "2", "3"} {
		ok(alice.Say(room, text))
	}
	filter := "&filter=" + url.QueryEscape(`{"types":["m.room.message"]}`)
	a := b.as("", "GET", path+"/messages?dir=b&limit=2"+filter, nil)
	if !strings.Contains(a.raw, `"body":"3"`) || strings.Contains(a.raw, `"body":"1"`) {
		t.Error(a.raw)
	}
	a = b.as("", "GET", path+"/messages?dir=b&limit=5&from="+a.body["end"].(string)+filter, nil)
	if !strings.Contains(a.raw, `"body":"1"`) || a.body["end"] == nil {
		t.Error(a.raw)
	}
	a = b.as("", "GET", path+"/messages?dir=b&limit=5&from="+a.body["end"].(string)+filter, nil)
	if strings.Contains(a.raw, "body") || a.body["end"] != nil {
		t.Error("the end is told by a page of its own:", a.raw)
	}
	if a = b.as("", "GET", path+"/messages?dir=f&limit=1", nil); !strings.Contains(a.raw, "m.room.create") {
		t.Error(a.raw)
	}
	if a = b.as("", "GET", path+"/joined_members", nil); len(a.body["joined"].(map[string]any)) != 2 {
		t.Error(a.raw)
	}
	if a = b.as("", "GET", path+"/members?membership=join&not_membership=leave", nil); len(a.body["chunk"].([]any)) != 2 {
		t.Error(a.raw)
	}
	if a = b.as("", "GET", "v3/joined_rooms", nil); !strings.Contains(a.raw, string(room)) {
		t.Error(a.raw)
	}
	b.as("", "PUT", "v3/profile/@_bh_bot:bh.test/displayname", object{"displayname": "Bot"}).expect(t, "profile", 200, "", "")
	if e := hs.State(room, "m.room.member", "@_bh_bot:bh.test"); !strings.Contains(string(e.Content), `"displayname":"Bot"`) || !strings.Contains(string(e.Unsigned), "prev_content") {
		t.Errorf("%s", e.Raw)
	}
	b.as("", "PUT", "v3/profile/@alice:bh.test/displayname", object{"displayname": "x"}).expect(t, "others", 400, "M_FORBIDDEN", "Cannot set another user's displayname")
	b.as("", "GET", "v3/profile/@none:bh.test", nil).expect(t, "nobody", 404, "M_NOT_FOUND", "Profile was not found")
	ts := b.as("", "PUT", path+"/send/m.x/ts?ts=12345", object{}).body["event_id"].(string)
	if a = b.as("", "GET", path+"/event/"+ts, nil); a.body["origin_server_ts"] != 12345.0 {
		t.Error(a.raw)
	}
}

func FuzzBodies(f *testing.F) {
	hs := New(Options{})
	alice := hs.User("alice")
	room := ok(alice.CreateRoom(RoomOptions{}))
	for _, s := range []string{`{}`, `{"users":{"@a:b":1}}`, `{"membership":"leave"}`, `{"a":"\\"}`, `[1]`, `{"a":-}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		for _, typ := range []string{"m.room.power_levels", "m.room.member", "m.x"} {
			hs.mu.Lock()
			key := string(alice.ID)
			_, _ = hs.sendState(hs.rooms[room], draft{typ: typ, sender: alice.ID, key: &key, content: json.RawMessage(body)})
			hs.mu.Unlock()
		}
		for _, e := range hs.Timeline(room)[max(0, len(hs.Timeline(room))-3):] {
			if !json.Valid(e.Raw) {
				t.Fatalf("%q: %s", body, e.Raw)
			}
		}
	})
}

func TestForgetting(t *testing.T) {
	hs, b := setUp(t, Options{})
	alice := hs.User("alice")
	ghost := b.register("_bh_x")
	room := ok(alice.CreateRoom(RoomOptions{Preset: "public_chat"}))
	forget := func() answer { return b.as(ghost, "POST", "v3/rooms/"+esc(room)+"/forget", object{}) }
	forget().expect(t, "never there", 200, "", "")
	b.as(ghost, "POST", "v3/join/"+esc(room), object{}).expect(t, "join", 200, "", "")
	forget().expect(t, "in the room", 400, "M_UNKNOWN", "User "+ghost+" in room "+string(room))
	b.as(ghost, "POST", "v3/rooms/"+esc(room)+"/leave", object{}).expect(t, "leave", 200, "", "")
	forget().expect(t, "left", 200, "", "")
	b.as(ghost, "GET", "v3/rooms/"+esc(room)+"/state", nil).expect(t, "forgotten", 403, "M_FORBIDDEN", "")
}
