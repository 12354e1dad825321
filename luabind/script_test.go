package luabind_test

import (
	"errors"
	"strings"
	"testing"

	"bridgehost/capability"
	"bridgehost/diag"
	"bridgehost/luabind"
)

// What was not granted is refused with the line that grants it; a person's own script may do all.
func TestCheck(t *testing.T) {
	s := &luabind.Script{Name: "irc"}
	if err := s.Check(capability.NetConnect, "irc.libera.chat:6697"); err != nil {
		t.Errorf("a person's own script: %v", err)
	}
	granted, err := capability.ParseGrants([]string{"net:connect irc.libera.chat:6697"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.SetGrants(granted)
	if err := s.Check(capability.NetConnect, "irc.libera.chat:6697"); err != nil {
		t.Errorf("what was granted: %v", err)
	}
	var refused *diag.Error
	if err := s.Check(capability.NetConnect, "evil.example:6697"); !errors.As(err, &refused) || refused.Code != "E_CAPABILITY" ||
		!strings.Contains(refused.Hint, "bridgehost permissions irc --grant 'net:connect evil.example:6697'") {
		t.Errorf("what was not: %v", err)
	}
}
