package engine

import (
	"fmt"
	"strings"
	"testing"

	"bridgehost/delivery"
)

func TestEachTryIsToldAtItsBeginAndEnd(t *testing.T) {
	b := newBench(t)
	var runs []string
	b.script.cfg.OnRun = func(r Run) {
		b.mu.Lock()
		defer b.mu.Unlock()
		runs = append(runs, fmt.Sprintf("%s #%d %t %t", r.Label, r.Generation, r.Ended, r.Err != nil))
		b.tell()
	}
	b.script.Start(t.Context(), source(`on("message", function(e) if e == "message bad" then error("no") end end)`))
	for i, text := range []string{"message good", "message bad", "nobody hears"} {
		b.script.Deliver(delivery.Item{Seq: int64(i + 1), Key: text, Lane: delivery.Lane{Script: "s", Room: "r"}, Kind: delivery.KindEvent, Payload: []byte(text)})
	}
	b.wait("four tellings", func() bool { return len(runs) == 4 })
	b.script.Quiet()
	want := "event message good #1 false false, event message good #1 true false, event message bad #1 false false, event message bad #1 true true"
	if got := strings.Join(runs, ", "); got != want {
		t.Errorf("told: %s", got)
	}
}

func TestABrokenSaveThatIsTakenBackIsTold(t *testing.T) {
	b := newBench(t)
	b.script.Start(t.Context(), source(v("1")))
	if b.save(broken) == nil || b.script.Refused() == nil {
		t.Fatal("the broken source runs")
	}
	if err := b.save(v("1")); err != nil || b.script.Refused() != nil {
		t.Fatal(err, b.script.Refused())
	}
	last := b.loads[len(b.loads)-1]
	if len(b.loads) != 3 || last.Reason != ReasonTakenBack || last.Number != 1 || last.Running != 1 || last.Err != nil {
		t.Errorf("told: %+v", last)
	}
	if b.save(v("1")); len(b.loads) != 3 {
		t.Error("it was told twice")
	}
}
