package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// probed is what a homeserver tells everybody.
type probed struct {
	URL      string // of its client-server API, without a slash at the end
	Name     string // what stands in user ids; "" when it does not say
	Software string // "Synapse 1.163"; "" when it does not say
}

// probeBody is how much of an answer is read.
const probeBody = 64 << 10

// probe finds the homeserver at what a person typed: an address, or the server's name.
func probe(ctx context.Context, typed string) (probed, error) {
	ctx, cancel := context.WithTimeout(ctx, legLimit)
	defer cancel()
	typed = strings.TrimRight(strings.TrimSpace(typed), "/")
	given := typed
	if !strings.Contains(typed, "://") {
		typed = "https://" + typed
	}
	u, err := url.Parse(typed)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return probed{}, fmt.Errorf("%q is no address; one such as https://matrix.example.org is expected", given)
	}
	p := probed{URL: typed}
	var versions struct{ Versions []string }
	err = getJSON(ctx, p.URL+"/_matrix/client/versions", &versions)
	if err != nil || len(versions.Versions) == 0 { // perhaps the server's name was meant
		var known struct {
			Homeserver struct {
				BaseURL string `json:"base_url"`
			} `json:"m.homeserver"`
		}
		if getJSON(ctx, p.URL+"/.well-known/matrix/client", &known) != nil || known.Homeserver.BaseURL == "" {
			if err == nil {
				err = errors.New("what answers there is no homeserver")
			}
			return p, fmt.Errorf("%w: %s: %w", ErrHomeserver, typed, err)
		}
		p.URL, p.Name = strings.TrimRight(known.Homeserver.BaseURL, "/"), u.Host
		if err := getJSON(ctx, p.URL+"/_matrix/client/versions", &versions); err != nil {
			return p, fmt.Errorf("%w: %s (as %s says in .well-known/matrix/client): %w", ErrHomeserver, p.URL, typed, err)
		}
	}
	// What follows is told to other servers, and may be told at another port.
	var version struct {
		Server struct{ Name, Version string }
	}
	if getJSON(ctx, p.URL+"/_matrix/federation/v1/version", &version) == nil {
		p.Software = strings.TrimSpace(version.Server.Name + " " + strings.Fields(version.Server.Version + " ")[0])
	}
	var key struct {
		ServerName string `json:"server_name"`
	}
	if getJSON(ctx, p.URL+"/_matrix/key/v2/server", &key) == nil && key.ServerName != "" {
		p.Name = key.ServerName
	}
	return p, nil
}

func getJSON(ctx context.Context, address string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	client := http.Client{Timeout: 10 * time.Second}
	resp, err := client.Do(req)
	if err != nil {
		var told *url.Error
		if errors.As(err, &told) {
			err = told.Err // the address is said already
		}
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, probeBody))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("it answers with status %d", resp.StatusCode)
	}
	if json.Unmarshal(body, into) != nil {
		return errors.New("what answers there is no homeserver")
	}
	return nil
}
