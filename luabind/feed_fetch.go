package luabind

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/jonboulle/clockwork"

	"bridgehost/capability"
	"bridgehost/diag"
	"bridgehost/egress"
	"bridgehost/feed"
)

// How a feed is asked for.
const (
	feedRedirects = 10
	feedHeaders   = 64 << 10
	feedAccept    = "application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, text/xml;q=0.9, */*;q=0.5"
)

// feedFetcher fetches feeds for one script, over connections of its account.
type feedFetcher struct {
	script  *Script
	account *egress.Account
	clock   clockwork.Clock
	timeout time.Duration
}

func webURL(u *url.URL) bool {
	return (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != ""
}

// feed fetches and parses one.
func (f *feedFetcher) feed(ctx context.Context, u *url.URL, etag, modified string) (luaFeed, error) {
	if err := f.script.Check(capability.HTTPFetch, u.String()); err != nil {
		return luaFeed{}, err
	}
	ctx, cancel := clockwork.WithTimeout(ctx, f.clock, f.timeout)
	defer cancel()
	res, err := f.get(ctx, u, etag, modified)
	if err != nil {
		return luaFeed{}, f.failed(ctx, u, err)
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusNotModified {
		return luaFeed{NotModified: true, ETag: etag, Modified: modified, Items: []luaEntry{}}, nil
	}
	if res.StatusCode != http.StatusOK {
		return luaFeed{}, refusedFeed(u, res)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, feed.MaxSize+1))
	if err != nil {
		return luaFeed{}, f.failed(ctx, u, err)
	}
	read, err := readFeed(body, res.Request.URL)
	if err != nil {
		return luaFeed{}, err
	}
	read.ETag, read.Modified, read.URL = res.Header.Get("ETag"), res.Header.Get("Last-Modified"), res.Request.URL.String()
	return read, nil
}

// get makes the request. Nothing of it is kept for the next one, since feeds are asked for seldom.
func (f *feedFetcher) get(ctx context.Context, u *url.URL, etag, modified string) (*http.Response, error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	q.Header.Set("User-Agent", "bridgehost")
	q.Header.Set("Accept", feedAccept)
	if etag != "" {
		q.Header.Set("If-None-Match", etag)
	}
	if modified != "" {
		q.Header.Set("If-Modified-Since", modified)
	}
	client := http.Client{CheckRedirect: f.redirected, Transport: &http.Transport{
		DialContext:            func(ctx context.Context, _, address string) (net.Conn, error) { return f.dial(ctx, address, false) },
		DialTLSContext:         func(ctx context.Context, _, address string) (net.Conn, error) { return f.dial(ctx, address, true) },
		DisableKeepAlives:      true,
		MaxResponseHeaderBytes: feedHeaders,
	}}
	return client.Do(q)
}

func (f *feedFetcher) dial(ctx context.Context, address string, secure bool) (net.Conn, error) {
	host, digits, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := strconv.Atoi(digits)
	if err != nil {
		return nil, err
	}
	conn, err := f.account.Dial(ctx, egress.Target{Host: host, Port: port, TLS: secure, Timeout: f.timeout})
	if err != nil {
		return nil, err // not conn, which is a nil pointer
	}
	return conn, nil
}

// redirected decides about following a redirect: each step needs the capability anew.
func (f *feedFetcher) redirected(next *http.Request, via []*http.Request) error {
	if len(via) > feedRedirects || !webURL(next.URL) {
		return &diag.Error{Kind: diag.KindHTTP, Code: "E_REDIRECTS", Hint: "open the address in a browser to see where it ends",
			Message: fmt.Sprintf("%s redirects more than %d times, or to something that is no http or https address", shownURL(via[0].URL), feedRedirects)}
	}
	next.Header.Del("Referer") // an address may hold a secret
	return f.script.Check(capability.HTTPFetch, next.URL.String())
}

// shownURL is an address without what may be secret.
func shownURL(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// failed is why there is no answer, as scripts see it.
func (f *feedFetcher) failed(ctx context.Context, u *url.URL, err error) error {
	var known *diag.Error
	var conn *egress.Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return &diag.Error{Kind: diag.KindTimeout, Code: egress.CodeTimeout, Retryable: true, Cause: err,
			Message: fmt.Sprintf("%s: no answer within %s", shownURL(u), f.timeout)}
	case errors.As(err, &conn):
		return netFailure(conn)
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	d := &diag.Error{Kind: diag.KindHTTP, Code: "E_HTTP", Message: shownURL(u) + ": " + err.Error(), Retryable: true, Cause: err}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		d.Kind, d.Code, d.Message = diag.KindNet, egress.CodeReset, shownURL(u)+": the server hung up before the end of its answer"
	}
	return d
}

// refusedFeed is an answer that is no feed.
func refusedFeed(u *url.URL, res *http.Response) error {
	d := &diag.Error{Kind: diag.KindHTTP, Code: "E_STATUS", Status: res.StatusCode, Message: fmt.Sprintf("%s: %d %s", shownURL(u), res.StatusCode, http.StatusText(res.StatusCode))}
	d.Retryable = res.StatusCode >= 500 || res.StatusCode == http.StatusTooManyRequests || res.StatusCode == http.StatusRequestTimeout
	if n, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && n > 0 && n <= 24*60*60 {
		d.RetryAfter = time.Duration(n) * time.Second
	}
	return d
}
