package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"

	"bridgehost/appservice"
	"bridgehost/control"
	"bridgehost/intent"
	"bridgehost/matrix"
)

// Check is one thing that was looked at.
type Check struct {
	Name  string `json:"name"`
	State string `json:"state"` // ok, warn, fail
	Text  string `json:"text"`
	Hint  string `json:"hint,omitempty"` // what to do
	// Exit is the exit code of a failure.
	Exit int `json:"-"`
}

// The states of a Check.
const (
	checkOK   = "ok"
	checkWarn = "warn"
	checkFail = "fail"
)

// legs are the two ways between the homeserver and this machine. Where no host listens,
// they listen themselves for as long as they are open.
type legs struct {
	cfg    Config
	reg    *appservice.Registration
	pool   *intent.Pool
	server *http.Server // nil: a running host listens
	listen error        // why nobody could listen
}

// legLimit is how long one request to the homeserver may take.
const legLimit = 20 * time.Second

func openLegs(ctx context.Context, cfg Config, reg *appservice.Registration, log hclog.Logger) *legs {
	reg.ServerName = cfg.Homeserver.Name
	l := &legs{cfg: cfg, reg: reg}
	owns := func(u matrix.UserID) bool { return reg.OwnsUser(u) }
	l.pool = intent.NewPool(intent.Config{HomeserverURL: cfg.Homeserver.URL, ServerName: cfg.Homeserver.Name, ASToken: reg.ASToken,
		Bot: matrix.NewUserID(reg.SenderLocalpart, cfg.Homeserver.Name), Store: intent.NewMemoryStore(owns), Owns: owns})
	listener, err := net.Listen("tcp", cfg.Appservice.Listen)
	if err == nil {
		l.server = &http.Server{ReadHeaderTimeout: 10 * time.Second,
			Handler: appservice.NewServer(appservice.ServerOptions{Registration: reg, Log: nothingTaken{}, Logger: hclog.NewNullLogger()})}
		go l.server.Serve(listener) //nolint:errcheck // ends with close
		return l
	}
	var answered *control.Error
	asked, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if up := control.Call(asked, cfg.Data, CallStatus, ScriptCall{}, nil); up != nil && !errors.As(up, &answered) {
		l.listen = err
		if errors.Is(err, syscall.EADDRINUSE) {
			l.listen = listenError(cfg.Appservice.Listen, false, err)
		}
	}
	return l
}

func (l *legs) close() {
	if l.server != nil {
		l.server.Close()
	}
}

// nothingTaken refuses transactions: the homeserver repeats them when the host runs.
type nothingTaken struct{}

// Seen implements appservice.TransactionLog.
func (nothingTaken) Last() string                               { return "" }
func (nothingTaken) Seen(context.Context, string) (bool, error) { return false, nil }

// Accept implements appservice.TransactionLog.
func (nothingTaken) Accept(context.Context, appservice.Accepted) error {
	return errors.New("no host runs yet")
}

// asToken asks the homeserver whom it takes us for.
func (l *legs) asToken(ctx context.Context) Check {
	ctx, cancel := context.WithTimeout(ctx, legLimit)
	defer cancel()
	c := Check{Name: "as_token", State: checkFail, Exit: ExitHomeserver}
	bot := l.pool.Bot("")
	me, err := bot.Whoami(ctx)
	if errors.Is(err, matrix.ErrForbidden) || errors.Is(err, matrix.ErrNotFound) { // known to the server, and not registered yet
		if registered := bot.EnsureRegistered(ctx); registered == nil {
			me, err = bot.Whoami(ctx)
		} else {
			err = registered
		}
	}
	switch {
	case err == nil:
		c.State, c.Text = checkOK, "we are "+string(me.UserID)
		if want := matrix.NewUserID(l.reg.SenderLocalpart, l.cfg.Homeserver.Name); me.UserID != want {
			c.State, c.Text = checkFail, fmt.Sprintf("accepted, and we are %s instead of %s", me.UserID, want)
			c.Hint = "homeserver.name in bridgehost.toml is not the server's name"
		}
	case errors.Is(err, matrix.ErrUnknownToken):
		c.Text = "not accepted yet"
		c.Hint = "the file is not installed, is another one, or the homeserver has not been restarted"
	case noAnswer(err):
		c.Text = fmt.Sprintf("%s does not answer: %s", l.cfg.Homeserver.URL, reason(err))
		c.Hint = "is the homeserver up, and homeserver.url right?"
	default:
		c.Text = "refused: " + reason(err)
		c.Hint = "does the registration that the homeserver has read equal " + l.cfg.Appservice.Registration + "?"
	}
	return c
}

// ping asks the homeserver to reach us.
func (l *legs) ping(ctx context.Context) Check {
	ctx, cancel := context.WithTimeout(ctx, legLimit)
	defer cancel()
	c := Check{Name: "server → bridge", State: checkFail, Exit: ExitHomeserver}
	if l.reg.URL == nil || *l.reg.URL == "" {
		c.Text, c.Hint = "the registration has no url: the homeserver pushes no events", "bridgehost registration write --force --url URL, then restart the homeserver"
		return c
	}
	if l.listen != nil {
		c.Text, c.Exit = l.listen.Error(), ExitFailed
		return c
	}
	took, err := l.pool.Bot("").AppservicePing(ctx, l.reg.ID, intent.AppservicePingOptions{})
	var refused *matrix.Error
	_ = errors.As(err, &refused)
	switch {
	case err == nil:
		c.State, c.Text = checkOK, fmt.Sprintf("ping %d ms", took.Milliseconds())
	case noAnswer(err):
		c.Text, c.Hint = "the homeserver does not answer: "+reason(err), "is it up, and homeserver.url right?"
	case refused != nil && refused.Code == "M_UNRECOGNIZED":
		c.State, c.Text, c.Hint = checkWarn, "the homeserver is too old to be asked (Matrix 1.7)", "start bridgehost run, write to a bot and see whether it answers"
	case refused != nil && refused.Code == "M_FORBIDDEN":
		c.Text, c.Hint = "the homeserver knows us under another id than "+l.reg.ID, "install the registration again, and restart the homeserver"
	case refused != nil && refused.Code == "M_URL_NOT_SET":
		c.Text, c.Hint = "the registration that the homeserver has read has no url", "install the registration again, and restart the homeserver"
	case refused != nil && refused.Code == "M_BAD_STATUS":
		c.Text = fmt.Sprintf("something else answers the homeserver at %s: %s", *l.reg.URL, refused.Message)
		c.Hint = "is the registration that the homeserver has read another one (hs_token), or the url that of another program?"
	default:
		c.Text, c.Hint = fmt.Sprintf("the homeserver cannot connect to %s: %s", *l.reg.URL, reason(err)), l.unreached()
	}
	return c
}

// unreached says what to do when the homeserver cannot connect to us.
func (l *legs) unreached() string {
	u, err := url.Parse(*l.reg.URL)
	if err != nil {
		return "the registration's url cannot be read"
	}
	port := u.Port()
	host, listening, _ := net.SplitHostPort(l.cfg.Appservice.Listen)
	write := func(url string) string {
		return fmt.Sprintf("\n    bridgehost registration write --force --url %s\nthen install the file again and restart the homeserver", url)
	}
	switch {
	case port != listening:
		return fmt.Sprintf("bridgehost listens on %s and the url says port %s; if nothing forwards it:%s", l.cfg.Appservice.Listen, port, write("http://"+net.JoinHostPort(u.Hostname(), listening)))
	case loopback(u.Hostname()):
		return fmt.Sprintf("If the server runs in a container, %q is the container itself. Use an address that it can reach:%s\nand set appservice.listen in bridgehost.toml to \"0.0.0.0:%s\" or that address.",
			u.Hostname(), write("http://172.17.0.1:"+listening), listening)
	case loopback(host):
		return fmt.Sprintf("bridgehost listens on %s, which only this machine reaches: set appservice.listen in bridgehost.toml to \"0.0.0.0:%s\", and let the firewall admit the homeserver", l.cfg.Appservice.Listen, listening)
	}
	return "does a firewall between them admit the homeserver, and is the url's host this machine?"
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// noAnswer tells whether the homeserver was not reached at all, or only what stands before it.
func noAnswer(err error) bool {
	var refused *matrix.Error
	if !errors.As(err, &refused) {
		return errors.Is(err, context.DeadlineExceeded)
	}
	return refused.Status == 0 || refused.Status >= 500 && (refused.Code == "M_UNKNOWN" || refused.Code == "")
}

// reason is the shortest true text of err.
func reason(err error) string {
	var refused *matrix.Error
	if errors.As(err, &refused) {
		if refused.Status == 0 {
			return refused.Message
		}
		return refused.Error()
	}
	return strings.TrimSpace(err.Error())
}
