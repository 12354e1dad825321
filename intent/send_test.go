package intent

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"bridgehost/delivery"
	"bridgehost/matrix"
)

const sendHi = `PUT /rooms/!r:x/send/m.room.message as @g:x {"msgtype":"m.text","body":"hi"}`

func TestPL1TooLowALevelMakesNoRequest(t *testing.T) {
	w := newWorld(t).inRoom()
	_, err := w.ghost.SetRoomName(t.Context(), room, "n", SetRoomNameOptions{})
	var refused *matrix.Error
	if err == nil || errors.As(err, &refused) || !strings.Contains(err.Error(), "power level of @g:x is not enough for m.room.name in !r:x") {
		t.Errorf("err %v", err)
	}
	w.want()
}

func TestPL1LevelsAreAskedForOnce(t *testing.T) {
	w := newWorld(t, rule{"GET /rooms/!r:x/state/m.room.power_levels", 404, `{"errcode":"M_NOT_FOUND"}`}).inRoom()
	_ = w.store.Forget(t.Context(), room)
	w.inRoom()
	for range 2 {
		if _, err := w.ghost.SendText(t.Context(), room, SendTextOptions{Text: "hi"}); err != nil {
			t.Fatal(err)
		}
	}
	w.want("GET /rooms/!r:x/state/m.room.power_levels as @g:x", "GET /rooms/!r:x/state/m.room.create as @g:x", sendHi, sendHi)
	if w.txns[0] == w.txns[1] || len(w.txns[0]) < 22 {
		t.Errorf("transaction ids %q", w.txns)
	}
}

func TestSS5AStaleMembershipHeals(t *testing.T) {
	gone := rule{sendHi, 403, `{"errcode":"M_FORBIDDEN","error":"User @g:x not in room !r:x"}`}
	w := newWorld(t, gone).inRoom()
	if _, err := w.ghost.SendText(t.Context(), room, SendTextOptions{Text: "hi"}); err != nil {
		t.Fatal(err)
	}
	w.want(sendHi, joinGhost, sendHi)
	if w.txns[0] != w.txns[1] {
		t.Errorf("another transaction id: %q", w.txns)
	}
	w = newWorld(t, gone, gone).inRoom()
	if _, err := w.ghost.SendText(t.Context(), room, SendTextOptions{Text: "hi"}); !errors.Is(err, matrix.ErrForbidden) {
		t.Errorf("a second refusal: %v", err)
	}
	w.want(sendHi, joinGhost, sendHi)
}

func TestEffectsAreNotRepeated(t *testing.T) {
	calls := map[string]func(*world, *delivery.Unit) (string, error){
		"message": func(w *world, u *delivery.Unit) (string, error) {
			id, err := w.ghost.SendText(delivery.With(t.Context(), u), room, SendTextOptions{Text: "hi"})
			return string(id), err
		},
		"state": func(w *world, u *delivery.Unit) (string, error) {
			id, err := w.bot.SetRoomName(delivery.With(t.Context(), u), room, "n", SetRoomNameOptions{})
			return string(id), err
		},
		"redaction": func(w *world, u *delivery.Unit) (string, error) {
			id, err := w.ghost.Redact(delivery.With(t.Context(), u), room, "$e", RedactOptions{})
			return string(id), err
		},
		"room": func(w *world, u *delivery.Unit) (string, error) {
			id, err := w.bot.CreateRoom(delivery.With(t.Context(), u), CreateRoomOptions{Name: "n"})
			return string(id), err
		},
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t).inRoom()
			_, first := unitContext(t.Context())
			one, err1 := call(w, first)
			two, err2 := call(w, first)
			if err1 != nil || err2 != nil || len(w.seen) != 2 {
				t.Fatalf("%v, %v, %q", err1, err2, w.seen)
			}
			_, again := unitContext(t.Context(), first.Fresh()...)
			re1, _ := call(w, again)
			re2, _ := call(w, again)
			if re1 != one || re2 != two || len(w.seen) != 2 {
				t.Errorf("again: %s, %s after %s, %s; requests %q", re1, re2, one, two, w.seen)
			}
			if _, err := call(w, again); err != nil || len(w.seen) != 3 {
				t.Errorf("a third equal call is new: %v, %q", err, w.seen)
			}
		})
	}
}

func TestID3OnlyDoublePuppetsMark(t *testing.T) {
	w := newWorld(t).inRoom()
	alice, _ := w.bot.User("@alice:x", UserOptions{Token: "a"})
	_ = w.store.SetMembership(t.Context(), room, "@alice:x", "join")
	_, _ = alice.SendMessage(t.Context(), room, json.RawMessage(`{"body":"b"}`), SendMessageOptions{})
	_ = alice.MarkRead(t.Context(), room, "$e", MarkReadOptions{})
	_ = alice.MarkRead(t.Context(), room, "$e", MarkReadOptions{})
	_ = alice.LeaveRoom(t.Context(), room, LeaveRoomOptions{Reason: "bye"})
	w.want(`PUT /rooms/!r:x/send/m.room.message as Bearer a {"body":"b","fi.mau.double_puppet_source":"irc"}`,
		`POST /rooms/!r:x/read_markers as Bearer a {"com.beeper.fully_read.extra":{"fi.mau.double_puppet_source":"irc"},`+
			`"com.beeper.read.extra":{"fi.mau.double_puppet_source":"irc"},"m.fully_read":"$e","m.read":"$e"}`,
		`PUT /rooms/!r:x/state/m.room.member/@alice:x as Bearer a {"fi.mau.double_puppet_source":"irc","membership":"leave","reason":"bye"}`)
}

func TestUsageErrorsMakeNoRequest(t *testing.T) {
	w := newWorld(t)
	for name, err := range map[string]error{
		"empty room": second(w.ghost.SendText(t.Context(), "", SendTextOptions{Text: "x"})),
		"no text":    second(w.ghost.SendText(t.Context(), room, SendTextOptions{})),
		"no type":    second(w.ghost.SendMessageEvent(t.Context(), room, "", nil, SendMessageEventOptions{})),
		"no object":  second(w.ghost.SendStateEvent(t.Context(), "", "t", json.RawMessage("5"), SendStateEventOptions{})),
		"join":       second(w.ghost.EnsureJoined(t.Context(), "", EnsureJoinedOptions{})),
	} {
		var e *Error
		if !errors.As(err, &e) || !e.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.want()
}

func second[T any](_ T, err error) error { return err }
