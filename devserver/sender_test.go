package devserver

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"bridgehost/matrix"
)

func bodies(events []Event) (out []string) {
	for _, e := range events {
		if e.Type == "m.room.message" {
			_, text, _ := strings.Cut(string(e.Content), `"body":"`)
			text, _, _ = strings.Cut(text, `"`)
			out = append(out, text)
		}
	}
	return out
}

func TestOnlyInterestingEventsArePushed(t *testing.T) {
	hs, b := setUp(t, Options{})
	alice := hs.User("alice")
	private := ok(alice.CreateRoom(RoomOptions{}))
	ok(alice.Say(private, "unheard"))
	room := ok(alice.CreateRoom(RoomOptions{Name: "lobby", Invite: []matrix.UserID{"@_bh_bot:bh.test"}}))
	b.idle()
	if len(b.events) != 1 || !strings.Contains(string(b.events[0].Unsigned), `"invite_room_state":[`) || !strings.Contains(string(b.events[0].Unsigned), "lobby") {
		t.Fatalf("the invitation and nothing else: %d events", len(b.events))
	}
	invitation := b.events[0].EventID
	b.as("", "POST", "v3/join/"+esc(room), nil)
	ok(alice.Say(room, "heard"))
	done(t, alice.Typing(room, time.Minute))
	done(t, alice.Read(room, invitation))
	b.as("", "POST", "v3/rooms/"+esc(room)+"/leave", nil)
	ok(alice.Say(room, "gone"))
	b.idle()
	if got := bodies(b.events); fmt.Sprint(got) != "[heard]" {
		t.Error(got)
	}
	if len(b.edus) != 2 || b.edus[0]["type"] != "m.typing" || b.edus[1]["type"] != "m.receipt" {
		t.Error(b.edus)
	}
}

func TestAtMost100InOrderAndRepeatedWithTheSameID(t *testing.T) {
	hs, b := setUp(t, Options{})
	alice := hs.User("alice")
	room := ok(alice.CreateRoom(RoomOptions{Preset: "public_chat"}))
	b.as("", "POST", "v3/join/"+esc(room), nil)
	b.idle()
	b.set(http.StatusServiceUnavailable)
	b.mu.Lock()
	b.txns, b.sizes, b.events = nil, nil, nil
	b.mu.Unlock()
	var want []string
	for i := range 350 {
		want = append(want, fmt.Sprint(i))
		ok(alice.Say(room, fmt.Sprint(i)))
	}
	for range 3 { // the same one again and again
		<-b.refused
	}
	b.set(0)
	b.idle()
	if got := bodies(b.events); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("%d messages, out of order or not all", len(got))
	}
	if b.txns[0] != b.txns[1] || b.txns[1] != b.txns[2] {
		t.Error(b.txns[:3])
	}
	for _, n := range b.sizes {
		if n > 100 {
			t.Error("a transaction of", n)
		}
	}
}

func TestDelaysGrow(t *testing.T) {
	clock := clockwork.NewFakeClock()
	hs, b := setUp(t, Options{Clock: clock, RetryUnit: time.Second})
	b.set(500)
	ok(hs.User("alice").CreateRoom(RoomOptions{Invite: []matrix.UserID{"@_bh_bot:bh.test"}}))
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for i, wait := range []time.Duration{2, 4, 8, 16, 32, 64, 128, 256, 512, 512} {
		done(t, clock.BlockUntilContext(ctx, 1))
		b.mu.Lock()
		n := len(b.txns)
		b.mu.Unlock()
		if n != i+1 {
			t.Fatalf("%d tries before the wait of %d s, want %d", n, wait, i+1)
		}
		clock.Advance(wait*time.Second - time.Millisecond)
		clock.Advance(time.Millisecond)
	}
}

func TestPingWakesTheSender(t *testing.T) {
	hs, b := setUp(t, Options{RetryUnit: time.Hour})
	b.set(500)
	ok(hs.User("alice").CreateRoom(RoomOptions{Invite: []matrix.UserID{"@_bh_bot:bh.test"}}))
	<-b.refused
	b.as("", "POST", "v1/appservice/br/ping", object{}).expect(t, "ping", 502, "M_BAD_STATUS", "HTTP 500")
	b.as("", "POST", "v1/appservice/other/ping", object{}).expect(t, "other", 403, "M_FORBIDDEN", "Mismatching")
	b.set(0)
	b.as("", "POST", "v1/appservice/br/ping", object{}).expect(t, "ping", 200, "", "")
	b.idle()
	if len(b.events) != 1 {
		t.Error(len(b.events))
	}
}

func TestFaults(t *testing.T) {
	hs, b := setUp(t, Options{})
	alice := hs.User("alice")
	room := ok(alice.CreateRoom(RoomOptions{Preset: "public_chat"}))
	hs.SetFaults(Faults{RateLimit: 1, RetryAfter: 70 * time.Millisecond, ForbidJoin: true})
	a := b.as("", "POST", "v3/join/"+esc(room), nil)
	a.expect(t, "limited", 429, "M_LIMIT_EXCEEDED", "")
	if a.body["retry_after_ms"] != 70.0 {
		t.Error(a.raw)
	}
	b.as("", "POST", "v3/join/"+esc(room), nil).expect(t, "forbidden", 403, "M_FORBIDDEN", "")
	hs.SetFaults(Faults{Down: true})
	if a := b.as("", "POST", "v3/join/"+esc(room), nil); a.status != 0 {
		t.Error(a.raw)
	}
	hs.SetFaults(Faults{Hook: func(r *http.Request) *Fault {
		return &Fault{After: true, Status: 502, Body: []byte("<html>")}
	}})
	if a := b.as("", "POST", "v3/join/"+esc(room), nil); a.status != 502 || hs.Members(room)["@_bh_bot:bh.test"] != "join" {
		t.Error("carried out, but answered with 502: ", a.raw)
	}
	hs.SetFaults(Faults{DuplicateTransactions: true})
	b.idle()
	b.mu.Lock()
	b.events, b.txns = nil, nil
	b.mu.Unlock()
	ok(alice.Say(room, "twice"))
	b.idle()
	if got := bodies(b.events); fmt.Sprint(got) != "[twice twice]" || b.txns[0] != b.txns[1] {
		t.Error(got, b.txns)
	}
	hs.SetFaults(Faults{DropTransactions: 2})
	ok(alice.Say(room, "lost"))
	b.idle()
	if got := bodies(b.events); fmt.Sprint(got[2:]) != "[lost lost lost]" {
		t.Error(got)
	}
	reqs := hs.Requests()
	if last := reqs[len(reqs)-1]; last.Status != 502 || last.Method != "POST" || !strings.HasSuffix(last.Path, "/join/"+esc(room)) {
		t.Errorf("%+v", last)
	}
}

func TestTypingTimesOut(t *testing.T) {
	clock := clockwork.NewFakeClock()
	hs, b := setUp(t, Options{Clock: clock})
	room := b.as("", "POST", "v3/createRoom", object{}).body["room_id"].(string)
	path := "v3/rooms/" + esc(matrix.RoomID(room)) + "/typing/@_bh_bot:bh.test"
	b.as("", "PUT", path, object{"typing": true, "timeout": 5000}).expect(t, "typing", 200, "", "")
	if got := hs.Typing(matrix.RoomID(room)); len(got) != 1 {
		t.Fatal(got)
	}
	clock.Advance(5 * time.Second)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	done(t, hs.Wait(ctx, func() bool { return len(hs.Typing(matrix.RoomID(room))) == 0 }))
}

func TestMediaComesBack(t *testing.T) {
	_, b := setUp(t, Options{})
	call := func(method, path, body string) *http.Response {
		req, err := http.NewRequest(method, b.url+path, strings.NewReader(body))
		done(t, err)
		req.Header.Set("Authorization", "Bearer as")
		req.Header.Set("Content-Type", "image/png")
		return ok(http.DefaultClient.Do(req))
	}
	res := call("POST", "/_matrix/media/v3/upload?filename=a.png", "PNG")
	buf := make([]byte, 300)
	n, _ := res.Body.Read(buf)
	res.Body.Close()
	_, id, _ := strings.Cut(string(buf[:n]), "mxc://bh.test/")
	id, _, _ = strings.Cut(id, `"`)
	res = call("GET", "/_matrix/client/v1/media/download/bh.test/"+id, "")
	n, _ = res.Body.Read(buf)
	res.Body.Close()
	if string(buf[:n]) != "PNG" || res.Header.Get("Content-Type") != "image/png" {
		t.Errorf("%d %q", res.StatusCode, buf[:n])
	}
}

func TestSubscribersSeeEverythingInOrder(t *testing.T) {
	hs := New(Options{})
	defer hs.Close()
	alice := hs.User("alice")
	room := ok(alice.CreateRoom(RoomOptions{}))
	seen := make(chan Event, 200)
	stop := hs.Subscribe(func(e Event) { seen <- e })
	for i := range 100 {
		ok(alice.Say(room, fmt.Sprint(i)))
	}
	for i := range 100 {
		if e := <-seen; !strings.Contains(string(e.Content), fmt.Sprintf(`"body":"%d"`, i)) {
			t.Fatalf("%d: %s", i, e.Content)
		}
	}
	stop()
}

func BenchmarkPush(b *testing.B) {
	hs := New(Options{})
	defer hs.Close()
	svc := Appservice{ID: "br", ASToken: "as", SenderLocalpart: "_bh_bot", UserRegex: []string{"@_bh_.*"}}
	hs.AddAppservice(svc)
	alice := hs.User("_bh_a")
	room := ok(alice.CreateRoom(RoomOptions{}))
	for b.Loop() {
		ok(alice.Say(room, "hello"))
	}
	if err := hs.Idle(context.Background()); err != nil {
		b.Fatal(err)
	}
}
