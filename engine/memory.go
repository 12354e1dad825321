package engine

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"bridgehost/diag"
)

// Memory is bridge.memory: values of a script that survive a reload, not a
// restart. They are Go maps and not Lua tables, because gopher-lua never gives
// back what deleted keys took.
type Memory struct {
	clock clockwork.Clock
	most  int64 // bytes
	mu    sync.Mutex
	maps  map[string]map[string]memoryValue
	bytes int64 // of all values, the dead ones included until they are forgotten
}

type memoryValue struct {
	json    []byte
	expires time.Time
}

func (v memoryValue) live(now time.Time) bool { return v.expires.IsZero() || v.expires.After(now) }

func newMemory(clock clockwork.Clock, most int64) *Memory {
	return &Memory{clock: clock, most: most, maps: map[string]map[string]memoryValue{}}
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

// entryBytes is what a value takes beside its own bytes, about.
const entryBytes = 100

func sizeOf(key string, v memoryValue) int64 { return int64(len(key)+len(v.json)) + entryBytes }

// Set keeps a value; ttl 0 means for ever. All values together may take as much as the
// script's own: they are beside it. An error means that nothing was changed.
func (m *Memory) Set(name, key string, json []byte, ttl time.Duration) *diag.Error {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := memoryValue{json: json}
	if ttl > 0 {
		v.expires = m.clock.Now().Add(ttl)
	}
	return m.put(name, key, v)
}

// put keeps a value within the bound. m.mu is held.
func (m *Memory) put(name, key string, v memoryValue) *diag.Error {
	if m.grows(name, key, v) > m.most {
		m.forgetDead()
	}
	bytes := m.grows(name, key, v)
	if bytes > m.most && bytes > m.bytes {
		return &diag.Error{Kind: diag.KindLimit, Code: "E_MEMORY",
			Message: fmt.Sprintf("the values of bridge.memory would take more than %d MB", m.most>>20),
			Hint:    "delete what is not needed, give values a ttl, or keep them on disk: bridge.store"}
	}
	if m.maps[name] == nil {
		m.maps[name] = map[string]memoryValue{}
	}
	m.maps[name][key], m.bytes = v, bytes
	return nil
}

// grows is how many bytes there are with v in the place of what the key has. m.mu is held.
func (m *Memory) grows(name, key string, v memoryValue) int64 {
	bytes := m.bytes + sizeOf(key, v)
	if was, ok := m.maps[name][key]; ok {
		bytes -= sizeOf(key, was)
	}
	return bytes
}

// forgetDead drops the values whose time is over. m.mu is held.
func (m *Memory) forgetDead() {
	now := m.clock.Now()
	for name, values := range m.maps {
		for key, v := range values {
			if !v.live(now) {
				m.drop(name, key)
			}
		}
	}
}

// drop takes a value out. m.mu is held.
func (m *Memory) drop(name, key string) {
	if v, ok := m.maps[name][key]; ok {
		m.bytes -= sizeOf(key, v)
		delete(m.maps[name], key)
	}
	if len(m.maps[name]) == 0 {
		delete(m.maps, name)
	}
}

// Swap sets a value for ever, nil deletes it, if it is still before; it reports whether it was.
func (m *Memory) Swap(name, key string, before, json []byte) (bool, *diag.Error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.maps[name][key]
	if ok = ok && v.live(m.clock.Now()); ok != (before != nil) || ok && !bytes.Equal(v.json, before) {
		return false, nil
	}
	if json == nil {
		m.drop(name, key)
		return true, nil
	}
	failed := m.put(name, key, memoryValue{json: json})
	return failed == nil, failed
}

// Delete tells whether there was a value.
func (m *Memory) Delete(name, key string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.maps[name][key]
	m.drop(name, key)
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
			m.drop(name, k)
		}
	}
	slices.Sort(keys)
	return keys
}
