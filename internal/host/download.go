package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"bridgehost/bundle"
)

const (
	downloadTime  = 2 * time.Minute // of one file
	mostRedirects = 5
)

// webAddress reads an address from which bundles may come: https, or http on this machine.
func webAddress(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, fmt.Errorf("%q is no web address like https://example.org/bridges/", text)
	case u.User != nil:
		return nil, fmt.Errorf("the address of %s has a name or password in it", u.Host)
	case u.Scheme == "http" && !onThisMachine(u.Hostname()):
		return nil, fmt.Errorf("%s is not encrypted, so anybody on the way sees and changes what comes; use https", text)
	}
	return u, nil
}

func onThisMachine(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// errNotThere is wrapped when the server says that there is no such file.
var errNotThere = errors.New("there is no such file")

// downloader fetches files of a limited size.
type downloader struct {
	http *http.Client
	wait io.Writer // is told of what takes its time; nil: nobody is
}

func newDownloader(wait io.Writer) downloader {
	return downloader{wait: wait, http: &http.Client{Timeout: downloadTime, CheckRedirect: func(to *http.Request, via []*http.Request) error {
		if len(via) > mostRedirects {
			return fmt.Errorf("it redirects more than %d times", mostRedirects)
		}
		if _, err := webAddress(to.URL.String()); err != nil || to.URL.Scheme != via[0].URL.Scheme {
			return fmt.Errorf("it redirects to %s, which is not as safe", to.URL.Redacted())
		}
		return nil
	}}}
}

func (d downloader) get(ctx context.Context, address string, most int64) ([]byte, error) {
	u, err := webAddress(address)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	if d.wait != nil {
		waiting := time.AfterFunc(consolePatience, func() { fmt.Fprintf(d.wait, "fetching %s …\n", address) })
		defer waiting.Stop()
	}
	req.Header.Set("User-Agent", "bridgehost/"+Version().Version)
	resp, err := d.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("fetch: %w", err)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotFound, resp.StatusCode == http.StatusGone:
		return nil, fmt.Errorf("fetch %s: %w", address, errNotThere)
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("fetch %s: the server answers %s", address, resp.Status)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("fetch %s: %w", address, err)
	case int64(len(data)) > most:
		return nil, &bundle.Refused{File: address, Reason: fmt.Sprintf("it has more than %d KB", most>>10)}
	}
	return data, nil
}

// file fetches a bundle's file and the signature beside it, nil when there is none.
func (d downloader) file(ctx context.Context, address string) (raw, signature []byte, err error) {
	if raw, err = d.get(ctx, address, bundle.MaxPacked); err != nil {
		return nil, nil, err
	}
	signature, err = d.get(ctx, besideURL(address, bundle.SignatureEnding), bundle.MaxSignature)
	if errors.Is(err, errNotThere) {
		return raw, nil, nil
	}
	return raw, signature, err
}

// besideURL is the address whose path ends with more.
func besideURL(address, more string) string {
	path, query, asked := strings.Cut(address, "?")
	if asked {
		return path + more + "?" + query
	}
	return path + more
}
