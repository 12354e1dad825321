package luabind

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	lua "github.com/yuin/gopher-lua"

	"bridgehost/delivery"
	"bridgehost/engine"
)

// emptyStore has nothing in it.
type emptyStore struct{}

func (emptyStore) Get(string, string, string, time.Time) ([]byte, error) { return nil, nil }
func (emptyStore) Keys(string, string, time.Time) ([]string, error)      { return nil, nil }

// TestUpdateIsOneStepOverGenerations: two loaded versions of a script have a lock each and
// run side by side during a reload. Neither loses what the other counted.
func TestUpdateIsOneStepOverGenerations(t *testing.T) {
	const generations, each = 2, 2000
	s, _ := newScript(t)
	s.Data = delivery.NewData("echo", emptyStore{}, clockwork.NewRealClock())
	const body = `local s, calls = require("bridge").store("n"), 0
		for i = 1, ` + "2000" + ` do s:update("k", function(n) calls = calls + 1 return (n or 0) + 1 end) end
		return calls`
	var running sync.WaitGroup
	calls := make([]int, generations)
	for i := range generations {
		vm, fn := open(t, s, body)
		running.Go(func() {
			out, err := vm.Run(context.Background(), &engine.Task{Label: "test", Unit: &delivery.Unit{}}, fn, nil)
			if err != nil {
				t.Errorf("generation %d: %v", i, err)
				return
			}
			calls[i] = int(out[0].(lua.LNumber))
		})
	}
	running.Wait()
	raw, err := s.Data.Get("n", "k")
	if n, _ := strconv.Atoi(string(raw)); err != nil || n != generations*each {
		t.Errorf("counted %s (%v), lost %d of %d", raw, err, generations*each-n, generations*each)
	}
	t.Logf("the functions were called %v times", calls)
}
