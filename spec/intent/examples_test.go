package intent

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/go-hclog"

	"bridgehost/internal/host"
	"bridgehost/luabind"
	"bridgehost/luatest"
)

// setting is what examples may speak of: a room with the bot, which may do everything
// there, and alice, who said something.
const setting = `local t = require "bridge.test"
t.it("runs", function()
  local hs       = t.load("blank.lua")
  local intent   = hs.intent
  local ghost    = hs:ghost("bob")
  local alice    = hs:user("alice")
  local user_id  = alice.mxid
  local room_id  = alice:room { name = "the room" }
  intent:join_room(room_id)
  alice:send(room_id, "m.room.power_levels", { users = { [intent.mxid] = 100 } }, { state_key = "" })
  local event_id = alice:say(room_id, "hello")
  local url      = intent:upload_media("GIF89a\1\0\1\0\128\0\0\0\0\0\255\255\255,\0\0\0\0\1\0\1\0\0\2\2D\1\0;", { mime_type = "image/gif", filename = "cat.gif" })
  local store    = intent.state_store
  do
%s
  end
end)
`

// TestExamples runs the example that each function's documentation shows.
func TestExamples(t *testing.T) {
	for _, f := range coverage().Functions() {
		t.Run(f.FullName(), func(t *testing.T) {
			if f.Example == "" {
				t.Fatal("there is no example")
			}
			dir := t.TempDir()
			write(t, filepath.Join(dir, "blank.lua"), "-- nothing\n")
			spec := filepath.Join(dir, "example_spec.lua")
			write(t, spec, fmt.Sprintf(setting, f.Example))
			called := false
			for _, file := range luatest.Run(t.Context(), luatest.Options{Files: []string{spec}, Bridges: host.SpecBridges(hclog.NewNullLogger()),
				Print: func(line string) { t.Log(line) }, Observe: func(o luabind.Observed) { called = called || o.Function == f }}) {
				for _, s := range file.Sentences {
					if !s.Passed {
						t.Error(s.Text)
					}
				}
				if file.Error != "" {
					t.Error(file.Error)
				}
			}
			if !called {
				t.Errorf("the example does not call %s", f.FullName())
			}
		})
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
