package engine

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/delivery"
	"bridgehost/diag"
)

// Task is one run of a Lua function: a handler, a timer, a service, the top level.
// Make one, hand it to VM.Run once.
type Task struct {
	Label      string          // `message $ev from @a:b`, `service "irc"`: shown in errors
	Deadline   time.Duration   // 0: none (services)
	Unit       *delivery.Unit  // travels in Context; may be nil
	Service    bool            // runs until its generation ends
	Loading    bool            // the top level: it may declare, not wait
	Standalone bool            // the top level under exec: it may declare, and wait
	Stopping   <-chan struct{} // closed when the generation ends; may be nil
	Within     *Task           // waits for this one, and holds its locks for it; may be nil

	// OnWait is called at the begin of each wait, without the lock (a service commits its unit there). May be nil.
	OnWait func()
	// Idle is told when the task enters and leaves a WaitInput, with the lock held. May be nil.
	Idle func(waiting bool)

	vm     *VM
	base   context.Context // as given to Run
	until  time.Time       // by the VM's clock; zero: no deadline
	ctx    context.Context // made at the first need
	cancel context.CancelCauseFunc
	stop   func() // of the deadline's timer

	ended   atomic.Pointer[diag.Error] // why the task must end; never taken back
	raised  bool                       // ended was raised in Lua: what pcall made of it does not count
	nesting int                        // protected calls, coroutines, callbacks within each other
	inside  *module                    // the module that it waits for
	shown   *capture                   // the place of the last error that ended a coroutine
	thread  *lua.LState                // where it waits
	waited  int                        // how often it has given the lock away
}

// Waited counts the waits of the task so far: while it does not change, no other task of
// the VM has run. Called with the lock held.
func (t *Task) Waited() int { return t.waited }

// TopLevel tells whether the task may declare handlers and services.
func (t *Task) TopLevel() bool { return t.Loading || t.Standalone }

// Context carries the unit and ends with the deadline, with Kill or when the VM
// closes. Called with the lock held, or by f of Wait through its argument.
func (t *Task) Context() context.Context {
	if t.ctx != nil {
		return t.ctx
	}
	base := t.base
	if base == nil {
		base = context.Background()
	}
	if t.Unit != nil {
		base = delivery.With(base, t.Unit)
	}
	if t.Unit == nil || t.Unit.Item.Seq == 0 {
		base = context.WithValue(base, labelKey{}, t.Label)
	}
	t.vm.tasksMu.Lock()
	t.ctx, t.cancel = context.WithCancelCause(base)
	t.vm.tasksMu.Unlock()
	if e := t.ended.Load(); e != nil {
		t.cancel(e)
	} else if !t.until.IsZero() {
		timer := t.vm.clock.AfterFunc(t.until.Sub(t.vm.clock.Now()), func() { t.end(t.tooLong()) })
		t.stop = func() { timer.Stop() }
	}
	return t.ctx
}

// end makes the task fail at its next instruction or wait. The first reason counts.
func (t *Task) end(reason *diag.Error) {
	if !t.ended.CompareAndSwap(nil, reason) {
		return
	}
	t.vm.budget.kick.Store(true)
	t.vm.tasksMu.Lock()
	cancel := t.cancel
	t.vm.tasksMu.Unlock()
	if cancel != nil {
		cancel(reason)
	}
}

// finish lets go of the context and its timer.
func (t *Task) finish() {
	if t.stop != nil {
		t.stop()
	}
	if t.cancel != nil {
		t.cancel(context.Canceled)
	}
}

// check looks for a reason to end: the deadline, or the context given to Run.
func (t *Task) check() *diag.Error {
	if e := t.ended.Load(); e != nil {
		return e
	}
	if !t.until.IsZero() && !t.vm.clock.Now().Before(t.until) {
		t.end(t.tooLong())
	} else if t.base != nil && t.base.Err() != nil {
		t.end(cancelled(t.base))
	}
	return t.ended.Load()
}

// What a task that took too long is told: it used the time up itself, or somebody did not answer.
const (
	codeDeadline = "E_DEADLINE"
	codeNoAnswer = "E_NO_ANSWER"
)

func (t *Task) tooLong() *diag.Error {
	what := "the handler"
	if t.Loading {
		what = "the top level"
	}
	return &diag.Error{Kind: diag.KindTimeout, Code: codeDeadline, Retryable: !t.Loading,
		Message: what + " took longer than " + t.Deadline.String(),
		Hint:    "what takes long belongs into bridge.spawn or bridge.service"}
}

// cancelled says why a context ended.
func cancelled(ctx context.Context) *diag.Error {
	cause := context.Cause(ctx)
	var e *diag.Error
	if errors.As(cause, &e) {
		return e
	}
	if errors.Is(cause, context.DeadlineExceeded) {
		return &diag.Error{Kind: diag.KindTimeout, Code: codeDeadline, Retryable: true, Message: "the time for this call was used up", Cause: cause}
	}
	return stoppingError("the handler was ended")
}

func stoppingError(message string) *diag.Error {
	return &diag.Error{Kind: diag.KindStopping, Code: "E_STOPPING", Retryable: true, Message: message}
}

// loadingError is what a wait at the top level raises; call is what waits, if that is known.
func loadingError(call string) *diag.Error {
	if call != "" {
		call += " was "
	}
	return &diag.Error{Kind: diag.KindUsage, Code: "E_LOADING", Message: call + "called while the script was loading",
		Hint: `put it in bridge.on("load", function() … end)`}
}
