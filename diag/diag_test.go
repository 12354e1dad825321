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
    called   in deliver, irc.lua:146, in service "irc"
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
		Where: "rss.lua:27", Request: "POST /_matrix/client/v3/join/%21r%3Ax as @bot:x", Hint: strings.Repeat("invite the bot ", 8)}
	want := `error: rss.lua:27: M_FORBIDDEN (403): join as @bot:x in !r:x: could not join
    request  POST /join/!r:x as @bot:x
    answer   the server said: You are not invited
    hint     invite the bot invite the bot invite the bot invite the bot invite the bot invite the bot invite the bot
             invite the bot
`
	if got := Render(e, nil, Options{}); strings.ReplaceAll(got, " \n", "\n") != want {
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

func FuzzRender(f *testing.F) {
	f.Add(irc, "attempt to index local 'portal'", "irc.lua:4", 4, 3, 2, "note", 80)
	f.Add("a\tb\x00\xff\r\nc", "x\ny 'b'", "irc.lua:1", 1, 99, -5, "", 3)
	f.Fuzz(func(t *testing.T, source, message, where string, line, col, length int, note string, width int) {
		e := &Error{Message: message, Where: where, Locals: []Local{{message, source}}, Hint: note, In: where}
		for _, marks := range [][]Mark{nil, {{File: "irc.lua", Line: line, Col: col, Len: length, Note: note}},
			{{File: "irc.lua", Line: 1, Col: 1, Len: 1}, {File: "irc.lua", Line: line, Col: col, Len: length, Note: note}}} {
			e.Marks = marks
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
