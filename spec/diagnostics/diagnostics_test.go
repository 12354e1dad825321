// Package diagnostics holds what authors read when something is wrong: the texts of
// `bridgehost reload` and `status`, of the log, and of `bridgehost dev`, as golden files.
// After a wanted change: go test ./spec/diagnostics -update, and read the difference.
package diagnostics

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"bridgehost/diag"
	"bridgehost/spec/bridgetest"
)

var update = flag.Bool("update", false, "write the golden files")

// The good version, and what is wrong with the others.
const good = `local bridge = require "bridge"

bridge.on("message", { msgtype = "m.text" }, function(evt)
  evt:reply("you said: " .. evt.text)
end)
`

// loads are sources that do not load, by the name of their golden file.
var loads = []struct {
	name  string
	files map[string]string
}{
	{"missing-end", map[string]string{"main.lua": `-- echo: repeats what is said
local bridge = require "bridge"

bridge.on("message", { msgtype = "m.text" }, function(evt)
  evt:reply("I heard " .. evt.text)

bridge.command("shout", { args = "<text...>", help = "repeat it, louder" }, function(cmd)
  cmd:reply(cmd.args.text:upper() .. "!")
end)
`}},
	{"top-level-send", map[string]string{"main.lua": `local bridge = require "bridge"
local room = "!news:bh.test"

intent:send_text(room, "I am up")
`}},
	{"top-level-nil", map[string]string{"main.lua": `local bridge = require "bridge"
local channels = bridge.config().channels
print(channels.main)
`}},
	{"unknown-module", map[string]string{"main.lua": `local bridge = require "bridge"
local codec = require "net.codek"
`, "net/codec.lua": "return {}"}},
	{"required-file", map[string]string{"main.lua": `local bridge = require "bridge"
local codec = require "net.codec"
`, "net/codec.lua": `local M = {}

function M.decode(line)
  return line:match "^(%S+) (.*)$"
end

M.limit = M.limits.line + 2
return M
`}},
	{"syntax-in-required-file", map[string]string{"main.lua": `local codec = require "net.codec"
`, "net/codec.lua": `local M = {}
M.half = 7 // 2
return M
`}},
	{"error-with-a-table", map[string]string{"main.lua": `local settings = { server = "irc.example.org" }
if not settings.nick then
  error({ code = "no-nick", server = settings.server })
end
`}},
	{"unknown-event", map[string]string{"main.lua": `local bridge = require "bridge"
bridge.on("mesage", function(evt) end)
`}},
	{"config", map[string]string{"main.lua": `local bridge = require "bridge"
local config = bridge.config {
  server = { type = "string", required = true, help = "the IRC server" },
  port = { type = "number", default = 6697 },
}
`}},
	{"global", map[string]string{"main.lua": `local bridge = require "bridge"
brigde.on("message", function(evt) end)
`}},
	{"load-raises", map[string]string{"main.lua": `local bridge = require "bridge"
local function connect(address)
  error("there is no server at " .. address, 2)
end

bridge.on("load", function()
  connect("irc.example.org")
end)
`}},
}

func TestWhatDoesNotLoad(t *testing.T) {
	hs := bridgetest.NewDevserver(t)
	host := bridgetest.NewHost(t, hs, "[scripts]\nwatch = false\n")
	for _, c := range loads {
		host.Save(t, c.name+"/main.lua", good)
	}
	host.Start(t)
	for _, c := range loads {
		t.Run(c.name, func(t *testing.T) {
			for name, text := range c.files {
				host.Save(t, filepath.Join(c.name, name), text)
			}
			out, code := host.Try(t, "reload", c.name)
			if code != 4 {
				t.Errorf("exit code %d, want 4", code)
			}
			golden(t, "reload-"+c.name, out)
			status := host.Run(t, "status", c.name)
			if text := between(out, "error: ", ""); !strings.Contains(status, text) {
				t.Errorf("status says something else than reload:\n%s", status)
			}
		})
	}
}

// runs are handlers that fail, by the name of their golden file.
var runs = []struct{ name, text string }{
	{"misspelt-method", `local bridge = require "bridge"
bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)

bridge.on("message", function(evt)
  if evt.text ~= "go" then return end
  intent:send_mesage(evt.room_id, { msgtype = "m.text", body = "gone" })
end)
`},
	{"nil-local", `local bridge = require "bridge"
bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)
local rooms = {}

bridge.on("message", function(evt)
  if evt.text ~= "go" then return end
  local room = rooms[evt.room_id]
  evt:reply("this is " .. room.name)
end)
`},
	{"refused", `local bridge = require "bridge"
bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)

bridge.on("message", function(evt)
  if evt.text ~= "go" then return end
  local news = "!nowhere:bh.test"
  intent:send_message(news, { msgtype = "m.text", body = "item" })
end)
`},
	{"in-a-command", `local bridge = require "bridge"
bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)
bridge.command("go", { help = "fails" }, function(cmd)
  local parts = cmd.args.words
  cmd:reply(parts[1])
end)
`},
	{"in-a-service", `local bridge = require "bridge"
bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)

local function read(sock)
  return sock.line
end

bridge.service("lines", function()
  while true do
    local text = read(nil)
    print(text)
  end
end)
`},
	{"in-a-timer", `local bridge = require "bridge"
bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)

bridge.every("1s", function()
  local n = "four" + 1
end)
`},
	{"argument", `local bridge = require "bridge"
bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)

bridge.on("message", function(evt)
  if evt.text ~= "go" then return end
  intent:ensure_joined(nil)
end)
`},
	{"thrown-table", `local bridge = require "bridge"
bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)

bridge.on("message", function(evt)
  if evt.text ~= "go" then return end
  error({ reason = "no such channel", channel = "#lua", tries = 3 })
end)
`},
}

func TestWhatFailsWhileItRuns(t *testing.T) {
	for _, c := range runs {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			hs := bridgetest.NewDevserver(t)
			host := bridgetest.NewHost(t, hs, "")
			closed := hs.User(t, "bob").CreateRoom(t, "private_chat")
			host.Save(t, "echo.lua", strings.ReplaceAll(c.text, "!nowhere:bh.test", closed))
			host.Start(t)
			user := hs.User(t, "alice")
			room := user.CreateRoom(t, "public_chat", "@_bh_echo:"+hs.Name())
			bridgetest.Eventually(t, "the bot is in the room", func() bool { return user.Membership(t, room, "@_bh_echo:"+hs.Name()) == "join" })
			user.Say(t, room, map[bool]string{true: "!go", false: "go"}[strings.Contains(c.text, "bridge.command")])
			host.WaitLog(t, 0, "script failed")
			golden(t, "run-"+c.name, details(t, host.Log()))
		})
	}
}

// details is the text of the first error in the log.
func details(t *testing.T, log string) string {
	for line := range strings.Lines(log) {
		var l struct{ Details, In string }
		if json.Unmarshal([]byte(line), &l) == nil && l.Details != "" {
			return l.Details + "\n"
		}
	}
	t.Fatal("the log has no error with details")
	return ""
}

// changing is what differs from run to run.
var changing = regexp.MustCompile(`\$[\w-]+(:bh\.test)?|![\w-]{36,}(\.\.\.)?|/send/(\S+?)/\S+|port \d+`)

// golden compares a text with its file.
func golden(t *testing.T, name, text string) {
	t.Helper()
	text = changing.ReplaceAllStringFunc(text, func(s string) string {
		switch s[0] {
		case '$':
			return "$ID"
		case '!':
			return "!ROOM"
		case '/':
			return "/send/" + strings.Split(s, "/")[2] + "/TXN"
		}
		return "port N"
	})
	for part := range strings.SplitSeq(text, "\n\n\n") {
		if n := strings.Count(strings.TrimSpace(between(part, "error: ", "")), "\n") + 1; n > diag.MaxLines {
			t.Errorf("%d lines, at most %d are wanted", n, diag.MaxLines)
		}
	}
	same(t, filepath.Join("testdata", name+".txt"), text)
}

// same compares a text with a file, or writes it.
func same(t *testing.T, path, text string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}

// between is what stands in s from a on, up to z.
func between(s, a, z string) string {
	_, rest, ok := strings.Cut(s, a)
	if !ok {
		return ""
	}
	if z == "" {
		return a + rest
	}
	rest, _, _ = strings.Cut(rest, z)
	return a + rest
}
