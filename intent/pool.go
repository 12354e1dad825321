package intent

import (
	"net/http"
	"sync"

	"github.com/hashicorp/go-hclog"
	"github.com/jonboulle/clockwork"

	"bridgehost/matrix"
)

// Config is what all intents of a host share.
type Config struct {
	HomeserverURL string
	ServerName    string
	ASToken       string
	Bot           matrix.UserID // the registration's sender
	BridgeName    string        // double puppets mark their events with it; "" for no marks
	Retries       int           // repeats after a 502, 503, 504 or a failed connection; 0: none
	Store         StateStore
	HTTP          *http.Client // nil: one of our own
	Clock         clockwork.Clock
	Log           hclog.Logger
	// Owns tells which users are of our namespace; nil: not known, nothing is said early.
	Owns func(matrix.UserID) bool
}

// Pool hands out intents and keeps them. One serves all scripts; it is safe for
// concurrent use.
type Pool struct {
	cfg      Config
	client   *matrix.Client
	flight   flight
	cache    ephemeral
	levels   levelCache
	versions versionCache

	mu      sync.Mutex
	bots    map[matrix.UserID]*Intent
	ghosts  map[childKey]*Intent
	puppets map[childKey]*Intent
}

type childKey struct {
	bot, user matrix.UserID
	device    string
}

// NewPool makes a pool. Store is required; the clock, log and HTTP client have defaults.
func NewPool(cfg Config) *Pool {
	if cfg.Clock == nil {
		cfg.Clock = clockwork.NewRealClock()
	}
	if cfg.Log == nil {
		cfg.Log = hclog.NewNullLogger()
	}
	return &Pool{
		cfg:     cfg,
		client:  matrix.NewClient(matrix.ClientConfig{HTTP: cfg.HTTP, Clock: cfg.Clock, Log: cfg.Log, Retries: cfg.Retries}),
		bots:    map[matrix.UserID]*Intent{},
		ghosts:  map[childKey]*Intent{},
		puppets: map[childKey]*Intent{},
	}
}

// Store is the state store of all intents.
func (p *Pool) Store() StateStore { return p.cfg.Store }

// ServerName is the server part of our users' ids.
func (p *Pool) ServerName() string { return p.cfg.ServerName }

// Bot is the intent of a bot: a script's, or for "" the registration's own. The same
// user gives the same intent; its Bot is nil.
func (p *Pool) Bot(user matrix.UserID) *Intent {
	if user == "" {
		user = p.cfg.Bot
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	i := p.bots[user]
	if i == nil {
		i = &Intent{pool: p, user: user, asToken: true}
		p.bots[user] = i
	}
	return i
}
