package portal_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"bridgehost/delivery"
	"bridgehost/devserver"
	"bridgehost/intent"
	"bridgehost/matrix"
	"bridgehost/portal"
)

func TestPortalIsMadeOnceByManyHandlers(t *testing.T) {
	w := newWorld(t)
	rooms := make([]matrix.RoomID, 20)
	var wg sync.WaitGroup
	for i := range rooms {
		wg.Go(func() {
			p, err := w.m.Portal(w.ctx, "#lua", portal.Options{Name: ptr("#lua"), Invite: []matrix.UserID{w.you.ID}})
			if err != nil {
				t.Error(err)
				return
			}
			rooms[i] = p.RoomID()
		})
	}
	wg.Wait()
	if len(slices.Compact(rooms)) != 1 || len(w.hs.Rooms()) != 1 {
		t.Errorf("%d rooms were made: %v", len(w.hs.Rooms()), rooms)
	}
	if n := w.asked("POST", "/createRoom"); n != 1 {
		t.Errorf("%d times createRoom", n)
	}
	w.members(rooms[0], map[matrix.UserID]string{w.bot.MXID(): "join", w.you.ID: "invite"})
	if n := w.asked("POST", "/invite"); n != 0 {
		t.Errorf("%d invitations beside createRoom", n)
	}
}

func TestCallsForOneIDWaitForEachOther(t *testing.T) {
	w := newWorld(t)
	begun, release := make(chan struct{}), make(chan struct{})
	var held atomic.Bool
	w.hs.SetFaults(devserver.Faults{Hook: func(r *http.Request) *devserver.Fault {
		if strings.HasSuffix(r.URL.Path, "/createRoom") && !held.Swap(true) {
			close(begun)
			<-release
		}
		return nil
	}})
	made := make(chan error, 1)
	go func() {
		_, err := w.m.Portal(w.ctx, "slow", portal.Options{})
		made <- err
	}()
	<-begun
	w.portal("another", portal.Options{}) // waits for nobody
	ended, stop := context.WithCancel(w.ctx)
	stop()
	if _, err := w.m.Portal(ended, "slow", portal.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("who waits for the same id ends with its context: %v", err)
	}
	close(release)
	w.must(<-made)
	w.portal("slow", portal.Options{})
	if n := len(w.hs.Rooms()); n != 2 {
		t.Errorf("%d rooms were made", n)
	}
}

func TestNameTopicAndAvatarAreKept(t *testing.T) {
	w := newWorld(t)
	full := portal.Options{Name: ptr("#lua"), Topic: ptr("a language"), Avatar: ptr("mxc://bh.test/moon")}
	p := w.portal("#lua", full)
	check := func(name, topic, avatar string) {
		t.Helper()
		got := [3]string{w.state(p.RoomID(), "m.room.name", "name"), w.state(p.RoomID(), "m.room.topic", "topic"), w.state(p.RoomID(), "m.room.avatar", "url")}
		if want := [3]string{name, topic, avatar}; got != want {
			t.Errorf("the room has %q, want %q", got, want)
		}
	}
	check("#lua", "a language", "mxc://bh.test/moon")
	before := len(w.hs.Requests())
	w.portal("#lua", full)
	w.portal("#lua", portal.Options{})
	w.restart()
	w.portal("#lua", full)
	w.must(p.Update(w.ctx, full))
	if n := len(w.hs.Requests()) - before; n != 0 {
		t.Errorf("%d requests although nothing differs", n)
	}
	w.portal("#lua", portal.Options{Topic: ptr("the moon")})
	check("#lua", "the moon", "mxc://bh.test/moon")
	w.must(p.Update(w.ctx, portal.Options{Name: ptr(""), Avatar: ptr("")}))
	check("", "the moon", "")
	if n := len(w.hs.Requests()) - before; n != 3 {
		t.Errorf("%d requests for three changes", n)
	}
}

func TestAnUpdateIsDoneAgainByALaterTryOfTheHandler(t *testing.T) {
	w := newWorld(t)
	item := delivery.Item{Key: "item"}
	first := delivery.NewUnit(item, nil, nil)
	p, err := w.m.Portal(delivery.With(w.ctx, first), "#lua", portal.Options{Name: ptr("one")})
	w.must(err)
	w.must(p.Update(delivery.With(w.ctx, first), portal.Options{Name: ptr("two")}))
	w.must(p.Update(w.ctx, portal.Options{Name: ptr("somebody else's")}))
	again := delivery.NewUnit(item, first.Fresh(), nil)
	w.must(p.Update(delivery.With(w.ctx, again), portal.Options{Name: ptr("two")}))
	if name := w.state(p.RoomID(), "m.room.name", "name"); name != "two" {
		t.Errorf("the room is called %q", name)
	}
}

func TestRoomOfACrashIsTakenOver(t *testing.T) {
	for _, c := range []struct {
		name  string
		crash func(w *world)
	}{
		{"the row was not written", func(w *world) {
			w.portal("#lua", portal.Options{Invite: []matrix.UserID{w.you.ID}})
			w.must(w.db.DeletePortal(w.ctx, "irc", "#lua"))
		}},
		{"the answer was lost", func(w *world) {
			w.hs.SetFaults(once("POST", "/createRoom", devserver.Fault{Drop: true, After: true}))
			if _, err := w.m.Portal(w.ctx, "#lua", portal.Options{Invite: []matrix.UserID{w.you.ID}}); err == nil {
				t.Error("no error although the answer was lost")
			}
		}},
		{"everything was lost, and the room was upgraded", func(w *world) {
			old := w.portal("#lua", portal.Options{Public: true}).RoomID()
			next, err := w.hs.User("_bh_irc").CreateRoom(devserver.RoomOptions{Preset: "public_chat", Invite: []matrix.UserID{w.you.ID}})
			w.must(err)
			_, err = w.hs.User("_bh_irc").SendState(old, "m.room.tombstone", "", map[string]any{"replacement_room": next})
			w.must(err)
			w.must(w.db.DeletePortal(w.ctx, "irc", "#lua"))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			c.crash(w)
			rooms := w.hs.Rooms()
			w.arrive()
			w.restart()
			p := w.portal("#lua", portal.Options{Name: ptr("#lua"), Invite: []matrix.UserID{w.you.ID}})
			if got := w.hs.Rooms(); len(got) != len(rooms) {
				t.Errorf("there were %d rooms, now there are %d", len(rooms), len(got))
			}
			w.usable(p)
			w.members(p.RoomID(), map[matrix.UserID]string{w.you.ID: "invite"})
			if name := w.state(p.RoomID(), "m.room.name", "name"); name != "#lua" {
				t.Errorf("the room is called %q", name)
			}
			if n := w.asked("POST", "/invite"); n != 0 {
				t.Errorf("invited again %d times", n)
			}
		})
	}
}

func TestEachIsInvitedOnce(t *testing.T) {
	w := newWorld(t)
	alice := w.hs.User("alice")
	p := w.portal("#lua", portal.Options{Invite: []matrix.UserID{w.you.ID, w.bot.MXID()}})
	w.must(w.you.Join(p.RoomID()))
	w.must(w.you.Leave(p.RoomID()))
	w.arrive()
	w.portal("#lua", portal.Options{Invite: []matrix.UserID{w.you.ID}})
	w.restart()
	w.portal("#lua", portal.Options{Invite: []matrix.UserID{w.you.ID, alice.ID}})
	w.members(p.RoomID(), map[matrix.UserID]string{w.you.ID: "leave", alice.ID: "invite"})
	w.must(alice.Leave(p.RoomID()))
	w.must(p.Update(w.ctx, portal.Options{Invite: []matrix.UserID{alice.ID, w.you.ID}}))
	w.members(p.RoomID(), map[matrix.UserID]string{w.you.ID: "leave", alice.ID: "leave"})

	public := w.portal("public", portal.Options{Public: true})
	w.must(w.you.Join(public.RoomID()))
	w.must(w.you.Leave(public.RoomID()))
	w.arrive()
	w.portal("public", portal.Options{Invite: []matrix.UserID{w.you.ID}})
	w.members(public.RoomID(), map[matrix.UserID]string{w.you.ID: "leave"}) // who has left by itself stays away
}

func TestInvitesOfManyHandlers(t *testing.T) {
	w := newWorld(t)
	p := w.portal("#lua", portal.Options{})
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if _, err := w.m.Portal(w.ctx, "#lua", portal.Options{Invite: []matrix.UserID{w.you.ID}}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := w.asked("POST", "/invite"); n != 1 {
		t.Errorf("%s was invited %d times", w.you.ID, n)
	}
	w.members(p.RoomID(), map[matrix.UserID]string{w.you.ID: "invite"})
}

func TestARoomThatExistsIsTaken(t *testing.T) {
	w := newWorld(t)
	room, err := w.you.CreateRoom(devserver.RoomOptions{Preset: "public_chat", Name: "ours", PowerLevels: map[string]any{"users": map[string]any{string(w.bot.MXID()): 50}}})
	w.must(err)
	p := w.portal("#lua", portal.Options{RoomID: room, Topic: ptr("theirs")})
	if p.RoomID() != room || len(w.hs.Rooms()) != 1 {
		t.Errorf("the portal is %s, of %d rooms", p.RoomID(), len(w.hs.Rooms()))
	}
	if w.state(room, "m.room.name", "name") != "ours" || w.state(room, "m.room.topic", "topic") != "theirs" {
		t.Error("the name that was not given changed, or the topic that was did not")
	}
	if _, err := w.m.Portal(w.ctx, "#go", portal.Options{RoomID: room}); err == nil || !strings.Contains(err.Error(), `the portal of "#lua" already`) {
		t.Errorf("a room became two portals: %v", err)
	}
	other, err := w.you.CreateRoom(devserver.RoomOptions{Preset: "public_chat"})
	w.must(err)
	w.must(w.you.Invite(other, w.bot.MXID()))
	if p = w.portal("#lua", portal.Options{RoomID: other}); p.RoomID() != other {
		t.Errorf("the portal did not move: %s", p.RoomID())
	}
	if of, err := w.m.PortalOf(w.ctx, room); err != nil || of != nil {
		t.Errorf("the room before is still a portal: %v, %v", of, err)
	}
	private, err := w.you.CreateRoom(devserver.RoomOptions{})
	w.must(err)
	if _, err := w.m.Portal(w.ctx, "#new", portal.Options{RoomID: private}); !errors.Is(err, matrix.ErrForbidden) {
		t.Errorf("a room to which the bot may not come: %v", err)
	}
}

func TestSpaceListsTheRoomAlsoAfterACrash(t *testing.T) {
	w := newWorld(t)
	space, err := w.bot.CreateRoom(w.ctx, intent.CreateRoomOptions{CreationContent: json.RawMessage(`{"type":"m.space"}`)})
	w.must(err)
	w.hs.SetFaults(once("PUT", "/state/m.space.child", devserver.Fault{Status: 403, Code: "M_FORBIDDEN"}))
	if _, err := w.m.Portal(w.ctx, "#lua", portal.Options{Space: space}); err == nil {
		t.Fatal("the space refused the room and nobody heard of it")
	}
	p := w.portal("#lua", portal.Options{Space: space})
	if w.hs.State(space, "m.space.child", string(p.RoomID())) == nil || len(w.hs.Rooms()) != 2 {
		t.Errorf("the space does not list the room, or another was made: %d", len(w.hs.Rooms()))
	}
}

func TestSyncMembers(t *testing.T) {
	w := newWorld(t)
	p := w.portal("#lua", portal.Options{})
	ghost := func(id string) matrix.UserID { return w.m.MXID(id) }
	w.must(p.SyncMembers(w.ctx, []string{"Ann", "bob", "bob"}))
	w.members(p.RoomID(), map[matrix.UserID]string{ghost("Ann"): "join", ghost("bob"): "join", w.bot.MXID(): "join"})
	// A ghost of another script in the room is not this one's business.
	w.must(w.bot.InviteUser(w.ctx, p.RoomID(), "@_bh_rss_x:bh.test", intent.InviteUserOptions{}))
	rss, err := w.pool.Bot("@_bh_rss:bh.test").User("@_bh_rss_x:bh.test", intent.UserOptions{})
	w.must(err)
	_, err = rss.EnsureJoined(w.ctx, p.RoomID(), intent.EnsureJoinedOptions{})
	w.must(err)
	w.must(p.SyncMembers(w.ctx, []string{"bob", "cy"}))
	w.members(p.RoomID(), map[matrix.UserID]string{ghost("Ann"): "leave", ghost("bob"): "join", ghost("cy"): "join",
		w.bot.MXID(): "join", rss.MXID(): "join"})
	before := len(w.hs.Requests())
	w.must(p.SyncMembers(w.ctx, []string{"cy", "bob"}))
	if n := len(w.hs.Requests()) - before; n != 0 {
		t.Errorf("%d requests although all are there", n)
	}
	w.must(p.SyncMembers(w.ctx, nil))
	w.members(p.RoomID(), map[matrix.UserID]string{ghost("bob"): "leave", ghost("cy"): "leave", w.bot.MXID(): "join"})
	if err := p.SyncMembers(w.ctx, []string{""}); err == nil {
		t.Error("an empty remote id joined")
	}
}

func TestClose(t *testing.T) {
	w := newWorld(t)
	p := w.portal("#lua", portal.Options{Name: ptr("#lua")})
	w.must(p.SyncMembers(w.ctx, []string{"bob"}))
	old := p.RoomID()
	w.hs.SetFaults(once("POST", "/leave", devserver.Fault{Status: 403, Code: "M_USER_DEACTIVATED"})) // bob stays
	w.must(p.Close(w.ctx, "the network is no more"))
	w.hs.SetFaults(devserver.Faults{})
	w.members(old, map[matrix.UserID]string{w.bot.MXID(): "leave"})
	if of, err := w.m.PortalOf(w.ctx, old); err != nil || of != nil {
		t.Errorf("a closed portal is still one (%v)", err)
	}
	for what, err := range map[string]error{"Update": p.Update(w.ctx, portal.Options{Name: ptr("x")}), "Save": p.Save(w.ctx, []byte("{}"))} {
		if err == nil || !strings.Contains(err.Error(), "was closed") {
			t.Errorf("%s of a closed portal: %v", what, err)
		}
	}
	w.must(p.Close(w.ctx, "again"))
	w.arrive()
	next := w.portal("#lua", portal.Options{})
	if next.RoomID() == old {
		t.Error("the closed room came back")
	}
	w.usable(next)
}

func TestDataAndList(t *testing.T) {
	w := newWorld(t)
	for _, id := range []string{"c", "a", "b"} {
		p := w.portal(id, portal.Options{})
		w.must(p.Save(w.ctx, []byte(`{"id":"`+id+`"}`)))
	}
	stale := w.portal("b", portal.Options{})
	w.must(w.portal("b", portal.Options{}).Update(w.ctx, portal.Options{Name: ptr("B")}))
	w.must(stale.Save(w.ctx, []byte(`{"id":"b2"}`))) // knows no name, and must not write that
	w.restart()
	before := len(w.hs.Requests())
	w.portal("b", portal.Options{Name: ptr("B")})
	if len(w.hs.Requests()) != before {
		t.Error("the data of an older value overwrote the name")
	}
	var got []string
	for p, err := range w.m.Portals(w.ctx) {
		w.must(err)
		got = append(got, p.RemoteID()+" "+string(p.Data()))
	}
	if want := []string{`a {"id":"a"}`, `b {"id":"b2"}`, `c {"id":"c"}`}; !slices.Equal(got, want) {
		t.Errorf("the portals are %q, want %q", got, want)
	}
	if p, err := w.m.PortalOf(w.ctx, stale.RoomID()); err != nil || p == nil || p.RemoteID() != "b" {
		t.Errorf("the portal of the room is %v (%v)", p, err)
	}
	if _, err := w.m.Portal(w.ctx, "", portal.Options{}); err == nil {
		t.Error("a portal without a remote id was made")
	}
}

func TestLinksBelongToTheUnit(t *testing.T) {
	w := newWorld(t)
	p, q := w.portal("#lua", portal.Options{}), w.portal("#go", portal.Options{})
	look := func(event matrix.EventID, remote string) {
		t.Helper()
		if e, err := p.EventOf("m1"); err != nil || e != event {
			t.Errorf("m1 is event %q (%v), want %q", e, err, event)
		}
		if r, err := p.RemoteOf("$1"); err != nil || r != remote {
			t.Errorf("$1 is message %q (%v), want %q", r, err, remote)
		}
	}
	look("", "")
	failed := delivery.NewUnit(delivery.Item{Key: "a"}, nil, nil)
	w.must(p.Link(failed, "$1", "m1"))
	look("$1", "m1") // its own writes are seen at once
	w.data.Undo(failed)
	look("", "")
	done := delivery.NewUnit(delivery.Item{Key: "b"}, nil, nil)
	w.must(p.Link(done, "$1", "m1"))
	if n := len(done.Writes()); n != 2 {
		t.Errorf("the unit commits %d values, want 2", n)
	}
	if e, _ := q.EventOf("m1"); e != "" {
		t.Error("another portal's message of that id was found")
	}
	w.must(p.Link(done, "$2", "m1")) // a message of two events
	if e, _ := p.EventOf("m1"); e != "$2" {
		t.Errorf("m1 is %s", e)
	}
	for _, event := range []matrix.EventID{"$1", "$2"} {
		if r, _ := p.RemoteOf(event); r != "m1" {
			t.Errorf("%s is %q", event, r)
		}
	}
}
