package luabind

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"bridgehost/capability"
	"bridgehost/diag"
	"bridgehost/feed"
)

var feedModule = module("bridge.feed", "RSS, Atom and JSON Feed, in one form. What a server or a feed is wrong about is returned as nil, err.", returnsErrors)

// luaFeed is a feed as scripts see it.
type luaFeed struct {
	NotModified bool       `json:"not_modified"`
	ETag        string     `json:"etag,omitempty"`
	Modified    string     `json:"modified,omitempty"`
	URL         string     `json:"url,omitempty"`
	Format      string     `json:"format,omitempty"`
	Title       string     `json:"title,omitempty"`
	Link        string     `json:"link,omitempty"`
	Description string     `json:"description,omitempty"`
	Updated     float64    `json:"updated,omitempty"`
	Items       []luaEntry `json:"items"`
}

type luaEntry struct {
	ID         string         `json:"id"`
	Title      string         `json:"title"`
	Link       string         `json:"link"`
	Summary    string         `json:"summary,omitempty"`
	Content    string         `json:"content,omitempty"`
	Author     string         `json:"author,omitempty"`
	Published  float64        `json:"published,omitempty"`
	Updated    float64        `json:"updated,omitempty"`
	Categories []string       `json:"categories"`
	Enclosures []luaEnclosure `json:"enclosures"`
}

type luaEnclosure struct {
	URL  string `json:"url"`
	Type string `json:"type,omitempty"`
}

const feedShape = "A feed: `format` (rss, atom or json), `title`, `link`, `description`, `updated` and `items`, as the feed has them, mostly the newest first. " +
	"An item has `id`, `title`, `link`, `summary`, `content` (both may be HTML), `author`, `published`, `updated` (seconds since 1970), " +
	"`categories`, and `enclosures` of `{url, type}`. `title` and `link` are always texts, and `id` is always there: the feed's own, else the link, else one made of what the item says."

var _ = fn(feedModule, "parse", capability.None("reads a text that the script has"), waits,
	"Reads a feed from a text. It may have 8 MiB, 100,000 elements and 5,000 items; items after those are left out.",
	func(_ *Call, a *struct {
		Text []byte `lua:"text" doc:"RSS, Atom or JSON Feed"`
		Base string `lua:"base,opt" doc:"the address that it came from: links without a host are meant beside it"`
	}) (luaFeed, error) {
		base, err := url.Parse(a.Base)
		if err != nil || a.Base != "" && !base.IsAbs() {
			return luaFeed{}, usage("bad option 'base' to 'parse' (an address with http:// or https:// expected)")
		}
		return readFeed(a.Text, base)
	}, results(feedShape+" nil and an error when the text is none."), returns("table?", "Error?"), errcodes("E_FEED", "E_TOO_LARGE"),
	example(`local f = assert(feed.parse(body))`))

var _ = fn(feedModule, "fetch", capability.HTTPFetch, waitsInside,
	"Fetches a feed. Give back `etag` and `modified` of the last time: when nothing has changed since, the server need not send it, and the result is `{ not_modified = true }` with an empty list of items.",
	func(c *Call, a *struct {
		URL      string        `lua:"url" doc:"beginning with http:// or https://"`
		ETag     string        `lua:"etag,opt" doc:"as it came with the feed the last time"`
		Modified string        `lua:"modified,opt" doc:"as it came with the feed the last time"`
		Timeout  time.Duration `lua:"timeout,opt" doc:"for all of it" default:"30s"`
	}) (any, error) {
		u, err := url.Parse(a.URL)
		if err != nil || !knownScheme(u) {
			return nil, &diag.Error{Kind: diag.KindHTTP, Code: "E_URL", Message: "this is no address of a feed: " + quoted(a.URL), Hint: "it begins with http:// or https://"}
		}
		client, err := c.httpClient()
		if err != nil {
			return nil, err
		}
		r := feedRequest(u, a.ETag, a.Modified)
		r.timeout = a.Timeout
		var f luaFeed
		c.Wait(func(ctx context.Context) { f, err = fetchFeed(ctx, client, r) })
		if err != nil {
			return nil, err
		}
		return f, nil
	}, results(feedShape+" With `etag` and `modified` for the next time, `url` (that answered, after redirects) and `not_modified`. Or nil and an error."),
	returns("table?", "Error?"),
	errcodes("E_URL", "E_FEED", "E_TOO_LARGE", "E_STATUS", "E_REDIRECTS", "E_HTTP", "ECONNREFUSED", "ENOTFOUND", "ETIMEDOUT", "E_TLS", "E_CONNECTIONS"),
	example(`local f, err = feed.fetch(sub.url, { etag = sub.etag, modified = sub.modified, timeout = "20s" })`))

// How a feed is asked for.
const (
	feedRedirects = 10
	feedAccept    = "application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, text/xml;q=0.9, */*;q=0.5"
)

func feedRequest(u *url.URL, etag, modified string) *httpRequest {
	r := &httpRequest{method: http.MethodGet, url: u, header: http.Header{}, maxSize: feed.MaxSize, redirects: feedRedirects}
	r.header.Set("User-Agent", "bridgehost")
	r.header.Set("Accept", feedAccept)
	if etag != "" && isHeaderValue(etag) {
		r.header.Set("If-None-Match", etag)
	}
	if modified != "" && isHeaderValue(modified) {
		r.header.Set("If-Modified-Since", modified)
	}
	return r
}

// fetchFeed asks for a feed and reads it.
func fetchFeed(ctx context.Context, client *httpClient, r *httpRequest) (luaFeed, error) {
	answer, err := client.do(ctx, r)
	switch {
	case err != nil:
		return luaFeed{}, err
	case answer.Status == http.StatusNotModified:
		return luaFeed{NotModified: true, ETag: r.header.Get("If-None-Match"), Modified: r.header.Get("If-Modified-Since"), Items: []luaEntry{}}, nil
	case answer.Status != http.StatusOK:
		return luaFeed{}, r.refused(answer, client.clock.Now())
	}
	from, err := url.Parse(answer.URL)
	if err != nil {
		return luaFeed{}, r.failed(err)
	}
	f, err := readFeed(answer.Body, from)
	if err != nil {
		d := ErrorOf(err)
		d.Message, d.Request, d.Status = r.name()+": "+d.Message, r.name(), answer.Status
		return luaFeed{}, d
	}
	f.ETag, f.Modified, f.URL = answer.Header.Get("ETag"), answer.Header.Get("Last-Modified"), answer.URL
	return f, nil
}

// readFeed parses a feed and gives it the form that scripts see.
func readFeed(text []byte, base *url.URL) (luaFeed, error) {
	f, err := feed.Parse(text, base)
	switch {
	case errors.Is(err, feed.ErrTooLong):
		return luaFeed{}, &diag.Error{Kind: diag.KindLimit, Code: "E_TOO_LARGE", Message: err.Error(), Cause: err}
	case err != nil:
		return luaFeed{}, &diag.Error{Kind: diag.KindScript, Code: "E_FEED", Message: err.Error(), Cause: err}
	}
	shown := luaFeed{Format: f.Format, Title: cmp.Or(f.Title, f.Link, base.Host, "untitled"), Link: f.Link, Description: f.Description,
		Updated: moment(f.Updated), Items: []luaEntry{}}
	for _, i := range f.Items {
		e := luaEntry{ID: i.ID, Title: cmp.Or(i.Title, i.Link, "untitled"), Link: i.Link, Summary: i.Summary, Content: i.Content, Author: i.Author,
			Published: moment(i.Published), Updated: moment(i.Updated), Categories: append([]string{}, i.Categories...), Enclosures: []luaEnclosure{}}
		for _, file := range i.Enclosures {
			e.Enclosures = append(e.Enclosures, luaEnclosure(file))
		}
		shown.Items = append(shown.Items, e)
	}
	return shown, nil
}

// moment is a time as scripts see it; 0 when there is none.
func moment(t *time.Time) float64 {
	if t == nil {
		return 0
	}
	return float64(t.UnixMilli()) / 1e3
}
