package host

import (
	"errors"
	"fmt"
	"runtime"

	"bridgehost/control"
)

// serveAdmin offers health and metrics. A port that is taken keeps nobody from running.
func (h *Host) serveAdmin() (stop func()) {
	if h.cfg.Admin.Listen == "" || h.opts.only != nil {
		return func() {}
	}
	addr, end, err := control.ServeAdmin(h.cfg.Admin.Listen, control.AdminHandler(h.healthy, h.metrics))
	if err != nil {
		h.log.Warn("no health and metrics (admin.listen)", "err", err)
		return func() {}
	}
	h.log.Debug("health and metrics", "listen", addr.String())
	reached := h.egress.Protect(addr)
	return func() {
		end()
		reached()
	}
}

// healthy is nil while every script has a generation that runs.
func (h *Host) healthy() error {
	var errs []error
	for _, s := range h.all() {
		if s.Current() == nil {
			errs = append(errs, fmt.Errorf("script %s: nothing runs", s.Name))
		}
	}
	return errors.Join(errs...)
}

func (h *Host) metrics() []control.Metric {
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	list := []control.Metric{
		{Name: "bridgehost_heap_bytes", Value: float64(mem.HeapAlloc)},
		{Name: "bridgehost_goroutines", Value: float64(runtime.NumGoroutine())},
		{Name: "bridgehost_uptime_seconds", Value: h.clock.Since(h.started).Seconds()},
		{Name: "bridgehost_inbox", Value: float64(h.inbox.size())},
	}
	for _, s := range h.all() {
		st := s.Status()
		of := func(name string, v int) {
			list = append(list, control.Metric{Name: fmt.Sprintf("bridgehost_%s{script=%q}", name, s.Name), Value: float64(v)})
		}
		of("generation", st.Generation)
		of("events", st.Events)
		of("errors_total", st.Errors)
		of("backlog", st.Backlog)
		of("handles", st.Handles)
	}
	return list
}
