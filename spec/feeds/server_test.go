package feeds

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/template"
	"time"
)

//go:embed testdata
var testdata embed.FS

// item is one of a feed, numbered from 1.
type item struct {
	N     int
	Title string
}

// titles are what items are called, in turn.
var titles = []string{"Plain words", "Fish & chips < 5 €", "Über “alles”", "1 > 0 – or not"}

// feedOf is one feed of the server, as sites have them.
type feedOf struct {
	path, file string
	title      string // as the bridge shows it
	link       string // of an item; %d is its number
	etag, date bool   // it answers 304, by ETag or by date
	zip        bool   // it is packed
	western    bool   // it is windows-1252
	kind       string // Content-Type
}

// all are the feeds of the test. The links of plain.xml are beside the server.
var all = []*feedOf{
	{path: "/feed/", file: "rss2.xml", title: "The Weblog", link: "https://weblog.example/2024/11/post-%d/", etag: true, kind: "application/rss+xml; charset=UTF-8"},
	{path: "/releases.atom", file: "atom.xml", title: "Release notes from something", link: "https://forge.example/someone/something/releases/tag/v1.%d.0", date: true, kind: "application/atom+xml"},
	{path: "/backend.php", file: "rdf.xml", title: "Nachrichten über alles", link: "http://altes.example/artikel.php?id=%d&von=rss", western: true, kind: "text/xml"},
	{path: "/feed.json", file: "feed.json", title: "Micro notes", link: "https://micro.example/2024/11/21/%d.html", etag: true, zip: true, kind: "application/feed+json"},
	{path: "/plain.xml", file: "plain.xml", title: "A page that somebody writes by hand", link: "/pages/%d.html", kind: "text/html"},
}

// moved is an old address of the last feed.
const moved = "/rss.xml"

// server serves the feeds, with as many items as there are by now, the newest first.
type server struct {
	*httptest.Server
	t *testing.T

	mu       sync.Mutex
	items    int
	requests int
	same     int // answered with 304
	conns    int
}

func newServer(t *testing.T) *server {
	s := &server{t: t, items: 5}
	mux := http.NewServeMux()
	for _, f := range all {
		mux.HandleFunc(f.path, func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, f) })
	}
	mux.HandleFunc(moved, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, all[len(all)-1].path, http.StatusMovedPermanently)
	})
	s.Server = httptest.NewUnstartedServer(mux)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.mu.Lock()
			s.conns++
			s.mu.Unlock()
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// address is where a feed is added from.
func (s *server) address(f *feedOf) string {
	if f.path == "/plain.xml" {
		return s.URL + moved
	}
	return s.URL + f.path
}

// message is what the bridge posts of an item, without what marks it up.
func (s *server) message(f *feedOf, n int) string {
	link := fmt.Sprintf(f.link, n)
	if strings.HasPrefix(link, "/") {
		link = s.URL + link
	}
	return f.title + ": " + titles[n%len(titles)] + " (" + link + ")"
}

// more adds items to all feeds and returns the number of the last.
func (s *server) more(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items += n
	return s.items
}

func (s *server) serve(w http.ResponseWriter, r *http.Request, f *feedOf) {
	s.mu.Lock()
	s.requests++
	items := s.items
	s.mu.Unlock()
	body := f.text(items)
	w.Header().Set("Content-Type", f.kind)
	if f.etag {
		etag := fmt.Sprintf(`W/"%x"`, sha256.Sum256(body))
		w.Header().Set("ETag", etag)
		if r.Header.Get("If-None-Match") == etag {
			s.unchanged(w)
			return
		}
	}
	if f.date {
		date := time.Date(2024, 11, 21, 7, 0, 0, 0, time.UTC).Add(time.Duration(items) * time.Minute).Format(http.TimeFormat)
		w.Header().Set("Last-Modified", date)
		if r.Header.Get("If-Modified-Since") == date {
			s.unchanged(w)
			return
		}
	}
	if f.zip && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		defer z.Close()
		_, _ = z.Write(body) // the bridge may have hung up
		return
	}
	_, _ = w.Write(body) // the bridge may have hung up
}

func (s *server) unchanged(w http.ResponseWriter) {
	s.mu.Lock()
	s.same++
	s.mu.Unlock()
	w.WriteHeader(http.StatusNotModified)
}

// text is the feed with the last 40 of so many items, the newest first.
func (f *feedOf) text(items int) []byte {
	var shown []item
	for n := max(1, items-39); n <= items; n++ {
		shown = append(shown, item{n, titles[n%len(titles)]})
	}
	slices.Reverse(shown)
	var b bytes.Buffer
	if err := template.Must(template.ParseFS(testdata, "testdata/"+f.file)).Execute(&b, shown); err != nil {
		return []byte(err.Error()) // no feed, which the test then sees
	}
	if f.western {
		return western(b.String())
	}
	return b.Bytes()
}

// western writes a text in windows-1252.
func western(text string) (b []byte) {
	special := map[rune]byte{'€': 0x80, '„': 0x84, '…': 0x85, '“': 0x93, '”': 0x94, '–': 0x96}
	for _, r := range text {
		if c := special[r]; c != 0 {
			b = append(b, c)
		} else {
			b = append(b, byte(r)) // Latin-1 stands where it stood
		}
	}
	return b
}

// counts is what the server has seen since the last call.
func (s *server) counts() (requests, same, conns int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	requests, same, conns = s.requests, s.same, s.conns
	s.requests, s.same, s.conns = 0, 0, 0
	return requests, same, conns
}
