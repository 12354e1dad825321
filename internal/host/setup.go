package host

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/jonboulle/clockwork"

	"bridgehost/appservice"
	"bridgehost/control"
	"bridgehost/matrix"
)

// SetupOptions are what `setup` was told; what is empty is asked for.
type SetupOptions struct {
	Path       string // of bridgehost.toml
	Homeserver string // its address, or its name
	User       string
	Reach      string // same, docker, or a URL
	Listen     string // "": what fits Reach
	NoInput    bool
	NoWait     bool
	DryRun     bool
	In         io.Reader
	Out        io.Writer // what was done and what is to do
	Ask        io.Writer // questions, and what is waited for
	Log        hclog.Logger
	Clock      clockwork.Clock // nil: real time
}

// SetupDone is what `setup` has made or found.
type SetupDone struct {
	Config       string `json:"config"`
	Registration string `json:"registration"`
	Homeserver   string `json:"homeserver"`
	ServerName   string `json:"server_name"`
	Software     string `json:"software,omitempty"`
	URL          string `json:"url"` // at which the homeserver reaches us
	Listen       string `json:"listen"`
	Bot          string `json:"bot"`
	Ready        bool   `json:"ready"`
	DryRun       bool   `json:"dry_run,omitempty"`
}

// setup is one run of `setup`.
type setup struct {
	SetupOptions
	done   SetupDone
	lines  *bufio.Scanner
	server probed
	reach  string // same, docker or other: what is told about the files
}

// Setup asks what it does not know, writes configuration and registration, and waits
// until the homeserver accepts us and reaches us. It never overwrites a file: run again,
// it goes on with what is there.
func Setup(ctx context.Context, o SetupOptions) (SetupDone, error) {
	if o.Clock == nil {
		o.Clock = clockwork.NewRealClock()
	}
	s := &setup{SetupOptions: o, lines: bufio.NewScanner(o.In)}
	cfg, err := s.config(ctx)
	if err != nil {
		return s.done, err
	}
	s.done.Config, s.done.Registration = cfg.Path, cfg.Appservice.Registration
	s.done.Homeserver, s.done.ServerName, s.done.Listen = cfg.Homeserver.URL, cfg.Homeserver.Name, cfg.Appservice.Listen
	s.done.Software, s.done.DryRun = s.server.Software, o.DryRun
	reg, err := s.registration(ctx, &cfg)
	if err != nil || o.DryRun {
		return s.done, err
	}
	s.done.Bot = string(matrix.NewUserID(reg.SenderLocalpart, cfg.Homeserver.Name))
	if reg.URL != nil {
		s.done.URL = *reg.URL
	}
	return s.done, s.connect(ctx, cfg, reg)
}

// config reads the configuration, or makes it of what is answered.
func (s *setup) config(ctx context.Context) (Config, error) {
	if _, err := os.Stat(s.Path); err == nil {
		cfg, err := ReadConfig(s.Path)
		if err != nil {
			return cfg, err
		}
		if s.Homeserver != "" && strings.TrimRight(s.Homeserver, "/") != strings.TrimRight(cfg.Homeserver.URL, "/") {
			return cfg, wrongUse("%s says that the homeserver is %s; change it there, or leave --homeserver out", s.Path, cfg.Homeserver.URL)
		}
		fmt.Fprintf(s.Out, "Going on with %s: homeserver %s, server name %s.\n", s.Path, cfg.Homeserver.URL, cfg.Homeserver.Name)
		return cfg, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return Config{}, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	cfg := DefaultConfig()
	abs, err := filepath.Abs(s.Path)
	if err != nil {
		return cfg, err
	}
	cfg.Path = abs
	if err := s.askHomeserver(ctx); err != nil {
		return cfg, err
	}
	user, err := s.askUser(ctx)
	if err != nil {
		return cfg, err
	}
	cfg.Appservice.Registration = filepath.Join(filepath.Dir(abs), cfg.Appservice.Registration)
	if known, _, err := appservice.ReadRegistration(cfg.Appservice.Registration); err == nil && known.URL != nil && s.Reach == "" {
		s.Reach = *known.URL // it is there already, and its url with it
	}
	if err := s.askReach(ctx); err != nil {
		return cfg, err
	}
	_, name, _ := strings.Cut(user, ":")
	cfg.Homeserver.URL, cfg.Homeserver.Name, cfg.Appservice.Listen = s.server.URL, name, s.Listen
	cfg.Scripts.Admins = []string{user}
	text := fmt.Sprintf(`# Written by bridgehost setup. Every other key has a default: see the README.
[homeserver]
url  = %q
name = %q

[appservice]
listen = %q

[scripts]
admins = [%q]
`, cfg.Homeserver.URL, name, s.Listen, user)
	written, err := parseConfig(DefaultConfig().at(abs), s.Path, text)
	if err != nil || s.DryRun {
		return written, err
	}
	if err := os.MkdirAll(written.Scripts.Dir, 0o755); err != nil {
		return written, fmt.Errorf("the scripts' folder: %w", err)
	}
	f, err := os.OpenFile(abs, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return written, err
	}
	_, err = f.WriteString(text)
	return written, errors.Join(err, f.Close())
}

// at is c as if it was read from path.
func (c Config) at(path string) Config { c.Path = path; return c }

func wrongUse(format string, args ...any) error {
	return &control.Error{Message: fmt.Sprintf(format, args...), Exit: 2}
}

// answer asks one question. Without input the flag has to tell.
func (s *setup) answer(ctx context.Context, question, flag string) (string, error) {
	if s.NoInput {
		return "", wrongUse("%s is needed with --no-input", flag)
	}
	fmt.Fprintf(s.Ask, "%-27s ", question)
	read := make(chan bool, 1)
	go func() { read <- s.lines.Scan() }()
	select {
	case ok := <-read:
		if !ok {
			fmt.Fprintln(s.Ask)
			return "", wrongUse("the input ended before all was answered; give %s, or answer the questions", flag)
		}
		return strings.TrimSpace(s.lines.Text()), nil
	case <-ctx.Done():
		fmt.Fprintln(s.Ask)
		return "", ctx.Err()
	}
}

// until asks until take is content. What a flag says is taken or refused at once.
func (s *setup) until(ctx context.Context, question, flag, told string, take func(string) error) error {
	if told != "" {
		return take(told)
	}
	for {
		text, err := s.answer(ctx, question, flag)
		if err != nil {
			return err
		}
		if text == "" {
			continue
		}
		if err = take(text); err == nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		fmt.Fprintf(s.Ask, "  ✗ %s\n", err)
	}
}

func (s *setup) askHomeserver(ctx context.Context) error {
	return s.until(ctx, "Your homeserver's address?", "--homeserver", s.Homeserver, func(text string) (err error) {
		waiting := time.AfterFunc(consolePatience, func() { fmt.Fprintf(s.Ask, "  asking %s …\n", text) })
		defer waiting.Stop()
		if s.server, err = probe(ctx, text); err != nil {
			return err
		}
		what, name := "a homeserver", ""
		if s.server.Software != "" {
			what = s.server.Software
		}
		if s.server.Name != "" {
			name = ", server name " + s.server.Name
		}
		fmt.Fprintf(s.Ask, "  ✓ %s%s\n", what, name)
		return nil
	})
}

func (s *setup) askUser(ctx context.Context) (user string, err error) {
	err = s.until(ctx, "Who are you on it?", "--user", s.User, func(text string) error {
		if !strings.Contains(text, ":") && s.server.Name != "" {
			text = "@" + strings.TrimPrefix(text, "@") + ":" + s.server.Name
		}
		local, name, ok := strings.Cut(text, ":")
		switch {
		case !ok || len(local) < 2 || local[0] != '@' || name == "" || strings.ContainsAny(text, " /\"\\"):
			return wrongUse("%q is no user id; one such as @you:example.org is expected", text)
		case s.server.Name != "" && name != s.server.Name:
			return wrongUse("%s is a user of %s, and the homeserver is %s", text, name, s.server.Name)
		}
		user = text
		return nil
	})
	return user, err
}

// port is the one that we listen on unless told otherwise.
const setupPort = "29333"

// The addresses of this machine as a container on it sees them.
const (
	dockerBridge  = "172.17.0.1"
	dockerDesktop = "host.docker.internal"
)

func (s *setup) askReach(ctx context.Context) error {
	port := setupPort
	if _, p, err := net.SplitHostPort(s.Listen); err == nil {
		port = p
	}
	docker := dockerBridge
	if runtime.GOOS != "linux" {
		docker = dockerDesktop
	}
	same := "http://127.0.0.1:" + port
	inDocker := "http://" + net.JoinHostPort(docker, port)
	if s.Reach == "" && !s.NoInput {
		fmt.Fprintf(s.Ask, `From where can the homeserver reach this machine?
  1  same machine            %s
  2  Docker on this machine  %s
  3  other                   (type a URL)
`, same, inDocker)
	}
	question, listen := ">", ""
	err := s.until(ctx, question, "--reach", s.Reach, func(text string) error {
		switch strings.ToLower(text) {
		case "1", "same":
			s.reach, s.Reach, listen = "same", same, "127.0.0.1:"+port
			return nil
		case "2", "docker":
			s.reach, s.Reach, listen = "docker", inDocker, dockerListen(docker, port)
			return nil
		case "3", "other":
			return wrongUse("type the URL at which the homeserver reaches this machine, such as http://10.0.0.5:%s", port)
		}
		u, err := url.Parse(text)
		if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
			return wrongUse("%q is none of these: same (1), docker (2), or a URL such as http://10.0.0.5:%s", text, port)
		}
		s.reach, s.Reach = "other", strings.TrimRight(text, "/")
		if p := u.Port(); p != "" {
			port = p
		}
		if listen = "0.0.0.0:" + port; loopback(u.Hostname()) {
			s.reach, listen = "same", "127.0.0.1:"+port
		}
		return nil
	})
	if s.Listen == "" {
		s.Listen = listen
	}
	return err
}

// dockerListen is where containers on this machine reach us, and others as little as can be.
func dockerListen(address, port string) string {
	if address == dockerDesktop {
		return "127.0.0.1:" + port // Docker's own proxy connects from here
	}
	addresses, _ := net.InterfaceAddrs() // none: then to all
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && n.IP.String() == address {
			return net.JoinHostPort(address, port)
		}
	}
	return "0.0.0.0:" + port
}
