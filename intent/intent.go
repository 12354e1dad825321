package intent

import (
	"github.com/hashicorp/go-hclog"

	"bridgehost/matrix"
)

// Intent acts as one Matrix user. It does not change; all that it learns is in the
// pool and the state store.
type Intent struct {
	pool    *Pool
	user    matrix.UserID
	bot     *Intent // nil for a bot
	token   string  // "": the application service's
	baseURL string  // "": the homeserver of the configuration
	asToken bool    // the token is an application service's: user_id goes along
	device  string  // "": none, as for most users of an application service
}

// UserOptions are those of User (ID-2, ID-5).
type UserOptions struct {
	Token    string // a double puppet's own token; "" for a ghost
	BaseURL  string // another homeserver, for double puppets only
	ASToken  bool   // Token is another application service's
	DeviceID string // a device of the user's, not with the user's own token, which has one
}

// MXID is the user that acts.
func (i *Intent) MXID() matrix.UserID { return i.user }

// Bot is the bot that helps this user into rooms; nil for a bot itself.
func (i *Intent) Bot() *Intent { return i.bot }

// StateStore is shared by all intents.
func (i *Intent) StateStore() StateStore { return i.pool.cfg.Store }

// Log is the log of this user's calls.
func (i *Intent) Log() hclog.Logger { return i.pool.cfg.Log.With("user_id", string(i.user)) }

// Pool is where the intent comes from.
func (i *Intent) Pool() *Pool { return i.pool }

// IsPuppet tells whether this is a double puppet: a real user with a token of its own.
func (i *Intent) IsPuppet() bool { return i.token != "" }

// User gives the intent of another user, whose bot is i, or i's bot: a ghost without a
// token, a double puppet with one. The same user and device give the same intent, until
// another token is given.
// Errors: *Error with Usage when user is no user id.
func (i *Intent) User(user matrix.UserID, o UserOptions) (*Intent, error) {
	if _, err := matrix.ParseUserID(string(user)); err != nil {
		return nil, &Error{Op: "user", User: i.user, Message: err.Error(), Usage: true}
	}
	if o.Token == "" && (o.BaseURL != "" || o.ASToken) {
		return nil, i.usage("user", "", "base_url and as_token go with a token")
	}
	if o.Token != "" && o.DeviceID != "" && !o.ASToken {
		return nil, i.usage("user", "", "device_id goes with an application service's token; the user's own token has a device")
	}
	bot := i
	if i.bot != nil {
		bot = i.bot
		if o.Token != "" {
			i.Log().Warn("a double puppet is made by way of a ghost's intent", "puppet", string(user))
		}
	}
	if bot.device != "" {
		bot = i.pool.Bot(bot.user)
	}
	made := &Intent{pool: i.pool, user: user, bot: bot, token: o.Token, baseURL: o.BaseURL, asToken: o.Token == "" || o.ASToken, device: o.DeviceID}
	if o.Token == "" && user == bot.user {
		if o.DeviceID == "" {
			return bot, nil
		}
		made.bot = nil
	}
	p := i.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	kept := p.ghosts
	if o.Token != "" {
		kept = p.puppets
	}
	key := childKey{bot.user, user, o.DeviceID}
	if was := kept[key]; was != nil && *was == *made {
		return was, nil
	}
	kept[key] = made
	return made, nil
}
