package host

import (
	"fmt"
	"strings"
	"time"

	"bridgehost/diag"
	"bridgehost/engine"
)

// shownEvery is how often the log tells of an error that comes again and again.
const shownEvery = time.Minute

// onReport tells the log, or the reporter, of an error: once in full, then once a minute
// with a count.
func (h *Host) onReport(r engine.Report) {
	text := renderReport(r, h.opts.Color)
	if h.opts.Report != nil {
		h.opts.Report.Failed(r, text)
		return
	}
	if h.shownLately(r) {
		return
	}
	keys := []any{"script", r.Script, "generation", r.Generation, "in", r.Label, "err", r.Err}
	if r.Seen > 1 {
		h.log.Error("script failed again", append(keys, "seen_in_a_minute", r.Seen)...)
		return
	}
	h.logWith(text, "script failed", keys...)
}

// renderReport is the text of an error: the same in the terminal, in status and for a Reporter.
func renderReport(r engine.Report, color bool) string {
	o := diag.Options{Color: color}
	if r.Seen > 1 {
		o.Seen = fmt.Sprintf("%d times in the last minute", r.Seen)
	}
	return diag.Render(r.Err, diag.Files(r.Sources), o)
}

// shownLately tells whether the log has said so within the last minute; if not, it does now.
func (h *Host) shownLately(r engine.Report) bool {
	key := r.Script + "\x00" + r.Err.Error()
	now := h.clock.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	if at, ok := h.lately[key]; ok && r.Seen > 1 && now.Sub(at) < shownEvery {
		return true
	}
	for k, at := range h.lately {
		if now.Sub(at) >= shownEvery {
			delete(h.lately, k)
		}
	}
	h.lately[key] = now
	return false
}

// logWith logs an error together with its text for reading.
func (h *Host) logWith(text, message string, keys ...any) {
	if h.opts.Errors == nil {
		h.log.Error(message, append(keys, "details", strings.TrimSpace(text))...)
		return
	}
	h.logs.explained(message, strings.TrimSpace(text), func() { h.log.Error(message, keys...) })
	fmt.Fprintf(h.opts.Errors, "\n%s\n", text)
}
