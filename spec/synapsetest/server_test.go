package synapsetest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"bridgehost/spec/synapsetest"
)

func TestRunsKeepsItsDataAndPushesTransactions(t *testing.T) {
	bodies := make(chan string, 1000)
	as := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var txn struct{ Events []synapsetest.Event }
		json.NewDecoder(r.Body).Decode(&txn)
		for _, e := range txn.Events {
			bodies <- e.Body()
		}
		fmt.Fprint(w, "{}")
	}))
	t.Cleanup(as.Close)
	registration := filepath.Join(t.TempDir(), "registration.yaml")
	text := fmt.Sprintf(`{"id": "t", "url": %q, "as_token": "as", "hs_token": "hs", "sender_localpart": "_t_bot",
"namespaces": {"users": [{"exclusive": true, "regex": "@_t_.*"}], "rooms": [], "aliases": []}}`, as.URL)
	if err := os.WriteFile(registration, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}

	began := time.Now()
	hs := synapsetest.Start(t, synapsetest.Options{Registrations: []string{registration}})
	t.Logf("started in %s", time.Since(began).Round(time.Millisecond))
	alice, bob := hs.User("alice"), hs.User("bob")
	room := alice.CreateRoom(map[string]any{"preset": "public_chat", "invite": []string{"@_t_bot:" + hs.ServerName}})
	bob.Join(room)
	hs.As("as", "").Join(room)
	sent := alice.Text(room, "hello")

	is := func(e synapsetest.Event) bool { return e.ID == sent }
	if got := bob.WaitFor(room, "hello", is); got.Body() != "hello" || got.Sender != alice.UserID {
		t.Errorf("bob sees %+v", got)
	}
	limit := time.After(time.Minute)
	for got := ""; got != "hello"; {
		select {
		case got = <-bodies:
		case <-limit:
			t.Fatal("no transaction with the message came to the application service")
		}
	}

	began = time.Now()
	hs.Restart()
	t.Logf("restarted in %s", time.Since(began).Round(time.Millisecond))
	if !slices.ContainsFunc(bob.Messages(room), is) {
		t.Error("the message is gone after a restart")
	}
	joins := 0
	for _, r := range hs.Requests() {
		if r.User == bob.UserID && r.Verb(room) == "join" && r.Status == http.StatusOK {
			joins++
		}
	}
	if joins != 1 {
		t.Errorf("Synapse's log tells of %d joins of bob, want 1", joins)
	}
}
