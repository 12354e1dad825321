package luabind

import (
	"testing"

	"bridgehost/delivery"
	"bridgehost/matrix"
)

func TestWhoseInvitationsTheBotFollows(t *testing.T) {
	const command = `require "bridge".command("hi", function() end)`
	for _, c := range []struct {
		target, sender, script string
		want                   bool
	}{
		{"@_bh_echo:bh.test", "@you:bh.test", command, true},
		{"@_bh_echo:bh.test", "@stranger:elsewhere.test", command, false},
		{"@_bh_echo:bh.test", "@admin:elsewhere.test", command, true},
		{"@_bh_echo:bh.test", "@_bh_echo_al:bh.test", command, false},
		{"@_bh_echo_al:bh.test", "@you:bh.test", command, false},
		{"@other:bh.test", "@you:bh.test", command, false},
		{"@_bh_echo:bh.test", "@you:bh.test", command + ` require "bridge".on("invite", { room = "!other:bh.test" }, function() end)`, false},
		{"@_bh_echo:bh.test", "@you:bh.test", command + ` require "bridge".on("message", function() end)`, true},
		{"@_bh_echo:bh.test", "@you:bh.test", `require "bridge".on("message", function() end)`, false},
	} {
		s, _ := newScript(t)
		s.Admins = []matrix.UserID{"@admin:elsewhere.test"}
		m, failed := s.Match(generation(t, s, c.script), &delivery.Item{Payload: []byte(member(c.target, c.sender, "invite", ""))})
		if failed != nil || len(m.Handlers) > 0 != c.want {
			t.Errorf("%s invites %s, %s: %d handlers, %v", c.sender, c.target, c.script, len(m.Handlers), failed)
		}
	}
}
