package delivery

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"testing"

	"bridgehost/spec/bridgetest"
)

// lateHomeserver answers whoever asked the question only when it is told to.
type lateHomeserver struct {
	bridgetest.Homeserver
	front  string
	answer chan struct{}
}

func newLateHomeserver(t *testing.T) *lateHomeserver {
	l := &lateHomeserver{Homeserver: bridgetest.NewDevserver(t), answer: make(chan struct{})}
	to, err := url.Parse(l.Homeserver.URL())
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // it hung up
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		done := httptest.NewRecorder()
		proxy.ServeHTTP(done, r)
		if bytes.Contains(body, []byte(`"question"`)) {
			select {
			case <-l.answer:
			case <-r.Context().Done():
			}
		}
		maps.Copy(w.Header(), done.Header())
		w.WriteHeader(done.Code)
		_, _ = w.Write(done.Body.Bytes()) // the client may be gone
	}))
	t.Cleanup(s.Close)
	l.front = s.URL
	return l
}

func (l *lateHomeserver) URL() string { return l.front }

// TestAnswersWaitForTheEventsThatTheyAnswer: people answer a message as soon as they see it, which
// may be before the script has learned its id.
func TestAnswersWaitForTheEventsThatTheyAnswer(t *testing.T) {
	hs := newLateHomeserver(t)
	h := bridgetest.NewHost(t, hs, "")
	h.Save(t, "s.lua", `
local bridge = require "bridge"
local asked = bridge.store("asked")
bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)
bridge.on("message", function(evt)
  if evt.text == "ask" then
    bridge.spawn(function()
      local id = intent:send_text(evt.room_id, "question")
      asked:set(id, "mine")
    end)
  elseif evt.text == "ping" then
    intent:send_notice(evt.room_id, "pong")
  elseif evt.reply_to then
    intent:send_notice(evt.room_id, asked:get(evt.reply_to) or "unknown")
  end
end)`)
	h.Start(t)
	alice := hs.User(t, "alice")
	bot := "@_bh_s:" + hs.Name()
	room, other := alice.CreateRoom(t, "public_chat", bot), alice.CreateRoom(t, "public_chat", bot)
	for _, r := range []string{room, other} {
		bridgetest.Eventually(t, "the bot is in the room", func() bool { return alice.Membership(t, r, bot) == "join" })
	}
	wait := func(room string, is func(bridgetest.Message) bool) bridgetest.Message {
		t.Helper()
		all := alice.WaitMessages(t, room, func(all []bridgetest.Message) bool { return slices.ContainsFunc(all, is) })
		return all[slices.IndexFunc(all, is)]
	}
	alice.Say(t, room, "ask")
	question := wait(room, func(m bridgetest.Message) bool { return m.Body == "question" })
	alice.Reply(t, room, question.EventID, "the answer")
	alice.Say(t, other, "ping")
	wait(other, func(m bridgetest.Message) bool { return m.Body == "pong" }) // what came later was handled meanwhile
	close(hs.answer)
	if got := wait(room, func(m bridgetest.Message) bool { return m.Type == "m.notice" }); got.Body != "mine" {
		t.Errorf("the answer was to a question that the script says is %s", got.Body)
	}
}
