// Package attacks shows that a bundle can do what it was granted and nothing else: each
// attack is a small script with some grants. It is stopped with an error that says why,
// nothing leaves, and the other scripts of the host go on.
package attacks

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

// attack is a script. Its lua is the body of a handler that returns what it got, or
// raises what stopped it.
type attack struct {
	name    string
	granted string // beside what every one has, separated by commas
	lua     string
	stopped string // the code of the error that stops it, or a part of its text
}

// given is what each attack was granted: it can be spoken to, and can answer.
var given = []string{"matrix:read", "matrix:send"}

func (a attack) grants() []string {
	list := slices.Clone(given)
	for _, g := range strings.Split(a.granted, ",") {
		if g = strings.TrimSpace(g); g != "" {
			list = append(list, g)
		}
	}
	return list
}

// all are the attacks, by what they are after.
var all = []struct {
	after   string
	attacks []attack
}{
	{"the language and the library", ofLanguage},
	{"modules", ofModules},
	{"budgets and memory", bombs},
	{"data and files of others", ofData},
	{"the network", ofNetwork},
	{"rooms, users and tokens", ofRooms},
}

// fewest is how many attacks there have to be.
const fewest = 80

// TestAttacksFromBundles runs them one after the other in one host.
func TestAttacksFromBundles(t *testing.T) {
	w := newWorld(t)
	var table strings.Builder
	rows := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(rows, "after\tattack\tgranted\tstopped by\tin its words\tanswer of the other")
	n, out := 0, 0
	for _, kind := range all {
		for _, a := range kind.attacks {
			t.Run(a.name, func(t *testing.T) {
				was := w.run(t, a)
				left := w.left(t)
				if was.out {
					left = append(left, "it returned "+was.message)
				}
				if n++; len(left) > 0 {
					out++
					t.Errorf("OUT: %s", strings.Join(left, "; "))
				}
				if was.code != a.stopped && !strings.Contains(was.message, a.stopped) {
					t.Errorf("stopped by %q, %q; want %q", was.code, was.message, a.stopped)
				}
				answer := w.ping(t)
				fmt.Fprintf(rows, "%s\t%s\t%s\t%s\t%q\t%s\n", kind.after, a.name, a.granted, was.code, short(was.message), answer.Round(100*time.Microsecond))
			})
		}
	}
	rows.Flush()
	t.Logf("attacks %d, out %d\n%s", n, out, table.String())
	if n := len(everyAttack()); n < fewest {
		t.Errorf("there are %d attacks, want %d at least", n, fewest)
	}
}

func short(text string) string {
	const most = 120
	if len(text) > most {
		text = text[:most] + "…"
	}
	return strings.ToValidUTF8(text, "?")
}
