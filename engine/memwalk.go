package engine

import (
	"unsafe"

	lua "github.com/yuin/gopher-lua"
)

// What a value costs, measured on 64 bits: 0.9 to 1.17 of the truth.
const (
	slotBytes     = 16  // of an array, a register
	numberBytes   = 24  // a number is boxed; the allocator and a growing array add as much again
	tableBytes    = 112 //
	dictBytes     = 120 // a key and its value, with the map's share and the lists for next
	functionBytes = 96
	userdataBytes = 64
	frameBytes    = 88
	longString    = 64 // from here on a string is counted once, wherever it is held
)

// walker adds up what a VM reaches.
type walker struct {
	seen  map[unsafe.Pointer]struct{}
	todo  []lua.LValue
	bytes int64
	most  int64 // stop beyond; 0: never
}

// size walks the globals, the registry, what modules returned and the threads of all
// tasks. Beyond most (if not 0) it stops. Called with the lock held.
func (vm *VM) size(most int64) int64 {
	w := &walker{seen: map[unsafe.Pointer]struct{}{}, most: most}
	w.add(vm.L.G.Global)
	w.add(vm.L.G.Registry)
	for _, v := range vm.loaded {
		w.add(v)
	}
	w.add(vm.L)
	w.chain(vm.L.G.CurrentThread)
	for _, th := range vm.pool {
		w.add(th.L)
	}
	vm.tasksMu.Lock()
	for t := range vm.tasks {
		w.chain(t.thread)
	}
	vm.tasksMu.Unlock()
	w.run()
	return w.bytes
}

// chain adds a thread and those that called it.
func (w *walker) chain(L *lua.LState) {
	for L != nil {
		w.add(L)
		th := threadOf(L)
		if th == nil {
			return
		}
		L = th.parent
	}
}

func (w *walker) run() {
	for len(w.todo) > 0 && (w.most == 0 || w.bytes <= w.most) {
		v := w.todo[len(w.todo)-1]
		w.todo = w.todo[:len(w.todo)-1]
		switch x := v.(type) {
		case *lua.LTable:
			w.table(tableOf(x))
		case *lua.LFunction:
			w.function(x)
		case *lua.LUserData:
			w.bytes += userdataBytes
			w.add(x.Metatable)
		case *lua.LState:
			w.thread(x)
		}
	}
}

// add counts a value where it is held and queues what it refers to.
func (w *walker) add(v lua.LValue) {
	switch x := v.(type) {
	case lua.LNumber:
		w.bytes += numberBytes
	case lua.LString:
		w.text(string(x))
	case *lua.LTable:
		w.queue(unsafe.Pointer(x), x)
	case *lua.LFunction:
		w.queue(unsafe.Pointer(x), x)
	case *lua.LUserData:
		w.queue(unsafe.Pointer(x), x)
	case *lua.LState:
		if x != nil {
			w.queue(unsafe.Pointer(x), x)
		}
	}
}

func (w *walker) queue(p unsafe.Pointer, v lua.LValue) {
	if p == nil || !w.first(p) {
		return
	}
	w.todo = append(w.todo, v)
}

func (w *walker) first(p unsafe.Pointer) bool {
	if _, ok := w.seen[p]; ok {
		return false
	}
	w.seen[p] = struct{}{}
	return true
}

func (w *walker) text(s string) {
	w.bytes += slotBytes // the header that an interface points to
	if len(s) < longString || w.first(unsafe.Pointer(unsafe.StringData(s))) {
		w.bytes += int64(len(s))
	}
}

func (w *walker) table(t *table) {
	w.bytes += tableBytes + slotBytes*int64(cap(t.array)) + dictBytes*int64(len(t.dict)+len(t.strdict)) +
		slotBytes*int64(cap(t.keys)-min(len(t.keys), len(t.dict)+len(t.strdict)))
	w.add(t.Metatable)
	for _, v := range t.array {
		w.add(v)
	}
	for k, v := range t.dict {
		w.add(k)
		w.add(v)
	}
	for k, v := range t.strdict {
		w.bytes += int64(len(k))
		w.add(v)
	}
}

func (w *walker) function(f *lua.LFunction) {
	w.bytes += functionBytes + 8*int64(len(f.Upvalues))
	for _, u := range f.Upvalues {
		if u == nil || !w.first(unsafe.Pointer(u)) {
			continue
		}
		w.bytes += 56
		if up := upvalueOf(u); up.closed || up.reg == nil {
			w.add(up.value)
		} else if up.index < len(up.reg.array) {
			w.add(up.reg.array[up.index])
		}
	}
}

func (w *walker) thread(L *lua.LState) {
	if L.IsClosed() {
		return
	}
	reg := registryOf(L)
	w.bytes += 512 + frameBytes*int64(L.Options.CallStackSize) + slotBytes*int64(cap(reg.array))
	for _, v := range reg.array[:min(reg.top, len(reg.array))] {
		w.add(v)
	}
	for f := topFrame(L); f != nil; f = f.Parent {
		w.add(f.Fn)
	}
}
