package devserver

import (
	"fmt"
	"net/url"
	"slices"
	"testing"

	"bridgehost/matrix"
)

// tried is one request and its answer.
type tried struct {
	name, who, method, path string
	body                    any
	status                  int
	code, text              string
}

func (b *bridge) try(t *testing.T, all ...tried) {
	t.Helper()
	for _, c := range all {
		b.as(c.who, c.method, c.path, c.body).expect(t, c.name, c.status, c.code, c.text)
	}
}

func TestAliases(t *testing.T) {
	hs, b := setUp(t, Options{})
	alice, bob := hs.User("alice"), hs.User("bob")
	ghost := b.register("_bh_x")
	room := ok(alice.CreateRoom(RoomOptions{Preset: "public_chat"}))
	path := func(alias string) string { return "v3/directory/room/" + url.PathEscape(alias) }
	in := object{"room_id": room}
	b.try(t,
		tried{"no colon", "", "GET", path("#hall"), nil, 400, "M_INVALID_PARAM", "Room alias invalid"},
		tried{"a colon too many", "", "PUT", path("#_bh_a:b:bh.test"), in, 400, "M_INVALID_PARAM", "Room alias invalid"},
		tried{"no room", "", "PUT", path("#_bh_a:bh.test"), object{}, 400, "M_MISSING_PARAM", ""},
		tried{"a number", "", "PUT", path("#_bh_a:bh.test"), object{"room_id": 5}, 400, "M_BAD_JSON", ""},
		tried{"unknown room", "", "PUT", path("#_bh_a:bh.test"), object{"room_id": "!no"}, 400, "M_UNKNOWN", "Room does not exist"},
		tried{"white space", "", "PUT", path("#_bh_a b:bh.test"), in, 400, "M_UNKNOWN", "Invalid characters in room alias"},
		tried{"another server's", alice.Token, "PUT", path("#a:example.org"), in, 400, "M_UNKNOWN", "Room alias must be local"},
		tried{"reserved", alice.Token, "PUT", path("#_bh_a:bh.test"), in, 400, "M_EXCLUSIVE", "reserved by an application service"},
		tried{"outside", bob.Token, "PUT", path("#b:bh.test"), in, 403, "M_FORBIDDEN", "You must be in the room"},
		tried{"a service need not be in the room", ghost, "PUT", path("#_bh_a:bh.test"), in, 200, "", ""},
		tried{"twice", "", "PUT", path("#_bh_a:bh.test"), in, 409, "M_UNKNOWN", "Room alias #_bh_a:bh.test already exists"},
		tried{"reserved, to remove", alice.Token, "DELETE", path("#_bh_a:bh.test"), nil, 400, "M_EXCLUSIVE", ""},
		tried{"a service removes what another user made", "", "DELETE", path("#_bh_a:bh.test"), nil, 200, "", ""},
		tried{"a service is not told that there is none", "", "DELETE", path("#_bh_a:bh.test"), nil, 200, "", ""},
		tried{"outside of the namespace", "", "DELETE", path("#a:bh.test"), nil, 400, "M_EXCLUSIVE", ""},
		tried{"a person is told", alice.Token, "DELETE", path("#a:bh.test"), nil, 404, "M_NOT_FOUND", "Unknown room alias"},
		tried{"a person's own", alice.Token, "PUT", path("#a:bh.test"), in, 200, "", ""},
		tried{"as canonical", alice.Token, "PUT", "v3/rooms/" + esc(room) + "/state/m.room.canonical_alias",
			object{"alias": "#a:bh.test", "alt_aliases": []string{"#a:bh.test"}, "more": 1}, 200, "", ""},
		tried{"by who is not in the room", bob.Token, "DELETE", path("#a:bh.test"), nil, 403, "M_FORBIDDEN", "not in room"},
		tried{"by the creator", alice.Token, "DELETE", path("#a:bh.test"), nil, 200, "", ""},
	)
	if e := hs.State(room, "m.room.canonical_alias", ""); string(e.Content) != `{"more":1}` {
		t.Errorf("%s", e.Content)
	}
	done(t, bob.Join(room))
	b.try(t,
		tried{"again", alice.Token, "PUT", path("#a:bh.test"), in, 200, "", ""},
		tried{"by a member", bob.Token, "DELETE", path("#a:bh.test"), nil, 403, "M_FORBIDDEN", "You don't have permission to delete the alias."},
	)
}

func TestDirectoryOfRooms(t *testing.T) {
	hs, b := setUp(t, Options{})
	alice, bob := hs.User("alice"), hs.User("bob")
	room := ok(alice.CreateRoom(RoomOptions{Preset: "public_chat"}))
	path := "v3/directory/list/room/" + esc(room)
	is := func(want string) {
		t.Helper()
		if a := b.as("none", "GET", path, nil); a.body["visibility"] != want {
			t.Errorf("%s, want %s", a.raw, want)
		}
	}
	is("private")
	b.try(t,
		tried{"unknown, to read", "", "GET", "v3/directory/list/room/!no:bh.test", nil, 404, "M_NOT_FOUND", "Unknown room"},
		tried{"unknown", "", "PUT", "v3/directory/list/room/!no:bh.test", object{}, 400, "M_UNKNOWN", "Unknown room"},
		tried{"another word", alice.Token, "PUT", path, object{"visibility": "secret"}, 400, "M_BAD_JSON", ""},
		tried{"outside", "", "PUT", path, object{"visibility": "public"}, 403, "M_FORBIDDEN", "not in room"},
		tried{"without a token", "none", "PUT", path, object{"visibility": "public"}, 401, "M_MISSING_TOKEN", ""},
	)
	done(t, bob.Join(room))
	b.as(bob.Token, "PUT", path, object{"visibility": "public"}).expect(t, "a member", 403, "M_FORBIDDEN", "to be a moderator")
	is("private")
	b.as(alice.Token, "PUT", path, object{}).expect(t, "public unless said", 200, "", "")
	is("public")
	b.as(alice.Token, "PUT", path, object{"visibility": "private"}).expect(t, "private", 200, "", "")
	is("private")
	path = "v3/directory/list/room/" + esc(ok(alice.CreateRoom(RoomOptions{Visibility: "public"})))
	is("public")
}

func TestDirectoryOfUsers(t *testing.T) {
	hs, b := setUp(t, Options{})
	alice, bob, carol := hs.User("alice"), hs.User("bob"), hs.User("carol")
	b.register("_bh_alice")
	alice.SetDisplayname("Alice Meyer")
	search := func(who string, body any) (ids []string, limited bool) {
		t.Helper()
		a := b.as(who, "POST", "v3/user_directory/search", body)
		list, isList := a.body["results"].([]any)
		if !isList {
			t.Fatal(a.raw)
		}
		for _, one := range list {
			ids = append(ids, one.(map[string]any)["user_id"].(string))
		}
		return ids, a.body["limited"].(bool)
	}
	finds := func(what, who string, body any, want ...string) {
		t.Helper()
		if got, _ := search(who, body); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	alices := object{"search_term": "alice"}
	finds("who is in no room", bob.Token, alices)
	private := ok(alice.CreateRoom(RoomOptions{Invite: []matrix.UserID{bob.ID, "@_bh_bot:bh.test"}}))
	done(t, bob.Join(private))
	b.as("", "POST", "v3/join/"+esc(private), nil).expect(t, "join", 200, "", "")
	finds("in a shared room", bob.Token, alices, "@alice:bh.test")
	finds("in no shared room", carol.Token, alices)
	finds("services share no rooms", "", alices)
	finds("nobody shares a room with itself", alice.Token, alices)
	public := ok(alice.CreateRoom(RoomOptions{Preset: "public_chat"}))
	b.as("@_bh_alice:bh.test", "POST", "v3/join/"+esc(public), nil).expect(t, "join", 200, "", "")
	finds("in a public room, services' users never", "", alices, "@alice:bh.test")
	finds("oneself, too", alice.Token, alices, "@alice:bh.test")
	finds("by words that begin so", "", object{"search_term": "MEY al"}, "@alice:bh.test")
	finds("not from within", "", object{"search_term": "lice"})
	finds("all words", "", object{"search_term": "alice bob"})
	finds("no words", "", object{"search_term": " . "})
	done(t, bob.Join(public))
	finds("by the server's name", "", object{"search_term": "bh.test"}, "@alice:bh.test", "@bob:bh.test")
	for limit, more := range map[any]bool{0: true, 1: true, 2: false, 100: false, "1": true} {
		if got, limited := search("", object{"search_term": "test", "limit": limit}); limited != more {
			t.Errorf("limit %v: %v, %v", limit, got, limited)
		}
	}
	done(t, alice.Leave(public))
	finds("not any more", "", alices)
	b.try(t,
		tried{"no term", "", "POST", "v3/user_directory/search", object{}, 400, "M_UNKNOWN", "`search_term` is required field"},
		tried{"no number", "", "POST", "v3/user_directory/search", object{"search_term": "a", "limit": "x"}, 500, "M_UNKNOWN", ""},
		tried{"no token", "none", "POST", "v3/user_directory/search", object{}, 401, "M_MISSING_TOKEN", ""},
	)
}

func TestNewRoomsAreChecked(t *testing.T) {
	_, b := setUp(t, Options{})
	state := func(typ, key string, content any) []any {
		return []any{object{"type": typ, "state_key": key, "content": content}}
	}
	for _, c := range []struct {
		name       string
		body       object
		status     int
		code, text string
	}{
		{"a whole alias", object{"room_alias_name": "_bh_a:b"}, 400, "M_UNKNOWN", "':' is not permitted"},
		{"an alias outside", object{"room_alias_name": "a"}, 400, "M_EXCLUSIVE", ""},
		{"the creator in the levels of version 12", object{"room_version": "12", "power_level_content_override": object{"users": object{"@_bh_bot:bh.test": 100}}}, 400, "M_UNKNOWN", "must not appear"},
		{"the creator in the first state of version 12", object{"room_version": "12", "initial_state": state("m.room.power_levels", "", object{"users": object{"@_bh_bot:bh.test": 100}})}, 400, "M_UNKNOWN", "must not appear"},
		{"levels without the creator before", object{"room_version": "11", "power_level_content_override": object{"users": object{"@a:b": 100}}}, 400, "M_UNKNOWN", "'users' did not contain @_bh_bot:bh.test"},
		{"the same in the first state", object{"room_version": "11", "initial_state": state("m.room.power_levels", "", object{"users": object{"@a:b": 100}})}, 403, "M_FORBIDDEN", "user_level (0) < send_level (50)"},
		{"somebody joins", object{"initial_state": state("m.room.member", "@a:b", object{"membership": "join"})}, 403, "M_FORBIDDEN", "Cannot force another user to join."},
		{"somebody is invited", object{"initial_state": state("m.room.member", "@a:b", object{"membership": "invite"})}, 200, "", ""},
		{"another one's state", object{"initial_state": state("m.x", "@a:b", object{})}, 403, "M_FORBIDDEN", "You are not allowed to set others state"},
		{"no content", object{"initial_state": []any{object{"type": "m.x"}}}, 500, "M_UNKNOWN", ""},
		{"creators that are none", object{"room_version": "12", "creation_content": object{"additional_creators": []any{"x"}}}, 400, "M_FORBIDDEN", "not a valid user ID"},
	} {
		b.as("", "POST", "v3/createRoom", c.body).expect(t, c.name, c.status, c.code, c.text)
	}
}

func TestMembershipByStateEvent(t *testing.T) {
	hs, b := setUp(t, Options{})
	alice := hs.User("alice")
	room := ok(alice.CreateRoom(RoomOptions{}))
	path := func(user string) string { return fmt.Sprintf("v3/rooms/%s/state/m.room.member/%s", esc(room), user) }
	long := string(slices.Repeat([]byte("x"), 300))
	b.try(t,
		tried{"who was never here leaves", alice.Token, "PUT", path("@a:b"), object{"membership": "leave"}, 200, "", ""},
		tried{"a ban", alice.Token, "PUT", path("@a:b"), object{"membership": "ban"}, 200, "", ""},
		tried{"an invitation of a banned one", alice.Token, "PUT", path("@a:b"), object{"membership": "invite"}, 403, "M_BAD_STATE", "Cannot invite user who was banned"},
		tried{"its end", alice.Token, "PUT", path("@a:b"), object{"membership": "leave"}, 200, "", ""},
		tried{"a long name", alice.Token, "PUT", path("@a:b"), object{"membership": "invite", "displayname": long}, 400, "M_BAD_JSON", "Displayname is too long (max 256)"},
		tried{"none", alice.Token, "PUT", path("@a:b"), object{}, 400, "M_UNKNOWN", "Invalid membership (must be a string)"},
		tried{"another", alice.Token, "PUT", path("@a:b"), object{"membership": "odd"}, 400, "M_UNKNOWN", "Invalid membership key"},
		tried{"an unknown room", alice.Token, "POST", "v3/rooms/!no/invite", object{"user_id": "@a:b"}, 403, "M_FORBIDDEN", "Unknown room"},
		tried{"a kick there", alice.Token, "POST", "v3/rooms/!no/kick", object{"user_id": "@a:b"}, 404, "M_UNKNOWN", "Not a known room"},
		tried{"nobody", alice.Token, "POST", "v3/rooms/" + esc(room) + "/invite", nil, 400, "M_MISSING_PARAM", "user_id"},
	)
}
