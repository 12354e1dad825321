package portal_test

import (
	"slices"
	"strings"
	"testing"

	"bridgehost/devserver"
	"bridgehost/intent"
	"bridgehost/matrix"
	"bridgehost/portal"
)

// ids are the remote ids of the portals that are listed.
func (w *world) ids() (ids []string) {
	for p, err := range w.m.Portals(w.ctx) {
		w.must(err)
		ids = append(ids, p.RemoteID())
	}
	return ids
}

// op makes somebody with the power to change the room. Where the bot is not above all
// as the creator, it gives its power away, so that it can be thrown out.
func (w *world) op(room matrix.RoomID) *devserver.User {
	w.t.Helper()
	op := w.hs.User("op")
	w.must(w.bot.InviteUser(w.ctx, room, op.ID, intent.InviteUserOptions{CheckCache: true}))
	w.must(op.Join(room))
	users := map[string]any{string(op.ID): 100}
	if !matrix.ParseCreate(w.hs.State(room, "m.room.create", "").Raw).Outranks(w.bot.MXID()) {
		users[string(w.bot.MXID())] = 50
	}
	_, err := w.hs.User("_bh_irc").SendState(room, "m.room.power_levels", "", map[string]any{"users": users})
	w.must(err)
	return op
}

func TestThrownOutOfAPortal(t *testing.T) {
	for _, c := range []struct {
		name   string
		public bool
		out    func(op *devserver.User, room matrix.RoomID, bot matrix.UserID) error
	}{
		{"kicked", false, func(op *devserver.User, room matrix.RoomID, bot matrix.UserID) error { return op.Kick(room, bot, "") }},
		{"kicked, and the room is public", true, func(op *devserver.User, room matrix.RoomID, bot matrix.UserID) error { return op.Kick(room, bot, "") }},
		{"banned", true, func(op *devserver.User, room matrix.RoomID, bot matrix.UserID) error { return op.Ban(room, bot, "") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newOldWorld(t)
			o := portal.Options{Name: ptr("#lua"), Public: c.public, Invite: []matrix.UserID{w.you.ID}}
			var before []matrix.RoomID
			for range 3 { // thrown out again and again
				p := w.portal("#lua", o)
				if slices.Contains(before, p.RoomID()) {
					t.Fatal("the portal is a room that the bot was thrown out of")
				}
				w.usable(p)
				w.must(p.Save(w.ctx, []byte(`{"n":1}`)))
				w.members(p.RoomID(), map[matrix.UserID]string{w.you.ID: "invite"})
				op := w.op(p.RoomID())
				w.arrive()
				w.must(c.out(op, p.RoomID(), w.bot.MXID()))
				w.arrive()
				if ids := w.ids(); len(ids) != 0 {
					t.Errorf("a portal that is gone is listed: %v", ids)
				}
				if of, err := w.m.PortalOf(w.ctx, p.RoomID()); err != nil || of == nil || of.RemoteID() != "#lua" {
					t.Errorf("the handler of leave cannot tell which portal is gone: %v, %v", of, err)
				}
				if err := p.Update(w.ctx, portal.Options{Name: ptr("x")}); err == nil || !strings.Contains(err.Error(), "is gone") {
					t.Errorf("an update of what is gone: %v", err)
				}
				before = append(before, p.RoomID())
			}
			p := w.portal("#lua", portal.Options{})
			if string(p.Data()) != `{"n":1}` {
				t.Errorf("the script's own table is lost: %s", p.Data())
			}
			// A crash now: the row is lost, the room is found by following the aliases.
			w.must(w.db.DeletePortal(w.ctx, "irc", "#lua"))
			w.restart()
			if again := w.portal("#lua", portal.Options{}); again.RoomID() != p.RoomID() {
				t.Errorf("after a crash the portal is %s, want %s", again.RoomID(), p.RoomID())
			}
			if n := len(w.hs.Rooms()); n != 4 {
				t.Errorf("%d rooms, want 4", n)
			}
			w.must(p.Close(w.ctx, ""))
			w.usable(w.portal("#lua", portal.Options{}))
		})
	}
}

func TestThrownOutAndLetInAgain(t *testing.T) {
	w := newOldWorld(t)
	p := w.portal("#lua", portal.Options{})
	op := w.op(p.RoomID())
	w.must(op.Kick(p.RoomID(), w.bot.MXID(), ""))
	w.arrive()
	w.must(op.Invite(p.RoomID(), w.bot.MXID()))
	w.arrive()
	if len(w.ids()) != 0 {
		t.Error("an invitation alone brings a portal back")
	}
	_, err := w.bot.JoinRoom(w.ctx, string(p.RoomID()), intent.JoinRoomOptions{})
	w.must(err)
	w.arrive()
	if again := w.portal("#lua", portal.Options{}); again.RoomID() != p.RoomID() || len(w.ids()) != 1 {
		t.Errorf("the bot is back, and the portal is %s", again.RoomID())
	}
}

func TestTheBotLeavesByItself(t *testing.T) {
	w := newWorld(t)
	p := w.portal("#lua", portal.Options{})
	w.must(w.bot.LeaveRoom(w.ctx, p.RoomID(), intent.LeaveRoomOptions{}))
	w.arrive()
	q := w.portal("#lua", portal.Options{})
	if q.RoomID() == p.RoomID() {
		t.Error("the portal is a room that the bot has left")
	}
	w.usable(q)
}

func TestARoomThatIsGoneCanBecomeAnotherPortal(t *testing.T) {
	w := newOldWorld(t)
	p := w.portal("#lua", portal.Options{Public: true})
	op := w.op(p.RoomID())
	w.must(op.Kick(p.RoomID(), w.bot.MXID(), ""))
	w.arrive()
	q := w.portal("#go", portal.Options{RoomID: p.RoomID()})
	w.arrive()
	if of, err := w.m.PortalOf(w.ctx, q.RoomID()); err != nil || of.RemoteID() != "#go" {
		t.Errorf("the room is the portal of %v (%v)", of, err)
	}
	if ids := w.ids(); !slices.Equal(ids, []string{"#go"}) {
		t.Errorf("the portals are %v", ids)
	}
}

func TestAGhostThatIsKickedChangesNothing(t *testing.T) {
	w := newWorld(t)
	p := w.portal("#lua", portal.Options{})
	w.must(p.SyncMembers(w.ctx, []string{"bob"}))
	op := w.op(p.RoomID())
	w.must(op.Kick(p.RoomID(), w.m.MXID("bob"), ""))
	w.arrive()
	if len(w.ids()) != 1 {
		t.Error("the portal is gone with a ghost")
	}
}

func TestUpgradedRoomKeepsItsPortal(t *testing.T) {
	w := newWorld(t)
	p := w.portal("#lua", portal.Options{Name: ptr("#lua")})
	w.must(p.Save(w.ctx, []byte(`{"n":1}`)))
	op := w.op(p.RoomID())
	next, err := op.CreateRoom(devserver.RoomOptions{Preset: "public_chat", Invite: []matrix.UserID{w.bot.MXID()}})
	w.must(err)
	_, err = op.SendState(p.RoomID(), "m.room.tombstone", "", map[string]any{"replacement_room": next})
	w.must(err)
	w.arrive()
	w.restart()
	q := w.portal("#lua", portal.Options{})
	if q.RoomID() != next || string(q.Data()) != `{"n":1}` {
		t.Errorf("the portal is %s with %s, want %s", q.RoomID(), q.Data(), next)
	}
	w.usable(q)
	// What an older value writes goes to the portal as it is now.
	w.must(p.Save(w.ctx, []byte(`{"n":2}`)))
	if p.RoomID() != next || w.portal("#lua", portal.Options{}).RoomID() != next {
		t.Error("the old room came back with the data")
	}
}

func TestUpgradeToARoomThatTheBotMayNotEnter(t *testing.T) {
	w := newWorld(t)
	p := w.portal("#lua", portal.Options{})
	op := w.op(p.RoomID())
	next, err := op.CreateRoom(devserver.RoomOptions{Preset: "private_chat"})
	w.must(err)
	w.arrive()
	_, err = op.SendState(p.RoomID(), "m.room.tombstone", "", map[string]any{"replacement_room": next})
	w.must(err)
	e := w.hs.State(p.RoomID(), "m.room.tombstone", "")
	if err := w.m.Follow(w.ctx, e); err == nil || !strings.Contains(err.Error(), `follow portal "#lua"`) {
		t.Errorf("nobody hears of it: %v", err)
	}
	q := w.portal("#lua", portal.Options{})
	if q.RoomID() == p.RoomID() {
		t.Error("the portal is a room that nobody reads any more")
	}
	w.usable(q)
}

func TestFollowIgnoresWhatIsNotItsOwn(t *testing.T) {
	w := newWorld(t)
	p := w.portal("#lua", portal.Options{})
	bot := string(w.bot.MXID())
	for _, e := range []matrix.Event{
		{Type: "m.room.member", RoomID: p.RoomID(), Sender: "@op:bh.test", StateKey: &bot, Content: []byte(`"leave"`)},
		{Type: "m.room.member", RoomID: p.RoomID(), Sender: "@op:bh.test", StateKey: &bot, Content: []byte(`{"membership":"invite"}`)},
		{Type: "m.room.member", RoomID: "!other:bh.test", Sender: "@op:bh.test", StateKey: &bot, Content: []byte(`{"membership":"leave"}`)},
		{Type: "m.room.member", RoomID: p.RoomID(), Sender: "@op:bh.test", Content: []byte(`{"membership":"leave"}`)},
		{Type: "m.room.tombstone", RoomID: p.RoomID(), StateKey: new(string), Content: []byte(`{"replacement_room":7}`)},
		{Type: "m.room.tombstone", RoomID: p.RoomID(), StateKey: new(string), Content: []byte(`{}`)},
		{Type: "m.room.tombstone", RoomID: "!other:bh.test", StateKey: new(string), Content: []byte(`{"replacement_room":"!x:bh.test"}`)},
	} {
		if err := w.m.Follow(w.ctx, &e); err != nil {
			t.Errorf("%s %s: %v", e.Type, e.Content, err)
		}
	}
	if len(w.ids()) != 1 {
		t.Error("the portal is gone")
	}
}
