package luabind

import (
	"math"
	"time"

	"bridgehost/capability"
)

var timeModule = module("bridge.time", "Points in time, as seconds since 1970 by the host's clock.")

const noPowerClock = "tells the time"

var _ = fn(timeModule, "now", capability.None(noPowerClock), never, "Seconds since 1970, with a fraction.",
	func(c *Call, _ *struct{}) (float64, error) {
		return float64(c.VM.Clock().Now().UnixMicro()) / 1e6, nil
	}, example(`local began = time.now()`))

var _ = fn(timeModule, "ms", capability.None(noPowerClock), never, "Milliseconds since 1970, as in events (`evt.ts`).",
	func(c *Call, _ *struct{}) (float64, error) {
		return float64(c.VM.Clock().Now().UnixMilli()), nil
	}, example(`local age = time.ms() - evt.ts`))

var _ = fn(timeModule, "parse", capability.None(noPowerClock), never,
	"Reads a time as RFC 3339 writes it (\"2026-03-01T12:00:00Z\"). nil and an error when it is none.",
	func(c *Call, a *struct {
		Text string `lua:"text" doc:"the time"`
	}) (results2, error) {
		t, err := time.Parse(time.RFC3339Nano, a.Text)
		if err != nil {
			return c.returned(usage("%s is no time as RFC 3339 writes it", quoted(a.Text))), nil
		}
		return results2{c.ToLua(float64(t.UnixMicro()) / 1e6)}, nil
	}, results("Seconds since 1970, or nil and an error."), errcodes("E_ARGUMENT"), example(`local at = time.parse("2026-03-01T12:00:00Z")`))

var _ = fn(timeModule, "format", capability.None(noPowerClock), never,
	"Writes a time as RFC 3339 does, in UTC.",
	func(_ *Call, a *struct {
		Time float64 `lua:"time" doc:"seconds since 1970"`
	}) (string, error) {
		if math.IsNaN(a.Time) || math.Abs(a.Time) > 253402300799 { // the end of the year 9999
			return "", usage("bad argument #1 'time' to 'format' (seconds since 1970 expected, got %s)", formatNumber(a.Time))
		}
		return time.UnixMicro(int64(math.Round(a.Time * 1e6))).UTC().Format(time.RFC3339Nano), nil
	}, errcodes("E_ARGUMENT"), example(`evt:reply("it is " .. time.format(time.now()))`))

var _ = fn(timeModule, "duration", capability.None(noPowerClock), never,
	"Reads a duration (\"20s\", \"1h30m\", \"7d\", or seconds) as seconds.",
	func(_ *Call, a *struct {
		Duration time.Duration `lua:"duration" doc:"the duration"`
	}) (time.Duration, error) {
		return a.Duration, nil
	}, example(`local seconds = time.duration("1h30m")`))
