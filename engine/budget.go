package engine

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"bridgehost/diag"
)

// budget is the one context of all threads of a VM. gopher-lua polls Done before
// every instruction, under the VM's lock, so Done can count: every pollEvery
// instructions it looks at the clock, and sooner when kicked. Once the running task
// must end it answers a closed channel for ever, so that pcall cannot swallow it.
type budget struct {
	vm    *VM
	n     int         // instructions left until the next look
	every int         // what n begins with
	kick  atomic.Bool // look at once: set by Kill, deadlines and the memory watch
	since time.Time   // when the running task began to compute
	cause *diag.Error // why the running task must end; nil while it need not
}

var closed = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// Done is polled before every instruction.
func (b *budget) Done() <-chan struct{} {
	if b.n--; b.n > 0 && !b.kick.Load() {
		return nil
	}
	return b.slow()
}

// slow looks for reasons to end the running task.
func (b *budget) slow() <-chan struct{} {
	if b.cause != nil {
		b.n = 0
		return closed
	}
	if b.covered() {
		return nil
	}
	b.kick.Store(false)
	b.n = b.every
	vm := b.vm
	t := vm.task
	if t == nil {
		return nil
	}
	e := t.check()
	// Computing time is real time, whatever clock the script lives by: it guards the process.
	if spent := vm.cfg.Computing().Sub(b.since); e == nil && spent > vm.limits.CPU {
		t.end(&diag.Error{Kind: diag.KindLimit, Code: "E_CPU",
			Message: "computed for " + vm.limits.CPU.String() + " without a wait",
			Hint:    "look for a loop that does not end; in a long one call bridge.sleep(0)"})
		e = t.ended.Load()
	}
	if e == nil && vm.watched.due.CompareAndSwap(true, false) {
		e = vm.measure(t)
	}
	if e == nil {
		return nil
	}
	b.cause, b.n = e, 0
	t.raised = true
	return closed
}

// covered counts an instruction for the coverage and tells whether there is nothing else to look for.
func (b *budget) covered() bool {
	r := b.vm.recorder
	if r == nil {
		return false
	}
	r.hit(b.vm.L.G.CurrentThread)
	if r.polls--; r.polls > 0 && !b.kick.Load() {
		return true
	}
	r.polls = pollEvery
	return false
}

// enter begins a slice of computing by t, leave ends it. Called with the lock held.
func (b *budget) enter(t *Task) {
	b.vm.task = t
	b.vm.current.Store(t)
	b.n = b.every
	b.since = b.vm.cfg.Computing()
	b.cause = t.ended.Load()
	if b.cause != nil {
		b.n = 0
		t.raised = true
	}
	b.vm.watched.ran.Store(true)
}

// Err is the text that gopher-lua raises.
func (b *budget) Err() error {
	if b.cause == nil {
		return nil
	}
	return errors.New(b.cause.Message)
}

func (b *budget) Deadline() (time.Time, bool) { return time.Time{}, false }
func (b *budget) Value(key any) any {
	if t := b.vm.task; t != nil {
		return t.Context().Value(key)
	}
	return nil
}

var _ context.Context = (*budget)(nil)
