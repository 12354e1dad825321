package host

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/jonboulle/clockwork"

	"bridgehost/control"
)

// How much of the log the running host keeps: the newest records, within both bounds.
const (
	logsMost      = 10_000
	logsBytesMost = 8 << 20
	logValueMost  = 8 << 10 // of one text
)

// LogRecord is one line of the host's log.
type LogRecord struct {
	Time    time.Time      `json:"time"`
	Level   string         `json:"level"`
	Logger  string         `json:"logger,omitempty"`
	Message string         `json:"message"`
	Fields  map[string]any `json:"fields,omitempty"` // texts, numbers and booleans
	Details string         `json:"details,omitempty"`
}

// logs keeps the newest records of the log in memory. It is a sink of the host's logger.
type logs struct {
	clock clockwork.Clock
	level hclog.Level // what is below is not kept

	mu    sync.Mutex
	kept  []LogRecord
	first int           // the number of kept[0]; each record has the next number
	bytes int           // of kept, about
	news  chan struct{} // closed and replaced when there is a new record
	ended bool

	saying           sync.Mutex // one explains at a time
	message, details string     // of the record that is explained
}

func newLogs(clock clockwork.Clock, level hclog.Level) *logs {
	return &logs{clock: clock, level: level, news: make(chan struct{})}
}

// keepLogs makes the host remember what log says, if log lets it.
func keepLogs(log hclog.Logger, clock clockwork.Clock) (kept *logs, stop func()) {
	level := hclog.Info
	if log.IsDebug() {
		level = hclog.Debug
	}
	kept = newLogs(clock, level)
	sinks, ok := log.(hclog.InterceptLogger)
	if !ok {
		return kept, func() {}
	}
	sinks.RegisterSink(kept)
	return kept, func() { sinks.DeregisterSink(kept) }
}

// Accept implements hclog.SinkAdapter.
func (l *logs) Accept(name string, level hclog.Level, msg string, args ...any) {
	if level < l.level {
		return
	}
	r := LogRecord{Time: l.clock.Now(), Level: level.String(), Logger: name, Message: cut(msg)}
	for i := 0; i+1 < len(args); i += 2 {
		key := fmt.Sprint(args[i])
		if key == "details" {
			r.Details = cut(fmt.Sprint(args[i+1]))
			continue
		}
		if r.Fields == nil {
			r.Fields = map[string]any{}
		}
		r.Fields[key] = plain(args[i+1])
	}
	l.add(r)
}

// plain is a value that JSON carries and that holds nothing else in memory.
func plain(v any) any {
	switch v := v.(type) {
	case bool, int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64, float32, float64:
		return v
	case string:
		return cut(v)
	case hclog.Format:
		if len(v) > 0 {
			return cut(fmt.Sprintf(fmt.Sprint(v[0]), v[1:]...))
		}
	}
	return cut(fmt.Sprint(v))
}

func cut(s string) string {
	if len(s) > logValueMost {
		return strings.ToValidUTF8(s[:logValueMost], "") + " …"
	}
	return strings.Clone(s)
}

// add keeps r and lets go of what is too much.
func (l *logs) add(r LogRecord) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.Details == "" && r.Message == l.message {
		r.Details = l.details
	}
	l.kept = append(l.kept, r)
	l.bytes += r.size()
	drop := 0
	for len(l.kept)-drop > logsMost || l.bytes > logsBytesMost && len(l.kept)-drop > 1 {
		l.bytes -= l.kept[drop].size()
		l.kept[drop] = LogRecord{}
		drop++
	}
	l.kept, l.first = l.kept[drop:], l.first+drop
	close(l.news)
	l.news = make(chan struct{})
}

// explained lets say log a message and keeps details with it that the log itself shows
// elsewhere.
func (l *logs) explained(message, details string, say func()) {
	l.saying.Lock()
	defer l.saying.Unlock()
	l.mu.Lock()
	l.message, l.details = message, cut(details)
	l.mu.Unlock()
	say()
	l.mu.Lock()
	l.message, l.details = "", ""
	l.mu.Unlock()
}

// size is about what r takes in memory.
func (r *LogRecord) size() int {
	n := 200 + len(r.Logger) + len(r.Message) + len(r.Details)
	for k, v := range r.Fields {
		n += 64 + len(k)
		if s, ok := v.(string); ok {
			n += len(s)
		}
	}
	return n
}

// since returns the kept records from number n on, the number that comes next, and a
// channel that is closed when it has come or the host ends.
func (l *logs) since(n int) (records []LogRecord, next int, news <-chan struct{}, ended bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if skip := n - l.first; skip < len(l.kept) {
		records = append(records, l.kept[max(skip, 0):]...)
	}
	return records, l.first + len(l.kept), l.news, l.ended
}

// end tells those who follow that nothing more comes.
func (l *logs) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ended {
		l.ended = true
		close(l.news)
		l.news = make(chan struct{})
	}
}

// LogsCall asks for what the running host has logged.
type LogsCall struct {
	Follow bool          `json:"follow,omitempty"` // go on with what comes
	Script string        `json:"script,omitempty"`
	Room   string        `json:"room,omitempty"`
	Level  string        `json:"level,omitempty"`    // this one and those above; "": all that is kept
	Since  time.Duration `json:"since_ns,omitempty"` // how far back; 0: all that is kept
}

// Check tells of a level that is none.
func (c LogsCall) Check() error {
	if c.Level != "" && hclog.LevelFromString(c.Level) == hclog.NoLevel {
		return fmt.Errorf("--level: debug, info, warn or error is expected, got %q", c.Level)
	}
	return nil
}

// wants tells whether r is asked for; not before from.
func (c LogsCall) wants(r *LogRecord, from time.Time) bool {
	switch {
	case r.Time.Before(from):
		return false
	case c.Level != "" && hclog.LevelFromString(r.Level) < hclog.LevelFromString(c.Level):
		return false
	case c.Script != "" && !r.of(c.Script):
		return false
	case c.Room != "":
		return r.Fields["room_id"] == c.Room || r.Fields["room"] == c.Room
	}
	return true
}

// of tells whether r is about a script: it says so, or the script's logger wrote it.
func (r *LogRecord) of(script string) bool {
	if r.Fields["script"] == script {
		return true
	}
	_, name, _ := strings.Cut(r.Logger, ".")
	return name == script || strings.HasPrefix(name, script+".")
}

// sendLogs answers CallLogs.
func (h *Host) sendLogs(ctx context.Context, in LogsCall) (control.Lines, error) {
	if err := in.Check(); err != nil {
		return nil, &control.Error{Message: err.Error(), Exit: 2}
	}
	if in.Script != "" {
		if _, err := h.named(in.Script); err != nil {
			return nil, err
		}
	}
	var from time.Time
	if in.Since > 0 {
		from = h.clock.Now().Add(-in.Since)
	}
	return func(emit func(any) error) error {
		for n := 0; ; {
			records, next, news, ended := h.logs.since(n)
			if missed := next - len(records) - n; n > 0 && missed > 0 {
				if err := emit(LogRecord{Time: h.clock.Now(), Level: "warn", Message: fmt.Sprintf("%d records are left out: they came faster than they were read", missed)}); err != nil {
					return err
				}
			}
			for i := range records {
				if in.wants(&records[i], from) {
					if err := emit(records[i]); err != nil {
						return err
					}
				}
			}
			n = next
			if !in.Follow || ended {
				return nil
			}
			select {
			case <-news:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}, nil
}
