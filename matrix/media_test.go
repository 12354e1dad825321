package matrix

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestAnAnswerHasItsLimit(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(strings.Repeat("\x00", 100)))
	}))
	defer srv.Close()
	c := NewClient(ClientConfig{})
	r := Request{BaseURL: srv.URL, Method: "GET", Path: "/x", Binary: true, MaxAnswer: 100}
	if data, err := c.Do(t.Context(), r); err != nil || len(data) != 100 {
		t.Errorf("%d bytes, %v", len(data), err)
	}
	r.MaxAnswer = 99
	var refused *Error
	if _, err := c.Do(t.Context(), r); !errors.As(err, &refused) || refused.Code != "M_TOO_LARGE" {
		t.Errorf("%v, want M_TOO_LARGE", err)
	}
}

func FuzzParseMXC(f *testing.F) {
	for _, s := range []string{"mxc://a/b", "mxc://a/b/c", "https://a/b", "mxc:///b", "mxc://[::1]:8448/x", "mxc://a/..", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		server, id, err := ParseMXC(s)
		if err == nil && "mxc://"+server+"/"+id != s {
			t.Errorf("%q became %q and %q", s, server, id)
		}
		if err == nil && strings.Count(DownloadPath(server, id), "/") != 7 {
			t.Errorf("%q leaves its segments: %s", s, DownloadPath(server, id))
		}
	})
}
