package control

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"time"
)

// Metric is one number about the host. Name is in Prometheus' form, labels included:
// `bridgehost_events_total{script="irc"}`.
type Metric struct {
	Name  string
	Value float64
}

// AdminHandler answers GET /health (200 when healthy is nil, else 503 with the reason) and
// GET /metrics in Prometheus' text form.
func AdminHandler(healthy func() error, metrics func() []Metric) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		answer := map[string]any{"ok": true}
		status := http.StatusOK
		if err := healthy(); err != nil {
			answer, status = map[string]any{"ok": false, "error": err.Error()}, http.StatusServiceUnavailable
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(answer) // the caller went away
	})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		values := map[string]float64{}
		for _, m := range metrics() {
			values[m.Name] = m.Value
		}
		for _, name := range slices.Sorted(maps.Keys(values)) {
			fmt.Fprintf(w, "%s %g\n", name, values[name])
		}
	})
	return mux
}

// ServeAdmin listens on address until close is called.
func ServeAdmin(address string, h http.Handler) (addr net.Addr, close func(), err error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, nil, fmt.Errorf("listen for health and metrics on %s: %w", address, err)
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	go s.Serve(l) //nolint:errcheck // ends with Close
	return l.Addr(), func() { s.Close() }, nil
}
