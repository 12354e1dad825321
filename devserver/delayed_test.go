package devserver

import (
	"fmt"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
)

// later is a test's room with a user of the bridge in it, and a clock that stands still.
type later struct {
	*bridge
	clock *clockwork.FakeClock
	alice *User
	ghost string
	room  RoomID
}

func setUpLater(t *testing.T) *later {
	t.Helper()
	clock := clockwork.NewFakeClock()
	hs, b := setUp(t, Options{Clock: clock})
	l := &later{bridge: b, clock: clock, alice: hs.User("alice"), ghost: b.register("_bh_x")}
	l.room = ok(l.alice.CreateRoom(RoomOptions{Preset: "public_chat", PowerLevels: object{"events": object{"t": 0}}}))
	if a := b.as(l.ghost, "POST", "v3/join/"+string(l.room), object{}); a.status != 200 {
		t.Fatal(a.raw)
	}
	return l
}

func (l *later) text(delay, txn, body string) answer {
	return l.as(l.ghost, "PUT", fmt.Sprintf("v3/rooms/%s/send/m.room.message/%s?org.matrix.msc4140.delay=%s", l.room, txn, delay),
		object{"msgtype": "m.text", "body": body})
}

func (l *later) state(who, delay, by string) answer {
	return l.as(who, "PUT", fmt.Sprintf("v3/rooms/%s/state/t/k?org.matrix.msc4140.delay=%s", l.room, delay), object{"by": by})
}

func (l *later) update(who, id, action string) answer {
	return l.as(who, "POST", "unstable/org.matrix.msc4140/delayed_events/"+id, object{"action": action})
}

// id is that of a delay.
func (l *later) id(a answer) string {
	l.t.Helper()
	id, _ := a.body["delay_id"].(string)
	if id == "" || a.status != 200 {
		l.t.Fatalf("%d %s", a.status, a.raw)
	}
	return id
}

// said are the texts so far, once what is due was sent.
func (l *later) said() string {
	for range 200 { // timers of a fake clock run beside it
		l.hs.sendDue()
	}
	text := ""
	for _, e := range l.hs.Timeline(l.room) {
		if e.Type == "m.room.message" {
			text += string(e.Content)
		}
	}
	return text
}

func (l *later) want(texts ...string) {
	l.t.Helper()
	want := ""
	for _, s := range texts {
		want += fmt.Sprintf(`{"body":%q,"msgtype":"m.text"}`, s)
	}
	if got := l.said(); got != want {
		l.t.Errorf("%s, want %s", got, want)
	}
}

func TestDelayedEventsAreSentInTheOrderOfTheirTimes(t *testing.T) {
	l := setUpLater(t)
	l.id(l.text("2000", "1", "second"))
	first := l.id(l.text("1000", "2", "first"))
	if again := l.id(l.text("1000", "2", "first")); again != first {
		t.Error("a repeated transaction id is a second delay")
	}
	l.clock.Advance(999 * time.Millisecond)
	l.want()
	l.clock.Advance(5 * time.Second)
	l.want("first", "second")
	l.update(l.ghost, first, "cancel").expect(t, "a sent one", 404, "M_NOT_FOUND", "Delayed event not found")
}

func TestDelayedEventsCanBeChanged(t *testing.T) {
	l := setUpLater(t)
	dropped, again, now := l.id(l.text("1000", "1", "dropped")), l.id(l.text("1000", "2", "again")), l.id(l.text("1000", "3", "now"))
	l.clock.Advance(900 * time.Millisecond)
	l.update("none", dropped, "cancel").expect(t, "without a token", 200, "", "")
	l.update("bad", again, "restart").expect(t, "with a wrong token", 401, "M_UNKNOWN_TOKEN", "")
	l.update(l.alice.Token, again, "restart").expect(t, "by another user", 200, "", "")
	l.update(l.ghost, now, "send").expect(t, "now", 200, "", "")
	l.clock.Advance(900 * time.Millisecond)
	l.want("now")
	l.clock.Advance(time.Second)
	l.want("now", "again")
}

func TestDelayedStateGivesWayToOthers(t *testing.T) {
	l := setUpLater(t)
	l.id(l.state(l.ghost, "1000", "ghost"))
	done(t, second(l.alice.SendState(l.room, "t", "k", object{"by": "alice"})))
	l.clock.Advance(time.Minute)
	l.said()
	if e := l.hs.State(l.room, "t", "k"); string(e.Content) != `{"by":"alice"}` {
		t.Errorf("%s", e.Content)
	}
	l.id(l.state(l.alice.Token, "1000", "alice later"))
	done(t, second(l.alice.SendState(l.room, "t", "k", object{"by": "alice again"})))
	l.clock.Advance(time.Minute)
	l.said()
	if e := l.hs.State(l.room, "t", "k"); string(e.Content) != `{"by":"alice later"}` {
		t.Errorf("one's own change drops nothing: %s", e.Content)
	}
}

func second(_ EventID, err error) error { return err }

func TestDelayedEventsThatAreRefused(t *testing.T) {
	l := setUpLater(t)
	l.text("x", "1", "").expect(t, "no number", 400, "M_INVALID_PARAM", "org.matrix.msc4140.delay must be an integer")
	l.text("-1", "2", "").expect(t, "the past", 400, "M_INVALID_PARAM", "must be a positive integer")
	l.text("86400001", "3", "").expect(t, "too long", 400, "ORG.MATRIX.MSC4140_DELAY_TOO_LARGE", "(86400001ms) exceeds the allowed maximum (86400000ms)")
	id := l.id(l.text("1000", "4", "gone"))
	l.update(l.ghost, id, "forget").expect(t, "another action", 400, "M_INVALID_PARAM", "'action' is not one of 'cancel', 'restart', 'send'")
	l.as(l.ghost, "POST", "unstable/org.matrix.msc4140/delayed_events/"+id, object{}).expect(t, "no action", 400, "M_MISSING_PARAM", "'action' is missing")
	done(t, l.alice.Kick(l.room, UserID(l.ghost), ""))
	l.update(l.ghost, id, "send").expect(t, "outside of the room", 403, "M_FORBIDDEN", "not in room")
	l.update(l.ghost, id, "send").expect(t, "it is dropped", 404, "M_NOT_FOUND", "")
	l.id(l.text("1000", "5", "never")) // who may is looked at later
	l.clock.Advance(time.Minute)
	l.want()
	for n := range maxDelayed {
		l.id(l.text("60000", fmt.Sprint("n", n), "x"))
	}
	a := l.text("60000", "6", "x")
	a.expect(t, "too many", 429, "M_LIMIT_EXCEEDED", "The maximum number of delayed events has been reached.")
	if a.body["retry_after_ms"] != 60000.0 {
		t.Error(a.raw)
	}
}
