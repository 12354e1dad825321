// Package irc shows the bridge of scripts/examples/irc, unchanged, between a homeserver
// and a real ngircd.
package irc

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"bridgehost/spec/bridgetest"
	"bridgehost/spec/irctest"
)

const channel = "#lua"

// bridge is a running host with the script, its room and a user on both sides.
type bridge struct {
	source string
	server *irctest.Server
	hs     bridgetest.Homeserver
	host   *bridgetest.Host
	alice  bridgetest.User
	room   string
	watch  *irctest.Client // hears what the bridge hears, in the same order
}

func TestOnDevserver(t *testing.T) { parts(t, bridgetest.NewDevserver) }

func TestOnSynapse(t *testing.T) { parts(t, bridgetest.NewSynapse) }

func parts(t *testing.T, homeserver func(testing.TB) bridgetest.Homeserver) {
	b := &bridge{server: irctest.Start(t), hs: homeserver(t)}
	b.nickTaken(t)
	b.serverRestarted(t)
	b.saves(t)
	b.longMessage(t)
	b.people(t)
}

// begin starts the host.
func (b *bridge) begin(t *testing.T) {
	source, err := os.ReadFile("../../scripts/examples/irc/irc.lua")
	if err != nil {
		t.Fatal(err)
	}
	b.source = string(source)
	b.alice = b.hs.User(t, "alice")
	b.host = bridgetest.NewHost(t, b.hs, fmt.Sprintf("[scripts.config.irc]\nserver = \"127.0.0.1\"\nport = %d\ntls = false\nchannels = [%q]\ninvite = [%q]\n",
		b.server.Port, channel, b.alice.ID()))
	b.host.Save(t, "irc.lua", b.source)
	b.host.Start(t)
}

// ghost is the Matrix user of a nick.
func (b *bridge) ghost(nick string) string { return "@_bh_irc_" + nick + ":" + b.hs.Name() }

// watcher joins the channel and waits until the bridge is there as nick.
func (b *bridge) watcher(t *testing.T, name, nick string) {
	b.watch = b.server.Join(t, name, channel)
	b.watch.Wait(t, "the bridge is in the channel as "+nick, func(lines []string) bool {
		return slices.ContainsFunc(lines, func(l string) bool {
			_, names, listed := strings.Cut(l, " 353 "+name+" ")
			_, names, _ = strings.Cut(names, ":")
			return listed && slices.Contains(strings.FieldsFunc(names, func(r rune) bool { return r == ' ' || r == '@' }), nick) ||
				strings.HasPrefix(l, ":"+nick+"!") && strings.Contains(l, " JOIN ")
		})
	})
}

// both says something in each direction and waits until it has arrived.
func (b *bridge) both(t *testing.T, nick, text string) {
	b.watch.Say(t, channel, text)
	if b.room == "" {
		bridgetest.Eventually(t, "alice is invited to the channel's room", func() bool { return len(b.alice.Invites(t)) == 1 })
		b.room = b.alice.Invites(t)[0]
		b.alice.Join(t, b.room)
	}
	b.alice.WaitMessages(t, b.room, func(all []bridgetest.Message) bool {
		return slices.ContainsFunc(all, func(m bridgetest.Message) bool { return m.Sender == b.ghost(b.watch.Nick) && m.Body == text })
	})
	b.alice.Say(t, b.room, text)
	b.watch.Wait(t, "alice's message arrived", func(lines []string) bool {
		return slices.Contains(irctest.From(lines, channel, nick), "<alice> "+text)
	})
}

// nickTaken starts the bridge while somebody else has its nick.
func (b *bridge) nickTaken(t *testing.T) {
	other := b.server.Join(t, "mxrelay", channel)
	b.begin(t)
	b.watcher(t, "watch1", "mxrelay_")
	b.both(t, "mxrelay_", "with another nick")
	other.Send(t, "QUIT :gone")
	t.Log("nick mxrelay taken: the bridge is mxrelay_, 1 message each way delivered")
}

// serverRestarted: the bridge comes back by itself, and to its own nick.
func (b *bridge) serverRestarted(t *testing.T) {
	before := b.server.Logins(t, "mxrelay")
	b.server.Stop(t)
	b.server.Run(t)
	began := time.Now()
	b.watcher(t, "watch2", "mxrelay")
	b.both(t, "mxrelay", "after the restart")
	t.Logf("ngircd restarted: joined again and 1 message each way delivered after %.1f s; logins before %d, after %d",
		time.Since(began).Seconds(), before, b.server.Logins(t, "mxrelay"))
}

// broken are the versions of the script that do not load.
func broken(version int) string {
	switch version {
	case 2:
		return "if true then\n"
	case 4:
		return "local t = nil\nprint(t.field)\n"
	case 6:
		return "intent:send_text(\"!room:example.org\", \"too early\")\n"
	}
	return ""
}

// saves sends lines both ways while the script is saved again and again.
func (b *bridge) saves(t *testing.T) {
	const lines, saves = 400, 8
	nicks := []*irctest.Client{b.server.Join(t, "bob", channel), b.server.Join(t, "carol", channel), b.server.Join(t, "dave", channel)}
	heardBefore := len(b.watch.Lines())
	logins := b.server.Logins(t, "mxrelay")
	start, logged, began := len(b.host.Log()), 0, time.Now()
	for n := range lines {
		nicks[n%len(nicks)].Say(t, channel, fmt.Sprintf("line %d", n))
		b.alice.Say(t, b.room, fmt.Sprintf("word %d", n))
		if n%(lines/saves) != lines/saves/2 {
			continue
		}
		version := n/(lines/saves) + 1
		if logged > 0 {
			b.host.WaitLog(t, logged, "script loaded", "script not loaded")
		}
		logged = len(b.host.Log())
		b.host.Save(t, "irc.lua", b.source+broken(version)+fmt.Sprintf("-- version %d\n", version))
	}
	b.host.WaitLog(t, logged, "script loaded", "script not loaded")
	b.watch.Wait(t, "all words have arrived", func(all []string) bool {
		return len(irctest.From(all[heardBefore:], channel, "mxrelay")) >= lines
	})
	b.watch.Wait(t, "all lines were said", func(all []string) bool { return len(said(all[heardBefore:])) >= lines })
	isLine := func(m bridgetest.Message) bool {
		return strings.HasPrefix(m.Sender, "@_bh_irc_") && strings.HasPrefix(m.Body, "line ")
	}
	room := b.alice.WaitMessages(t, b.room, func(all []bridgetest.Message) bool { return len(filter(all, isLine)) >= lines })
	heard := b.watch.Lines()[heardBefore:]
	wantIn, in := said(heard), []string(nil)
	for i, m := range wantIn {
		nick, text, _ := strings.Cut(m, " ")
		wantIn[i] = b.ghost(nick) + " " + text
	}
	for _, m := range filter(room, isLine) {
		in = append(in, m.Sender+" "+m.Body)
	}
	var wantOut []string
	for n := range lines {
		wantOut = append(wantOut, fmt.Sprintf("<alice> word %d", n))
	}
	out := irctest.From(heard, channel, "mxrelay")
	same(t, "IRC to Matrix", in, wantIn)
	same(t, "Matrix to IRC", out, wantOut)
	log := b.host.Log()[start:]
	loaded, refused := strings.Count(log, `"@message":"script loaded"`), strings.Count(log, `"@message":"script not loaded`)
	if loaded != saves-3 || refused != 3 {
		t.Errorf("%d saves were loaded and %d refused, want %d and 3", loaded, refused, saves-3)
	}
	again := b.server.Logins(t, "mxrelay") - logins
	if again != 0 {
		t.Errorf("%d new connections during the saves, want 0", again)
	}
	t.Logf("%d lines of %d nicks: %d delivered, twice %d; %d words: %d delivered, twice %d; %d saves (%d broken); %d new connections; %.1f s",
		lines, len(nicks), len(in), twice(in), lines, len(out), twice(out), loaded+refused, refused, again, time.Since(began).Seconds())
}

// said are the test's lines as the channel heard them: "nick line 7".
func said(lines []string) (all []string) {
	for _, m := range irctest.Messages(lines, channel) {
		if strings.HasPrefix(m.Text, "line ") {
			all = append(all, m.Nick+" "+m.Text)
		}
	}
	return all
}

func filter(all []bridgetest.Message, keep func(bridgetest.Message) bool) (some []bridgetest.Message) {
	for _, m := range all {
		if keep(m) {
			some = append(some, m)
		}
	}
	return some
}

// twice counts what came more than once.
func twice(list []string) int {
	sorted := slices.Sorted(slices.Values(list))
	return len(sorted) - len(slices.Compact(sorted))
}

// same compares two lists and names the first difference.
func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		g, w := "(nothing)", "(nothing)"
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			t.Errorf("%s, at %d: got %q, want %q (%d of %d in all)", what, i, g, w, len(got), len(want))
			return
		}
	}
}

// longMessage: what does not fit into a line comes in several, cut between characters.
func (b *bridge) longMessage(t *testing.T) {
	text := strings.Repeat("aä€😀", 200) // 10 bytes each time
	before := len(b.watch.Lines())
	b.alice.Say(t, b.room, text)
	var parts []string
	b.watch.Wait(t, "the long message arrived", func(lines []string) bool {
		parts = irctest.From(lines[before:], channel, "mxrelay")
		whole := ""
		for i, p := range parts {
			parts[i] = strings.TrimPrefix(p, "<alice> ")
			whole += parts[i]
		}
		return len(whole) >= len(text)
	})
	if strings.Join(parts, "") != text {
		t.Errorf("the parts are not the message: %q", parts)
	}
	for _, p := range parts {
		if !utf8.ValidString(p) {
			t.Errorf("a character is cut in two: %q", p)
		}
	}
	t.Logf("a message of %d bytes arrived whole in %d lines", len(text), len(parts))
}

// people come, act, notice and go.
func (b *bridge) people(t *testing.T) {
	is := func(nick, membership string) {
		t.Helper()
		bridgetest.Eventually(t, nick+"'s ghost has membership "+membership, func() bool {
			return b.alice.Membership(t, b.room, b.ghost(nick)) == membership
		})
	}
	erin := b.server.Join(t, "erin", channel)
	is("erin", "join")
	erin.Say(t, channel, "\x01ACTION waves\x01")
	erin.Send(t, "NOTICE "+channel+" :take notice")
	all := b.alice.WaitMessages(t, b.room, func(all []bridgetest.Message) bool { return all[len(all)-1].Body == "take notice" })
	for i, want := range []bridgetest.Message{{Type: "m.emote", Body: "waves"}, {Type: "m.notice", Body: "take notice"}} {
		got := all[len(all)-2+i]
		if got.Type != want.Type || got.Body != want.Body || got.Sender != b.ghost("erin") {
			t.Errorf("got %+v, want %+v of %s", got, want, b.ghost("erin"))
		}
	}
	erin.Send(t, "PART "+channel+" :bye")
	is("erin", "leave")
	erin.Send(t, "JOIN "+channel)
	is("erin", "join")
	erin.Send(t, "QUIT :bye")
	is("erin", "leave")
	t.Log("join, part, join again and quit seen as the ghost's membership; ACTION is an emote, NOTICE a notice")
}
