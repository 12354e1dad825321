package engine

import (
	"fmt"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"time"

	"bridgehost/diag"
)

// gopher-lua cannot count what it allocates, so one watch per process looks at the
// size of the heap. When it grows, each VM that ran meanwhile is told to measure
// itself at its next poll; only one that is really over its limit fails, so a script
// that makes much garbage is not blamed for another's tables.

const (
	watchEvery = 5 * time.Millisecond
	minGrowth  = 4 << 20 // between two walks of a VM
	heapMetric = "/memory/classes/heap/objects:bytes"
)

// watched is what the watch knows about one VM.
type watched struct {
	ran  atomic.Bool // since the last look
	due  atomic.Bool // it is to measure itself
	mu   sync.Mutex
	low  uint64        // the smallest heap since the last walk
	step uint64        // walk again when the heap is this much over low
	left uint64        // a heap grown by this much may hold a VM over its limit
	took time.Duration // of the last walk
	last time.Time
}

// watcher runs while there are VMs. It is the one thing of the process that all VMs
// share, hence a variable.
type watcher struct {
	mu   sync.Mutex
	vms  map[*VM]struct{}
	stop chan struct{}
	base uint64     // the heap when it started
	walk sync.Mutex // one walk at a time
}

var watch watcher

func (w *watcher) add(vm *VM) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.vms == nil {
		w.vms = map[*VM]struct{}{}
	}
	if len(w.vms) == 0 {
		w.base = heapSize()
		w.stop = make(chan struct{})
		go w.run(w.stop)
	}
	w.vms[vm] = struct{}{}
}

func (w *watcher) remove(vm *VM) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.vms[vm]; !ok {
		return
	}
	if delete(w.vms, vm); len(w.vms) == 0 {
		close(w.stop)
	}
}

// KeepWatch keeps the watch running until release, also while there is no VM: whoever makes
// VMs where time is virtual calls it before, where time is real.
func KeepWatch() (release func()) {
	none := new(VM)
	watch.add(none)
	return func() { watch.remove(none) }
}

// run looks at the heap by real time: it guards the process.
func (w *watcher) run(stop chan struct{}) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
			w.look(heapSize())
		}
	}
}

func (w *watcher) look(heap uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.base = min(w.base, heap)
	for vm := range w.vms {
		if !vm.watched.ran.Load() {
			continue
		}
		if vm.watched.grown(heap, w.base, uint64(vm.limits.Memory)) {
			vm.watched.due.Store(true)
			vm.budget.kick.Store(true)
		}
		if t := vm.current.Load(); t == nil {
			vm.watched.ran.Store(false)
		}
	}
}

// grown tells whether the VM should be measured (again).
func (m *watched) grown(heap, base, limit uint64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.step == 0 { // never measured: below the soft limit nothing is
		return heap > base+limit/2
	}
	m.low = min(m.low, heap)
	grown := heap - m.low
	if grown < m.step {
		return false
	}
	pause := 4 * m.took
	switch { // what others allocate is growth, too: the VM must get on between its walks
	case grown >= max(m.left, limit):
		pause = 0
	case grown >= m.left:
		pause = m.took
	}
	return time.Since(m.last) >= pause
}

func heapSize() uint64 {
	s := []metrics.Sample{{Name: heapMetric}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// measure walks the VM and says what is wrong, if it holds too much. It runs in the
// VM's own handler, with its lock.
func (vm *VM) measure(t *Task) *diag.Error {
	watch.walk.Lock()
	defer watch.walk.Unlock()
	start := time.Now()
	limit := vm.limits.Memory
	size := vm.size(limit)
	m := &vm.watched
	m.mu.Lock()
	m.low, m.took, m.last = heapSize(), time.Since(start), time.Now()
	m.left = uint64(max(limit-size, minGrowth))
	m.step = max(minGrowth, m.left/2)
	m.mu.Unlock()
	if size <= limit {
		return nil
	}
	t.end(&diag.Error{Kind: diag.KindLimit, Code: "E_MEMORY",
		Message: fmt.Sprintf("memory budget used up: the script's values hold more than %d MB", limit>>20),
		Hint:    "look for a table that only grows; what is large belongs into bridge.store"})
	return t.ended.Load()
}

// Memory is what the script's values hold, in bytes, measured now. It takes the lock.
func (vm *VM) Memory() int64 {
	vm.lock.Lock()
	defer vm.lock.Unlock()
	return vm.size(0)
}
