package bridgetest

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"bridgehost/spec/synapsetest"
)

// newsPoll is how long one request waits for news.
const newsPoll = 20 * time.Second

// Synapse is a real homeserver. It starts with the first Register or User, keeps its
// address over restarts, and repeats a refused transaction after 2, 4, 8 … s, or at
// once after a ping.
type Synapse struct {
	*synapsetest.Server
	users map[string]*synapseUser
}

// NewSynapse prepares one; it ends with the test. Without Synapse on the machine the
// test is skipped, or fails where real parts are required.
func NewSynapse(t testing.TB) Homeserver {
	t.Helper()
	return &Synapse{Server: synapsetest.Prepare(t, synapsetest.Options{}), users: map[string]*synapseUser{}}
}

// URL is where clients find it.
func (s *Synapse) URL() string { return s.Server.URL }

// Name is what stands after the colon in user ids.
func (s *Synapse) Name() string { return s.ServerName }

// Register restarts Synapse, which reads registration files only when it starts.
func (s *Synapse) Register(_ testing.TB, registration string) { s.Server.Register(registration) }

// User registers a user, or finds it again.
func (s *Synapse) User(_ testing.TB, localpart string) User {
	if !s.Running() {
		s.Restart()
	}
	u := s.users[localpart]
	if u == nil {
		u = &synapseUser{c: s.Server.User(localpart), invites: map[string]bool{}}
		s.users[localpart] = u
	}
	return u
}

// SynapseUser is the user of a client of its own.
func SynapseUser(c *synapsetest.Client) User { return &synapseUser{c: c} }

type synapseUser struct {
	c       *synapsetest.Client
	since   []string // position of Invites, none before the first
	invites map[string]bool
}

func (u *synapseUser) ID() string { return u.c.UserID }

func (u *synapseUser) CreateRoom(_ testing.TB, preset string, invited ...string) string {
	body := map[string]any{"preset": preset}
	if len(invited) > 0 {
		body["invite"] = invited
	}
	return u.c.CreateRoom(body)
}

func (u *synapseUser) Join(_ testing.TB, room string)         { u.c.Join(room) }
func (u *synapseUser) Invite(_ testing.TB, room, user string) { u.c.Member(room, "invite", user) }
func (u *synapseUser) Ban(_ testing.TB, room, user string)    { u.c.Member(room, "ban", user) }

func (u *synapseUser) SetState(_ testing.TB, room, eventType, stateKey string, content any) {
	u.c.SendState(room, eventType, stateKey, content)
}

func (u *synapseUser) Say(_ testing.TB, room, text string) string { return u.c.Text(room, text) }

func (u *synapseUser) Reply(_ testing.TB, room, to, text string) string {
	return u.c.Send(room, "m.room.message", reply(to, text))
}

// Messages pages through the whole timeline.
func (u *synapseUser) Messages(_ testing.TB, room string) []Message {
	var all []Message
	for _, e := range u.c.Messages(room) {
		if e.Type == "m.room.message" {
			kind, _ := e.Content["msgtype"].(string)
			relates, _ := e.Content["m.relates_to"].(map[string]any)
			reply, _ := relates["m.in_reply_to"].(map[string]any)
			answers, _ := reply["event_id"].(string)
			all = append(all, Message{EventID: e.ID, Sender: e.Sender, Type: kind, Body: e.Body(), Answers: answers})
		}
	}
	return all
}

// WaitMessages waits in the long polling of /sync. Its position is taken before the
// messages are read, so that nothing falls between the two.
func (u *synapseUser) WaitMessages(t testing.TB, room string, done func([]Message) bool) []Message {
	t.Helper()
	since := u.c.News(room, "", 0)
	last := time.Now()
	for count := -1; ; {
		all := u.Messages(t, room)
		if done(all) {
			return all
		}
		if len(all) != count {
			count, last = len(all), time.Now()
		}
		if time.Since(last) > newsLimit {
			failWaiting(t, room, all)
		}
		since = u.c.News(room, since, newsPoll)
	}
}

func (u *synapseUser) Membership(t testing.TB, room, user string) string {
	t.Helper()
	path := "/_matrix/client/v3/rooms/" + url.PathEscape(room) + "/state/m.room.member/" + url.PathEscape(user)
	status, body, err := u.c.Do(http.MethodGet, path, nil, nil)
	must(t, err)
	var member struct{ Membership string }
	switch {
	case status == http.StatusNotFound:
		return ""
	case status != http.StatusOK:
		t.Fatalf("ask for %s in %s as %s: status %d: %s", user, room, u.ID(), status, body)
	}
	must(t, json.Unmarshal(body, &member))
	return member.Membership
}

// Invites goes on from the position of the call before: Synapse answers a first sync that
// is repeated from its cache for two minutes.
func (u *synapseUser) Invites(t testing.TB) []string {
	t.Helper()
	status, body, err := u.c.Do(http.MethodGet, "/_matrix/client/v3/sync", url.Values{"since": u.since}, nil)
	must(t, err)
	if status != http.StatusOK {
		t.Fatalf("sync as %s: status %d: %s", u.ID(), status, body)
	}
	var got struct {
		NextBatch string `json:"next_batch"`
		Rooms     struct{ Invite, Join, Leave map[string]json.RawMessage }
	}
	must(t, json.Unmarshal(body, &got))
	u.since = []string{got.NextBatch}
	for _, gone := range []map[string]json.RawMessage{got.Rooms.Join, got.Rooms.Leave} {
		for room := range gone {
			delete(u.invites, room)
		}
	}
	for room := range got.Rooms.Invite {
		u.invites[room] = true
	}
	return slices.Sorted(maps.Keys(u.invites))
}
