package host

import (
	"errors"
	"time"

	"bridgehost/engine"
)

// Config is bridgehost.toml. Paths in it are absolute once it is read. What each key does stands
// in its tag, for `config show` and the schema.
type Config struct {
	Data       string           `toml:"data" doc:"the folder of the database, the scripts' stores and the control socket"`
	Homeserver HomeserverConfig `toml:"homeserver" doc:"where the homeserver is"`
	Appservice AppserviceConfig `toml:"appservice" doc:"how the homeserver reaches us"`
	Scripts    ScriptsConfig    `toml:"scripts" doc:"which scripts run, and how"`
	Storage    StorageConfig    `toml:"storage" doc:"how sure a write must be"`
	HTTP       ListenConfig     `toml:"http" doc:"the routes of scripts, /hook/NAME/…; off while no script has one"`
	Admin      ListenConfig     `toml:"admin" doc:"health and metrics"`
	Index      []IndexConfig    `toml:"index" doc:"where bundles are found by name: the first that has one counts"`

	// Path is where it was read; "" for a made one.
	Path string `toml:"-"`
	// source is the text that it was read from; nil for a made one.
	source *configSource
}

// HomeserverConfig says where the homeserver is.
type HomeserverConfig struct {
	URL     string `toml:"url" doc:"its address, such as https://matrix.example.org"`
	Name    string `toml:"name" doc:"what stands after the colon in user ids"`
	Retries int    `toml:"retries" doc:"how often a request is made again on 502, 503, 504 and failed connections"`
}

// AppserviceConfig says how the homeserver reaches us.
type AppserviceConfig struct {
	Registration string `toml:"registration" doc:"the file with the tokens, the bot's name and the namespaces"`
	Listen       string `toml:"listen" doc:"the address that the homeserver connects to"`
	Prefix       string `toml:"prefix" doc:"bots are @PREFIXname, ghosts @PREFIXname_…; it must lie in the registration's namespace"`
	BridgeName   string `toml:"bridge_name" doc:"marks a double puppet's own events"`
}

// ScriptsConfig says which scripts run, and how.
type ScriptsConfig struct {
	Dir      string                    `toml:"dir" doc:"the folder of the scripts: NAME.lua, or NAME/"`
	Watch    bool                      `toml:"watch" doc:"a saved script is loaded again by itself, and so is a changed value of its configuration"`
	Admins   []string                  `toml:"admins" doc:"users who may give administrators' commands"`
	Update   string                    `toml:"update" doc:"\"auto\": bundles are updated daily, when they ask for no more than before"`
	Config   map[string]map[string]any `toml:"config" doc:"what bridge.config of each script sees"`
	Limits   LimitsConfig              `toml:"limits" doc:"what every script may use"`
	LimitsOf map[string]LimitsConfig   `toml:"limits_of" doc:"what one script may use"`
	// DirsOf are the directories that bridge.fs of a script reaches: name = "path".
	DirsOf map[string]map[string]string `toml:"dirs_of" doc:"the directories that bridge.fs of a script reaches, by the names that it calls them"`
}

// IndexConfig is one place with bundles.
type IndexConfig struct {
	URL string `toml:"url" doc:"of its folder, or of its index.json"`
	Key string `toml:"key" doc:"the public key by which it is signed"`
}

// LimitsConfig is what scripts may use; empty values keep the default.
type LimitsConfig struct {
	CPU         Duration `toml:"cpu" doc:"computing between two waits"`
	Handler     Duration `toml:"handler" doc:"one run of an event handler, waits included"`
	Memory      Size     `toml:"memory" doc:"what its values may hold"`
	String      Size     `toml:"string" doc:"the longest text"`
	Handlers    int      `toml:"max_concurrent_handlers" doc:"handlers that run at once"`
	Connections int      `toml:"connections" doc:"connections open at once"`
	CallDepth   int      `toml:"call_depth" doc:"calls within each other"`
	Timers      int      `toml:"timers" doc:"timers and spawned tasks at once"`
	Queue       int      `toml:"queue" doc:"items that wait in memory"`
	OpenFiles   int      `toml:"open_files" doc:"files open at once"`
	SQL         Size     `toml:"sql" doc:"of the file of bridge.sql"`
}

// StorageConfig says how sure a write must be.
type StorageConfig struct {
	Durability string `toml:"durability" doc:"full: on disk before the answer; normal: survives a crash, not always a power cut"`
}

// ListenConfig is an address to listen on, by default on this machine only.
type ListenConfig struct {
	Listen string `toml:"listen" doc:"an address on this machine; an empty one turns it off"`
}

// ErrConfig is wrapped by every error about bridgehost.toml (exit code 3).
var ErrConfig = errors.New("configuration not valid")

// DefaultConfig has every key's default; url, name and registration have none that fit everybody.
func DefaultConfig() Config {
	return Config{
		Data:       "data",
		Homeserver: HomeserverConfig{Retries: 5},
		Appservice: AppserviceConfig{Registration: "registration.yaml", Listen: "127.0.0.1:29333", Prefix: "_bh_", BridgeName: "bridgehost"},
		Scripts:    ScriptsConfig{Dir: "scripts", Watch: true},
		Storage:    StorageConfig{Durability: "full"},
		HTTP:       ListenConfig{Listen: "127.0.0.1:29335"},
		Admin:      ListenConfig{Listen: "127.0.0.1:29334"},
	}
}

// LimitsFor are the limits of one script.
func (c *Config) LimitsFor(script string) engine.Limits {
	l := engine.DefaultLimits()
	for _, from := range []LimitsConfig{c.Scripts.Limits, c.Scripts.LimitsOf[script]} {
		set(&l.CPU, time.Duration(from.CPU))
		set(&l.Handler, time.Duration(from.Handler))
		set(&l.Memory, int64(from.Memory))
		set(&l.String, int(from.String))
		set(&l.Handlers, from.Handlers)
		set(&l.Connections, from.Connections)
		set(&l.CallDepth, from.CallDepth)
		set(&l.Timers, from.Timers)
		set(&l.Queue, from.Queue)
		set(&l.OpenFiles, from.OpenFiles)
		set(&l.SQL, int64(from.SQL))
	}
	return l
}

func set[T comparable](to *T, v T) {
	var zero T
	if v != zero {
		*to = v
	}
}
