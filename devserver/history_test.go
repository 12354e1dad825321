package devserver

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"bridgehost/matrix"
)

// said are the texts of a list of events, those that have none as their types.
func said(list any) string {
	var out []string
	events, _ := list.([]any)
	for _, e := range events {
		m := e.(map[string]any)
		body, ok := m["content"].(map[string]any)["body"].(string)
		if !ok {
			body = m["type"].(string)
		}
		out = append(out, body)
	}
	return strings.Join(out, " ")
}

func escaped(id matrix.EventID) string { return url.PathEscape(string(id)) }

func TestContextIsWhatStandsAround(t *testing.T) {
	hs, b := setUp(t, Options{})
	alice := hs.User("alice")
	room := ok(alice.CreateRoom(RoomOptions{Preset: "public_chat"}))
	ids := map[string]matrix.EventID{}
	for _, text := range []string{"1", "2", "3", "4", "5", "6", "7"} {
		ids[text] = ok(alice.Say(room, text))
	}
	path := "v3/rooms/" + esc(room) + "/context/"
	context := func(text, query string) answer { return b.as(alice.Token, "GET", path+escaped(ids[text])+query, nil) }
	a := context("4", "?limit=3")
	if got := said(a.body["events_before"]) + "|" + said([]any{a.body["event"]}) + "|" + said(a.body["events_after"]); got != "3|4|5 6" {
		t.Error(got)
	}
	if a.body["start"] == nil || a.body["end"] == nil || len(a.body["state"].([]any)) == 0 {
		t.Error(a.raw)
	}
	more := b.as(alice.Token, "GET", "v3/rooms/"+esc(room)+"/messages?dir=b&limit=1&from="+a.body["start"].(string), nil)
	if got := said(more.body["chunk"]); got != "2" {
		t.Error(got)
	}
	more = b.as(alice.Token, "GET", "v3/rooms/"+esc(room)+"/messages?dir=f&limit=1&from="+a.body["end"].(string), nil)
	if got := said(more.body["chunk"]); got != "7" {
		t.Error(got)
	}
	if a = context("4", "?limit=0"); said(a.body["events_before"]) != "" || said(a.body["events_after"]) != "" || a.body["event"] == nil {
		t.Error(a.raw)
	}
	if a = context("1", "?filter="+url.QueryEscape(`{"types":["m.room.*"],"not_types":["m.room.message"],"lazy_load_members":true}`)); strings.Contains(said(a.body["events_before"]), "1") ||
		said(a.body["events_after"]) != "" || said(a.body["state"]) != "m.room.member" {
		t.Error(a.raw)
	}
	context("1", "?limit=-1").expect(t, "below nothing", 400, "M_INVALID_PARAM", "limit must be a positive integer")
	context("1", "?limit=x").expect(t, "no number", 400, "M_INVALID_PARAM", "limit must be an integer")
	context("1", "?filter={").expect(t, "no filter", 400, "M_NOT_JSON", "filter must be a valid JSON object")
	b.as(alice.Token, "GET", path+"$none", nil).expect(t, "no event", 404, "M_NOT_FOUND", "Event not found.")
	ghost := b.register("_bh_x")
	b.as(ghost, "GET", path+escaped(ids["1"]), nil).expect(t, "from outside", 403, "M_FORBIDDEN", "You don't have permission to access that event.")
}

func TestHistoryIsShownToWhomItMayBe(t *testing.T) {
	hs, b := setUp(t, Options{})
	alice, bob := hs.User("alice"), hs.User("bob")
	for visibility, want := range map[string]string{"shared": "1 2 3 4", "invited": "2 3", "joined": "3"} {
		content, _ := json.Marshal(object{"history_visibility": visibility})
		room := ok(alice.CreateRoom(RoomOptions{Preset: "private_chat", InitialState: []InitialState{{Type: "m.room.history_visibility", Content: content}}}))
		ok(alice.Say(room, "1"))
		done(t, alice.Invite(room, bob.ID))
		second := ok(alice.Say(room, "2"))
		done(t, bob.Join(room))
		ok(alice.Say(room, "3"))
		done(t, bob.Leave(room))
		ok(alice.Say(room, "4"))
		messages := "v3/rooms/" + esc(room) + "/messages?filter=" + url.QueryEscape(`{"types":["m.room.message"]}`)
		if got := said(b.as(bob.Token, "GET", messages+"&dir=f", nil).body["chunk"]); got != want {
			t.Errorf("%s: %q, want %q", visibility, got, want)
		}
		if got := said(b.as(bob.Token, "GET", messages+"&dir=b", nil).body["chunk"]); strings.Contains(got, "4") {
			t.Errorf("%s: what came after one has left: %s", visibility, got)
		}
		status := 403 // who has left sees in the context what the membership of then allows
		if visibility == "invited" {
			status = 200
		}
		if a := b.as(bob.Token, "GET", "v3/rooms/"+esc(room)+"/context/"+escaped(second), nil); a.status != status {
			t.Errorf("%s: %d %s", visibility, a.status, a.raw)
		}
	}
}

func TestRelations(t *testing.T) {
	hs, b := setUp(t, Options{})
	alice, bob := hs.User("alice"), hs.User("bob")
	room := ok(alice.CreateRoom(RoomOptions{Preset: "public_chat"}))
	done(t, bob.Join(room))
	parent := ok(alice.Say(room, "said"))
	about := func(relation object) object {
		return object{"msgtype": "m.text", "body": relation["rel_type"].(string), "m.relates_to": relation}
	}
	path := "v3/rooms/" + esc(room)
	n := 0
	send := func(who *User, typ string, content object) answer {
		n++
		return b.as(who.Token, "PUT", path+"/send/"+typ+"/t"+string(rune('a'+n)), content)
	}
	like := object{"m.relates_to": object{"rel_type": "m.annotation", "event_id": parent, "key": "+1"}}
	liked := matrix.EventID(send(bob, "m.reaction", like).body["event_id"].(string))
	send(bob, "m.reaction", like).expect(t, "twice", 400, "M_DUPLICATE_ANNOTATION", "Can't send same reaction twice")
	send(alice, "m.reaction", like).expect(t, "another's", 200, "", "")
	send(bob, "m.other", like).expect(t, "another type", 200, "", "")
	ok(bob.Redact(room, liked, ""))
	send(bob, "m.reaction", like).expect(t, "taken back", 200, "", "")
	send(bob, "m.reaction", object{"m.relates_to": object{"rel_type": "m.annotation", "event_id": parent}}).expect(t, "no key", 400, "M_UNKNOWN", "Missing aggregation key")
	send(bob, "m.reaction", object{"m.relates_to": object{"rel_type": "m.annotation", "event_id": parent, "key": strings.Repeat("ä", 501)}}).
		expect(t, "long", 400, "M_UNKNOWN", "Aggregation key is too long")
	send(bob, "m.room.message", about(object{"rel_type": "m.reference", "event_id": "$none"})).expect(t, "to nothing", 400, "M_UNKNOWN", "Can't send relation to unknown event")
	elsewhere := ok(alice.Say(ok(alice.CreateRoom(RoomOptions{})), "elsewhere"))
	send(bob, "m.room.message", about(object{"rel_type": "m.reference", "event_id": elsewhere})).expect(t, "elsewhere", 400, "M_UNKNOWN", "Relations must be in the same room")
	thread := send(bob, "m.room.message", about(object{"rel_type": "m.thread", "event_id": parent}))
	send(bob, "m.room.message", about(object{"rel_type": "m.thread", "event_id": thread.body["event_id"]})).
		expect(t, "a thread in a thread", 400, "M_UNKNOWN", "Cannot start threads from an event with a relation")
	send(alice, "m.room.message", about(object{"rel_type": "m.replace", "event_id": parent, "key": 5})).expect(t, "edit", 200, "", "")

	list := func(rest string) answer {
		return b.as(bob.Token, "GET", "v1/rooms/"+esc(room)+"/relations/"+escaped(parent)+rest, nil)
	}
	for rest, want := range map[string]string{
		"":                                 "m.replace m.thread m.reaction m.other m.reaction",
		"?dir=f&limit=2":                   "m.reaction m.other",
		"/m.annotation?limit=9":            "m.reaction m.other m.reaction",
		"/m.annotation/m.reaction":         "m.reaction m.reaction",
		"/m.annotation/m.reaction?limit=1": "m.reaction",
		"/m.reference":                     "",
	} {
		a := list(rest)
		if got := said(a.body["chunk"]); got != want {
			t.Errorf("%s: %s, want %s", rest, got, want)
		}
		if more := strings.HasSuffix(rest, "=1") || strings.HasSuffix(rest, "=2"); (a.body["next_batch"] != nil) != more || a.body["prev_batch"] != nil {
			t.Errorf("%s: %s", rest, a.raw)
		}
	}
	first := list("/m.annotation?limit=2").body["next_batch"].(string)
	if a := list("/m.annotation?limit=2&from=" + first); said(a.body["chunk"]) != "m.reaction" || a.body["prev_batch"] != first {
		t.Error(a.raw)
	}
	if a := list("/m.annotation?to=" + first); said(a.body["chunk"]) != "m.reaction m.other" {
		t.Error(a.raw)
	}
	list("?dir=x").expect(t, "direction", 400, "M_INVALID_PARAM", "must be one of ['f', 'b']")
	list("?from=x").expect(t, "from", 400, "M_UNKNOWN", "'from' parameter is invalid")
	list("?to=x").expect(t, "to", 400, "M_UNKNOWN", "'to' parameter is invalid")
	b.as(bob.Token, "GET", "v1/rooms/"+esc(room)+"/relations/$none", nil).expect(t, "of nothing", 404, "M_UNKNOWN", "Unknown parent event.")
	b.as(b.register("_bh_x"), "GET", "v1/rooms/"+esc(room)+"/relations/"+escaped(parent), nil).expect(t, "from outside", 403, "M_FORBIDDEN", "not in room")
	ok(alice.Redact(room, parent, ""))
	if got := said(list("").body["chunk"]); strings.Contains(got, "replace") {
		t.Error("edits of what was taken back:", got)
	}
}

func TestEventsShowWhatIsAboutThem(t *testing.T) {
	hs, b := setUp(t, Options{})
	alice, bob := hs.User("alice"), hs.User("bob")
	room := ok(alice.CreateRoom(RoomOptions{Preset: "public_chat"}))
	done(t, bob.Join(room))
	parent := ok(alice.Say(room, "hello"))
	about := func(u *User, relation, body string) matrix.EventID {
		return ok(u.Send(room, "m.room.message", object{"msgtype": "m.text", "body": body, "m.relates_to": object{"rel_type": relation, "event_id": parent}}))
	}
	edit := func() string {
		a := b.as(bob.Token, "GET", "v3/rooms/"+esc(room)+"/event/"+escaped(parent), nil)
		bundled, _ := a.body["unsigned"].(map[string]any)["m.relations"].(map[string]any)
		raw, _ := json.Marshal(bundled)
		return string(raw)
	}
	if got := edit(); got != "null" {
		t.Error(got)
	}
	about(bob, "m.replace", "another's edit does not count")
	about(alice, "m.replace", "first")
	second := about(alice, "m.replace", "second")
	reference := about(bob, "m.reference", "see there")
	about(alice, "m.thread", "one")
	about(alice, "m.thread", "two")
	var got struct {
		Replace   struct{ Content struct{ Body string } } `json:"m.replace"`
		Reference struct {
			Chunk []struct {
				ID matrix.EventID `json:"event_id"`
			}
		} `json:"m.reference"`
		Thread struct {
			Count        int
			Participated bool                                    `json:"current_user_participated"`
			Latest       struct{ Content struct{ Body string } } `json:"latest_event"`
		} `json:"m.thread"`
	}
	done(t, json.Unmarshal([]byte(edit()), &got))
	if body := got.Replace.Content.Body; body != "first" && body != "second" { // those of the same millisecond go by their ids
		t.Error(body)
	}
	if r := got.Reference.Chunk; len(r) != 1 || r[0].ID != reference || got.Thread.Count != 2 || got.Thread.Participated || got.Thread.Latest.Content.Body != "two" {
		t.Errorf("%+v", got)
	}
	about(bob, "m.thread", "three")
	ok(alice.Redact(room, second, ""))
	done(t, json.Unmarshal([]byte(edit()), &got))
	if got.Replace.Content.Body != "first" || !got.Thread.Participated || got.Thread.Latest.Content.Body != "three" {
		t.Errorf("%+v", got)
	}
	ok(alice.Redact(room, parent, ""))
	if got := edit(); strings.Contains(got, "m.replace") {
		t.Error(got)
	}
}
