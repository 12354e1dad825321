package host

import (
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestOddEventsReachTheirScript pushes events that lack what a script reads, or have it in
// another shape: each is heard, and the transaction is never refused for it.
func TestOddEventsReachTheirScript(t *testing.T) {
	h, server := loaded(t, `
		local bridge = require("bridge")
		local heard = ""
		bridge.on("message", function(evt)
			heard = heard .. ("%s at %s says %q; "):format(evt.event_id, evt.ts, evt.text)
			intent.state_store:set_read("!r:bh.test", "@heard:bh.test", "$" .. heard)
		end)
	`)
	joined(t, h, room, "irc")
	const head = `{"type":"m.room.message","room_id":"!r:bh.test","sender":"@you:bh.test",`
	body := `{"events":[` + strings.Join([]string{
		head + `"event_id":"$1","origin_server_ts":1}`,
		head + `"event_id":"$2","origin_server_ts":0,"content":{"msgtype":"m.text","body":"time 0"}}`,
		head + `"event_id":"$3","content":null}`,
		head + `"event_id":"$4","origin_server_ts":4,"content":[]}`,
		head + `"event_id":"$5","origin_server_ts":5,"content":"text"}`,
		head + `"event_id":"$6","origin_server_ts":6,"content":{"msgtype":5,"body":{}}}`,
		head + `"event_id":"$7","origin_server_ts":7,"unsigned":null,"content":{"msgtype":"m.text","body":"the last"}}`,
	}, ",") + `]}`
	r := httptest.NewRequest(http.MethodPut, "/_matrix/app/v1/transactions/1", strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+h.reg.HSToken)
	w := httptest.NewRecorder()
	server.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	want := `$$1 at 1 says ""; $2 at 0 says "time 0"; $3 at 0 says ""; $4 at 4 says ""; $5 at 5 says ""; $6 at 6 says ""; $7 at 7 says "the last"; `
	heard := func() string { return string(h.pool.Read(room, "@heard:bh.test")) }
	for end := time.Now().Add(10 * time.Second); !strings.Contains(heard(), "$7") && time.Now().Before(end); {
		runtime.Gosched()
	}
	if got := heard(); got != want {
		t.Errorf("heard %s\nwant  %s", got, want)
	}
}
