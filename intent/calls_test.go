package intent

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"bridgehost/matrix"
)

// The requests of the other calls, by rule id.
func TestCallsMakeTheirRequests(t *testing.T) {
	no := false
	extra := json.RawMessage(`{"k":1}`)
	for _, tt := range []struct {
		rule  string
		rules []rule
		call  func(context.Context, *world) error
		want  []string
		err   error
		after map[matrix.UserID]string
	}{
		{"IN-1", nil, func(ctx context.Context, w *world) error {
			return w.bot.InviteUser(ctx, room, "@a:x", InviteUserOptions{Reason: "r"})
		}, []string{`POST /rooms/!r:x/invite as @bot:x {"reason":"r","user_id":"@a:x"}`}, nil, map[matrix.UserID]string{"@a:x": "invite"}},
		{"IN-2", []rule{{"GET /profile", 200, `{"displayname":"A"}`}}, func(ctx context.Context, w *world) error {
			return w.bot.InviteUser(ctx, room, "@a:x", InviteUserOptions{ExtraContent: extra})
		}, []string{`GET /profile/@a:x as @bot:x`, `PUT /rooms/!r:x/state/m.room.member/@a:x as @bot:x {"displayname":"A","k":1,"membership":"invite"}`},
			nil, map[matrix.UserID]string{"@a:x": "invite"}},
		{"IN-3", nil, func(ctx context.Context, w *world) error {
			return w.bot.InviteUser(ctx, room, bot, InviteUserOptions{CheckCache: true})
		}, nil, nil, nil},
		{"IN-4", []rule{{"POST /rooms/!r:x/invite", 403, `{"errcode":"M_FORBIDDEN","error":"@a:x is already in the room."}`}},
			func(ctx context.Context, w *world) error {
				return w.bot.InviteUser(ctx, room, "@a:x", InviteUserOptions{})
			},
			[]string{`POST /rooms/!r:x/invite as @bot:x {"user_id":"@a:x"}`}, nil, map[matrix.UserID]string{"@a:x": "join"}},
		{"KI-1", nil, func(ctx context.Context, w *world) error { return w.bot.BanUser(ctx, room, "@a:x", BanUserOptions{}) },
			[]string{`POST /rooms/!r:x/ban as @bot:x {"user_id":"@a:x"}`}, nil, map[matrix.UserID]string{"@a:x": "ban"}},
		{"LE-2", []rule{{"POST /rooms/!r:x/leave", 403, `{"errcode":"M_FORBIDDEN","error":"not in room"}`}},
			func(ctx context.Context, w *world) error { return w.bot.LeaveRoom(ctx, room, LeaveRoomOptions{}) },
			[]string{`POST /rooms/!r:x/leave as @bot:x {}`}, nil, map[matrix.UserID]string{bot: "leave"}},
		{"LE-2 raised", []rule{{"POST /rooms/!r:x/leave", 403, `{"errcode":"M_NOT_JOINED"}`}},
			func(ctx context.Context, w *world) error {
				return w.bot.LeaveRoom(ctx, room, LeaveRoomOptions{RaiseNotInRoom: true})
			},
			[]string{`POST /rooms/!r:x/leave as @bot:x {}`}, matrix.ErrNotJoined, map[matrix.UserID]string{bot: "join"}},
		{"MB-1", []rule{{"GET /rooms/!r:x/joined_members", 200, `{"joined":{"@a:x":{"display_name":null}}}`}},
			func(ctx context.Context, w *world) error {
				return second(w.bot.GetRoomMembers(ctx, room, GetRoomMembersOptions{}))
			},
			[]string{`GET /rooms/!r:x/joined_members as @bot:x`}, nil, map[matrix.UserID]string{"@a:x": "join", bot: ""}},
		{"PF-1 same", []rule{{"GET /profile", 200, `{"displayname":"N"}`}},
			func(ctx context.Context, w *world) error {
				return w.bot.SetDisplayname(ctx, "N", SetDisplaynameOptions{})
			},
			[]string{`GET /profile/@bot:x/displayname as @bot:x`}, nil, nil},
		{"PF-1 unchecked", nil, func(ctx context.Context, w *world) error {
			return w.bot.SetDisplayname(ctx, "N", SetDisplaynameOptions{CheckCurrent: &no})
		},
			[]string{`PUT /profile/@bot:x/displayname as @bot:x {"displayname":"N"}`}, nil, nil},
		{"AL-1", []rule{{"PUT /directory", 409, `{"errcode":"M_UNKNOWN"}`}},
			func(ctx context.Context, w *world) error {
				return w.bot.AddRoomAlias(ctx, room, "h", AddRoomAliasOptions{Override: true})
			},
			[]string{`PUT /directory/room/#h:x as @bot:x {"room_id":"!r:x"}`, `DELETE /directory/room/#h:x as @bot:x`, `PUT /directory/room/#h:x as @bot:x {"room_id":"!r:x"}`}, nil, nil},
		{"AL-1 taken", []rule{{"PUT /directory", 409, `{"errcode":"M_UNKNOWN"}`}},
			func(ctx context.Context, w *world) error {
				return w.bot.AddRoomAlias(ctx, room, "h", AddRoomAliasOptions{})
			},
			[]string{`PUT /directory/room/#h:x as @bot:x {"room_id":"!r:x"}`}, matrix.ErrRoomInUse, nil},
		{"CR-1", nil, func(ctx context.Context, w *world) error {
			return second(w.bot.CreateRoom(ctx, CreateRoomOptions{Invitees: []matrix.UserID{"@a:x"}, CreationContent: json.RawMessage(`{"room_version":"9"}`)}))
		}, []string{`POST /createRoom as @bot:x {"invite":["@a:x"],"is_direct":false,"preset":"private_chat","visibility":"private"}`},
			nil, map[matrix.UserID]string{"@a:x": "invite", bot: "join"}},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			w := newWorld(t, tt.rules...)
			if err := tt.call(t.Context(), w); !errors.Is(err, tt.err) {
				t.Errorf("err %v, want %v", err, tt.err)
			}
			w.want(tt.want...)
			for user, want := range tt.after {
				if got := w.membership(user); got != want {
					t.Errorf("%s: %q, want %q", user, got, want)
				}
			}
		})
	}
}

func TestTY1TypingIsRememberedForItsTime(t *testing.T) {
	w := newWorld(t)
	stop := false
	typing := func(o SetTypingOptions) {
		t.Helper()
		if err := w.bot.SetTyping(t.Context(), room, o); err != nil {
			t.Fatal(err)
		}
	}
	typing(SetTypingOptions{})
	typing(SetTypingOptions{})
	w.clock.Advance(6 * time.Second)
	typing(SetTypingOptions{})
	typing(SetTypingOptions{IsTyping: &stop})
	typing(SetTypingOptions{IsTyping: &stop})
	on, off := `PUT /rooms/!r:x/typing/@bot:x as @bot:x {"timeout":5000,"typing":true}`, `PUT /rooms/!r:x/typing/@bot:x as @bot:x {"typing":false}`
	w.want(on, on, off)
}
