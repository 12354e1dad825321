package examples_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// gitHub delivers a ping, again and again until the bridge listens, and then an issue. It returns
// the configuration of webhook.lua.
func gitHub(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close() // the bridge will have it
	go func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for deliver(address, "ping", `{"zen":"Keep it logically awesome."}`) != http.StatusNoContent {
			select {
			case <-tick.C:
			case <-t.Context().Done():
				return
			}
		}
		deliver(address, "issues", `{"action":"opened","sender":{"login":"ada"},"issue":{"number":7,"title":"It breaks","html_url":"https://github.test/7"}}`)
	}()
	return fmt.Sprintf("[homeserver]\nurl = \"http://127.0.0.1\"\nname = \"bh.test\"\n\n[http]\nlisten = %q\n\n[scripts.config.webhook]\nroom = \"#webhook:bh.test\"\nsecret = %q\n",
		address, hookSecret)
}

const hookSecret = "not a secret"

// deliver answers the status, 0 when nobody listens.
func deliver(address, event, body string) int {
	mac := hmac.New(sha256.New, []byte(hookSecret))
	io.WriteString(mac, body)
	q, err := http.NewRequest("POST", "http://"+address+"/hook/webhook/github", strings.NewReader(body))
	if err != nil {
		return 0
	}
	q.Header.Set("X-GitHub-Event", event)
	q.Header.Set("X-GitHub-Delivery", "delivery of "+event)
	q.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		return 0
	}
	res.Body.Close()
	return res.StatusCode
}
