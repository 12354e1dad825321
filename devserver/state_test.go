package devserver

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestStateThatCannotBe(t *testing.T) {
	hs, b := setUp(t, Options{})
	alice := hs.User("alice")
	path := "v3/rooms/" + esc(ok(alice.CreateRoom(RoomOptions{Preset: "public_chat"}))) + "/state/"
	for _, c := range []struct {
		typ        string
		content    object
		code, text string
	}{
		{"m.room.name", object{}, "M_UNKNOWN", "'name' not in content"},
		{"m.room.name", object{"name": nil}, "M_UNKNOWN", "'name' not a string type"},
		{"m.room.topic", object{"topic": 1}, "M_UNKNOWN", "'topic' not a string type"},
		{"m.room.tombstone", object{"body": "moved"}, "M_UNKNOWN", "Content has no replacement_room key"},
		{"m.room.create", object{}, "M_INVALID_PARAM", "Cannot resend m.room.create event"},
		{"m.room.power_levels", object{"users": []any{}}, "M_BAD_JSON", `"users": [] is not of type 'object'`},
		{"m.room.power_levels", object{"ban": "50"}, "M_BAD_JSON", `"ban": '50' is not of type 'integer'`},
		{"m.room.power_levels", object{"users": object{"@nobody": 1}}, "M_UNKNOWN", "Not a valid user_id: @nobody"},
	} {
		b.as(alice.Token, "PUT", path+c.typ, c.content).expect(t, c.typ, 400, c.code, c.text)
	}
	b.as(hs.User("bob").Token, "PUT", path+"m.room.name", object{}).expect(t, "from outside", 400, "M_UNKNOWN", "'name' not in content")
}

func TestOneWhoHasLeftSeesTheStateOfThen(t *testing.T) {
	hs, b := setUp(t, Options{})
	alice, bob, carol := hs.User("alice"), hs.User("bob"), hs.User("carol")
	room := ok(alice.CreateRoom(RoomOptions{Preset: "public_chat", Name: "Hall"}))
	done(t, bob.Join(room))
	done(t, bob.Leave(room))
	_, err := alice.SendState(room, "m.room.name", "", object{"name": "Cellar"})
	done(t, err)
	done(t, carol.Join(room))
	path := "v3/rooms/" + esc(room)
	for who, want := range map[string]string{bob.Token: "Hall", carol.Token: "Cellar"} {
		if a := b.as(who, "GET", path+"/state/m.room.name", nil); a.body["name"] != want {
			t.Errorf("%s: want %s", a.raw, want)
		}
		if a := b.as(who, "GET", path+"/state", nil); !strings.Contains(string(a.raw), `"name":"`+want+`"`) {
			t.Errorf("%s: want %s", a.raw, want)
		}
	}
	if a := b.as(bob.Token, "GET", path+"/members", nil); strings.Contains(string(a.raw), string(carol.ID)) {
		t.Errorf("%s: bob had left before", a.raw)
	}
}

func TestMembersOfAPastTime(t *testing.T) {
	hs, b := setUp(t, Options{})
	alice, bob, dave := hs.User("alice"), hs.User("bob"), hs.User("dave")
	room := ok(alice.CreateRoom(RoomOptions{Preset: "public_chat"}))
	path := "v3/rooms/" + esc(room)
	at, _ := b.as(alice.Token, "GET", path+"/messages?dir=b&limit=0", nil).body["start"].(string)
	done(t, bob.Join(room))
	members := func(as, query string) int {
		var told struct{ Chunk []json.RawMessage }
		_ = json.Unmarshal([]byte(b.as(as, "GET", path+"/members"+query, nil).raw), &told)
		return len(told.Chunk)
	}
	if then, now := members(alice.Token, "?at="+at), members(alice.Token, ""); then != 1 || now != 2 {
		t.Errorf("%d members then, %d now; want 1, 2", then, now)
	}
	if then := members(bob.Token, "?at="+at); then != 1 {
		t.Errorf("one who has joined since sees %d members of then, want 1", then)
	}
	b.as(dave.Token, "GET", path+"/members?at="+at, nil).expect(t, "outside", 403, "M_FORBIDDEN", "not allowed to view events")
	b.as(alice.Token, "GET", path+"/members?at=t0", nil).expect(t, "before all", 404, "M_NOT_FOUND", "Can't find event for token")
}
