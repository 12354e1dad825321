package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"strings"
	"time"

	"bridgehost/appservice"
)

// registration reads the registration, or makes it.
func (s *setup) registration(ctx context.Context, cfg *Config) (*appservice.Registration, error) {
	path := cfg.Appservice.Registration
	reg, _, err := appservice.ReadRegistration(path)
	switch {
	case err == nil:
		if s.reach == "" && reg.URL != nil {
			s.reach = reachOf(*reg.URL)
		}
		fmt.Fprintf(s.Out, "Going on with the registration that is there, and its tokens: %s\n", path)
		_, err := readRegistration(*cfg, s.Log)
		return reg, err
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	if s.reach == "" { // the configuration was there, the registration was not
		at := cfg.Appservice.Listen
		if s.Reach == "" {
			s.Reach = reachable(at)
		}
		s.Listen = at
		if err := s.askReach(ctx); err != nil {
			return nil, err
		}
	}
	wrote := "Wrote"
	if s.DryRun {
		wrote = "Would write"
	}
	done, err := WriteRegistration(*cfg, RegistrationOptions{URL: s.Reach, DryRun: s.DryRun})
	if err != nil {
		return nil, err
	}
	s.done.URL = done.URL
	fmt.Fprintf(s.Out, "%s %s and %s (both 0600).\n", wrote, s.Path, path)
	if s.DryRun {
		return nil, nil
	}
	reg, err = readRegistration(*cfg, s.Log)
	return reg, err
}

// reachOf guesses from where the homeserver reaches us.
func reachOf(address string) string {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return "other"
	case loopback(u.Hostname()):
		return "same"
	case u.Hostname() == dockerBridge || u.Hostname() == dockerDesktop:
		return "docker"
	}
	return "other"
}

// askAgain is how long the homeserver is left alone between two questions.
const askAgain = 2 * time.Second

// connect tells what to do and waits until the homeserver accepts us and reaches us.
func (s *setup) connect(ctx context.Context, cfg Config, reg *appservice.Registration) error {
	l := openLegs(ctx, cfg, reg, s.Log)
	defer l.close()
	token := l.asToken(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if token.State != checkOK {
		fmt.Fprint(s.Out, s.todo(cfg))
	}
	if s.NoWait {
		fmt.Fprintln(s.Out, "Then:  bridgehost setup   (it goes on from here), or   bridgehost registration verify")
		return nil
	}
	if l.listen != nil {
		return fmt.Errorf("the homeserver's ping cannot be waited for: %w", l.listen)
	}
	fmt.Fprintln(s.Ask, "\nWaiting for the homeserver …  (Ctrl-C is safe: run setup again to continue)")
	if err := s.wait(ctx, token, l.asToken); err != nil {
		return err
	}
	if err := s.wait(ctx, l.ping(ctx), l.ping); err != nil {
		return err
	}
	s.done.Ready = true
	fmt.Fprintf(s.Out, "Ready.  bridgehost run    then write to  https://matrix.to/#/%s\n", s.done.Bot)
	return nil
}

// wait repeats a check until it is no failure; what it says is shown when it changes.
func (s *setup) wait(ctx context.Context, c Check, again func(context.Context) Check) error {
	for said := ""; ; c = again(ctx) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if c.State != checkFail {
			fmt.Fprintf(s.Ask, "  %-17s ✓ %s\n", c.Name, c.Text)
			if c.Hint != "" {
				fmt.Fprintf(s.Ask, "      %s\n", c.Hint)
			}
			return nil
		}
		if text := c.Text + c.Hint; text != said {
			said = text
			if strings.Contains(c.Hint, "\n") || len(c.Text)+len(c.Hint) > 100 {
				fmt.Fprintf(s.Ask, "  %-17s %s\n      %s\n", c.Name, c.Text, strings.ReplaceAll(c.Hint, "\n", "\n      "))
			} else {
				fmt.Fprintf(s.Ask, "  %-17s %s (%s)\n", c.Name, c.Text, c.Hint)
			}
		}
		select {
		case <-s.Clock.After(askAgain):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// todo is what the person has to do at the homeserver.
func (s *setup) todo(cfg Config) string {
	file := cfg.Appservice.Registration
	if s.server.Software != "" && !strings.HasPrefix(s.server.Software, "Synapse") {
		return fmt.Sprintf("\nNow give %s to %s, as its manual says of application services,\nonce; later scripts need no further change.\n", file, s.server.Software)
	}
	head := "\nNow tell Synapse, once; later scripts need no further change:\n"
	switch s.reach {
	case "docker":
		return head + fmt.Sprintf(`    docker cp %s synapse:/data/bridgehost.yaml          (synapse: the container's name)
    docker exec synapse chown 991:991 /data/bridgehost.yaml
    add to homeserver.yaml, in the container's volume:
        app_service_config_files: [/data/bridgehost.yaml]
    docker restart synapse
`, file)
	case "other":
		return head + fmt.Sprintf(`    copy %s to the homeserver's machine (it holds secrets: scp), and there:
    sudo install -m 640 -g matrix-synapse registration.yaml /etc/matrix-synapse/bridgehost.yaml
    add to homeserver.yaml:   app_service_config_files: [/etc/matrix-synapse/bridgehost.yaml]
    sudo systemctl restart matrix-synapse
`, file)
	}
	return head + fmt.Sprintf(`    sudo install -m 640 -g matrix-synapse %s /etc/matrix-synapse/bridgehost.yaml
    add to homeserver.yaml:   app_service_config_files: [/etc/matrix-synapse/bridgehost.yaml]
    sudo systemctl restart matrix-synapse
`, file)
}
