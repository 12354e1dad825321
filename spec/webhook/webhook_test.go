// Package webhook shows the bridge of scripts/examples/webhook, unchanged, between deliveries as
// GitHub makes them and a homeserver: each gives one message, whatever happens meanwhile.
package webhook

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"bridgehost/spec/bridgetest"
)

// bridge is a running host with the script and its room.
type bridge struct {
	source string
	hs     bridgetest.Homeserver
	host   *bridgetest.Host
	alice  bridgetest.User
	room   string
	gitHub gitHub
}

func TestOnDevserver(t *testing.T) { parts(t, bridgetest.NewDevserver) }

func TestOnSynapse(t *testing.T) { parts(t, bridgetest.NewSynapse) }

func parts(t *testing.T, homeserver func(testing.TB) bridgetest.Homeserver) {
	source, err := os.ReadFile("../../scripts/examples/webhook/webhook.lua")
	if err != nil {
		t.Fatal(err)
	}
	b := &bridge{source: string(source), hs: homeserver(t)}
	b.alice = b.hs.User(t, "alice")
	b.room = b.alice.CreateRoom(t, "public_chat")
	address := freeAddress(t)
	b.gitHub.url = "http://" + address + "/hook/webhook/github"
	b.host = bridgetest.NewHost(t, b.hs, fmt.Sprintf("[http]\nlisten = %q\n[scripts.config.webhook]\nroom = %q\nsecret = %q\n", address, b.room, secret))
	b.host.Save(t, "webhook.lua", b.source)
	b.host.Start(t)
	b.kinds(t)
	b.refused(t)
	b.storm(t)
}

func freeAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// posted are the texts of the bot, oldest first, as soon as there are n of them.
func (b *bridge) posted(t *testing.T, n int) (texts []string) {
	t.Helper()
	b.alice.WaitMessages(t, b.room, func(all []bridgetest.Message) bool {
		texts = nil
		for _, m := range all {
			if m.Sender == "@_bh_webhook:"+b.hs.Name() {
				texts = append(texts, m.Body)
			}
		}
		return len(texts) >= n
	})
	return texts
}

// kinds: what each kind of delivery looks like, and that a repeated one is nothing new.
func (b *bridge) kinds(t *testing.T) {
	deliveries := []struct {
		event, payload, want string // "": no message
	}{
		{"ping", "ping", "webhook connected: _Keep it logically awesome._"},
		{"push", "push", "**ada** pushed 7 commit(s) to `refs/heads/main`\n" +
			"[0101010](https://github.com/example-org/hello/commit/" + strings.Repeat("01", 20) + ") Greet in *three* languages\n"},
		{"issues", "issues_opened", "ada opened issue [#7 Says hello twice](https://github.com/example-org/hello/issues/7)"},
		{"issues", "issues_labeled", ""},
		{"issues", "issues_closed", "ada closed issue [#7 Says hello twice](https://github.com/example-org/hello/issues/7)"},
		{"watch", "ping", ""},
	}
	var want []string
	for i, x := range deliveries {
		d := delivery{id: guid(i), event: x.event, body: payload(t, x.payload)}
		if x.payload == "issues_closed" {
			d.change = chunked
		}
		if status, answer := b.gitHub.post(t, d); status != http.StatusNoContent {
			t.Errorf("%s: answered %d %s", x.payload, status, answer)
		}
		for range 2 {
			if status, answer := b.gitHub.post(t, d); status != http.StatusOK || answer != "already seen\n" {
				t.Errorf("%s, repeated: answered %d %s", x.payload, status, answer)
			}
		}
		if x.want != "" {
			want = append(want, x.want)
		}
	}
	got := b.posted(t, len(want))
	for i, text := range got {
		if i >= len(want) || !strings.HasPrefix(text, want[i]) {
			t.Errorf("message %d is %q", i, text)
		}
	}
	if push := got[1]; strings.Count(push, "\n") != 6 || !strings.HasSuffix(push, "\nand 2 more") {
		t.Errorf("the push of seven commits is %q", push)
	}
	t.Logf("%d deliveries of 3 kinds, each posted 3 times: %d messages, twice %d", len(deliveries), len(got), len(got)-len(want))
}

// chunked makes a request that does not say its length.
func chunked(q *http.Request) {
	body := q.Body
	q.ContentLength, q.GetBody, q.Body = -1, nil, io.NopCloser(struct{ io.Reader }{body})
}

// refused: what is not from GitHub, not whole or too long gives no message.
func (b *bridge) refused(t *testing.T) {
	before := len(b.posted(t, 0))
	signed := func(name, value string) func(*http.Request) {
		return func(q *http.Request) { q.Header.Set(name, value) }
	}
	ping, long := payload(t, "ping"), bytes.Repeat([]byte(" "), 1<<20+1)
	cases := []struct {
		what   string
		d      delivery
		status int
	}{
		{"another secret", delivery{body: ping, change: signed("X-Hub-Signature-256", "sha256="+strings.Repeat("0", 64))}, 401},
		{"no signature", delivery{body: ping, change: func(q *http.Request) { q.Header.Del("X-Hub-Signature-256") }}, 401},
		{"the old kind of signature only", delivery{body: ping, change: signed("X-Hub-Signature-256", "sha1="+strings.Repeat("0", 40))}, 401},
		{"a body that was changed", delivery{body: ping, change: func(q *http.Request) {
			q.Body, q.GetBody = io.NopCloser(bytes.NewReader(bytes.ToUpper(ping))), nil
		}}, 401},
		{"not JSON", delivery{body: []byte("payload=%7B%7D")}, 400},
		{"half a body", delivery{body: ping[:len(ping)/2]}, 400},
		{"longer than 1 MB", delivery{body: long}, 413},
		{"longer than 1 MB, in chunks", delivery{body: long, change: chunked}, 413},
		{"another method", delivery{body: ping, change: func(q *http.Request) { q.Method = http.MethodPut }}, 405},
		{"another path", delivery{body: ping, change: func(q *http.Request) { q.URL.Path += "s" }}, 404},
	}
	for i, x := range cases {
		x.d.id, x.d.event = guid(1000+i), "ping"
		if status, answer := b.gitHub.post(t, x.d); status != x.status {
			t.Errorf("%s: answered %d %s, want %d", x.what, status, answer, x.status)
		}
	}
	// One that is right comes after them all, so they would have been seen by now.
	if status, answer := b.gitHub.post(t, delivery{id: guid(1999), event: "ping", body: ping}); status != http.StatusNoContent {
		t.Errorf("a right one after them: answered %d %s", status, answer)
	}
	if n := len(b.posted(t, before+1)) - before; n != 1 {
		t.Errorf("%d messages, want 1", n)
	}
	t.Logf("%d deliveries refused as they should be: 0 messages", len(cases))
}

// What the storm is made of. Between two of its steps at least so many deliveries are answered.
const (
	senders = 4
	saves   = 10
	between = 20
)

// The saves after which the host is killed, or stopped, and started again.
var (
	killedAfter  = map[int]bool{1: true, 2: true, 4: true, 5: true, 7: true, 8: true, 10: true}
	stoppedAfter = map[int]bool{3: true, 6: true}
)

// interrupted is the exit code of a host that was interrupted and has ended in good order.
const interrupted = 130

// broken is what is appended to a version of the script so that it does not load.
func broken(version int) string {
	switch version {
	case 3:
		return "if true then\n"
	case 6:
		return "local t = nil\nprint(t.field)\n"
	case 9:
		return "intent:send_text(\"!room:example.org\", \"too early\")\n"
	}
	return ""
}

// counts are what the senders saw.
type counts struct {
	mu                     sync.Mutex
	done, posts, cut, more int
}

// storm delivers from several senders at once while the script is saved and the host killed.
func (b *bridge) storm(t *testing.T) {
	before, logged, began := len(b.posted(t, 0)), len(b.host.Log()), time.Now()
	var seen counts
	answered, over := make(chan struct{}), make(chan struct{})
	var running sync.WaitGroup
	for s := range senders {
		running.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(s)))
			for n := s; ; n += senders {
				b.deliver(t, n, random, &seen)
				select {
				case answered <- struct{}{}:
				case <-over:
					return
				}
			}
		})
	}
	wait := func() {
		for range between {
			<-answered
		}
	}
	for version := range saves {
		wait()
		b.save(t, version+1, answered)
		if killedAfter[version+1] || stoppedAfter[version+1] {
			wait()
			b.restart(t, version+1)
		}
	}
	wait()
	close(over)
	running.Wait()
	b.judge(t, before, &seen, fmt.Sprintf("%d saves (%d refused), %d kill -9, %d restarts", saves,
		strings.Count(b.host.Log()[logged:], `"@message":"script not loaded`), len(killedAfter), len(stoppedAfter)), began)
}

// save saves a version; deliveries go on until it was noticed.
func (b *bridge) save(t *testing.T, version int, answered <-chan struct{}) {
	logged := len(b.host.Log())
	b.host.Save(t, "webhook.lua", b.source+broken(version)+fmt.Sprintf("-- version %d\n", version))
	noticed := make(chan struct{})
	go func() {
		for {
			select {
			case <-answered:
			case <-noticed:
				return
			}
		}
	}()
	b.host.WaitLog(t, logged, "script loaded", "script not loaded")
	close(noticed)
}

// restart ends the host and starts it again. A version that does not load is mended first:
// a host that starts has none to go on with.
func (b *bridge) restart(t *testing.T, version int) {
	if killedAfter[version] {
		b.host.Kill()
	} else if code := b.host.Stop(t); code != interrupted {
		t.Errorf("the host ended with code %d", code)
	}
	b.host.Save(t, "webhook.lua", b.source+fmt.Sprintf("-- after the end at %d\n", version))
	b.host.Start(t)
}

// deliver delivers one until it is answered, and sometimes again.
func (b *bridge) deliver(t *testing.T, n int, random *rand.Rand, seen *counts) {
	body := bytes.Replace(payload(t, "ping"), []byte("Keep it logically awesome."), fmt.Appendf(nil, "delivery %d", n), 1)
	d := delivery{id: guid(10000 + n), event: "ping", body: body}
	posts, cut := b.gitHub.repeated(t, d)
	more := 0
	for range random.IntN(3) {
		again, broken := b.gitHub.repeated(t, d)
		posts, cut, more = posts+again, cut+broken, more+again
	}
	seen.mu.Lock()
	defer seen.mu.Unlock()
	seen.done, seen.posts, seen.cut, seen.more = seen.done+1, seen.posts+posts, seen.cut+cut, seen.more+more
}

// judge holds the room against what was delivered.
func (b *bridge) judge(t *testing.T, before int, seen *counts, happened string, began time.Time) {
	var messages, twice int
	times := map[string]int{}
	for _, text := range b.posted(t, before+seen.done)[before:] {
		messages++
		if times[text]++; times[text] > 1 {
			twice++
		}
	}
	lost := seen.done - len(times)
	t.Logf("%d deliveries by %d senders in %d posts (%d cut off, %d repeated after an answer), %s: %d messages, lost %d, twice %d; %.1f s",
		seen.done, senders, seen.posts, seen.cut, seen.more, happened, messages, lost, twice, time.Since(began).Seconds())
	if lost != 0 || twice != 0 {
		t.Errorf("lost %d, twice %d", lost, twice)
	}
	if seen.cut == 0 {
		t.Error("no delivery was cut off: the kills show less than they should")
	}
}
