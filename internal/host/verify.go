package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"strings"

	"github.com/hashicorp/go-hclog"

	"bridgehost/appservice"
	"bridgehost/matrix"
)

// Verified is what `registration verify` found.
type Verified struct {
	OK     bool    `json:"ok"`
	Path   string  `json:"path"`
	Checks []Check `json:"checks"`
}

// Verify looks at the registration that cfg names, and asks the homeserver both ways. say
// is told of each check once it is done; the error has the exit code of the first failure.
func Verify(ctx context.Context, cfg Config, log hclog.Logger, say func(Check)) (Verified, error) {
	v := Verified{Path: cfg.Appservice.Registration, Checks: []Check{}}
	add := func(c Check) {
		v.Checks = append(v.Checks, c)
		say(c)
	}
	reg, checks := verifyFile(cfg)
	for _, c := range checks {
		add(c)
	}
	if reg != nil && v.failure() == nil {
		l := openLegs(ctx, cfg, reg, log)
		defer l.close()
		token := l.asToken(ctx)
		add(token)
		if token.State == checkOK {
			add(l.ping(ctx))
		}
	}
	failed := v.failure()
	v.OK = failed == nil
	if ctx.Err() != nil {
		return v, ctx.Err()
	}
	return v, failed
}

// failure is the first check that failed, as an error.
func (v *Verified) failure() error {
	for _, c := range v.Checks {
		if c.State == checkFail {
			kind := ErrConfig
			if c.Exit == ExitHomeserver {
				kind = ErrHomeserver
			} else if c.Exit == ExitFailed {
				return fmt.Errorf("%s: %s", c.Name, c.Text)
			}
			return fmt.Errorf("%w: %s: %s", kind, c.Name, c.Text)
		}
	}
	return nil
}

// verifyFile looks at the file alone; nil when it cannot be used.
func verifyFile(cfg Config) (*appservice.Registration, []Check) {
	path := cfg.Appservice.Registration
	bad := func(name, text, hint string) Check {
		return Check{Name: name, State: checkFail, Text: text, Hint: hint, Exit: ExitConfig}
	}
	rewrite := "bridgehost registration write --force (it keeps the tokens), then install it again and restart the homeserver"
	reg, warnings, err := appservice.ReadRegistration(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, []Check{bad("file", "there is no registration at "+path, "bridgehost registration write")}
	case err != nil:
		return nil, []Check{bad("file", err.Error(), "mend it, or make it anew: bridgehost registration write --force --new-tokens")}
	}
	reg.ServerName = cfg.Homeserver.Name
	checks := []Check{{Name: "file", State: checkOK, Text: path}}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o007 != 0 {
		checks[0] = Check{Name: "file", State: checkWarn, Text: fmt.Sprintf("%s may be read by everybody (mode %04o)", path, info.Mode().Perm()), Hint: "chmod 600 " + path}
	}
	for _, w := range warnings {
		checks = append(checks, Check{Name: "file", State: checkWarn, Text: string(w)})
	}
	tokens := Check{Name: "tokens", State: checkOK, Text: "set"}
	for name, token := range map[string]string{"as_token": reg.ASToken, "hs_token": reg.HSToken} {
		if strings.ContainsAny(token, " \t\r\n") {
			tokens = bad("tokens", name+" contains blanks", "bridgehost registration write --force --new-tokens")
		} else if len(token) < 32 && tokens.State == checkOK {
			tokens = Check{Name: "tokens", State: checkWarn, Text: fmt.Sprintf("%s is short (%d characters) and may be guessed", name, len(token)),
				Hint: "bridgehost registration write --force --new-tokens"}
		}
	}
	checks = append(checks, tokens)
	server, prefix := cfg.Homeserver.Name, cfg.Appservice.Prefix
	user := matrix.NewUserID(prefix+"echo", server)
	alias := matrix.RoomAlias("#" + prefix + "echo_p_x:" + server)
	switch {
	case !reg.OwnsUser(user):
		checks = append(checks, bad("namespaces", fmt.Sprintf("users such as %s are not in it (appservice.prefix is %q, homeserver.name %q)", user, prefix, server), rewrite))
	case !reg.OwnsAlias(alias):
		checks = append(checks, bad("namespaces", fmt.Sprintf("aliases #%s*:%s are not reserved: rooms of bridges could not be found again", prefix, server), rewrite))
	default:
		checks = append(checks, Check{Name: "namespaces", State: checkOK, Text: fmt.Sprintf("@%s*:%s and #%s*:%s", prefix, server, prefix, server)})
	}
	return reg, append(checks, verifyURL(cfg, reg))
}

// verifyURL compares where the homeserver connects to with where we listen.
func verifyURL(cfg Config, reg *appservice.Registration) Check {
	c := Check{Name: "url", State: checkOK}
	if reg.URL == nil || *reg.URL == "" {
		c.State, c.Exit, c.Text = checkFail, ExitConfig, "there is none: the homeserver pushes no events"
		c.Hint = "bridgehost registration write --force --url URL"
		return c
	}
	c.Text = *reg.URL + ", listening on " + cfg.Appservice.Listen
	u, err := url.Parse(*reg.URL)
	host, port, errListen := net.SplitHostPort(cfg.Appservice.Listen)
	if err != nil || errListen != nil {
		return c
	}
	switch {
	case u.Scheme == "https":
		c.State, c.Hint = checkWarn, "bridgehost speaks http: something before it has to end the TLS"
	case u.Port() != port:
		c.State, c.Hint = checkWarn, "the ports differ: something has to forward it"
	case loopback(host) && !loopback(u.Hostname()):
		c.State, c.Hint = checkWarn, fmt.Sprintf("only this machine reaches %s: set appservice.listen to \"0.0.0.0:%s\"", cfg.Appservice.Listen, port)
	}
	return c
}

// Line is the check for reading; what to do stands below it.
func (c Check) Line() string {
	state := c.State
	if state == checkFail {
		state = "FAIL"
	}
	text := fmt.Sprintf("%-5s %-16s %s\n", state, c.Name, c.Text)
	if c.Hint != "" {
		for line := range strings.SplitSeq(c.Hint, "\n") {
			text += "        " + line + "\n"
		}
	}
	return text
}
