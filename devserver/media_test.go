package devserver

import (
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
)

func TestDownloadsWaitForTheFile(t *testing.T) {
	clock := clockwork.NewFakeClock()
	hs, b := setUp(t, Options{Clock: clock})
	alice := hs.User("alice")
	var first string
	for n := range maxPendingMedia {
		a := b.as(alice.Token, "POST", "/_matrix/media/v1/create", object{})
		if a.status != 200 {
			t.Fatal(a.raw)
		}
		if n == 0 {
			first = a.body["content_uri"].(string)[len("mxc://"):]
		}
	}
	b.as(alice.Token, "POST", "/_matrix/media/v1/create", object{}).expect(t, "too many", 429, "M_LIMIT_EXCEEDED", "")
	got := make(chan answer)
	get := func(query string) {
		go func() { got <- b.as(alice.Token, "GET", "v1/media/download/"+first+query, nil) }()
	}
	wait := func() {
		t.Helper()
		done(t, clock.BlockUntilContext(t.Context(), 1))
		clock.Advance(mediaPoll)
	}
	get("?timeout_ms=0")
	(<-got).expect(t, "at once", 504, "M_NOT_YET_UPLOADED", "Media has not been uploaded yet")
	get("?timeout_ms=900")
	wait()
	wait()
	(<-got).expect(t, "in vain", 504, "M_NOT_YET_UPLOADED", "Media has not been uploaded yet")
	get("")
	wait()
	if a := b.as(alice.Token, "PUT", "/_matrix/media/v3/upload/"+first, "hello"); a.status != 200 {
		t.Fatal(a.raw)
	}
	go func() { // unless the download has looked again already
		if clock.BlockUntilContext(t.Context(), 1) == nil {
			clock.Advance(mediaPoll)
		}
	}()
	if a := <-got; a.raw != "hello" {
		t.Errorf("%d %s", a.status, a.raw)
	}
	old := b.as(alice.Token, "POST", "/_matrix/media/v1/create", object{}).body["content_uri"].(string)[len("mxc://"):]
	clock.Advance(mediaExpires + time.Second)
	b.as(alice.Token, "PUT", "/_matrix/media/v3/upload/"+old, "hello").expect(t, "too late", 404, "M_NOT_FOUND", "Media ID has expired")
	b.as(alice.Token, "GET", "v1/media/download/"+old, nil).expect(t, "expired", 404, "M_NOT_FOUND", "Not found")
}
