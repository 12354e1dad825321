package delivery

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// A script that has a bound keeps what it has, and no more.
func TestQuota(t *testing.T) {
	w := newWorld(t)
	limit, bounded, looks := int64(100), true, 0
	w.d.SetQuota(func() (int64, bool) { return limit, bounded }, func(time.Time) (n int64, err error) {
		looks++
		for s, x := range w.m.values {
			n += s.size(x.Value)
		}
		return n, nil
	})
	set := func(u *Unit, key string, bytes int) error {
		return w.d.Set(u, "s", key, []byte(strings.Repeat("x", bytes)), 0)
	}
	fits := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	full := func(err error, need int64) {
		t.Helper()
		var q *QuotaError
		if !errors.As(err, &q) || q.Limit != limit || q.Need != need {
			t.Fatalf("got %v, want that %d bytes are too many", err, need)
		}
	}
	u := NewUnit(Item{Key: "1"}, nil, nil)
	fits(set(u, "a", 48)) // with key and store 50
	fits(set(u, "b", 38)) // 90
	if looks != 1 {
		t.Errorf("the disk was looked at %d times; once is enough while there is room", looks)
	}
	full(set(u, "c", 9), 101)
	fits(set(u, "c", 8)) // 100
	w.commit(u)
	u = NewUnit(Item{Key: "2"}, nil, nil)
	full(set(u, "d", 0), 102)
	if _, err := w.d.Once(t.Context(), u, "seen", "k", 0); err == nil {
		t.Error("a mark was written although nothing fits")
	}
	fits(set(u, "a", 48)) // the same again
	fits(set(u, "a", 1))  // less
	full(set(u, "b", 100), 165)
	w.commit(u) // 53
	if v, err := w.d.Get("s", "b"); err != nil || len(v) != 38 {
		t.Errorf("what was there is not: %q, %v", v, err)
	}
	u = NewUnit(Item{Key: "3"}, nil, nil)
	if existed, err := w.d.Delete(u, "s", "b"); err != nil || !existed {
		t.Fatal(existed, err)
	}
	full(set(u, "e", 80), 135) // it counts until it is gone from the disk
	w.commit(u)
	u = NewUnit(Item{Key: "4"}, nil, nil)
	fits(set(u, "e", 80)) // 95
	w.d.Undo(u)
	fits(set(u, "f", 80)) // what was undone takes no room
	bounded = false
	fits(set(u, "g", 1000))
	bounded, limit = true, 10
	full(set(u, "h", 1), 13+82+1002+3)
}
