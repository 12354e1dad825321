package host

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"bridgehost/appservice"
)

// answers is a web server with fixed answers.
func answers(t *testing.T, pages map[string]string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if page, ok := pages[r.URL.Path]; ok {
			_, _ = w.Write([]byte(page))
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestProbeFindsTheHomeserver(t *testing.T) {
	versions := map[string]string{"/_matrix/client/versions": `{"versions":["v1.11"]}`}
	plain := answers(t, versions)
	synapse := answers(t, map[string]string{
		"/_matrix/client/versions":       `{"versions":["v1.11"]}`,
		"/_matrix/federation/v1/version": `{"server":{"name":"Synapse","version":"1.163.2 (b=x)"}}`,
		"/_matrix/key/v2/server":         `{"server_name":"example.org"}`,
	})
	known := answers(t, map[string]string{"/.well-known/matrix/client": `{"m.homeserver":{"base_url":"` + plain + `/"}}`})
	for _, c := range []struct {
		typed string
		want  probed
	}{
		{plain + "/", probed{URL: plain}},
		{" " + synapse, probed{URL: synapse, Name: "example.org", Software: "Synapse 1.163.2"}},
		{known, probed{URL: plain, Name: strings.TrimPrefix(known, "http://")}},
	} {
		got, err := probe(t.Context(), c.typed)
		if err != nil || got != c.want {
			t.Errorf("%q: %+v, %v; want %+v", c.typed, got, err, c.want)
		}
	}
	for typed, want := range map[string]string{
		"":                   "is no address",
		"ftp://example.org":  "is no address",
		"http://127.0.0.1:1": "connection refused",
		answers(t, nil):      "status 404",
		answers(t, map[string]string{"/_matrix/client/versions": "<html>"}): "no homeserver",
	} {
		if _, err := probe(t.Context(), typed); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", typed, err, want)
		} else if !strings.Contains(want, "address") && !errors.Is(err, ErrHomeserver) {
			t.Errorf("%q: exit code %d", typed, ExitCode(err))
		}
	}
}

func TestUnreachedSaysWhatToDo(t *testing.T) {
	for _, c := range []struct{ listen, url, want string }{
		{"127.0.0.1:29333", "http://localhost:29333", "is the container itself"},
		{"127.0.0.1:29333", "http://10.0.0.1:29333", "which only this machine reaches"},
		{"0.0.0.0:29333", "http://10.0.0.1:29334", "port 29334"},
		{"0.0.0.0:29333", "http://10.0.0.1:29333", "firewall"},
	} {
		cfg := DefaultConfig()
		cfg.Appservice.Listen = c.listen
		reg := registrationAt(c.url)
		if got := (&legs{cfg: cfg, reg: reg}).unreached(); !strings.Contains(got, c.want) {
			t.Errorf("%s to %s: %q, want %q", c.url, c.listen, got, c.want)
		}
	}
}

func registrationAt(url string) *appservice.Registration { return &appservice.Registration{URL: &url} }
