package host

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"

	"github.com/hashicorp/go-hclog"

	"bridgehost/appservice"
	"bridgehost/matrix"
)

// readRegistration reads the file that the configuration names and tells the log what is
// odd about it.
func readRegistration(cfg Config, log hclog.Logger) (*appservice.Registration, error) {
	path := cfg.Appservice.Registration
	reg, warnings, err := appservice.ReadRegistration(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: there is no registration at %s; make one: bridgehost registration write", ErrConfig, path)
	} else if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	for _, w := range warnings {
		log.Warn("the registration is odd", "file", path, "warning", string(w))
	}
	reg.ServerName = cfg.Homeserver.Name
	if example := matrix.NewUserID(cfg.Appservice.Prefix+"echo", cfg.Homeserver.Name); !reg.OwnsUser(example) {
		return nil, fmt.Errorf("%w: the registration %s does not give us users such as %s (appservice.prefix is %q, homeserver.name %q); write it again: bridgehost registration write --force, then restart the homeserver",
			ErrConfig, path, example, cfg.Appservice.Prefix, cfg.Homeserver.Name)
	}
	return reg, nil
}

// RegistrationOptions are what `registration write` is asked for.
type RegistrationOptions struct {
	URL, ID, Sender          string
	Force, NewTokens, DryRun bool
}

// RegistrationWritten is what `registration write` did.
type RegistrationWritten struct {
	Path       string `json:"path"`
	ID         string `json:"id"`
	URL        string `json:"url"`
	Sender     string `json:"sender"`
	KeptTokens bool   `json:"kept_tokens"`
	DryRun     bool   `json:"dry_run,omitempty"`
	Exists     bool   `json:"-"`
}

// WriteRegistration makes the registration that cfg names.
func WriteRegistration(cfg Config, o RegistrationOptions) (*RegistrationWritten, error) {
	path := cfg.Appservice.Registration
	old, _, err := appservice.ReadRegistration(path)
	exists := !errors.Is(err, fs.ErrNotExist)
	if exists && !o.Force {
		return nil, fmt.Errorf("there is a registration already: %s. The homeserver knows its tokens; use --force to write it again with the same ones", path)
	}
	if exists && err != nil && !o.NewTokens {
		return nil, fmt.Errorf("%w: its tokens cannot be kept: %w; with --new-tokens they are made anew", ErrConfig, err)
	}
	if o.URL == "" {
		o.URL = reachable(cfg.Appservice.Listen)
	}
	reg, err := appservice.NewRegistration(appservice.NewOptions{ID: o.ID, URL: o.URL, ServerName: cfg.Homeserver.Name,
		Prefix: cfg.Appservice.Prefix, SenderLocalpart: o.Sender})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	keep := exists && !o.NewTokens
	if keep {
		reg.ASToken, reg.HSToken = old.ASToken, old.HSToken
	}
	if !o.DryRun {
		if err := reg.Write(path, o.Force); err != nil {
			return nil, err
		}
	}
	return &RegistrationWritten{Path: path, ID: reg.ID, URL: o.URL, Sender: reg.SenderLocalpart, KeptTokens: keep, DryRun: o.DryRun, Exists: exists}, nil
}

// reachable is the address of a listener for whoever is on the same machine.
func reachable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		listen = net.JoinHostPort("127.0.0.1", port)
	}
	return "http://" + listen
}

// Text says what was done and what to do next.
func (r *RegistrationWritten) Text() string {
	wrote := "Wrote"
	if r.DryRun {
		wrote = "Would write"
	}
	tokens := "new tokens"
	if r.KeptTokens {
		tokens = "the tokens it had"
	}
	return fmt.Sprintf(`%s %s (0600): id %s, bot %s, %s.
The homeserver reaches this host at %s; not so? Use --url.

Tell the homeserver, once. For Synapse as Debian has it:
    sudo install -m 640 -g matrix-synapse %s /etc/matrix-synapse/bridgehost.yaml
    add to homeserver.yaml:   app_service_config_files: [/etc/matrix-synapse/bridgehost.yaml]
    sudo systemctl restart matrix-synapse
then start this host:
    bridgehost run
`, wrote, r.Path, r.ID, r.Sender, tokens, r.URL, r.Path)
}

// RegistrationShown is a registration without its tokens.
type RegistrationShown struct {
	Path     string   `json:"path"`
	ID       string   `json:"id"`
	URL      *string  `json:"url"`
	Sender   string   `json:"sender_localpart"`
	ASToken  string   `json:"as_token"`
	HSToken  string   `json:"hs_token"`
	Users    []string `json:"users"`
	Aliases  []string `json:"aliases"`
	Warnings []string `json:"warnings"`
}

// ShowRegistration reads the registration that cfg names; its tokens are not in the answer.
func ShowRegistration(cfg Config) (shown RegistrationShown, text string, err error) {
	path := cfg.Appservice.Registration
	reg, warnings, err := appservice.ReadRegistration(path)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return shown, "", fmt.Errorf("%w: there is no registration at %s; make one: bridgehost registration write", ErrConfig, path)
		}
		return shown, "", fmt.Errorf("%w: %w", ErrConfig, err)
	}
	hide := func(t string) string { return fmt.Sprintf("set, %d characters", len(t)) }
	shown = RegistrationShown{Path: path, ID: reg.ID, URL: reg.URL, Sender: reg.SenderLocalpart,
		ASToken: hide(reg.ASToken), HSToken: hide(reg.HSToken), Users: []string{}, Aliases: []string{}, Warnings: []string{}}
	for _, n := range reg.Namespaces.Users {
		shown.Users = append(shown.Users, n.Regex)
	}
	for _, n := range reg.Namespaces.Aliases {
		shown.Aliases = append(shown.Aliases, n.Regex)
	}
	var b strings.Builder
	b.WriteString(strings.TrimRight(reg.Show(), "\n"))
	for _, w := range warnings {
		shown.Warnings = append(shown.Warnings, string(w))
		fmt.Fprintf(&b, "\nwarning: %s", w)
	}
	return shown, b.String(), nil
}
