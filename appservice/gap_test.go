package appservice

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestMissingTransactionIsAskedFor sends transaction numbers and wants each taken (or ! refused).
func TestMissingTransactionIsAskedFor(t *testing.T) {
	for _, c := range []struct{ name, last, say string }{
		{"numbers in a row are taken", "", "1 2 3 4"},
		{"the first is taken whatever it is, when nothing came before", "", "7 8"},
		{"a jump is refused once, and what was missing comes first", "", "1 3! 2 3 4"},
		{"what came before a restart counts", "7", "9! 8 9"},
		{"several are missing", "", "1 5! 2 3 4 5 6"},
		{"a jump that nothing fills is taken the second time", "", "1 3! 3 4"},
		{"a homeserver with other application services is left in peace", "", "1 3! 3 5! 5 7! 7 9 11 13"},
		{"each jump that brought something counts as none", "", "1 3! 2 3 5! 4 5 7! 6 7 9! 8 9"},
		{"a missing one that comes late does not move the count", "", "1 3! 3 2 4"},
		{"a homeserver that counts from the start again", "", "50 51 1 2 4! 3 4"},
		{"ids that are no numbers", "", "a c 1x m1.2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, log := newTest(ServerOptions{})
			s.gaps = newGaps(c.last)
			asked := 0
			s.o.OnGap = func() { asked++ }
			for i, id := range strings.Fields(c.say) {
				id, refused := strings.CutSuffix(id, "!")
				want := http.StatusOK
				if refused {
					want = http.StatusServiceUnavailable
				}
				body := fmt.Sprintf(`{"events":[{"type":"m.x","event_id":"$%s"}]}`, id)
				if got := do(s, http.MethodPut, "/_matrix/app/v1/transactions/"+id, "secret", body).Code; got != want {
					t.Fatalf("transaction %d of %q: answered %d, want %d", i+1, c.say, got, want)
				}
			}
			if want := strings.Count(c.say, "!"); asked != want || int(s.Stats().Gaps) != want {
				t.Errorf("asked %d times, counted %d, want %d", asked, s.Stats().Gaps, want)
			}
			if want := len(strings.Fields(c.say)) - asked; len(log.got) != want {
				t.Errorf("%d were taken, want %d", len(log.got), want)
			}
		})
	}
}

// TestRefusalAllowsNewProbes: after the host itself has refused something, the homeserver repeats, and may leave one behind.
func TestRefusalAllowsNewProbes(t *testing.T) {
	g := newGaps("1")
	for n := 3; n < 9; n += 2 {
		id := fmt.Sprint(n)
		if !g.refuse(id) {
			t.Fatalf("%s was not refused", id)
		}
		g.taken(id)
	}
	if g.refuse("9") {
		t.Error("refused although three probes brought nothing")
	}
	g.failed()
	if !g.refuse("9") {
		t.Error("not refused after the host had refused something itself")
	}
}
