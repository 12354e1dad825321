// Package mqtt shows the bridge of scripts/examples/mqtt, unchanged, between a homeserver
// and a real mosquitto.
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
	rounds int
}

func TestOnDevserver(t *testing.T) { parts(t, bridgetest.NewDevserver) }

func TestOnSynapse(t *testing.T) { parts(t, bridgetest.NewSynapse) }

func parts(t *testing.T, homeserver func(testing.TB) bridgetest.Homeserver) {
	b := &bridge{server: start(t), hs: homeserver(t)}
	b.begin(t)
	b.retained(t)
	b.quick(t)
	b.saves(t)
	b.brokerRestarts(t)
	b.hostStops(t)
	b.hostKilled(t)
}

// begin starts the host while a retained message waits at the broker.
func (b *bridge) begin(t *testing.T) {
	source, err := os.ReadFile("../../scripts/examples/mqtt/mqtt.lua")
	if err != nil {
		t.Fatal(err)
	}
	b.source = string(source)
	b.lamp = b.server.device(t, set)
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
	bridgetest.Eventually(t, "the bridge has subscribed", func() bool { return b.subscriptions(t) >= times })
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

func (b *bridge) retained(t *testing.T) {
	b.lamp.publish(state, "a new state", false)
	b.wait(t, "a new state")
	if slices.Contains(b.said(b.alice.Messages(t, b.room)), "an old state") {
		t.Error("a retained message was passed on")
	}
}

// quick answers each message as soon as it is in the room, which may be before the bridge
// knows it.
func (b *bridge) quick(t *testing.T) {
	const messages = 50
	for n := range messages {
		text := fmt.Sprintf("quick %d", n)
		b.lamp.publish(state, text, false)
		b.alice.Reply(t, b.room, b.wait(t, text).EventID, "answer "+text)
		if heard := b.lamp.until("answer " + text); len(heard) != 1 {
			t.Errorf("the lamp heard %q", heard)
		}
	}
	t.Logf("1 retained message left out; %d messages answered at once: %d answers delivered", messages, messages)
}

// round is what is said on both sides while something happens.
type round struct {
	*bridge
	t        *testing.T
	name     string
	answered string // the event that all answers are to
	in, out  []string
	heard    []string          // by the lamp, until hears
	events   map[string]string // of the answers, by text
	before   int               // texts in the room
	logins   int
}

func (b *bridge) begins(t *testing.T) *round {
	t.Helper()
	b.rounds++
	r := &round{bridge: b, t: t, name: fmt.Sprintf("round %d", b.rounds), events: map[string]string{}, logins: b.server.logins(t)}
	b.lamp.publish(state, r.name, false)
	r.answered = b.wait(t, r.name).EventID
	b.lamp.publish(state, r.name+" is known", false)
	b.wait(t, r.name+" is known") // so the one before is on disk: the service has waited since
	r.before = len(b.said(b.alice.Messages(t, b.room)))
	return r
}

// publish says something on the lamp's side, reply on alice's.
func (r *round) publish() {
	r.t.Helper()
	text := fmt.Sprintf("%s state %d", r.name, len(r.in))
	r.in = append(r.in, text)
	r.lamp.publish(state, text, false)
}

func (r *round) reply() {
	r.t.Helper()
	text := fmt.Sprintf("%s set %d", r.name, len(r.out))
	r.out = append(r.out, text)
	r.events[text] = r.alice.Reply(r.t, r.room, r.answered, text)
}

// hears waits until the lamp has heard all replies but some of the last.
func (r *round) hears(except int) {
	r.t.Helper()
	r.heard = append(r.heard, r.lamp.until(r.out[len(r.out)-1-except])...)
}

// counts is what has become of the texts of one direction.
type counts struct {
	said, delivered, told, lost, twice int
	ordered                            bool
}

// String is for the test's log.
func (c counts) String() string {
	text := fmt.Sprintf("%d said, %d delivered, lost %d, twice %d", c.said, c.delivered, c.lost, c.twice)
	if c.told > 0 {
		text += fmt.Sprintf(", %d said to be not delivered", c.told)
	}
	return text
}

func count(said, got []string, told func(string) bool) counts {
	c := counts{said: len(said), ordered: true}
	last := -1
	for _, text := range said {
		n := 0
		for i, g := range got {
			if g != text {
				continue
			}
			if n++; n == 1 {
				c.ordered, last = c.ordered && i > last, i
			}
		}
		if n > 0 {
			c.delivered++
			c.twice += n - 1
		} else if told(text) {
			c.told++
		} else {
			c.lost++
		}
	}
	return c
}

// ends waits until everything has arrived and counts.
func (r *round) ends() (in, out counts) {
	r.t.Helper()
	end := r.name + " ends"
	r.lamp.publish(state, end, false)
	r.alice.Reply(r.t, r.room, r.wait(r.t, end).EventID, end)
	r.heard = append(r.heard, r.lamp.until(end)...)
	all := r.alice.Messages(r.t, r.room)
	failed := func(text string) bool {
		return slices.ContainsFunc(all, func(m bridgetest.Message) bool {
			return m.Answers == r.events[text] && m.Sender == "@_bh_mqtt:"+r.hs.Name() && m.Type == "m.notice"
		})
	}
	never := func(string) bool { return false }
	in, out = count(r.in, r.said(all)[r.before:], never), count(r.out, r.heard, failed)
	for way, c := range map[string]counts{"MQTT to Matrix": in, "Matrix to MQTT": out} {
		if c.lost > 0 || !c.ordered {
			r.t.Errorf("%s, %s: %s; in order: %v", r.name, way, c, c.ordered)
		}
	}
	return in, out
}

// once fails the test for what came more than once.
func (r *round) once(in, out counts) {
	r.t.Helper()
	if in.twice > 0 || out.twice > 0 {
		r.t.Errorf("%s: MQTT to Matrix %s; Matrix to MQTT %s", r.name, in, out)
	}
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

// saves: the script is saved again and again, also in versions that do not load.
func (b *bridge) saves(t *testing.T) {
	const messages, saves = 400, 8
	r, began, start, logged := b.begins(t), time.Now(), len(b.host.Log()), 0
	for n := range messages {
		r.publish()
		r.reply()
		if n%(messages/saves) != messages/saves/2 {
			continue
		}
		version := n/(messages/saves) + 1
		if logged > 0 {
			b.host.WaitLog(t, logged, "script loaded", "script not loaded")
		}
		logged = len(b.host.Log())
		b.host.Save(t, "mqtt.lua", b.source+broken(version)+fmt.Sprintf("-- version %d\n", version))
	}
	b.host.WaitLog(t, logged, "script loaded", "script not loaded")
	in, out := r.ends()
	r.once(in, out)
	log := b.host.Log()[start:]
	loaded, refused := strings.Count(log, `"@message":"script loaded"`), strings.Count(log, `"@message":"script not loaded`)
	if loaded != saves-3 || refused != 3 {
		t.Errorf("%d saves were loaded and %d refused, want %d and 3", loaded, refused, saves-3)
	}
	again := b.server.logins(t) - r.logins
	if again != 0 || out.told > 0 {
		t.Errorf("%d new connections during the saves, want 0; %d answers were not delivered", again, out.told)
	}
	t.Logf("%d saves (%d broken): MQTT to Matrix %s; Matrix to MQTT %s; %d new connections; %.1f s", loaded+refused, refused, in, out, again, time.Since(began).Seconds())
}

// brokerRestarts: the bridge comes back by itself. What alice says meanwhile is told to be
// not delivered.
func (b *bridge) brokerRestarts(t *testing.T) {
	const restarts, messages = 3, 40
	r, began := b.begins(t), time.Now()
	for range restarts {
		for range messages {
			r.publish()
			r.reply()
		}
		r.hears(messages / 4)
		times := b.subscriptions(t)
		b.server.stop()
		r.reply()
		b.server.run(t)
		b.lamp.connect()
		r.publish()
		b.subscribed(t, times+1)
	}
	in, out := r.ends()
	r.once(in, out)
	t.Logf("%d restarts of mosquitto: MQTT to Matrix %s; Matrix to MQTT %s; %d new connections; %.1f s",
		restarts, in, out, b.server.logins(t)-r.logins, time.Since(began).Seconds())
}

// hostStops: what is published while the host is away comes when it is back, since the broker
// keeps the session; what alice says, since the homeserver repeats it.
func (b *bridge) hostStops(t *testing.T) {
	const stops, messages = 3, 40
	r, began := b.begins(t), time.Now()
	for range stops {
		for n := range messages {
			r.publish()
			r.reply()
			if n == messages/2 {
				b.host.Stop(t)
			}
		}
		b.host.Start(t)
	}
	in, out := r.ends()
	r.once(in, out)
	if out.told > 0 {
		t.Errorf("%d answers were not delivered", out.told)
	}
	t.Logf("%d restarts of the host: MQTT to Matrix %s; Matrix to MQTT %s; %d new connections; %.1f s",
		stops, in, out, b.server.logins(t)-r.logins, time.Since(began).Seconds())
}

// hostKilled: nothing is lost. What comes twice is what was being done at that moment: of the lamp's
// messages one or two, of alice's those whose handlers were not finished on disk, which run again.
func (b *bridge) hostKilled(t *testing.T) {
	const kills, messages = 3, 40
	r, began := b.begins(t), time.Now()
	for range kills {
		for n := range messages {
			r.publish()
			r.reply()
			if n == messages/2 {
				b.host.Kill()
			}
		}
		b.host.Start(t)
	}
	in, out := r.ends()
	if in.twice > 2*kills || out.twice > kills*messages/2 {
		t.Errorf("%d kills: MQTT to Matrix %s; Matrix to MQTT %s", kills, in, out)
	}
	t.Logf("%d times kill -9: MQTT to Matrix %s; Matrix to MQTT %s; %d new connections; %.1f s",
		kills, in, out, b.server.logins(t)-r.logins, time.Since(began).Seconds())
}
