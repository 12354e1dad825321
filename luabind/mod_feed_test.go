package luabind

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jonboulle/clockwork"

	"bridgehost/feed"
)

const newsFeed = `<rss version="2.0"><channel><title>News</title><link>https://news.test/</link>
<item><title>Two</title><link>https://news.test/2</link><guid>2</guid><pubDate>Sat, 07 Sep 2024 10:00:00 GMT</pubDate><category>c</category>
<enclosure url="https://news.test/2.mp3" type="audio/mpeg" length="1"/></item><item><guid>1</guid></item></channel></rss>`

// feedServer answers as servers of feeds do, and as they do not.
func feedServer(t *testing.T) *httptest.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("/news", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"v1"`)
		w.Header().Set("Last-Modified", "Sat, 07 Sep 2024 10:00:00 GMT")
		if r.Header.Get("If-None-Match") == `"v1"` && r.Header.Get("If-Modified-Since") == "Sat, 07 Sep 2024 10:00:00 GMT" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		fmt.Fprint(w, newsFeed)
	})
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/news", http.StatusFound) })
	mux.HandleFunc("/circle", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/circle", http.StatusFound) })
	mux.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
	})
	mux.HandleFunc("/page", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "<html><body>hello</body></html>") })
	mux.HandleFunc("/busy", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "120")
		http.Error(w, "later", http.StatusServiceUnavailable)
	})
	mux.HandleFunc("/huge", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "<rss><channel>")
		for line := strings.Repeat(" ", 1<<16); ; {
			if _, err := fmt.Fprint(w, line); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/cut", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000")
		fmt.Fprint(w, "<rss>")
	})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func TestFeedFetch(t *testing.T) {
	for _, test := range []struct{ name, lua, want string }{
		{"a feed", `local f = assert(feed.fetch(base .. "/news")) print(f.format, f.title, f.link, #f.items, f.not_modified, f.etag, f.modified, f.url == base .. "/news")
			for _, i in ipairs(f.items) do print(i.id, i.title, i.link, i.published, #i.categories, #i.enclosures) end`,
			"rss\tNews\thttps://news.test/\t2\tfalse\t\"v1\"\tSat, 07 Sep 2024 10:00:00 GMT\ttrue\n2\tTwo\thttps://news.test/2\t1725703200\t1\t1\n1\tuntitled\t\tnil\t0\t0"},
		{"nothing new", `local f = feed.fetch(base .. "/news") f = feed.fetch(base .. "/news", { etag = f.etag, modified = f.modified }) print(f.not_modified, #f.items, f.etag, f.modified)`,
			"true\t0\t\"v1\"\tSat, 07 Sep 2024 10:00:00 GMT"},
		{"one that has moved", `local f = feed.fetch(base .. "/moved") print(f.title, f.url == base .. "/news")`, "News\ttrue"},
		{"a circle", `local f, err = feed.fetch(base .. "/circle") print(f, err.kind, err.code)`, "nil\thttp\tE_REDIRECTS"},
		{"a redirect to a file", `print(select(2, feed.fetch(base .. "/file")).code)`, "E_REDIRECTS"},
		{"a page", `local f, err = feed.fetch(base .. "/page") print(f, err.code, err)`, "nil\tE_FEED\t"},
		{"a status", `local f, err = feed.fetch(base .. "/busy") print(f, err.kind, err.code, err.status, err.retryable, err.retry_after)`, "nil\thttp\tE_STATUS\t503\ttrue\t120"},
		{"nothing there", `print(select(2, feed.fetch(base .. "/nowhere")).status)`, "404"},
		{"a feed without end", `local f, err = feed.fetch(base .. "/huge") print(f, err.kind, err.code)`, "nil\thttp\tE_TOO_LARGE"},
		{"a feed that is cut off", `local f, err = feed.fetch(base .. "/cut") print(f, err.kind, err.code)`, "nil\tnet\tECONNRESET"},
		{"a slow server", `local f, err = feed.fetch(base .. "/slow", { timeout = 0.05 }) print(f, err.kind, err.code)`, "nil\ttimeout\tETIMEDOUT"},
		{"nobody", `local f, err = feed.fetch("http://127.0.0.1:1/") print(f, err.kind, err.code)`, "nil\tnet\tECONNREFUSED"},
		{"no TLS", `local f, err = feed.fetch((base:gsub("http:", "https:"))) print(f, err.kind, err.code)`, "nil\tnet\tE_TLS"},
		{"no address", `for _, u in ipairs { "ftp://h/", "news", "http://" } do local f, err = feed.fetch(u) print(f, err.code) end`, "nil\tE_URL\nnil\tE_URL\nnil\tE_URL"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newModBench(t, clockwork.NewRealClock(), nil)
			b.mustLoad(fmt.Sprintf(`local bridge, feed, base = require "bridge", require "bridge.feed", %q
				bridge.on("org.test.go", function() %s print "done" end)`, feedServer(t).URL, test.lua))
			b.deliver("go")
			b.printed("done")
			if !strings.Contains(b.output(), test.want) {
				t.Errorf("printed %q, want %q", b.output(), test.want)
			}
			b.until("one connection is kept, at most", func() bool { b.tell(); return b.dialer.Account("s", 64).Open() <= 1 })
		})
	}
}

func TestFeedParse(t *testing.T) {
	b := newModBench(t, clockwork.NewRealClock(), map[string]any{"long": strings.Repeat(" ", feed.MaxSize+1)})
	b.mustLoad(fmt.Sprintf(`local bridge, feed = require "bridge", require "bridge.feed"
		local text = %q
		bridge.on("org.test.go", function()
			local f = assert(feed.parse(text))
			print(f.title, #f.items, f.etag)
			print(assert(feed.parse('<rss version="2.0"><channel><item><link>a</link></item></channel></rss>', { base = "https://x.test/b/c" })).items[1].link)
			print(assert(feed.parse('{"version":"https://jsonfeed.org/version/1.1","items":[]}')).title)
			print("no feed", select(2, feed.parse("hello")).code, pcall(feed.parse, text, { base = "here" }))
			print("too long", select(2, feed.parse((" "):rep(%d))).code)
		end)`, newsFeed, feed.MaxSize+1))
	b.deliver("go")
	b.printed("too long\tE_TOO_LARGE")
	for _, want := range []string{"News\t2\tnil", "https://x.test/b/a", "untitled", "no feed\tE_FEED\tfalse"} {
		if !strings.Contains(b.output(), want) {
			t.Errorf("not printed: %q in\n%s", want, b.output())
		}
	}
}

// rss.lua's poll posts nothing of what was there at first, and each new item once.
func TestRSSPolls(t *testing.T) {
	var items atomic.Int64
	items.Store(2)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `<rss version="2.0"><channel><title>News</title>`)
		for n := items.Load(); n > 0; n-- {
			fmt.Fprintf(w, "<item><title>Item %d</title><link>https://news.test/%d</link></item>", n, n)
		}
		fmt.Fprint(w, "</channel></rss>")
	}))
	defer s.Close()
	source, err := os.ReadFile("../scripts/examples/rss/rss.lua")
	if err != nil {
		t.Fatal(err)
	}
	// The script as it is, but for whom it tells: this bench has no homeserver.
	text := strings.Replace(string(source), "intent:send_message(sub.room, ", "print(", 1) + fmt.Sprintf(`
		bridge.on("org.test.add", function() subs:set("k", { room = "!r:bh.test", url = %q }) poll("k") print("polled", subs:get("k").primed) end)
		bridge.on("org.test.poll", function() poll("k") print("polled again") end)`, s.URL)
	b := newModBench(t, clockwork.NewRealClock(), nil)
	b.mustLoad(text)
	b.deliver("add")
	b.printed("polled\ttrue")
	items.Store(4)
	b.deliver("poll")
	b.printed("polled again")
	if got := b.output(); strings.Contains(got, "Item 1") || strings.Contains(got, "Item 2") || strings.Index(got, "Item 3") > strings.Index(got, "Item 4") || strings.Count(got, "Item") != 2 {
		t.Errorf("printed:\n%s", got)
	}
}
