package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"bridgehost/control"
)

// Text is the record as one line for reading; details stand below it.
func (r LogRecord) Text(now time.Time) string {
	form := "15:04:05"
	if t, now := r.Time.Local(), now.Local(); t.YearDay() != now.YearDay() || t.Year() != now.Year() {
		form = "2006-01-02 15:04:05"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %-5s ", r.Time.Local().Format(form), strings.ToUpper(r.Level))
	if _, name, ok := strings.Cut(r.Logger, "."); ok {
		b.WriteString(name + ": ")
	}
	b.WriteString(r.Message)
	keys := slices.Sorted(maps.Keys(r.Fields))
	slices.SortStableFunc(keys, func(a, b string) int { return rank(a) - rank(b) })
	for _, k := range keys {
		v := fmt.Sprint(r.Fields[k])
		if v == "" || strings.ContainsAny(v, " \"\n\t") {
			v = strconv.Quote(v)
		}
		fmt.Fprintf(&b, " %s=%s", k, v)
	}
	b.WriteString("\n")
	if r.Details != "" {
		for line := range strings.SplitSeq(strings.TrimSpace(r.Details), "\n") {
			b.WriteString("    " + strings.TrimRight(line, " ") + "\n")
		}
	}
	return b.String()
}

// rank puts a script's name first and the reason last.
func rank(key string) int {
	switch key {
	case "script":
		return -1
	case "err":
		return 1
	}
	return 0
}

// Logs hands what the host that runs with cfg has logged to show, one record after the
// other. With Follow it returns when ctx ends, or the host does.
func Logs(ctx context.Context, cfg Config, in LogsCall, show func(LogRecord) error) error {
	err := callLines(ctx, cfg, CallLogs, in, show)
	if in.Follow && errors.Is(err, control.ErrEnded) {
		return nil
	}
	return err
}

// callLines is Call for an answer that comes in parts.
func callLines[T any](ctx context.Context, cfg Config, name string, in any, take func(T) error) error {
	return told(cfg, name, control.CallLines(ctx, cfg.Data, name, in, func(line json.RawMessage) error {
		var v T
		if err := json.Unmarshal(line, &v); err != nil {
			return fmt.Errorf("the answer to %s is not understood: %w", name, err)
		}
		return take(v)
	}))
}
