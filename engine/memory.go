package engine

import (
	"bytes"
	"slices"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"
)

// Memory is bridge.memory: values of a script that survive a reload, not a
// restart. They are Go maps and not Lua tables, because gopher-lua never gives
// back what deleted keys took.
type Memory struct {
	clock clockwork.Clock
	mu    sync.Mutex
	maps  map[string]map[string]memoryValue
}

type memoryValue struct {
	json    []byte
	expires time.Time
}

func (v memoryValue) live(now time.Time) bool { return v.expires.IsZero() || v.expires.After(now) }

func newMemory(clock clockwork.Clock) *Memory {
	return &Memory{clock: clock, maps: map[string]map[string]memoryValue{}}
}

// Get returns the JSON of a value, nil when there is none.
func (m *Memory) Get(name, key string) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.maps[name][key]
	if !ok || !v.live(m.clock.Now()) {
		return nil
	}
	return v.json
}

// Set keeps a value; ttl 0 means for ever.
func (m *Memory) Set(name, key string, json []byte, ttl time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := memoryValue{json: json}
	if ttl > 0 {
		v.expires = m.clock.Now().Add(ttl)
	}
	if m.maps[name] == nil {
		m.maps[name] = map[string]memoryValue{}
	}
	m.maps[name][key] = v
}

// Swap sets a value for ever, nil deletes it, if it is still before; it reports whether it was.
func (m *Memory) Swap(name, key string, before, json []byte) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.maps[name][key]
	if ok = ok && v.live(m.clock.Now()); ok != (before != nil) || ok && !bytes.Equal(v.json, before) {
		return false
	}
	if json == nil {
		delete(m.maps[name], key)
		return true
	}
	if m.maps[name] == nil {
		m.maps[name] = map[string]memoryValue{}
	}
	m.maps[name][key] = memoryValue{json: json}
	return true
}

// Delete tells whether there was a value.
func (m *Memory) Delete(name, key string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.maps[name][key]
	delete(m.maps[name], key)
	return ok && v.live(m.clock.Now())
}

// Keys lists the live keys of one map in byte order, and forgets the dead ones.
func (m *Memory) Keys(name string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.clock.Now()
	keys := []string{}
	for k, v := range m.maps[name] {
		if v.live(now) {
			keys = append(keys, k)
		} else {
			delete(m.maps[name], k)
		}
	}
	slices.Sort(keys)
	return keys
}
