package diag

import (
	"strings"
	"testing"
	"unicode/utf8"
)

const irc = `local m = read()
local target, text = m.params[1], m.params[2]
local portal = bridge.portal_of(target)
ghost_for(m.nick):send_text(portal.room_id, text)
`

func sample() *Error {
	return &Error{Kind: KindScript, Message: "attempt to index local 'portal' (a nil value)", Where: "irc.lua:4", In: `service "irc"`,
		While: "irc#7", Hint: "bridge.portal_of takes a room id",
		Trace:  []Frame{{"irc.lua", 4, "deliver"}, {"irc.lua", 146, ""}},
		Locals: []Local{{"target", `"#lua"`}, {"portal", "nil"}}}
}

func TestRender(t *testing.T) {
	want := `error: irc.lua:4: attempt to index local 'portal' (a nil value)

       2 | local target, text = m.params[1], m.params[2]
       3 | local portal = bridge.portal_of(target)
  >    4 | ghost_for(m.nick):send_text(portal.room_id, text)
                                       ^^^^^^
    locals   target = "#lua"   portal = nil
    called   in deliver, irc.lua:146 in service "irc"
    while    irc#7
    hint     bridge.portal_of takes a room id
    still    generation 2 keeps running
`
	got := Render(sample(), Files{"irc.lua": irc}, Options{Still: "generation 2 keeps running"})
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if without := Render(sample(), nil, Options{}); !strings.HasPrefix(without, "error: irc.lua:4: ") || strings.Contains(without, "^") {
		t.Error(without)
	}
}

func TestRenderSyntaxErrorShowsBothPlaces(t *testing.T) {
	e := &Error{Message: "'end' expected (to close 'function' at line 1) near '<eof>'", Where: "a.lua:4",
		Marks: []Mark{{File: "a.lua", Line: 4, Col: 4}, {File: "a.lua", Line: 1, Col: 7, Len: 8, Note: "'function' is not closed"}}}
	got := Render(e, Files{"a.lua": "local function f()\n  if x then\n  end\nf()"}, Options{})
	for _, part := range []string{"> ", "   4 | f()", "   1 | local function f()", "^^^^^^^^ 'function' is not closed"} {
		if !strings.Contains(got, part) {
			t.Errorf("%q is missing in\n%s", part, got)
		}
	}
}

func TestRenderSaysWhatTheServerSaid(t *testing.T) {
	e := &Error{Kind: KindMatrix, Code: "M_FORBIDDEN", Status: 403, Message: "join as @bot:x in !r:x: could not join: You are not invited", Said: "You are not invited",
		Where: "rss.lua:2", Request: "POST /_matrix/client/v3/join/%21r%3Ax as @bot:x", At: "send_text", In: `cron "0 * * * *"`, While: "rss#2",
		Hint: "invite @bot:x to the room", Locals: []Local{{"room", `"!r:x"`}}}
	want := `error: the homeserver refused send_text: M_FORBIDDEN (403)
  --> rss.lua:2 in cron "0 * * * *"   rss#2

       1 | local room = "!r:x"
  >    2 | intent:send_text(room, "news")
                  ^^^^^^^^^ POST /join/!r:x as @bot:x
    locals   room = "!r:x"
  = tried: join: could not join
  = the server said: You are not invited
  = try: invite @bot:x to the room
`
	if got := Render(e, Files{"rss.lua": "local room = \"!r:x\"\nintent:send_text(room, \"news\")"}, Options{}); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestSuggest(t *testing.T) {
	names := []string{"send_message", "send_text", "join", "leave", "json"}
	for word, want := range map[string]string{"send_mesage": "send_message", "send_txet": "send_text", "jion": "join",
		"send_mess": "send_message", "kick": "", "x": "", "jsno": "json", "SEND_TEXT": "send_text"} {
		if got := Suggest(word, names); got != want {
			t.Errorf("Suggest(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestTheCaretPointsAtWhatFailed(t *testing.T) {
	for _, c := range []struct{ line, message, at, want string }{
		{`evt:reply("a " .. evt.txt)`, "event has no field 'txt'; did you mean 'text'?", "", "txt"},
		{`send(room, "a, b", text)`, "bad argument #3 'text' to 'send' (string expected)", "", "text"},
		{`send(f(a, b), x)`, "bad argument #2 'text' to 'send' (string expected)", "", "x"},
		{`send()`, "bad argument #1 'room_id' to 'send' (string expected)", "", "send"},
		{`send(room, { nme = 1 })`, "bad argument #2 'spec' to 'send' (unknown field 'nme'; did you mean 'name'?)", "", "nme"},
		{`if evt then send(`, "bad argument #1 'room_id' to 'send' (string expected)", "", "send"},
		{`n = "a" + 1`, "attempt to perform arithmetic on a string value", "+", "+"},
		{`n = a + "b" + 1`, "attempt to perform arithmetic on a string value", "+", ""},
		{`intent:send_text(room)`, "no quoted word", "send_text", "send_text"},
		{`local names = names.first`, "attempt to index global 'names' (a nil value)", "", "names"},
	} {
		col, length := find(c.line, c.message, c.at)
		got := ""
		if col > 0 {
			got = c.line[col-1 : col-1+length]
		}
		if got != c.want {
			t.Errorf("%s: %s: points at %q, want %q", c.line, c.message, got, c.want)
		}
	}
}

func FuzzRender(f *testing.F) {
	f.Add(irc, "attempt to index local 'portal'", "irc.lua:4", 4, 3, 2, "note", 80)
	f.Add("a\tb\x00\xff\r\nc", "x\ny 'b'", "irc.lua:1", 1, 99, -5, "", 3)
	f.Add("f(1, g('a,b'), x)", "bad argument #2 'x' to 'f' (number expected)", "irc.lua:1", 0, 0, 0, "", 80)
	f.Fuzz(func(t *testing.T, source, message, where string, line, col, length int, note string, width int) {
		e := &Error{Message: message, Where: where, Locals: []Local{{message, source}}, Hint: note, In: where}
		for _, marks := range [][]Mark{nil, {{File: "irc.lua", Line: line, Col: col, Len: length, Note: note}},
			{{File: "irc.lua", Line: 1, Col: 1, Len: 1}, {File: "irc.lua", Line: line, Col: col, Len: length, Note: note}}} {
			e.Marks, e.At = marks, note
			text := Render(e, Files{"irc.lua": source}, Options{Width: width, Still: note})
			if n := strings.Count(text, "\n"); n > MaxLines {
				t.Errorf("%d lines:\n%s", n, text)
			}
			if !utf8.ValidString(text) || strings.ContainsAny(text, "\x00\x1b\r") {
				t.Errorf("unsafe for a terminal: %q", text)
			}
		}
	})
}

// TestMore: the command that explains an error stands below it, unless it would say nothing new.
func TestMore(t *testing.T) {
	seen := Options{Seen: "3 times in the last minute"}
	for _, c := range []struct {
		e    Error
		o    Options
		want string
	}{
		{Error{Code: "E0107", Message: "attempt to index local 'x' (a nil value)"}, Options{}, "    more     bridgehost explain E0107\n"},
		{Error{Code: "E0107", Message: "attempt to index local 'x' (a nil value)"}, seen,
			"    more     bridgehost explain E0107         (seen 3 times in the last minute)\n"},
		{Error{Code: "ECONNREFUSED", Kind: KindNet, Message: "connection refused"}, seen, "    seen     3 times in the last minute\n"},
		{Error{Code: "E_EXPECTED", Message: "got 1, expected 2"}, Options{}, ""},
		{Error{Code: "E0108", Message: "'end' expected", Marks: []Mark{{File: "a.lua", Line: 1}}}, Options{}, ""},
		{Error{Code: "M_FORBIDDEN", Kind: KindMatrix, Status: 403, Message: "no", Request: "GET /x"}, seen, "    seen     3 times in the last minute\n"},
	} {
		_, got, _ := strings.Cut(Render(&c.e, nil, c.o), "\n")
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.e.Code, got, c.want)
		}
	}
}
