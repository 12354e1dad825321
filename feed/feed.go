// Package feed reads RSS, Atom and JSON Feed, by the parser of mmcdole/gofeed.
//
//	f, err := feed.Parse(body, nil)
//	for _, item := range f.Items { … }
//
// What comes from strangers is bounded before it is parsed: its size, how many elements it
// has, and how deep they stand in each other.
package feed

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/mmcdole/gofeed"
	"golang.org/x/net/html/charset"
)

// Limits of one feed.
const (
	MaxSize  = 8 << 20
	maxParts = 100_000 // elements, or values of JSON
	maxDepth = 100
	maxItems = 5000
)

// ErrNoFeed is what Parse wraps when the text is no feed that it knows.
var ErrNoFeed = errors.New("this is no RSS, Atom or JSON feed")

// ErrTooLong is what Parse wraps when a limit is passed.
var ErrTooLong = errors.New("the feed is too long")

// Feed is what is known of a feed, whatever its format.
type Feed struct {
	Format      string // "rss", "atom" or "json"
	Title       string
	Link        string
	Description string
	Updated     *time.Time
	Items       []Item // as the feed has them: mostly the newest first
}

// Item is one entry.
type Item struct {
	ID         string // its own, else its link, else made of what it says; never empty
	Title      string
	Link       string
	Summary    string // may be HTML
	Content    string // may be HTML
	Author     string
	Published  *time.Time
	Updated    *time.Time
	Categories []string
	Enclosures []Enclosure
}

// Enclosure is a file that belongs to an item.
type Enclosure struct{ URL, Type string }

// Parse reads a feed. Items of equal ID are given once; links are made whole with base,
// the address that it came from, nil when there is none.
func Parse(body []byte, base *url.URL) (f *Feed, err error) {
	if len(body) > MaxSize {
		return nil, fmt.Errorf("%w: %d bytes, and %d are the most", ErrTooLong, len(body), MaxSize)
	}
	body = body[leading(body):]
	if err := bounded(body); err != nil {
		return nil, err
	}
	defer func() { // a parser of strangers' texts must not take the host along
		if p := recover(); p != nil {
			f, err = nil, fmt.Errorf("%w: its parser failed (%v)", ErrNoFeed, p)
		}
	}()
	parsed, err := gofeed.NewParser().Parse(bytes.NewReader(body))
	if err != nil {
		if errors.Is(err, gofeed.ErrFeedTypeNotDetected) {
			return nil, ErrNoFeed
		}
		return nil, fmt.Errorf("%w: %w", ErrNoFeed, err)
	}
	return convert(parsed, base), nil
}

// leading counts what stands before a feed: spaces, and marks of the byte order.
func leading(body []byte) int {
	for i, c := range body {
		if strings.IndexByte(" \r\n\t\x00\xfe\xff\xef\xbb\xbf", c) < 0 {
			return i
		}
	}
	return len(body)
}

// bounded refuses what would take more memory or stack than a feed may. It reads with the
// decoder, and the settings, of the parser, so that both see the same.
func bounded(body []byte) error {
	if len(body) > 0 && body[0] == '{' {
		return boundedJSON(body)
	}
	d := xml.NewDecoder(&plain{bytes.NewReader(body)})
	d.Strict = false
	d.CharsetReader = charset.NewReaderLabel
	for depth, parts := 0, 0; ; {
		token, err := d.Token()
		if err != nil {
			return nil // the end, or the parser stops here too
		}
		switch t := token.(type) {
		case xml.StartElement:
			depth++
			parts += 1 + len(t.Attr)
		case xml.EndElement:
			depth--
		default:
			continue
		}
		if depth > maxDepth || parts > maxParts {
			return fmt.Errorf("%w: more than %d elements, or more than %d in each other", ErrTooLong, maxParts, maxDepth)
		}
	}
}

func boundedJSON(body []byte) error {
	d := json.NewDecoder(bytes.NewReader(body))
	for depth, parts := 0, 0; ; parts++ {
		token, err := d.Token()
		if err != nil {
			return nil // the end, or the parser stops here too
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth > maxDepth || parts > maxParts {
			return fmt.Errorf("%w: more than %d values, or more than %d in each other", ErrTooLong, maxParts, maxDepth)
		}
	}
}

// plain leaves out the control characters that XML forbids, as the parser does.
type plain struct{ r io.Reader }

func (p *plain) Read(b []byte) (int, error) {
	for {
		n, err := p.r.Read(b)
		kept := 0
		for _, c := range b[:n] {
			if c >= 0x20 || c == '\t' || c == '\n' || c == '\r' {
				b[kept] = c
				kept++
			}
		}
		if kept > 0 || err != nil {
			return kept, err
		}
	}
}

func convert(in *gofeed.Feed, base *url.URL) *Feed {
	f := &Feed{Format: in.FeedType, Title: line(in.Title), Link: whole(line(in.Link), base), Description: text(in.Description), Updated: in.UpdatedParsed}
	if u, err := url.Parse(f.Link); err == nil && u.IsAbs() && u.Host != "" {
		base = u // items' links are meant beside the feed's page
	}
	seen := map[string]bool{}
	for _, i := range in.Items {
		if i == nil || len(f.Items) == maxItems {
			continue
		}
		item := Item{ID: line(i.GUID), Title: line(i.Title), Link: whole(line(i.Link), base), Summary: text(i.Description), Content: text(i.Content),
			Published: i.PublishedParsed, Updated: i.UpdatedParsed}
		if item.Link == "" && webAddress(item.ID) {
			item.Link = item.ID
		}
		for _, a := range i.Authors {
			if a != nil && item.Author == "" {
				item.Author = line(cmp.Or(a.Name, a.Email))
			}
		}
		for _, c := range i.Categories {
			item.Categories = append(item.Categories, line(c))
		}
		for _, e := range i.Enclosures {
			if e != nil && e.URL != "" {
				item.Enclosures = append(item.Enclosures, Enclosure{URL: whole(line(e.URL), base), Type: line(e.Type)})
			}
		}
		if item.ID == "" {
			item.ID = made(item)
		}
		if !seen[item.ID] {
			seen[item.ID] = true
			f.Items = append(f.Items, item)
		}
	}
	return f
}

// made is the ID of an item that has none.
func made(i Item) string {
	if i.Link != "" {
		return i.Link
	}
	h := sha256.New()
	for _, part := range []string{i.Title, i.Summary, i.Content} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	if i.Published != nil {
		fmt.Fprint(h, i.Published.Unix())
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil)[:16])
}

// whole is a link with all its parts.
func whole(link string, base *url.URL) string {
	u, err := url.Parse(link)
	if err != nil || base == nil || link == "" || u.IsAbs() {
		return link
	}
	return base.ResolveReference(u).String()
}

func webAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// text is valid UTF-8.
func text(s string) string { return strings.ToValidUTF8(s, "\ufffd") }

// line is text on one line.
func line(s string) string { return strings.Join(strings.Fields(text(s)), " ") }
