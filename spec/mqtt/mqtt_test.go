// Package mqtt shows the script mqtt.lua, unchanged, between a homeserver and a real mosquitto.
package mqtt

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"bridgehost/spec/bridgetest"
)

const state, set = "home/lamp/state", "home/lamp/set"

// bridge is a running host with the script, its room and a user on both sides.
type bridge struct {
	source string
	server *server
	hs     bridgetest.Homeserver
	host   *bridgetest.Host
	alice  bridgetest.User
	room   string
	lamp   *device
	last   string // what the lamp heard
}

func TestOnDevserver(t *testing.T) { parts(t, bridgetest.NewDevserver) }

func TestOnSynapse(t *testing.T) { parts(t, bridgetest.NewSynapse) }

func parts(t *testing.T, homeserver func(testing.TB) bridgetest.Homeserver) {
	b := &bridge{server: start(t), hs: homeserver(t)}
	b.begin(t)
	b.both(t, "at the beginning")
	b.retained(t)
	b.saves(t)
	b.brokerRestarted(t)
	b.hostKilled(t)
}

// begin starts the host while a retained message waits at the broker.
func (b *bridge) begin(t *testing.T) {
	source, err := os.ReadFile("../../scripts/examples/mqtt/mqtt.lua")
	if err != nil {
		t.Fatal(err)
	}
	b.source = string(source)
	b.lamp = b.server.device(t)
	b.lamp.subscribe(set)
	b.alice = b.hs.User(t, "alice")
	b.room = b.alice.CreateRoom(t, "public_chat")
	b.host = bridgetest.NewHost(t, b.hs, fmt.Sprintf("[scripts.config.mqtt]\nbroker = \"mqtt://127.0.0.1:%d\"\nusername = \"bridge\"\npassword = \"secret\"\ntopics = { \"home/+/state\" = %q }\n",
		b.server.port, b.room))
	b.host.Save(t, "mqtt.lua", b.source)
	b.lamp.publish(state, "an old state", true)
	b.host.Start(t)
	b.subscribed(t, 1)
}

// subscribed waits until the bridge has subscribed so many times.
func (b *bridge) subscribed(t *testing.T, times int) {
	t.Helper()
	bridgetest.Eventually(t, "the bridge has subscribed", func() bool {
		return strings.Count(b.server.log(t), "Sending SUBACK to bridgehost") >= times
	})
}

func (b *bridge) subscriptions(t *testing.T) int {
	return strings.Count(b.server.log(t), "Sending SUBACK to bridgehost")
}

// said are the texts of the lamp's ghost.
func (b *bridge) said(all []bridgetest.Message) (texts []string) {
	for _, m := range all {
		if m.Sender == "@_bh_mqtt_lamp:"+b.hs.Name() && m.Type == "m.notice" {
			texts = append(texts, m.Body)
		}
	}
	return texts
}

// wait waits for a text of the lamp's ghost and returns its event.
func (b *bridge) wait(t *testing.T, text string) bridgetest.Message {
	t.Helper()
	is := func(m bridgetest.Message) bool { return m.Body == text && m.Type == "m.notice" }
	all := b.alice.WaitMessages(t, b.room, func(all []bridgetest.Message) bool { return slices.ContainsFunc(all, is) })
	return all[slices.IndexFunc(all, is)]
}

// both says something in each direction and waits until it has arrived.
func (b *bridge) both(t *testing.T, text string) {
	t.Helper()
	b.lamp.publish(state, text, false)
	b.alice.Reply(t, b.room, b.wait(t, text).EventID, "answer "+text)
	want := set + ": answer " + text
	got := b.lamp.next()
	if got == b.last { // its handler had not ended when the host was killed, so it ran again
		got = b.lamp.next()
	}
	if b.last = want; got != want {
		t.Errorf("the lamp heard %q, want %q", got, want)
	}
}

func (b *bridge) retained(t *testing.T) {
	if slices.Contains(b.said(b.alice.Messages(t, b.room)), "an old state") {
		t.Error("a retained message was passed on")
	}
	t.Log("1 message and 1 answer delivered; the retained message was left out")
}

// saves sends messages both ways while the script is saved again and again.
func (b *bridge) saves(t *testing.T) {
	const messages, saves = 400, 8
	before := len(b.said(b.alice.Messages(t, b.room)))
	b.lamp.publish(state, "first", false)
	answered := b.wait(t, "first").EventID
	logins, began, logged := b.server.logins(t), time.Now(), len(b.host.Log())
	loaded := 0
	for n := range messages {
		b.lamp.publish(state, fmt.Sprintf("state %d", n), false)
		b.alice.Reply(t, b.room, answered, fmt.Sprintf("set %d", n))
		if n%(messages/saves) != messages/saves/2 {
			continue
		}
		if loaded > 0 {
			b.host.WaitLog(t, logged, "script loaded")
		}
		logged = len(b.host.Log())
		b.host.Save(t, "mqtt.lua", b.source+fmt.Sprintf("-- version %d\n", loaded))
		loaded++
	}
	b.host.WaitLog(t, logged, "script loaded")
	var wantIn, wantOut, out []string
	for n := range messages {
		wantIn, wantOut = append(wantIn, fmt.Sprintf("state %d", n)), append(wantOut, fmt.Sprintf("%s: set %d", set, n))
		out = append(out, b.lamp.next())
	}
	all := b.alice.WaitMessages(t, b.room, func(all []bridgetest.Message) bool { return len(b.said(all)) >= before+1+messages })
	in := b.said(all)[before+1:]
	same(t, "MQTT to Matrix", in, wantIn)
	same(t, "Matrix to MQTT", out, wantOut)
	again := b.server.logins(t) - logins
	if again != 0 {
		t.Errorf("%d new connections during the saves, want 0", again)
	}
	t.Logf("%d messages: %d delivered; %d answers: %d delivered; %d saves; %d new connections; %.1f s",
		messages, len(in), messages, len(out), loaded, again, time.Since(began).Seconds())
}

// same compares two lists and names the first difference.
func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Errorf("%s, at %d: got %q, want %q (%d of %d in all)", what, i, got[i:min(i+1, len(got))], want[i:min(i+1, len(want))], len(got), len(want))
			return
		}
	}
}

// brokerRestarted: the bridge comes back by itself.
func (b *bridge) brokerRestarted(t *testing.T) {
	times := b.subscriptions(t)
	b.server.stop()
	b.server.run(t)
	began := time.Now()
	b.lamp = b.server.device(t)
	b.lamp.subscribe(set)
	b.subscribed(t, times+1)
	b.both(t, "after the broker's restart")
	t.Logf("mosquitto restarted: connected again and 1 message each way delivered after %.1f s", time.Since(began).Seconds())
}

// hostKilled: what was published while the host was away comes when it is back, since the
// broker keeps the session.
func (b *bridge) hostKilled(t *testing.T) {
	times := b.subscriptions(t)
	b.host.Kill()
	for n := range 20 {
		b.lamp.publish(state, fmt.Sprintf("unheard %d", n), false)
	}
	b.host.Start(t)
	b.subscribed(t, times+1)
	b.wait(t, "unheard 19")
	var got, want []string
	for _, text := range b.said(b.alice.Messages(t, b.room)) {
		if strings.HasPrefix(text, "unheard ") {
			got = append(got, text)
		}
	}
	for n := range 20 {
		want = append(want, fmt.Sprintf("unheard %d", n))
	}
	same(t, "while the host was away", got, want)
	b.both(t, "after the kill")
	t.Log("host killed: 20 messages of the meantime delivered, in order, and 1 each way after that")
}
