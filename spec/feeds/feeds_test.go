// Package feeds shows the bridge of scripts/examples/rss, unchanged, between a homeserver and
// a server with feeds as sites have them.
package feeds

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"bridgehost/spec/bridgetest"
)

// bridge is a running host with the script, and a room with all feeds.
type bridge struct {
	source string
	server *server
	hs     bridgetest.Homeserver
	host   *jumping
	alice  bridgetest.User
	room   string
	posted int // items of each feed, the old ones included
}

func TestOnDevserver(t *testing.T) { parts(t, bridgetest.NewDevserver) }

func TestOnSynapse(t *testing.T) { parts(t, bridgetest.NewSynapse) }

func parts(t *testing.T, homeserver func(testing.TB) bridgetest.Homeserver) {
	b := &bridge{server: newServer(t), hs: homeserver(t)}
	b.begin(t)
	b.added(t)
	b.news(t)
	b.saves(t)
	b.stops(t)
	b.kills(t)
}

// deadline is longer than the clock jumps while a handler runs.
const deadline = "[scripts.limits]\nhandler = \"10h\"\n"

// begin starts the host and brings its bot into a room.
func (b *bridge) begin(t *testing.T) {
	source, err := os.ReadFile("../../scripts/examples/rss/rss.lua")
	if err != nil {
		t.Fatal(err)
	}
	b.source = string(source)
	b.host = &jumping{Host: bridgetest.NewHost(t, b.hs, deadline)}
	b.host.Save(t, "rss.lua", b.source)
	b.host.start(t)
	b.alice = b.hs.User(t, "alice")
	b.room = b.alice.CreateRoom(t, "private_chat", b.bot())
	bridgetest.Eventually(t, "the bot is in the room", func() bool { return b.alice.Membership(t, b.room, b.bot()) == "join" })
}

func (b *bridge) bot() string { return "@_bh_rss:" + b.hs.Name() }

// said are the texts of the bot of a type.
func (b *bridge) said(all []bridgetest.Message, kind string) (texts []string) {
	for _, m := range all {
		if m.Sender == b.bot() && m.Type == kind {
			texts = append(texts, m.Body)
		}
	}
	return texts
}

// added: each feed can be read, and nothing old is posted.
func (b *bridge) added(t *testing.T) {
	for n, f := range all {
		b.alice.Say(t, b.room, "!feed add "+b.server.address(f))
		answers := b.said(b.alice.WaitMessages(t, b.room, func(all []bridgetest.Message) bool { return len(b.said(all, "m.notice")) > n }), "m.notice")
		if want := "added **" + f.title + "** (5 items, nothing old will be posted)"; answers[n] != want {
			t.Errorf("%s: the bridge says %q, want %q", f.file, answers[n], want)
		}
	}
	b.posted = b.server.more(0)
	b.host.jump(t)
	b.asked(t, len(all)+1) // the last one by its old address
	if posted := b.said(b.alice.Messages(t, b.room), "m.text"); len(posted) > 0 {
		t.Errorf("old items were posted: %q", posted)
	}
}

// asked waits until so many requests have come since the last count.
func (b *bridge) asked(t *testing.T, want int) {
	t.Helper()
	bridgetest.Eventually(t, "the feeds were asked for", func() bool {
		b.server.mu.Lock()
		defer b.server.mu.Unlock()
		return b.server.requests >= want
	})
}

// link is how a message shows an item.
var link = regexp.MustCompile(`^\*\*(.*)\*\*: \[(.*)\]\((.*)\)$`)

// items are the posted items of a feed, as server.message has them.
func (b *bridge) items(all []bridgetest.Message, f *feedOf) (items []string) {
	for _, text := range b.said(all, "m.text") {
		text = strings.ReplaceAll(text, `\`, "") // what keeps a text from being read as Markdown
		if m := link.FindStringSubmatch(text); m != nil && m[1] == f.title {
			items = append(items, m[1]+": "+m[2]+" ("+m[3]+")")
		}
	}
	return items
}

// tally waits until all items are posted and counts.
func (b *bridge) tally(t *testing.T, what string, began time.Time) {
	t.Helper()
	upTo := b.server.more(0)
	want := (upTo - b.posted) * len(all)
	before := (b.posted - 5) * len(all)
	b.alice.WaitMessages(t, b.room, func(room []bridgetest.Message) bool { return len(b.said(room, "m.text")) >= before+want })
	b.server.counts()
	b.host.jump(t) // what is posted twice is posted by now
	b.asked(t, len(all))
	room := b.alice.Messages(t, b.room)
	out, twice, disorder := 0, 0, 0
	for _, f := range all {
		got := b.items(room, f)
		last := -1
		for n := b.posted + 1; n <= upTo; n++ {
			text := b.server.message(f, n)
			at := slices.Index(got, text)
			if at < 0 {
				t.Errorf("%s: not posted: %q; posted: %q", what, text, got[max(0, len(got)-8):])
				continue
			}
			if at < last {
				disorder++
			}
			last = at
			out++
			for _, g := range got[at+1:] {
				if g == text {
					twice++
				}
			}
		}
	}
	if twice > 0 || disorder > 0 {
		t.Errorf("%s: %d items posted twice, %d out of order", what, twice, disorder)
	}
	requests, same, conns := b.server.counts()
	t.Logf("%s: %d new items of %d feeds: %d posted, twice %d, out of order %d; then %d requests, %d of them answered by 304, over %d new connections; %.1f s",
		what, want, len(all), out, twice, disorder, requests, same, conns, time.Since(began).Seconds())
	b.posted = upTo
}

// news: what is new is posted.
func (b *bridge) news(t *testing.T) {
	began := time.Now()
	b.server.more(4)
	b.host.jump(t)
	b.tally(t, "new items", began)
}

// broken are the versions of the script that do not load.
func broken(version int) string {
	switch version {
	case 2:
		return "if true then\n"
	case 4:
		return "local t = nil\nprint(t.field)\n"
	}
	return ""
}

// saves: the script is saved while feeds are asked for.
func (b *bridge) saves(t *testing.T) {
	began := time.Now()
	for version := range 6 {
		b.server.more(1)
		b.host.jump(t)
		logged := len(b.host.Log())
		b.host.Save(t, "rss.lua", b.source+broken(version)+"-- saved again\n"+strings.Repeat("\n", version))
		b.host.WaitLog(t, logged, "script loaded", "script not loaded")
	}
	b.host.jump(t)
	b.tally(t, "6 saves (2 broken)", began)
}

// stops: a run that is missed while the host is down is made up for.
func (b *bridge) stops(t *testing.T) {
	began := time.Now()
	for range 3 {
		b.server.more(2)
		b.host.jump(t)
		b.server.more(2)
		b.host.Stop(t)
		b.server.more(2)
		b.host.ahead += later
		b.host.start(t)
	}
	b.tally(t, "3 restarts of the host", began)
}

// kills: a run that is cut off is made again, and repeats nothing that it has posted.
func (b *bridge) kills(t *testing.T) {
	began := time.Now()
	for range 3 {
		before := len(b.said(b.alice.Messages(t, b.room), "m.text"))
		b.server.more(6)
		b.host.jump(t)
		b.alice.WaitMessages(t, b.room, func(room []bridgetest.Message) bool { return len(b.said(room, "m.text")) > before+7 })
		b.host.Kill()
		b.host.start(t)
	}
	b.host.jump(t)
	b.tally(t, "3 times kill -9", began)
}
