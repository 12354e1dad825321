package sqlite

import (
	"fmt"
	"testing"
	"time"
)

// What was used is counted, and only so much of it is kept.
func TestUses(t *testing.T) {
	ctx := t.Context()
	db := openTest(t, t.TempDir())
	at := time.UnixMilli(1_700_000_000_000).UTC()
	for i := range usesKept + 20 {
		u := Use{Capability: "net:connect", Scope: fmt.Sprintf("h%d.example:1", i), Times: 1, Last: at.Add(time.Duration(i) * time.Second)}
		if err := db.AddUses(ctx, "irc", u, Use{Capability: "kv", Refused: true, Times: 2, Last: u.Last}); err != nil {
			t.Fatal(err)
		}
	}
	list, err := db.Uses(ctx, "irc")
	if err != nil || len(list) != usesKept {
		t.Fatalf("%d uses are kept, %v; want %d", len(list), err, usesKept)
	}
	if kv := list[0]; kv.Capability != "kv" || !kv.Refused || kv.Times != 2*(usesKept+20) || !kv.Last.Equal(at.Add((usesKept+19)*time.Second)) {
		t.Errorf("the one that is used all the time: %+v", kv)
	}
	for _, u := range list {
		if u.Scope == "h0.example:1" {
			t.Error("the oldest is still there")
		}
	}
	if other, err := db.Uses(ctx, "rss"); err != nil || len(other) != 0 {
		t.Errorf("another script: %v, %v", other, err)
	}
}
