package bridge

import (
	"bytes"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"bridgehost/internal/host"
	"bridgehost/luatest"
)

// TestLog holds what the script of bridge.log_spec.lua writes into the host's log.
func TestLog(t *testing.T) {
	var out bytes.Buffer
	log := hclog.New(&hclog.LoggerOptions{Name: "bridgehost", Level: hclog.Debug, Output: &out})
	for _, f := range luatest.Run(t.Context(), luatest.Options{Files: []string{"bridge.log_spec.lua"}, Bridges: host.SpecBridges(log)}) {
		if f.Failed() > 0 {
			t.Fatalf("%+v", f)
		}
	}
	for _, want := range []string{
		"[DEBUG] bridgehost.spec.blank: a debug: script=blank\n",
		"[INFO]  bridgehost.spec.blank: a info: script=blank\n",
		"[WARN]  bridgehost.spec.blank: a warn: script=blank\n",
		"[ERROR] bridgehost.spec.blank: a error: script=blank\n",
		"[WARN]  bridgehost.spec.blank: **bold**: script=blank\n",
		`: fields: script=blank a=true err="blank.lua:2: mine" list="[1,2]" long="` + strings.Repeat("x", 1000) + `… (2000 bytes)" none=null url=https://x.test` + "\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the log lacks %q", want)
		}
	}
	if t.Failed() {
		t.Log(out.String())
	}
}
