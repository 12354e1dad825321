package host

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bridgehost/engine"
	"bridgehost/matrix"
)

// loaded is a host with one script that runs.
func loaded(t *testing.T, text string) (*Host, http.Handler) {
	t.Helper()
	h, _ := quietHost(t, "irc")
	file := filepath.Join(t.TempDir(), "irc.lua")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	src, err := engine.ReadSource("irc", file)
	if err != nil {
		t.Fatal(err)
	}
	if failed := h.script("irc").Start(t.Context(), src); failed != nil {
		t.Fatal(failed)
	}
	return h, h.appservice()
}

func TestScriptsAnswerWhatTheHomeserverAsks(t *testing.T) {
	h, server := loaded(t, `
		local bridge = require("bridge")
		bridge.on("query_user", function(q) return q.user_id == "@_bh_irc_bob:bh.test" end)
		bridge.on("query_alias", function(q) if q.room_alias == "#_bh_hall:bh.test" then return true end end)
		bridge.on("query_protocol", function(q) if q.protocol == "irc" then return { user_fields = { "nick" } } end end)
		bridge.on("query_thirdparty_user", function(q)
			if q.fields.nick == "bad" then error("no such nick") end
			if q.fields.nick then return { { userid = "@_bh_irc_" .. q.fields.nick .. ":bh.test", protocol = q.protocol, fields = q.fields } } end
			return q.fields.userid and {}
		end)
	`)
	for _, tt := range []struct {
		path   string
		status int
		body   string
	}{
		{"/_matrix/app/v1/users/@_bh_irc_bob:bh.test", 200, `{}`},
		{"/_matrix/app/v1/users/%40_bh_irc_eve%3Abh.test", 404, `M_NOT_FOUND`},
		{"/users/@_bh_irc_bob:bh.test", 200, `{}`},
		{"/_matrix/app/v1/rooms/%23_bh_hall:bh.test", 200, `{}`},
		{"/_matrix/app/v1/rooms/%23_bh_attic:bh.test", 404, `M_NOT_FOUND`},
		{"/_matrix/app/v1/thirdparty/protocol/irc", 200, `{"user_fields":["nick"]}`},
		{"/_matrix/app/v1/thirdparty/protocol/xmpp", 404, `M_NOT_FOUND`},
		{"/_matrix/app/v1/thirdparty/user/irc?nick=bob", 200, `[{"fields":{"nick":"bob"},"protocol":"irc","userid":"@_bh_irc_bob:bh.test"}]`},
		{"/_matrix/app/v1/thirdparty/user/irc?nick=bad", 500, `M_UNKNOWN`},
		{"/_matrix/app/v1/thirdparty/user?userid=@a:bh.test", 200, `[]`},
		{"/_matrix/app/v1/thirdparty/user", 404, `M_NOT_FOUND`},
		{"/_matrix/app/v1/thirdparty/location/irc?channel=x", 404, `M_NOT_FOUND`},
		{"/_matrix/app/v1/thirdparty/network/irc", 404, `M_UNRECOGNIZED`},
	} {
		r := httptest.NewRequest(http.MethodGet, tt.path, nil)
		r.Header.Set("Authorization", "Bearer "+h.reg.HSToken)
		w := httptest.NewRecorder()
		server.ServeHTTP(w, r)
		if body, _ := io.ReadAll(w.Body); w.Code != tt.status || !strings.Contains(string(body), tt.body) {
			t.Errorf("%s: %d %s, want %d %s", tt.path, w.Code, body, tt.status, tt.body)
		}
	}
}

func TestScriptsHearWhatIsNotKept(t *testing.T) {
	h, _ := loaded(t, `
		local bridge, json = require("bridge"), require("bridge.json")
		local function heard(evt) intent.state_store:set_read("!r:bh.test", "@heard:bh.test", "$" .. evt.type .. " " .. json.encode(evt.content)) end
		bridge.on("typing", heard)
		bridge.on("receipt", heard)
		bridge.on("presence", heard)
	`)
	joined(t, h, room, "irc")
	if err := h.db.SetMembership(t.Context(), room, "@alice:bh.test", "join"); err != nil {
		t.Fatal(err)
	}
	last := func() string { return string(h.pool.Read(room, "@heard:bh.test")) }
	for _, tt := range []struct{ event, heard string }{
		{`{"type":"m.typing","room_id":"!r:bh.test","content":{"user_ids":["@alice:bh.test"]}}`, `$m.typing {"user_ids":["@alice:bh.test"]}`},
		{`{"type":"m.receipt","room_id":"!r:bh.test","content":{"$e":{"m.read":{"@alice:bh.test":{"ts":1}}}}}`, `$m.receipt {"$e":{"m.read":{"@alice:bh.test":{"ts":1}}}}`},
		{`{"type":"m.presence","sender":"@alice:bh.test","content":{"presence":"online"}}`, `$m.presence {"presence":"online"}`},
		// Not heard: another room, a stranger, one of our own. They go before one that is heard, and order is kept.
		{`{"type":"m.typing","room_id":"!else:bh.test","content":{"user_ids":["@no:bh.test"]}}`, ""},
		{`{"type":"m.presence","sender":"@stranger:bh.test","content":{"presence":"no"}}`, ""},
		{`{"type":"m.typing","room_id":"!r:bh.test","content":{"user_ids":["@_bh_irc:bh.test"]}}`, ""},
		{`{"type":"m.typing","room_id":"!r:bh.test","content":{"user_ids":[]}}`, `$m.typing {"user_ids":[]}`},
	} {
		before := last()
		h.heard.take(t.Context(), []json.RawMessage{json.RawMessage(tt.event)})
		h.starting.Wait()
		want := tt.heard
		if want == "" {
			want = before
		}
		if got := last(); got != want {
			t.Errorf("after %s: %q, want %q", tt.event, got, want)
		}
	}
}

// TestAScriptThatIsBehindMissesWhatIsNotKept: typing and the like are worth nothing later.
func TestAScriptThatIsBehindMissesWhatIsNotKept(t *testing.T) {
	h, _ := loaded(t, `
		local bridge, n = require("bridge"), 0
		bridge.on("typing", function(evt) n = n + 1 intent.state_store:set_read("!r:bh.test", "@heard:bh.test", "$" .. n) end)
	`)
	p := h.heard
	p.waiting, p.left = map[string][]*matrix.Event{"irc": {}}, map[string]int{} // somebody hands out already
	for range ephemeralMost + 5 {
		p.queue(h.script("irc"), &matrix.Event{Type: "m.typing", RoomID: room, Content: json.RawMessage(`{"user_ids":["@alice:bh.test"]}`)})
	}
	if waiting, left := len(p.waiting["irc"]), p.left["irc"]; waiting != ephemeralMost || left != 5 {
		t.Errorf("%d wait, %d are left out", waiting, left)
	}
	p.handOut(h.script("irc"))
	if got := h.pool.Read(room, "@heard:bh.test"); string(got) != fmt.Sprintf("$%d", ephemeralMost) {
		t.Errorf("the last that was heard: %s", got)
	}
	if len(p.waiting) != 0 || len(p.left) != 0 {
		t.Errorf("left behind: %v %v", p.waiting, p.left)
	}
}
