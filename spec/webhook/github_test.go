package webhook

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// secret is the one of GitHub's documentation.
const secret = "It's a Secret to Everybody"

// delivery is one as GitHub sends it.
type delivery struct {
	id, event string
	body      []byte
	change    func(*http.Request) // what is not as it should be; nil: nothing
}

// payload is one of testdata: bodies in the form of GitHub's deliveries, with all that they carry.
func payload(t *testing.T, name string) []byte {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSpace(body)
}

func sum(kind func() hash.Hash, body []byte) string {
	mac := hmac.New(kind, []byte(secret))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// gitHub delivers to an address.
type gitHub struct {
	url    string
	client http.Client
}

// post delivers once and returns the status, or 0 when the connection broke before an answer.
func (g *gitHub) post(t *testing.T, d delivery) (status int, answer string) {
	q, err := http.NewRequest(http.MethodPost, g.url, bytes.NewReader(d.body))
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	for name, value := range map[string]string{
		"Accept": "*/*", "Content-Type": "application/json", "User-Agent": "GitHub-Hookshot/9f3c2ab",
		"X-GitHub-Event": d.event, "X-GitHub-Delivery": d.id, "X-GitHub-Hook-ID": "500600700",
		"X-GitHub-Hook-Installation-Target-ID": "900100200", "X-GitHub-Hook-Installation-Target-Type": "repository",
		"X-Hub-Signature": "sha1=" + sum(sha1.New, d.body), "X-Hub-Signature-256": "sha256=" + sum(sha256.New, d.body),
	} {
		q.Header.Set(name, value)
	}
	if d.change != nil {
		d.change(q)
	}
	res, err := g.client.Do(q)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body) // a host that is killed cuts it off; the status has come
	return res.StatusCode, string(text)
}

// repeated delivers until it is answered 2xx, as a person does who clicks "Redeliver"; it
// returns how often it was posted, and how often the connection broke.
func (g *gitHub) repeated(t *testing.T, d delivery) (posts, broken int) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); <-tick.C {
		posts++
		status, _ := g.post(t, d)
		switch {
		case status == 0:
			broken++
		case status/100 == 2:
			return posts, broken
		case status != http.StatusServiceUnavailable:
			t.Errorf("%s: answered %d", d.id, status)
			return posts, broken
		}
	}
	t.Errorf("%s: not delivered within two minutes", d.id)
	return posts, broken
}

// guid is the name of a delivery.
func guid(n int) string { return fmt.Sprintf("%08x-5a1e-11f1-9d2c-0242ac120002", n) }
