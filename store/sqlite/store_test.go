package sqlite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"bridgehost/delivery"
	"bridgehost/intent"
	"bridgehost/matrix"
	"bridgehost/portal"
)

var ctx = context.Background()

func openTest(t testing.TB, dir string, change ...func(*Options)) *DB {
	t.Helper()
	o := Options{Dir: dir, Durability: "normal", Owns: func(u matrix.UserID) bool { return strings.HasPrefix(string(u), "@_bh_") }}
	for _, f := range change {
		f(&o)
	}
	db, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func event(room, id string, scripts ...string) Routed {
	return Routed{Event: json.RawMessage(`{"event_id":"` + id + `"}`), EventID: id, Room: room, Scripts: scripts}
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func accept(t testing.TB, db *DB, txn string, events ...Routed) []delivery.Item {
	t.Helper()
	items, _, err := db.Accept(ctx, txn, events)
	if err != nil {
		t.Fatal(err)
	}
	return items
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestAcceptIsKeptInOrderAndOnce(t *testing.T) {
	dir := t.TempDir()
	db := openTest(t, dir)
	items := accept(t, db, "1", event("!a", "$1", "irc", "echo"), event("!b", "$2", "irc"), event("!a", "$3", "irc"))
	if len(items) != 4 || items[0].Key != "$1/irc" || items[0].Redelivered {
		t.Fatalf("items: %+v", items)
	}
	if again := accept(t, db, "1", event("!a", "$1", "irc")); again != nil {
		t.Fatalf("a seen transaction made items: %+v", again)
	}
	ok(t, db.Close())

	db = openTest(t, dir)
	if seen := must[bool](t)(db.Seen(ctx, "1")); !seen {
		t.Error("the transaction is not known after a restart")
	}
	if again := accept(t, db, "1", event("!a", "$1", "irc")); again != nil {
		t.Fatalf("a seen transaction made items after a restart: %+v", again)
	}
	lanes := must[[]delivery.Lane](t)(db.Lanes(ctx, "irc"))
	if fmt.Sprint(lanes) != "[{irc !a} {irc !b}]" {
		t.Errorf("lanes %v", lanes)
	}
	found := must[[]delivery.Item](t)(db.Next(ctx, lanes[0], 0, 10))
	if len(found) != 2 || found[0].Key != "$1/irc" || found[1].Key != "$3/irc" || !found[0].Redelivered ||
		string(found[1].Payload) != `{"event_id":"$3"}` {
		t.Fatalf("found %+v", found)
	}
	if rest := must[[]delivery.Item](t)(db.Next(ctx, lanes[0], found[0].Seq, 10)); len(rest) != 1 || rest[0].Key != "$3/irc" {
		t.Errorf("after the first: %+v", rest)
	}
}

func TestTheSameTransactionAtOnceIsAcceptedOnce(t *testing.T) {
	db := openTest(t, t.TempDir())
	var wg sync.WaitGroup
	var mu sync.Mutex
	total := 0
	for range 16 {
		wg.Go(func() {
			items, _, err := db.Accept(ctx, "same", []Routed{event("!a", "$1", "irc")})
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			total += len(items)
			mu.Unlock()
		})
	}
	wg.Wait()
	if total != 1 {
		t.Errorf("%d items", total)
	}
}

func TestEventsWithoutIDNeverShareAKey(t *testing.T) {
	dir := t.TempDir()
	keys := map[string]bool{}
	for i := range 3 {
		db := openTest(t, dir)
		for _, it := range accept(t, db, fmt.Sprint(i), event("!a", "", "irc"), event("!a", "", "irc")) {
			keys[it.Key] = true
			ok(t, db.Finish(ctx, it, delivery.Result{}, nil))
		}
		ok(t, db.Close())
	}
	if len(keys) != 6 {
		t.Errorf("%d keys of 6: %v", len(keys), keys)
	}
}

func TestFinish(t *testing.T) {
	dir := t.TempDir()
	db := openTest(t, dir)
	d := delivery.NewData("irc", db, clockwork.NewRealClock())
	items := accept(t, db, "1", event("!a", "$1", "irc"), event("!a", "$2", "irc"))

	u := delivery.NewUnit(items[0], nil, nil)
	ok(t, d.Set(u, "s", "k\x00\xff", []byte("v"), 0))
	ok(t, db.Finish(ctx, items[0], delivery.Result{Outcome: delivery.Done}, u))
	d.Committed(u)

	u = delivery.NewUnit(items[1], nil, nil)
	u.SetEffect("txn", "$sent")
	ok(t, d.Set(u, "s", "lost", []byte("v"), 0))
	later := time.UnixMilli(9_000_000).UTC()
	ok(t, db.Finish(ctx, items[1], delivery.Result{Outcome: delivery.Retry, NotBefore: later, Failure: []byte("{}")}, u))
	d.Undo(u)
	ok(t, db.Close())

	db = openTest(t, dir)
	if v := must[[]byte](t)(db.Get("irc", "s", "k\x00\xff", time.Now())); string(v) != "v" {
		t.Errorf("committed value: %q", v)
	}
	if keys := must[[]string](t)(db.Keys("irc", "s", time.Now())); fmt.Sprintf("%q", keys) != `["k\x00\xff"]` {
		t.Errorf("keys %q", keys)
	}
	found := must[[]delivery.Item](t)(db.Next(ctx, delivery.Lane{Script: "irc", Room: "!a"}, 0, 10))
	if len(found) != 1 || found[0].Key != "$2/irc" || found[0].Attempts != 1 || !found[0].NotBefore.Equal(later) {
		t.Fatalf("found %+v", found)
	}
	effects := must[[]delivery.Effect](t)(db.Effects(ctx, found[0]))
	if len(effects) != 1 || effects[0].Answer != "$sent" {
		t.Errorf("effects %+v", effects)
	}
	ok(t, db.Finish(ctx, found[0], delivery.Result{}, nil))
	if n := count(t, db, "effects") + count(t, db, "inbox"); n != 0 {
		t.Errorf("%d rows left", n)
	}
}

func count(t testing.TB, db *DB, table string) (n int64) {
	t.Helper()
	ok(t, db.read(func(c *conn) error {
		_, err := c.one(func(r row) { n = r.int(0) }, "SELECT count(*) FROM "+table)
		return err
	}))
	return n
}

func TestDeadLettersAreReplayedBehindTheLaneWithTheirEffects(t *testing.T) {
	dir := t.TempDir()
	db := openTest(t, dir)
	items := accept(t, db, "1", event("!a", "$1", "irc"), event("!a", "$2", "irc"))
	u := delivery.NewUnit(items[0], nil, nil)
	u.SetEffect("txn", "$sent")
	ok(t, db.Finish(ctx, items[0], delivery.Result{Outcome: delivery.Dead, Failure: []byte(`{"code":"E"}`)}, u))
	ok(t, db.Close())

	db = openTest(t, dir)
	dead := must[[]delivery.DeadLetter](t)(db.DeadLetters(ctx, ""))
	if len(dead) != 1 || dead[0].Item.Key != "$1/irc" || string(dead[0].Failure) != `{"code":"E"}` || dead[0].Attempts != 1 || dead[0].Died.IsZero() {
		t.Fatalf("dead %+v", dead)
	}
	if other := must[[]delivery.DeadLetter](t)(db.DeadLetters(ctx, "echo")); len(other) != 0 {
		t.Errorf("another script's: %+v", other)
	}
	item := must[delivery.Item](t)(db.Replay(ctx, dead[0].ID))
	if item.Key != "$1/irc" || !item.Redelivered || item.Seq <= items[1].Seq {
		t.Errorf("replayed %+v", item)
	}
	if e := must[[]delivery.Effect](t)(db.Effects(ctx, item)); len(e) != 1 || e[0].Answer != "$sent" {
		t.Errorf("effects %+v", e)
	}
	lane := must[[]delivery.Item](t)(db.Next(ctx, item.Lane, 0, 10))
	if len(lane) != 2 || lane[1].Key != "$1/irc" {
		t.Errorf("lane %+v", lane)
	}
	if _, err := db.Replay(ctx, dead[0].ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("replay again: %v", err)
	}
	ok(t, db.Finish(ctx, item, delivery.Result{Outcome: delivery.Dead}, nil))
	dead = must[[]delivery.DeadLetter](t)(db.DeadLetters(ctx, "irc"))
	ok(t, db.Drop(ctx, dead[0].ID))
	if n := count(t, db, "effects"); n != 0 {
		t.Errorf("%d effects left", n)
	}
}

func TestEffectsWaitAndAreSkippedWhenTheirItemIsFinished(t *testing.T) {
	clock := clockwork.NewFakeClock()
	db := openTest(t, t.TempDir(), func(o *Options) { o.Clock = clock })
	items := accept(t, db, "1", event("!a", "$1", "irc"), event("!b", "$2", "irc"))
	ok(t, db.PutEffects(ctx, delivery.Effect{Item: "$1/irc", TxnID: "t", Answer: "a"}, delivery.Effect{Item: "$2/irc", TxnID: "t", Answer: "b"}))
	if e := must[[]delivery.Effect](t)(db.Effects(ctx, items[0])); len(e) != 1 {
		t.Errorf("not seen while waiting: %+v", e)
	}
	ok(t, db.Finish(ctx, items[0], delivery.Result{}, nil))
	db.effects.flush()
	if n := count(t, db, "effects"); n != 1 {
		t.Errorf("%d effects on disk", n)
	}
	ok(t, db.Finish(ctx, items[1], delivery.Result{}, nil))
	if n := count(t, db, "effects"); n != 0 {
		t.Errorf("%d effects left", n)
	}
}

func TestHeldEventsAreRoutedAlsoAfterARestart(t *testing.T) {
	dir := t.TempDir()
	db := openTest(t, dir)
	_, held, err := db.Accept(ctx, "1", []Routed{{Event: json.RawMessage(`{}`), EventID: "$1", Room: "!a", Unrouted: true},
		{Event: json.RawMessage(`{}`), EventID: "$2", Room: "!a", Unrouted: true}})
	if err != nil || len(held) != 2 {
		t.Fatal(held, err)
	}
	ok(t, db.Close())
	db = openTest(t, dir)
	held = must[[]Held](t)(db.Unrouted(ctx))
	if len(held) != 2 || held[0].Room != "!a" || string(held[0].Event) != `{}` {
		t.Fatalf("held %+v", held)
	}
	items := must[[]delivery.Item](t)(db.Route(ctx, held[0].Seq, []string{"irc", "echo"}))
	if len(items) != 2 || items[0].Key != "$1/irc" || items[0].Redelivered {
		t.Errorf("items %+v", items)
	}
	if none := must[[]delivery.Item](t)(db.Route(ctx, held[1].Seq, nil)); len(none) != 0 {
		t.Errorf("items %+v", none)
	}
	if left := must[[]Held](t)(db.Unrouted(ctx)); len(left) != 0 || count(t, db, "inbox") != 2 {
		t.Errorf("left %+v", left)
	}
	if _, err := db.Route(ctx, held[0].Seq, []string{"irc"}); !errors.Is(err, ErrNotFound) {
		t.Errorf("routed twice: %v", err)
	}
}

func TestOneFailingJobFailsAlone(t *testing.T) {
	db := openTest(t, t.TempDir())
	var wg sync.WaitGroup
	wrong := errors.New("wrong")
	for i := range 50 {
		wg.Go(func() {
			err := db.write(ctx, func(w *writer) error {
				if _, err := w.exec("INSERT INTO registered (user) VALUES (?)", fmt.Sprint(i)); err != nil {
					return err
				}
				if i%10 == 0 {
					return wrong
				}
				return nil
			})
			if (i%10 == 0) != errors.Is(err, wrong) || (i%10 != 0 && err != nil) {
				t.Errorf("job %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if n := count(t, db, "registered"); n != 45 {
		t.Errorf("%d rows of 45", n)
	}
}

func TestFullDiskIsSaidAndLeavesNothingHalfDone(t *testing.T) {
	db := openTest(t, t.TempDir())
	accept(t, db, "1", event("!a", "$1", "irc"))
	pages := func(sql string) {
		ok(t, db.write(ctx, func(w *writer) error { return w.query(func(row) error { return nil }, sql) }))
	}
	pages("PRAGMA max_page_count = 60")
	big := event("!a", "$2", "irc")
	big.Event = json.RawMessage(`"` + strings.Repeat("x", 1<<20) + `"`)
	if _, _, err := db.Accept(ctx, "2", []Routed{event("!a", "$3", "irc"), big}); !errors.Is(err, ErrFull) {
		t.Fatalf("full disk: %v", err)
	}
	if n := count(t, db, "inbox"); n != 1 {
		t.Errorf("%d rows", n)
	}
	pages("PRAGMA max_page_count = 100000")
	if items := accept(t, db, "2", event("!a", "$3", "irc"), big); len(items) != 2 {
		t.Errorf("after room was made: %+v", items)
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	db := openTest(t, dir)
	if _, err := Open(Options{Dir: dir}); !errors.Is(err, ErrInUse) {
		t.Errorf("second opener: %v", err)
	}
	if info := must[os.FileInfo](t)(os.Stat(db.Path())); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	ok(t, db.write(ctx, func(w *writer) error { _, err := w.exec("PRAGMA user_version = 99"); return err }))
	ok(t, db.Close())
	ok(t, db.Close())
	if _, err := Open(Options{Dir: dir}); !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), "99") {
		t.Errorf("newer schema: %v", err)
	}
	if _, _, err := db.Accept(ctx, "x", nil); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	if _, err := db.Get("irc", "s", "k", time.Now()); !errors.Is(err, ErrClosed) {
		t.Errorf("read after close: %v", err)
	}

	dir = t.TempDir()
	ok(t, os.WriteFile(filepath.Join(dir, FileName), []byte(strings.Repeat("not a database ", 1000)), 0o600))
	if _, err := Open(Options{Dir: dir}); !errors.Is(err, ErrCorrupt) {
		t.Errorf("corrupt file: %v", err)
	}
	if _, err := Open(Options{Dir: t.TempDir(), Durability: "half"}); err == nil {
		t.Error("unknown durability accepted")
	}
}

func TestMigrationRunsFromEachOlderSchema(t *testing.T) {
	steps := append(migrations(), "CREATE TABLE newer (x);", "CREATE TABLE newest (x);")
	for from := range steps {
		c := must[*conn](t)(openConn(filepath.Join(t.TempDir(), FileName), false, "NORMAL"))
		ok(t, migrate(c, steps[:from]))
		ok(t, migrate(c, steps))
		if v := must[int64](t)(c.pragmaInt("user_version")); v != int64(len(steps)) {
			t.Errorf("from %d: schema %d", from, v)
		}
		if err := migrate(c, append(steps, "CREATE TABLE broken (x); SELECT nothing FROM nowhere;")); err == nil {
			t.Error("a broken step passed")
		}
		if found := must[bool](t)(c.one(func(row) {}, "SELECT 1 FROM sqlite_master WHERE name = 'broken'")); found {
			t.Error("a broken step left something")
		}
		ok(t, c.close())
	}
}

func TestStateOfRoomsSurvives(t *testing.T) {
	dir := t.TempDir()
	db := openTest(t, dir, func(o *Options) { o.MaxRooms = 4 })
	bot, you := matrix.UserID("@_bh_irc:x"), matrix.UserID("@you:x")
	for i := range 40 {
		room := matrix.RoomID(fmt.Sprint("!", i))
		ok(t, db.SetMember(ctx, room, bot, intent.Member{Membership: "join", DisplayName: "IRC"}))
		ok(t, db.SetMember(ctx, room, you, intent.Member{Membership: "invite"}))
		ok(t, db.write(ctx, func(*writer) error { return nil }))
	}
	if len(db.state.rooms) > 5 {
		t.Errorf("%d rooms in memory", len(db.state.rooms))
	}
	ok(t, db.SetPowerLevels(ctx, "!0", json.RawMessage(`{"users":{}}`)))
	ok(t, db.SetEncryptionInfo(ctx, "!0", nil))
	ok(t, db.Registered(ctx, bot))
	ok(t, db.ForgetMember(ctx, "!1", you))
	ok(t, db.SetMembers(ctx, "!2", map[matrix.UserID]intent.Member{you: {Membership: "join"}}, ""))
	key := string(bot)
	ok(t, db.UpdateState(ctx, &matrix.Event{Type: "m.room.member", RoomID: "!3", StateKey: &key, Content: json.RawMessage(`{"membership":"leave"}`)}))
	ok(t, db.Close())

	db = openTest(t, dir)
	m := must[*intent.Member](t)(db.Member(ctx, "!0", bot))
	if m == nil || m.Membership != "join" || m.DisplayName != "IRC" {
		t.Errorf("member %+v", m)
	}
	joined, invited, _, err := db.OwnMembers(ctx, "!0")
	if err != nil || fmt.Sprint(joined, invited) != "[@_bh_irc:x] []" {
		t.Error(joined, invited, err)
	}
	if pl, known, err := db.PowerLevels(ctx, "!0"); !known || err != nil || string(pl) != `{"users":{}}` {
		t.Error(string(pl), known, err)
	}
	if e, known, err := db.EncryptionInfo(ctx, "!0"); e != nil || !known || err != nil {
		t.Error(e, known, err)
	}
	if _, known, _ := db.EncryptionInfo(ctx, "!5"); known {
		t.Error("encryption of a room that nobody told of is known")
	}
	if known := must[bool](t)(db.IsRegistered(ctx, bot)); !known {
		t.Error("not registered")
	}
	if m := must[*intent.Member](t)(db.Member(ctx, "!1", you)); m != nil {
		t.Errorf("forgotten member %+v", m)
	}
	if all := must[map[matrix.UserID]intent.Member](t)(db.Members(ctx, "!2")); len(all) != 1 {
		t.Errorf("replaced members %+v", all)
	}
	if all := must[map[matrix.UserID]intent.Member](t)(db.Members(ctx, "!3")); len(all) != 1 {
		t.Errorf("members of a deserted room %+v", all)
	}
	if rooms := must[[]matrix.RoomID](t)(db.SharedRooms(ctx, bot)); len(rooms) != 38 {
		t.Errorf("%d shared rooms", len(rooms))
	}
}

func TestPortalsGhostsAndGenerations(t *testing.T) {
	db := openTest(t, t.TempDir())
	p := portal.Row{Script: "irc", RemoteID: "#lua\xff", RoomID: "!a", Name: "n", Data: []byte(`{}`), Invited: []matrix.UserID{"@you:x"}, Made: time.UnixMilli(5).UTC()}
	ok(t, db.PutPortal(ctx, p))
	got := must[*portal.Row](t)(db.PortalOf(ctx, "irc", "!a"))
	if fmt.Sprintf("%+v", *got) != fmt.Sprintf("%+v", p) {
		t.Errorf("portal %+v", got)
	}
	if other := must[*portal.Row](t)(db.Portal(ctx, "echo", p.RemoteID)); other != nil {
		t.Errorf("another script's portal %+v", other)
	}
	g := portal.GhostRow{Script: "irc", RemoteID: "a", UserID: "@_bh_irc_a:x", DisplayName: "A"}
	ok(t, db.PutGhost(ctx, g))
	if got := must[*portal.GhostRow](t)(db.GhostOf(ctx, g.UserID)); got == nil || *got != g {
		t.Errorf("ghost %+v", got)
	}
	for n := range 15 {
		ok(t, db.PutGeneration(ctx, Generation{Script: "irc", Number: n + 1, Source: []byte("s")}))
	}
	list := must[[]Generation](t)(db.Generations(ctx, "irc"))
	if len(list) != 10 || list[0].Number != 15 || list[9].Number != 6 {
		t.Errorf("generations %+v", list)
	}
	ok(t, db.SetFlags(ctx, "irc", Flags{Stopped: true, Pinned: 7}))
	if f := must[Flags](t)(db.ScriptFlags(ctx, "irc")); !f.Stopped || f.Pinned != 7 {
		t.Errorf("flags %+v", f)
	}
	due := time.UnixMilli(1000).UTC()
	ok(t, db.Finish(ctx, delivery.Item{Kind: delivery.KindCron, Key: "c", Lane: delivery.Lane{Script: "irc"}, Schedule: "* * * * *", NotBefore: due}, delivery.Result{}, nil))
	if last := must[time.Time](t)(db.LastCron(ctx, "irc", "* * * * *")); !last.Equal(due) {
		t.Errorf("last run %v", last)
	}
}

func BenchmarkAcceptAndFinish(b *testing.B) {
	for _, durability := range []string{"normal", "full"} {
		for _, n := range []int{1, 100} {
			b.Run(fmt.Sprintf("%s/%d", durability, n), func(b *testing.B) {
				db := openTest(b, b.TempDir(), func(o *Options) { o.Durability = durability })
				body := json.RawMessage(`{"x":"` + strings.Repeat("x", 500) + `"}`)
				for i := 0; i < b.N; i += n {
					var list []Routed
					for j := range n {
						list = append(list, Routed{Event: body, EventID: fmt.Sprint("$", i+j), Room: fmt.Sprint("!", j), Scripts: []string{"echo"}})
					}
					var wg sync.WaitGroup
					for _, it := range accept(b, db, fmt.Sprint(i), list...) {
						wg.Go(func() { ok(b, db.Finish(ctx, it, delivery.Result{}, nil)) })
					}
					wg.Wait()
				}
			})
		}
	}
}

func TestMarksOfOnceOutliveTheirExpiryByADay(t *testing.T) {
	clock := clockwork.NewFakeClockAt(time.UnixMilli(1_800_000_000_000))
	db := openTest(t, t.TempDir(), func(o *Options) { o.Clock = clock })
	d := delivery.NewData("irc", db, clock)
	u := &delivery.Unit{}
	ok(t, d.Set(u, "s", "k", []byte("v"), time.Hour))
	must[bool](t)(d.Once(ctx, u, "s", "k", time.Hour))
	ok(t, db.Commit(ctx, u))
	d.Committed(u)
	for _, x := range []struct {
		after  time.Duration
		before int64 // rows, when the sweep has run
	}{{0, 2}, {time.Hour, 1}, {marksFor - time.Second, 1}, {time.Second, 0}} {
		clock.Advance(x.after)
		ok(t, db.w.do(ctx, db.prune, nil))
		if n := count(t, db, "script_values"); n != x.before {
			t.Errorf("after %s more: %d rows, want %d", x.after, n, x.before)
		}
	}
}
