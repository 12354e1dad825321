package devserver

import (
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
)

func TestProfiles(t *testing.T) {
	hs, b := setUp(t, Options{})
	alice := hs.User("alice")
	own := "v3/profile/@alice:bh.test"
	name, picture := own+"/displayname", own+"/avatar_url"
	b.as("none", "GET", own, nil).expect(t, "without a token", 200, "", "")
	b.as("bad", "GET", own, nil).expect(t, "with a bad one", 401, "M_UNKNOWN_TOKEN", "")
	b.as("@_bh_x:bh.test", "GET", name, nil).expect(t, "not registered", 403, "M_FORBIDDEN", "has not registered this user")
	b.as(alice.Token, "PUT", name, object{"name": "x"}).expect(t, "another key", 400, "M_MISSING_PARAM", "Missing key 'displayname'")
	b.as(alice.Token, "PUT", name, object{"displayname": nil}).expect(t, "null", 400, "M_INVALID_PARAM", "'displayname' must be a string")
	b.as(alice.Token, "PUT", name, object{"displayname": strings.Repeat("ä", 256)}).expect(t, "long", 200, "", "")
	b.as(alice.Token, "PUT", name, object{"displayname": strings.Repeat("ä", 257)}).expect(t, "too long", 400, "M_UNKNOWN", "too long")
	b.as(alice.Token, "PUT", picture, object{"avatar_url": strings.Repeat("x", 1001)}).expect(t, "too long", 400, "M_UNKNOWN", "too long")
	b.as(alice.Token, "PUT", name, object{"displayname": " A "}).expect(t, "spaces", 200, "", "")
	if a := b.as("", "GET", own, nil); a.body["displayname"] != "A" || len(a.body) != 1 {
		t.Error(a.raw)
	}
	b.as(alice.Token, "PUT", name, object{"displayname": ""}).expect(t, "none", 200, "", "")
	b.as("", "GET", own, nil).expect(t, "nothing there", 404, "M_NOT_FOUND", "Profile was not found")
	if a := b.as("", "GET", name, nil); a.status != 200 || len(a.body) != 0 {
		t.Error(a.raw)
	}
	b.as("@_bh_x:bh.test", "GET", "versions", nil).expect(t, "versions", 403, "M_FORBIDDEN", "has not registered this user")
	if a := b.as(alice.Token, "GET", "v3/account/whoami", nil); a.body["user_id"] != string(alice.ID) || a.body["device_id"] == "" {
		t.Error(a.raw)
	}
}

func TestPresence(t *testing.T) {
	clock := clockwork.NewFakeClock()
	hs, b := setUp(t, Options{Clock: clock})
	alice, bob := hs.User("alice"), hs.User("bob")
	own := "v3/presence/@alice:bh.test/status"
	get := func() map[string]any { return b.as(bob.Token, "GET", own, nil).body }
	put := func(body any) answer { return b.as(alice.Token, "PUT", own, body) }
	put(object{"presence": "online"}).expect(t, "online", 200, "", "")
	b.as(bob.Token, "GET", own, nil).expect(t, "no room together", 403, "M_FORBIDDEN", "not allowed to see their presence")
	room := ok(alice.CreateRoom(RoomOptions{Preset: "public_chat"}))
	done(t, bob.Join(room))
	clock.Advance(2 * time.Second)
	if p := get(); p["presence"] != "online" || p["last_active_ago"] != 2000.0 || p["currently_active"] != true {
		t.Error(p)
	}
	clock.Advance(time.Hour)
	if p := get(); p["currently_active"] != false {
		t.Error(p)
	}
	put(object{"presence": "unavailable", "status_msg": "out"}).expect(t, "status", 200, "", "")
	if p := get(); p["presence"] != "unavailable" || p["status_msg"] != "out" || p["currently_active"] != nil {
		t.Error(p)
	}
	put(object{"presence": "offline"}).expect(t, "no status", 200, "", "")
	if p := get(); p["status_msg"] != nil {
		t.Error(p)
	}
	put(object{"presence": "asleep"}).expect(t, "unknown", 400, "M_UNKNOWN", "Invalid presence state")
	put(object{"status_msg": "x"}).expect(t, "none", 400, "M_UNKNOWN", "Unable to parse state")
	put(object{"presence": "online", "x": 1}).expect(t, "more", 400, "M_UNKNOWN", "Unable to parse state")
	put(object{"presence": "online", "status_msg": 1}).expect(t, "number", 400, "M_UNKNOWN", "status_msg must be a string.")
}

func TestReadMarks(t *testing.T) {
	hs, b := setUp(t, Options{})
	alice := hs.User("alice")
	ghost := b.register("_bh_x")
	room := ok(alice.CreateRoom(RoomOptions{Preset: "public_chat"}))
	first, second := ok(alice.Say(room, "1")), ok(alice.Say(room, "2"))
	path := "v3/rooms/" + esc(room)
	mark := "v3/user/" + ghost + "/rooms/" + esc(room) + "/account_data/m.fully_read"
	receipt := func(kind, event string) answer {
		return b.as(ghost, "POST", path+"/receipt/"+kind+"/"+event, object{})
	}
	receipt("m.read", string(first)).expect(t, "outside", 403, "M_FORBIDDEN", "You don't have permission to access that event.")
	b.as(ghost, "POST", "v3/join/"+esc(room), nil)
	receipt("m.read", "$none").expect(t, "no event", 200, "", "")
	receipt("m.glanced", string(first)).expect(t, "no type", 400, "M_UNKNOWN", "Receipt type must be")
	receipt("m.fully_read", "$none").expect(t, "no event", 404, "M_UNKNOWN", "Could not find event $none in room "+string(room))
	b.as(ghost, "POST", path+"/read_markers", object{"m.fully_read": second, "m.read": first}).expect(t, "marks", 200, "", "")
	receipt("m.fully_read", string(first)).expect(t, "back", 200, "", "")
	if a := b.as(ghost, "GET", mark, nil); a.body["event_id"] != string(second) {
		t.Error(a.raw)
	}
	if got := hs.Read(room, "@_bh_x:bh.test"); got != first {
		t.Error(got)
	}
	b.as(ghost, "PUT", mark, object{"event_id": first}).expect(t, "by hand", 405, "M_BAD_JSON", "Cannot set m.fully_read")
}

func TestTagsAndFilters(t *testing.T) {
	hs, b := setUp(t, Options{})
	room := ok(hs.User("alice").CreateRoom(RoomOptions{Preset: "public_chat"}))
	ghost := b.register("_bh_x")
	tags := "v3/user/" + ghost + "/rooms/" + esc(room) + "/tags/"
	b.as(ghost, "PUT", tags+"m.favourite", object{}).expect(t, "outside", 403, "M_FORBIDDEN", "User @_bh_x:bh.test has no membership in room")
	b.as(ghost, "POST", "v3/join/"+esc(room), nil)
	b.as(ghost, "POST", "v3/rooms/"+esc(room)+"/leave", object{})
	b.as(ghost, "PUT", tags+"m.favourite", object{}).expect(t, "left", 200, "", "")
	b.as(ghost, "PUT", tags+strings.Repeat("x", 256), object{}).expect(t, "long", 400, "M_INVALID_PARAM", "over 255 bytes")
	b.as(ghost, "DELETE", tags+"u.none", nil).expect(t, "not there", 200, "", "")

	filters := "v3/user/" + ghost + "/filter"
	for _, wrong := range []string{`{"event_format":"loud"}`, `{"room":{"rooms":"all"}}`, `{"room":{"timeline":{"types":[1]}}}`, `{"presence":[]}`, `{"event_fields":"x"}`} {
		b.as(ghost, "POST", filters, wrong).expect(t, wrong, 400, "M_UNKNOWN", "")
	}
	id, _ := b.as(ghost, "POST", filters, `{"room":{"timeline":{"limit":5}},"org.example":1}`).body["filter_id"].(string)
	if a := b.as(ghost, "GET", filters+"/"+id, nil); !strings.Contains(a.raw, `"limit":5`) {
		t.Error(a.raw)
	}
	b.as(ghost, "GET", filters+"/99", nil).expect(t, "none", 404, "M_NOT_FOUND", "No such filter")
}
