package host

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"bridgehost/devpage"
	"bridgehost/diag"
	"bridgehost/engine"
)

func TestALoadIsToldInALine(t *testing.T) {
	one := map[string]string{"echo.lua": "a\nb\nc\n"}
	two := map[string]string{"echo.lua": "a\nB\nc\n"}
	many := map[string]string{"echo.lua": "a\nb\nc\n", "x.lua": "1\n2", "y.lua": "1", "z.lua": "1"}
	for want, r := range map[string]struct {
		before map[string]string
		r      engine.LoadReport
	}{
		"echo.lua → generation 1 in 4 ms":                              {nil, engine.LoadReport{Number: 1, Reason: engine.ReasonStart, Sources: one}},
		"echo.lua changed (1 line) → generation 2 in 4 ms":             {one, engine.LoadReport{Number: 2, Reason: engine.ReasonSaved, Sources: two}},
		"x.lua, y.lua, z.lua changed (4 lines) → generation 2 in 4 ms": {one, engine.LoadReport{Number: 2, Reason: engine.ReasonSaved, Sources: many}},
		"4 files changed (7 lines) → generation 2 in 4 ms":             {map[string]string{}, engine.LoadReport{Number: 2, Reason: engine.ReasonSaved, Sources: many}},
		"echo.lua changed → not loaded; generation 2 keeps running":    {one, engine.LoadReport{Running: 2, Reason: engine.ReasonSaved, Sources: two, Err: &diag.Error{}}},
		"echo.lua → not loaded; nothing runs, its events wait":         {nil, engine.LoadReport{Reason: engine.ReasonStart, Sources: one, Err: &diag.Error{}}},
		"echo.lua changed → as before; generation 2 keeps running":     {two, engine.LoadReport{Number: 2, Running: 2, Reason: engine.ReasonTakenBack, Sources: one}},
		"echo.lua loaded again → generation 3 in 4 ms":                 {one, engine.LoadReport{Number: 3, Reason: engine.ReasonAsked, Sources: one}},
		"echo.lua has new values → generation 3 in 4 ms":               {one, engine.LoadReport{Number: 3, Reason: engine.ReasonConfig, Sources: one}},
		"echo.lua has new values; generation 3 keeps running":          {one, engine.LoadReport{Number: 3, Running: 3, Reason: engine.ReasonGiven, Sources: one}},
		"echo.lua rolled back → generation 4 in 4 ms":                  {two, engine.LoadReport{Number: 4, Reason: engine.ReasonRollback, Sources: one}},
		"echo.lua failed at its start → generation 5 keeps running":    {one, engine.LoadReport{Running: 5, Reason: engine.ReasonSwapBack, Sources: one, Err: &diag.Error{}}},
	} {
		r.r.Took = 4 * time.Millisecond
		if got := loadTitle("echo.lua", r.r, r.before); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestChangedLinesAreCounted(t *testing.T) {
	for _, c := range []struct {
		before, after string
		want          int
	}{
		{"a\nb\nc", "a\nb\nc", 0}, {"a\nb\nc", "a\nx\nc", 1}, {"a\nb\nc", "a\nc", 1}, {"a\nc", "a\nb\nc", 1},
		{"1\n2\n3\n4\n5", "1\nx\n3\ny\n5", 2}, {"", "a", 1}, {"a\nb", "c\nd\ne", 3},
		{strings.Repeat("a\n", 3000), strings.Repeat("b\n", 2500), 3000}, // too much to compare: counted
	} {
		if got := linesChanged(c.before, c.after); got != c.want {
			t.Errorf("%.20q → %.20q: %d, not %d", c.before, c.after, got, c.want)
		}
	}
}

func TestDurationsAreShort(t *testing.T) {
	for d, want := range map[time.Duration]string{420 * time.Microsecond: "0.4 ms", 5*time.Millisecond + 1: "5 ms", 990 * time.Microsecond: "1 ms", 1234 * time.Millisecond: "1.2 s"} {
		if got := duration(d); got != want {
			t.Errorf("%s: %s, not %s", d, got, want)
		}
	}
}

func TestRequestsHaveTheIntentsNames(t *testing.T) {
	for request, want := range map[string]string{
		`PUT rooms/!r/send/m.room.message/1 {"msgtype":"m.text"}`:   "send_message",
		`PUT rooms/!r/send/m.room.message/1 {"msgtype":"m.notice"}`: "send_notice",
		`PUT rooms/!r/send/m.room.message/1 {"msgtype":"m.emote"}`:  "send_emote",
		`PUT rooms/!r/send/m.room.message/1 [`:                      "send_message",
		`PUT rooms/!r/send/m.reaction/1 {}`:                         "react",
		`PUT rooms/!r/send/org.example.x/1 {}`:                      "send_message_event org.example.x",
		`PUT rooms/!r/redact/$e/1 {}`:                               "redact",
		`PUT rooms/!r/state/m.room.name {}`:                         "send_state_event m.room.name",
		`GET rooms/!r/state `:                                       "get_state_event",
		`POST join/!r {}`:                                           "join_room",
		`POST rooms/!r/invite {}`:                                   "invite_user",
		`POST createRoom {}`:                                        "create_room",
		`PUT profile/@u/displayname {}`:                             "set_displayname",
		`GET directory/room/x `:                                     "resolve_room_alias",
		`GET voip/turnServer `:                                      "GET /voip/turnServer",
	} {
		method, rest, _ := strings.Cut(request, " ")
		path, body, _ := strings.Cut(rest, " ")
		r, err := http.NewRequest(method, "http://hs/_matrix/client/v3/"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if got := callName(r); got != want {
			t.Errorf("%s: %s, not %s", request, got, want)
		}
	}
}

func TestDevShowsEventsOnDemand(t *testing.T) {
	shown, _ := devSession(t, joins+`
bridge.on("message", function(evt) evt:reply("yes") end)
bridge.every("20ms", function() end)`, "quiet", "e", "hello", "r", "e", "again", "q", "never said")
	inOrder(t, shown, "chat with your bridge     http://127.0.0.1:", "/?k=", "simulated homeserver      bh.test   (you are @you:bh.test)",
		"main.lua                  generation 1, ", ": 2 handlers, 0 commands", "not watching demo/   keys: r reload · t test · c console · e events · q quit",
		"you            quiet", "events on", "you            hello", "main.lua loaded again → generation 2 in ", "events off", "you            again")
	if !regexp.MustCompile(`message "hello"  [\d.]+ ms\n +→ send_message +200  `).MatchString(shown) {
		t.Errorf("the event is not shown:\n%s", shown)
	}
	if strings.Contains(shown, `message "quiet"  `) || strings.Contains(shown, `message "again"  `) || strings.Contains(shown, "never said") {
		t.Errorf("shown too much:\n%s", shown)
	}
}

func TestDevListensOnThisMachineOnly(t *testing.T) {
	dir := devScriptFile(t, "demo", joins)
	err := Dev(t.Context(), DevOptions{Path: dir, In: strings.NewReader(""), Out: &heard{}, Listen: "0.0.0.0:0", Log: hclog.NewNullLogger()})
	if !errors.Is(err, devpage.ErrNotLoopback) || ExitCode(err) != ExitConfig {
		t.Errorf("all the world may come: %v", err)
	}
}

func TestRowsTellWhatTheScriptDid(t *testing.T) {
	dir := devScriptFile(t, "demo", joins+`
bridge.on("load", function() intent:set_displayname("Demo") end)
bridge.on("message", function(evt)
  if evt.text == "fail" then error("no more") end
  print("asked")
  bridge.parallel(1, {1, 2}, function(i) intent:send_text(evt.room_id, "part " .. i) end)
  pcall(function() intent:get_state_event(evt.room_id, "org.example.none") end)
end)`)
	f, _, err := devScript(dir)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]devpage.Row{}
	o := DevOptions{Path: dir, In: strings.NewReader("hello\nfail\n"), Out: &heard{}, NoWatch: true, Listen: "127.0.0.1:0", Log: hclog.NewNullLogger()}
	err = devWith(t.Context(), o, f, dir, func(s *session) {
		show := s.activity.show
		s.activity.show = func(r devpage.Row) {
			rows[string(r.Kind)+" "+r.Title] = r
			show(r)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	var calls []string
	for _, c := range rows[`work message "hello"`].Calls {
		calls = append(calls, c.Name+" "+c.Answer())
	}
	if got := strings.Join(calls, ", "); !strings.HasSuffix(got, "send_message 200, send_message 200, get_state_event org.example.none 404 M_NOT_FOUND") {
		t.Errorf("the calls of a handler, of its parts, and one that failed: %s", got)
	}
	if r := rows[`work message "fail"`]; !r.Bad || r.Busy || r.Event == nil || r.Generation != 1 {
		t.Errorf("a handler that fails: %+v", r)
	}
	for _, title := range []string{"printed asked", "work invite _bh_demo", "loaded main.lua → generation 1"} {
		found := false
		for k := range rows {
			found = found || strings.HasPrefix(k, title)
		}
		if !found {
			t.Errorf("no row %q in %v", title, rows)
		}
	}
	aside, failed := false, false
	for k, r := range rows {
		aside = aside || r.Event == nil && len(r.Calls) > 0 && strings.Contains(k, "load")
		failed = failed || r.Kind == devpage.Failed && strings.Contains(r.Text, "no more") && strings.HasPrefix(r.Title, "error in main.lua:")
	}
	if !aside || !failed {
		t.Errorf("calls outside of events %t, the error %t: %v", aside, failed, rows)
	}
	if _, err := os.Stat(filepath.Join(dir, ".bridgehost")); err != nil {
		t.Error(err)
	}
}
