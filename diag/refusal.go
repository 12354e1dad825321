package diag

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// refused tells whether the homeserver said no: such an error is shown with the request
// below the call that made it, and the server's own words.
func (e *Error) refused() bool {
	return e.Kind == KindMatrix && e.Code != "" && e.Status != 0 && e.Request != ""
}

// asUser is how errors of intents begin.
var asUser = regexp.MustCompile(`^(\w+) as @\S+(?: in \S+)?: `)

// refusal is the head of such an error, and what stands below its excerpt:
//
//	error: the homeserver refused send_text: M_FORBIDDEN (403)
//	  --> rss.lua:27 in cron "0 * * * *"   rss#2
//	    27 |   intent:send_text(room, text)
//	                  ^^^^^^^^^ POST /join/!news:example.org as @_bh_rss:example.org
//	  = the server said: User not in room
//	  = try: …
func (r *renderer) refusal(marks []Mark) {
	e := r.e
	what := e.At
	if what != "" {
		what = " " + what
	}
	r.head = r.paint(red, "error: ") + oneLine(fmt.Sprintf("the homeserver refused%s: %s (%d)", what, e.Code, e.Status))
	if e.Where != "" {
		r.head += "\n" + r.cut(oneLine("  --> "+strings.TrimSuffix(e.Where+" "+strings.Join(nonEmpty(called(e), e.While), "   "), " ")))
	}
	if len(marks) == 1 && marks[0].Note == "" {
		marks[0].Note = readable(e.Request)
	}
	r.locals()
	if said := strings.TrimSuffix(strings.TrimSuffix(e.Message, e.Said), ": "); said != "" && said != e.Message {
		r.line("  = tried: " + asUser.ReplaceAllString(said, "$1: ")) // the request says as whom and where
	}
	if e.Said != "" {
		r.line("  = the server said: " + e.Said)
	}
	if e.Hint != "" {
		r.line("  = try: " + e.Hint)
	}
	r.field("still", r.o.Still)
	r.more()
}

func nonEmpty(parts ...string) (list []string) {
	for _, p := range parts {
		if p != "" {
			list = append(list, p)
		}
	}
	return list
}

// readable is a request without what is the same in all of them, and without escapes.
func readable(request string) string {
	short := strings.Replace(request, "/_matrix/client/v3/", "/", 1)
	if plain, err := url.PathUnescape(short); err == nil {
		return plain
	}
	return short
}
