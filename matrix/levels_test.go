package matrix

import (
	"encoding/json"
	"math"
	"testing"
)

func TestPowerLevelsAreReadAsSynapseDoes(t *testing.T) {
	p := ParsePowerLevels(json.RawMessage(`{"users":{"@a:x":"100","@b:x":" 9 ","@c:x":50.0,"@d:x":9007199254740992,
		"@e:x":"much","@f:x":null},"users_default":"5","events":{"m.room.name":"60"},"state_default":null,"ban":1e400}`))
	for user, want := range map[UserID]int64{"@a:x": 100, "@b:x": 9, "@c:x": 50, "@d:x": 1 << 53, "@e:x": 5, "@f:x": 5, "@z:x": 5} {
		if got := p.User(user, nil); got != want {
			t.Errorf("level of %s = %d, want %d", user, got, want)
		}
	}
	if got := p.Event("m.room.name", true); got != 60 {
		t.Errorf("m.room.name needs %d", got)
	}
	if s, m := p.Event("m.room.topic", true), p.Event("m.room.message", false); s != 50 || m != 0 {
		t.Errorf("state needs %d, messages %d; want 50, 0", s, m)
	}
}

func TestWithoutALevelsEventTheCreatorHas100AndStateNeedsNothing(t *testing.T) {
	create := ParseCreate(json.RawMessage(`{"sender":"@c:x","content":{"room_version":"10"}}`))
	for _, content := range []string{"", "null"} {
		p := ParsePowerLevels(json.RawMessage(content))
		if p.Event("m.room.name", true) != 0 || p.User("@c:x", create) != 100 || p.User("@a:x", create) != 0 {
			t.Errorf("%q: %+v", content, p)
		}
	}
	if p := ParsePowerLevels(json.RawMessage("{}")); p.Event("m.room.name", true) != 50 || p.User("@c:x", create) != 0 {
		t.Errorf("an empty event is an event: %+v", p)
	}
}

func TestCreatorsOutrankFromRoomVersion12(t *testing.T) {
	for version, outranks := range map[string]bool{"11": false, "12": true, "13": true, "org.matrix.hydra.11": true, "org.example": false} {
		c := ParseCreate(json.RawMessage(`{"sender":"@c:x","content":{"room_version":"` + version + `","additional_creators":["@d:x"]}}`))
		p := ParsePowerLevels(json.RawMessage(`{}`))
		for _, user := range []UserID{"@c:x", "@d:x"} {
			if got := p.User(user, c) == math.MaxInt64; got != outranks {
				t.Errorf("version %s: %s outranks = %v", version, user, got)
			}
		}
		if c.Outranks("@e:x") {
			t.Errorf("version %s: a stranger outranks", version)
		}
	}
}

func FuzzPowerLevels(f *testing.F) {
	f.Add([]byte(`{"users":{"@a:x":"100"},"events":{"a":1e99},"users_default":[]}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, content []byte) {
		p := ParsePowerLevels(content)
		p.User("@a:x", ParseCreate(content))
		p.Event("m.room.name", true)
		if !json.Valid(FillPowerLevels(content)) && json.Valid(content) {
			t.Fatalf("%q was filled to what is not JSON", content)
		}
	})
}
