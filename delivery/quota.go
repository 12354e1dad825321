package delivery

import (
	"fmt"
	"time"
)

// QuotaError is what writes return that would take a script beyond what it may keep.
// Nothing was written.
type QuotaError struct {
	Limit int64 // bytes
	Need  int64 // bytes that all would take
}

func (e *QuotaError) Error() string {
	return fmt.Sprintf("its values would take %d bytes, and %d are allowed", e.Need, e.Limit)
}

// quota bounds what a script keeps: names of stores, keys and values, committed or not.
type quota struct {
	limit func() (bytes int64, bounded bool)           // nil: no bound
	size  func(now time.Time) (bytes int64, err error) // of what is on disk
	// most is what it takes at most, as far as it was counted: what was on disk at the last
	// look, and all that was written since. Deleted and replaced values count until the next look.
	most   int64
	looked bool
}

// SetQuota bounds the script's values. limit is asked at each write; size is how many bytes
// all that is on disk takes, with keys and names of stores. Call it before the first write.
func (d *Data) SetQuota(limit func() (bytes int64, bounded bool), size func(now time.Time) (int64, error)) {
	d.quota.limit, d.quota.size = limit, size
}

func (s slot) size(value []byte) int64 { return int64(len(s.store) + len(s.key) + len(value)) }

// fits tells whether a write keeps the script within its quota. It looks at the disk only
// when the count says that it may not. d.mu is held.
func (d *Data) fits(s slot, value []byte) error {
	q := &d.quota
	if q.limit == nil {
		return nil
	}
	limit, bounded := q.limit()
	if !bounded {
		q.looked = false
		return nil
	}
	size := s.size(value)
	if q.looked && q.most+size <= limit {
		q.most += size
		return nil
	}
	now := d.clock.Now()
	onDisk, err := q.size(now)
	if err != nil {
		return err
	}
	q.most, q.looked = onDisk, true
	for over, pile := range d.piles {
		for _, e := range pile {
			if e.value != nil {
				q.most += over.size(e.value)
			}
		}
	}
	replaced, err := d.replaced(s)
	if err != nil {
		return err
	}
	if need := q.most + size - replaced; need > limit && size > replaced {
		return &QuotaError{Limit: limit, Need: need}
	}
	q.most += size
	return nil
}

// replaced is how much room a write of s gives back: what is there now. d.mu is held.
func (d *Data) replaced(s slot) (int64, error) {
	now := d.clock.Now()
	if e := d.top(s); e != nil {
		if v := e.live(now); v != nil {
			return s.size(v), nil
		}
		return 0, nil
	}
	v, err := d.values.Get(d.script, s.store, s.key, now)
	if err != nil || v == nil {
		return 0, err
	}
	return s.size(v), nil
}
