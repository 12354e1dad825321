package feed

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

const rssText = `<?xml version="1.0"?><rss version="2.0"><channel><title>News &amp; more</title><link>https://news.test/</link><description>all of it</description>
<item><title>Two
 lines</title><link>/2</link><guid isPermaLink="false">id-2</guid><description>&lt;p&gt;text&lt;/p&gt;</description><author>me@news.test</author>
<pubDate>Sat, 07 Sep 2024 10:00:00 GMT</pubDate><category>a</category><category>b</category><enclosure url="https://news.test/2.mp3" type="audio/mpeg" length="1"/></item>
<item><title>One</title><guid>https://news.test/1</guid></item>
<item><title>Again</title><guid>id-2</guid></item>
<item><title>No id</title><description>at all</description></item>
</channel></rss>`

const atomText = `<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom"><title>Blog</title><id>urn:blog</id><updated>2024-09-07T10:00:00Z</updated>
<link href="https://blog.test/"/><link rel="self" href="https://blog.test/atom.xml"/>
<entry><id>urn:1</id><title>First</title><link href="https://blog.test/1"/><updated>2024-09-07T10:00:00Z</updated><published>2024-09-06T10:00:00Z</published>
<author><name>Ann</name></author><summary>short</summary><content type="html">&lt;b&gt;long&lt;/b&gt;</content></entry></feed>`

const jsonText = `{"version":"https://jsonfeed.org/version/1.1","title":"Micro","home_page_url":"https://micro.test/","items":[
{"id":7,"url":"https://micro.test/7","content_text":"hello","date_published":"2024-09-07T10:00:00Z","authors":[{"name":"Bo"}],"tags":["x"],"attachments":[{"url":"https://micro.test/a.png","mime_type":"image/png"}]}]}`

func parse(t *testing.T, text string) *Feed {
	t.Helper()
	base, _ := url.Parse("https://fetched.test/feeds/all.xml")
	f, err := Parse([]byte(text), base)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestRSS(t *testing.T) {
	f := parse(t, rssText)
	if f.Format != "rss" || f.Title != "News & more" || f.Link != "https://news.test/" || f.Description != "all of it" || len(f.Items) != 3 {
		t.Fatalf("got %+v", f)
	}
	i := f.Items[0]
	if i.ID != "id-2" || i.Title != "Two lines" || i.Link != "https://news.test/2" || i.Summary != "<p>text</p>" || i.Author != "me@news.test" ||
		!i.Published.Equal(time.Date(2024, 9, 7, 10, 0, 0, 0, time.UTC)) || fmt.Sprint(i.Categories) != "[a b]" ||
		fmt.Sprint(i.Enclosures) != "[{https://news.test/2.mp3 audio/mpeg}]" {
		t.Errorf("got %+v", i)
	}
	if i := f.Items[1]; i.ID != "https://news.test/1" || i.Link != i.ID {
		t.Errorf("an ID that is an address is the link: %+v", i)
	}
	if i := f.Items[2]; !strings.HasPrefix(i.ID, "sha256:") || i.ID != parse(t, rssText).Items[2].ID {
		t.Errorf("an ID is made, always the same: %+v", i)
	}
}

func TestAtom(t *testing.T) {
	f := parse(t, atomText)
	if f.Format != "atom" || f.Title != "Blog" || f.Link != "https://blog.test/" || len(f.Items) != 1 || f.Updated.IsZero() {
		t.Fatalf("got %+v", f)
	}
	if i := f.Items[0]; i.ID != "urn:1" || i.Link != "https://blog.test/1" || i.Author != "Ann" || i.Summary != "short" || i.Content != "<b>long</b>" ||
		i.Published.Day() != 6 || i.Updated.Day() != 7 {
		t.Errorf("got %+v", i)
	}
}

func TestJSONFeed(t *testing.T) {
	f := parse(t, "\ufeff"+jsonText)
	if f.Format != "json" || f.Title != "Micro" || len(f.Items) != 1 {
		t.Fatalf("got %+v", f)
	}
	if i := f.Items[0]; i.ID != "7" || i.Link != "https://micro.test/7" || i.Content != "hello" || i.Author != "Bo" || fmt.Sprint(i.Categories) != "[x]" || len(i.Enclosures) != 1 {
		t.Errorf("got %+v", i)
	}
}

func TestFeedsAsTheyAre(t *testing.T) {
	for name, text := range map[string]string{
		"control characters":  strings.Replace(rssText, "One", "O\x01ne", 1),
		"an encoding":         strings.Replace(strings.Replace(rssText, `version="1.0"?`, `version="1.0" encoding="iso-8859-1"?`, 1), "One", "caf\xe9", 1),
		"an entity too many":  strings.Replace(rssText, "One", "a & b &nbsp; c", 1),
		"a byte order mark":   "\ufeff" + rssText,
		"spaces before it":    "\n\n  " + rssText,
		"links beside itself": `<rss version="2.0"><channel><title>x</title><item><title>a</title><link>b/c</link></item></channel></rss>`,
	} {
		f, err := Parse([]byte(text), &url.URL{Scheme: "https", Host: "fetched.test", Path: "/feeds/all.xml"})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if name == "an encoding" && f.Items[1].Title != "café" {
			t.Errorf("got %q", f.Items[1].Title)
		}
		if name == "links beside itself" && f.Items[0].Link != "https://fetched.test/feeds/b/c" {
			t.Errorf("got %q", f.Items[0].Link)
		}
	}
}

func TestWhatIsNoFeed(t *testing.T) {
	for _, text := range []string{"", " ", "hello", "<html><body>not found</body></html>", "{", `{"items": 7}`, "[]", "<rss", "\x00\x01"} {
		if f, err := Parse([]byte(text), nil); !errors.Is(err, ErrNoFeed) {
			t.Errorf("%q: %+v, %v", text, f, err)
		}
	}
}

func TestLimits(t *testing.T) {
	in := func(inner string) string { return `<rss version="2.0"><channel><item>` + inner }
	for name, text := range map[string]string{
		"size":           in(strings.Repeat(" ", MaxSize)),
		"depth":          in(strings.Repeat(`<x:a>`, 100_000)),
		"elements":       in(strings.Repeat(`<x:a/>`, maxParts)),
		"attributes":     in(`<x:a ` + strings.Repeat(`b="" `, maxParts) + `/>`),
		"depth of JSON":  `{"a":` + strings.Repeat("[", 100_000),
		"values of JSON": `{"a":[` + strings.Repeat("1,", maxParts) + `1]}`,
		"behind a mark":  "\x00\xfe{\"a\":" + strings.Repeat("[", 100_000),
	} {
		if _, err := Parse([]byte(text), nil); !errors.Is(err, ErrTooLong) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var many strings.Builder
	for n := range maxItems + 10 {
		fmt.Fprintf(&many, "<item><guid>%d</guid></item>", n)
	}
	if f := parse(t, `<rss version="2.0"><channel>`+many.String()+`</channel></rss>`); len(f.Items) != maxItems {
		t.Errorf("%d items, want %d", len(f.Items), maxItems)
	}
}

// Whatever a server sends is a feed, or an error that says why not.
func FuzzParse(f *testing.F) {
	for _, text := range []string{rssText, atomText, jsonText, "\ufeff" + jsonText, `<rdf:RDF xmlns:rdf="r" xmlns="http://purl.org/rss/1.0/"><channel><title>x</title></channel><item><title>y</title></item></rdf:RDF>`} {
		f.Add([]byte(text))
	}
	base, _ := url.Parse("https://fetched.test/")
	f.Fuzz(func(t *testing.T, text []byte) {
		parsed, err := Parse(text, base)
		switch {
		case err != nil:
			if !errors.Is(err, ErrNoFeed) && !errors.Is(err, ErrTooLong) {
				t.Errorf("an error of another kind: %v", err)
			}
			return
		case parsed == nil:
			t.Fatal("neither feed nor error")
		}
		seen := map[string]bool{}
		for _, i := range parsed.Items {
			if i.ID == "" || seen[i.ID] {
				t.Errorf("the ID %q", i.ID)
			}
			seen[i.ID] = true
		}
	})
}
