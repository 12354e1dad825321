package bridgetest

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"bridgehost/appservice"
	"bridgehost/devserver"
	"bridgehost/matrix"
)

// devName is the server name of every Devserver.
const devName = "bh.test"

// retryUnit makes a refused transaction come again after 40 ms, 80 ms … instead of seconds.
const retryUnit = 20 * time.Millisecond

// newsLimit is how long WaitMessages waits for another message.
const newsLimit = time.Minute

// Devserver is the homeserver in memory. Its server may be reached for faults and for
// what a real homeserver does not show: forgotten transaction ids, requests, state.
type Devserver struct {
	*devserver.Server
	url string
}

// NewDevserver starts one on a free loopback port; it ends with the test.
func NewDevserver(t testing.TB) Homeserver {
	t.Helper()
	s := devserver.New(devserver.Options{ServerName: devName, RetryUnit: retryUnit})
	url, err := s.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return &Devserver{Server: s, url: url}
}

// URL is where clients find it.
func (d *Devserver) URL() string { return d.url }

// Name is what stands after the colon in user ids.
func (d *Devserver) Name() string { return devName }

// Register reads the file as a homeserver does. An id that is known is replaced.
func (d *Devserver) Register(t testing.TB, registration string) {
	t.Helper()
	r, warnings, err := appservice.ReadRegistration(registration)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range warnings {
		t.Logf("%s: %v", registration, w)
	}
	a := devserver.Appservice{
		ID: r.ID, ASToken: r.ASToken, HSToken: r.HSToken, SenderLocalpart: r.SenderLocalpart,
		UserRegex: regexes(r.Namespaces.Users), AliasRegex: regexes(r.Namespaces.Aliases), PushEphemeral: r.PushEphemeral,
	}
	if r.URL != nil {
		a.URL = *r.URL
	}
	d.AddAppservice(a)
}

func regexes(list []appservice.Namespace) (out []string) {
	for _, n := range list {
		out = append(out, n.Regex)
	}
	return out
}

// User makes a user, or finds it again.
func (d *Devserver) User(_ testing.TB, localpart string) User {
	return &devUser{d: d, u: d.Server.User(localpart)}
}

type devUser struct {
	d *Devserver
	u *devserver.User
}

func (u *devUser) ID() string { return string(u.u.ID) }

func (u *devUser) CreateRoom(t testing.TB, preset string, invited ...string) string {
	t.Helper()
	o := devserver.RoomOptions{Preset: preset}
	for _, id := range invited {
		o.Invite = append(o.Invite, matrix.UserID(id))
	}
	room, err := u.u.CreateRoom(o)
	must(t, err)
	return string(room)
}

func (u *devUser) Join(t testing.TB, room string) {
	t.Helper()
	must(t, u.u.Join(matrix.RoomID(room)))
}

func (u *devUser) Invite(t testing.TB, room, user string) {
	t.Helper()
	must(t, u.u.Invite(matrix.RoomID(room), matrix.UserID(user)))
}

func (u *devUser) Ban(t testing.TB, room, user string) {
	t.Helper()
	must(t, u.u.Ban(matrix.RoomID(room), matrix.UserID(user), ""))
}

func (u *devUser) SetState(t testing.TB, room, eventType, stateKey string, content any) {
	t.Helper()
	_, err := u.u.SendState(matrix.RoomID(room), eventType, stateKey, content)
	must(t, err)
}

func (u *devUser) Say(t testing.TB, room, text string) string {
	t.Helper()
	id, err := u.u.Say(matrix.RoomID(room), text)
	must(t, err)
	return string(id)
}

func (u *devUser) Reply(t testing.TB, room, to, text string) string {
	t.Helper()
	id, err := u.u.Send(matrix.RoomID(room), "m.room.message", reply(to, text))
	must(t, err)
	return string(id)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (u *devUser) Messages(_ testing.TB, room string) []Message {
	var all []Message
	for _, e := range u.d.Timeline(matrix.RoomID(room)) {
		if e.Type == "m.room.message" {
			all = append(all, message(e))
		}
	}
	return all
}

func message(e devserver.Event) Message {
	var c struct {
		MsgType, Body string
		Relates       struct {
			InReplyTo struct {
				EventID string `json:"event_id"`
			} `json:"m.in_reply_to"`
		} `json:"m.relates_to"`
	}
	_ = json.Unmarshal(e.Content, &c) // what has no text, or another kind of one, has none here
	return Message{EventID: string(e.EventID), Sender: string(e.Sender), Type: c.MsgType, Body: c.Body, Answers: c.Relates.InReplyTo.EventID}
}

func (u *devUser) WaitMessages(t testing.TB, room string, done func([]Message) bool) []Message {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	silence := time.AfterFunc(newsLimit, cancel)
	defer silence.Stop()
	var all []Message
	err := u.d.Wait(ctx, func() bool {
		before := len(all)
		if all = u.Messages(t, room); len(all) > before {
			silence.Reset(newsLimit)
		}
		return done(all)
	})
	if err != nil {
		failWaiting(t, room, all)
	}
	return all
}

// failWaiting ends a test whose messages did not come.
func failWaiting(t testing.TB, room string, all []Message) {
	t.Helper()
	t.Logf("the last of %d messages in %s:", len(all), room)
	for _, m := range all[max(0, len(all)-10):] {
		t.Logf("  %s  %s  %s", m.Sender, m.Type, m.Body)
	}
	t.Fatalf("%s without news in %s, and what was waited for is not there", newsLimit, room)
}

func (u *devUser) Membership(_ testing.TB, room, user string) string {
	return u.d.Members(matrix.RoomID(room))[matrix.UserID(user)]
}

func (u *devUser) Invites(testing.TB) (rooms []string) {
	for _, room := range u.d.Rooms() {
		if u.d.Members(room)[u.u.ID] == "invite" {
			rooms = append(rooms, string(room))
		}
	}
	return rooms
}
