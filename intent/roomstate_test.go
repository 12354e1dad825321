package intent

import (
	"encoding/json"
	"testing"

	"bridgehost/matrix"
)

func member(user, content string) *matrix.Event {
	return &matrix.Event{Type: "m.room.member", RoomID: room, StateKey: &user, Content: json.RawMessage(content)}
}

func TestRoomTakesStateIn(t *testing.T) {
	r := NewRoom(func(u matrix.UserID) bool { return u == ghost })
	r.UpdateState(member("@g:x", `{"membership":"join","displayname":"G","avatar_url":5}`))
	if m := r.Members[ghost]; m != (Member{"join", "G", ""}) {
		t.Errorf("member %+v", m)
	}
	joined, _, v1 := r.OwnMembers()
	if len(joined) != 1 {
		t.Errorf("own %v", joined)
	}
	if c := r.UpdateState(member("@g:x", `{"membership":"join","displayname":"H"}`)); len(c.Users) != 1 {
		t.Errorf("change %+v", c)
	}
	if _, _, v2 := r.OwnMembers(); v2 != v1 {
		t.Error("a profile change changed who is ours")
	}
	r.SetMembers(map[matrix.UserID]Member{ghost: {Membership: "join"}, "@a:x": {Membership: "join", DisplayName: "A"}}, "join")
	r.SetMembership("@a:x", "leave")
	if m := r.Members["@a:x"]; m.DisplayName != "A" || !r.Full {
		t.Errorf("SS-1: %+v, full %v", m, r.Full)
	}
	r.SetMembership(ghost, "leave")
	if joined, _, v3 := r.OwnMembers(); len(joined) != 0 || v3 == v1 || r.Full {
		t.Errorf("after the last of ours left: %v, full %v", joined, r.Full)
	}
	empty := ""
	r.SetLevels(nil)
	if string(r.Levels) != "null" {
		t.Errorf("no levels: %s", r.Levels)
	}
	r.UpdateState(&matrix.Event{Type: "m.room.tombstone", StateKey: &empty, Content: json.RawMessage("{}")})
	if r.Levels != nil {
		t.Error("levels of an upgraded room are stale")
	}
	for _, bad := range []string{`{}`, `[]`, `null`, `{"membership":7}`} {
		if c := r.UpdateState(member("@b:x", bad)); c.Any() {
			t.Errorf("%s changed %+v", bad, c)
		}
	}
}

func TestNothingThatMayChangeIsKeptOfADesertedRoom(t *testing.T) {
	r := NewRoom(func(u matrix.UserID) bool { return u == ghost || u == "@h:x" })
	for _, user := range []string{"@g:x", "@h:x", "@a:x"} {
		r.UpdateState(member(user, `{"membership":"join"}`))
	}
	r.SetLevels(json.RawMessage(`{}`))
	r.SetCreate(json.RawMessage(`{}`))
	r.SetEncryption(json.RawMessage(`{}`))
	r.UpdateState(member("@g:x", `{"membership":"leave"}`))
	if r.Levels == nil || len(r.Members) != 3 {
		t.Error("one of ours still hears of changes")
	}
	c := r.UpdateState(member("@h:x", `{"membership":"ban"}`))
	if !c.AllMembers || !c.Room || r.Levels != nil || r.Create == nil || !r.EncryptionKnown {
		t.Errorf("change %+v, room %+v", c, r)
	}
	if _, kept := r.Members["@a:x"]; kept || len(r.Members) != 2 {
		t.Errorf("members %+v", r.Members)
	}
}
