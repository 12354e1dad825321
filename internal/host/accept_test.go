package host

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"bridgehost/appservice"
	"bridgehost/delivery"
	"bridgehost/devserver"
	"bridgehost/matrix"
)

// quietHost is a host that serves nobody, against a homeserver in the process. Its
// scripts are known and not started: their lanes take items and handle none.
func quietHost(t *testing.T, scripts ...string) (*Host, *devserver.Server) {
	t.Helper()
	hs := devserver.New(devserver.Options{})
	url, err := hs.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hs.Close)
	dir := t.TempDir()
	cfg := DefaultConfig()
	cfg.Data = filepath.Join(dir, "data")
	cfg.Homeserver.URL, cfg.Homeserver.Name, cfg.Homeserver.Retries = url, "bh.test", 0
	cfg.Appservice.Registration = filepath.Join(dir, "registration.yaml")
	reg, err := appservice.NewRegistration(appservice.NewOptions{ID: "bridgehost", ServerName: "bh.test", Prefix: "_bh_"})
	if err != nil {
		t.Fatal(err)
	}
	if err := reg.Write(cfg.Appservice.Registration, false); err != nil {
		t.Fatal(err)
	}
	h, err := open(cfg, Options{Log: hclog.NewNullLogger()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.close(); err != nil {
			t.Error(err)
		}
	})
	for _, name := range scripts {
		s, err := h.enter(found{name: name})
		if err != nil {
			t.Fatal(err)
		}
		if err := h.resumeScript(t.Context(), name, func(items ...delivery.Item) { s.Deliver(items...) }); err != nil {
			t.Fatal(err)
		}
	}
	return h, hs
}

const room = matrix.RoomID("!r:bh.test")

// joined lets the store know that a script's bot is in a room.
func joined(t *testing.T, h *Host, room matrix.RoomID, script string) {
	t.Helper()
	if err := h.db.SetMembership(t.Context(), room, h.bot(script).MXID(), "join"); err != nil {
		t.Fatal(err)
	}
}

// transaction is one with a message for each of the ids.
func transaction(room matrix.RoomID, ids ...string) appservice.Accepted {
	t := appservice.Accepted{TxnID: ids[0], Key: "key of " + ids[0]}
	for _, id := range ids {
		t.Events = append(t.Events, json.RawMessage(fmt.Sprintf(
			`{"type":"m.room.message","room_id":%q,"sender":"@you:bh.test","event_id":%q,"content":{"msgtype":"m.text","body":"hello"}}`, room, id)))
	}
	return t
}

func accept(t *testing.T, h *Host, txn appservice.Accepted) {
	t.Helper()
	if err := h.inbox.Accept(t.Context(), txn); err != nil {
		t.Fatal(err)
	}
}

func TestAFullInboxAnswersLateAndThenRefuses(t *testing.T) {
	for _, known := range []bool{true, false} {
		h, hs := quietHost(t, "irc")
		h.inbox.most = 3
		if known {
			joined(t, h, room, "irc")
		} else { // nobody answers who is in the room: what waits for that counts, too
			hs.SetFaults(devserver.Faults{Hook: func(*http.Request) *devserver.Fault { return &devserver.Fault{Status: 500} }})
		}
		accept(t, h, transaction(room, "$1", "$2", "$3"))
		if n := h.inbox.size(); n != 3 {
			t.Fatalf("the inbox holds %d, want 3", n)
		}
		server := httptest.NewServer(appservice.NewServer(appservice.ServerOptions{
			Registration: h.reg, Log: h.inbox, AcceptTimeout: 50 * time.Millisecond, Logger: hclog.NewNullLogger()}))
		defer server.Close()
		body, _ := json.Marshal(map[string]any{"events": transaction(room, "$4").Events})
		put := func() int {
			req, err := http.NewRequest(http.MethodPut, server.URL+"/_matrix/app/v1/transactions/9", strings.NewReader(string(body)))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+h.reg.HSToken)
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			return res.StatusCode
		}
		if status := put(); status != http.StatusServiceUnavailable {
			t.Errorf("known %v: a full inbox answers %d", known, status)
		}
		if n := h.inbox.size(); n != 3 {
			t.Errorf("known %v: the inbox holds %d after the refusal", known, n)
		}
		h.inbox.most = 4
		if status := put(); status != http.StatusOK {
			t.Errorf("known %v: with room again it answers %d", known, status)
		}
		if n := h.inbox.size(); n != 4 {
			t.Errorf("known %v: the inbox holds %d, want 4", known, n)
		}
	}
}

// A script that is added while events come must not get those twice that arrive between
// its entering and the reading of what is on disk.
func TestWhatComesWhileAScriptIsAddedComesOnce(t *testing.T) {
	h, _ := quietHost(t)
	joined(t, h, room, "irc")
	s, err := h.enter(found{name: "irc"})
	if err != nil {
		t.Fatal(err)
	}
	accept(t, h, transaction(room, "$1"))
	if err := h.resumeScript(t.Context(), "irc", func(items ...delivery.Item) { s.Deliver(items...) }); err != nil {
		t.Fatal(err)
	}
	accept(t, h, transaction(room, "$2"))
	if n := s.Backlog(); n != 2 {
		t.Errorf("%d items for 2 events", n)
	}
}

// Events that wait for a room's members still wait, in order, when the store refuses them.
func TestHeldEventsWaitUntilTheStoreTakesThem(t *testing.T) {
	h, hs := quietHost(t, "irc")
	hs.SetFaults(devserver.Faults{Hook: func(*http.Request) *devserver.Fault { return &devserver.Fault{Status: 500} }})
	accept(t, h, transaction(room, "$1", "$2"))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.inbox.routeWaiting(ended, room); err == nil || h.inbox.size() != 2 {
		t.Fatalf("%v, %d wait", err, h.inbox.size())
	}
	joined(t, h, room, "irc")
	accept(t, h, transaction(room, "$3")) // behind those
	if n := h.script("irc").Backlog(); n != 0 {
		t.Fatalf("%d items in front of those that wait", n)
	}
	if err := h.inbox.routeWaiting(t.Context(), room); err != nil {
		t.Fatal(err)
	}
	if n := h.script("irc").Backlog(); n != 3 || h.inbox.held != 0 || len(h.inbox.unknown) != 0 {
		t.Errorf("%d items, %d wait", n, h.inbox.held)
	}
	items, err := h.db.Next(t.Context(), delivery.Lane{Script: "irc", Room: string(room)}, 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	for i, it := range items {
		if want := fmt.Sprintf("$%d/irc", i+1); it.Key != want {
			t.Errorf("item %d is %s, want %s", i, it.Key, want)
		}
	}
}

// What waits for a script that does not run stays on disk: it takes no room from others.
func TestWhatWaitsForAStoppedScriptTakesNoRoom(t *testing.T) {
	h, _ := quietHost(t, "irc")
	joined(t, h, room, "irc")
	accept(t, h, transaction(room, "$1"))
	if _, err := h.stopScript(t.Context(), ScriptCall{Script: "irc"}); err != nil {
		t.Fatal(err)
	}
	accept(t, h, transaction(room, "$2", "$3"))
	if n := h.inbox.size(); n != 0 {
		t.Errorf("the inbox holds %d events of a script that does not run", n)
	}
	st, err := h.status(t.Context(), ScriptCall{Script: "irc"})
	if err != nil || !st.Scripts[0].Stopped || st.Scripts[0].Waiting != 3 {
		t.Errorf("%+v, %v: want stopped, with 3 that wait", st.Scripts, err)
	}
}
