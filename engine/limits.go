package engine

import "time"

// Limits is what one script may use. Zero fields take the default.
type Limits struct {
	CPU         time.Duration // computing between two waits
	Handler     time.Duration // one run of a handler, waits included
	Load        time.Duration // the top level, and the load event
	Memory      int64         // what the script's values may hold, in bytes
	Handlers    int           // at once
	CallDepth   int           // Lua calls within one protected call
	String      int           // length of one string, in bytes
	Timers      int           // of every, after, spawn, cron
	Queue       int           // items waiting in memory
	Connections int           // open at once
	OpenFiles   int           // at once
	Database    int64         // bytes of the script's own database
}

// DefaultLimits are those that the manual names.
func DefaultLimits() Limits {
	return Limits{
		CPU: 5 * time.Second, Handler: time.Minute, Load: 5 * time.Second,
		Memory: 64 << 20, Handlers: 64, CallDepth: 200, String: 16 << 20,
		Timers: 1000, Queue: 1000, Connections: 64, OpenFiles: 64, Database: 50 << 20,
	}
}

// withDefaults fills in what is zero.
func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	orDefault(&l.CPU, d.CPU)
	orDefault(&l.Handler, d.Handler)
	orDefault(&l.Load, d.Load)
	orDefault(&l.Memory, d.Memory)
	orDefault(&l.Handlers, d.Handlers)
	orDefault(&l.CallDepth, d.CallDepth)
	orDefault(&l.String, d.String)
	orDefault(&l.Timers, d.Timers)
	orDefault(&l.Queue, d.Queue)
	orDefault(&l.Connections, d.Connections)
	orDefault(&l.OpenFiles, d.OpenFiles)
	orDefault(&l.Database, d.Database)
	return l
}

func orDefault[T int | int64 | time.Duration](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}

// What every VM has, whatever its limits. Source: measured on gopher-lua 1.1.2.
const (
	maxNesting      = 190     // protected calls, coroutines and callbacks within each other: each is a nested Go call
	maxArrayIndex   = 1 << 20 // t[67108863] = 1 would make an array of 1 GB
	registrySize    = 256     // values of a fresh thread
	registryMaxSize = 65536   // and of one that recursed
	registryGrow    = 4096    // the stock step of 32 is quadratic
	pollEvery       = 10000   // instructions between two looks at the clock
	maxPooled       = 32      // threads kept for the next handlers
	maxResults      = 8000    // of unpack, string.byte
)
