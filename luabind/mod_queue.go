package luabind

import (
	"fmt"
	"regexp"
	"time"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/capability"
	"bridgehost/delivery"
	"bridgehost/diag"
	"bridgehost/engine"
)

var queueClass = class("queue", "A queue of the script's own, on disk: what was pushed is worked on, also after a restart.")

// queue is what an object of queueClass holds.
type queue struct{ name string }

// maxQueueParallel is how many items of one queue may be worked on at once.
const (
	maxQueueParallel     = 64
	defaultQueueParallel = 4
	maxQueueItem         = 64 << 10 // bytes of JSON, as much as an event may have: what waits is in memory, too
)

var queueName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

var _ = fn(bridgeModule, "queue", capability.KV, never,
	"Declares a queue on disk and the function that works on its items, one after the other for each key. What that function writes is "+
		"committed together with the end of its item, and an item that runs again after a crash repeats no send. An error that is retryable puts the item back, "+
		"with a delay that grows; any other makes a dead letter of it. Items of a queue that a new version does not declare are kept. For the top level only.",
	func(c *Call, a *struct {
		Name    string `lua:"name" doc:"letters, digits, - _ and ."`
		Options struct {
			Parallel *int `lua:"parallel,opt" doc:"how many items of different keys are worked on at once, 64 at most" default:"4"`
		} `lua:"options,mid" doc:"options"`
		Fn *lua.LFunction `lua:"fn" doc:"called with the value that was pushed"`
	}) (lua.LValue, error) {
		g, err := c.generation()
		if err != nil {
			return nil, err
		}
		if !queueName.MatchString(a.Name) {
			return nil, usage("bad argument #1 'name' to 'queue' (1 to 64 letters, digits, - _ and . expected, got %s)", quoted(a.Name))
		}
		parallel := defaultQueueParallel
		if p := a.Options.Parallel; p != nil {
			parallel = *p
		}
		if parallel < 1 || parallel > maxQueueParallel {
			return nil, usage("bad option 'parallel' of 'queue' (1 to %d expected, got %d)", maxQueueParallel, parallel)
		}
		if failed := g.Queue(&engine.Queue{Name: a.Name, Parallel: parallel, Fn: a.Fn}); failed != nil {
			return nil, failed
		}
		return c.Object(queueClass, &queue{a.Name}), nil
	}, results("A queue."), returns("Queue"), errcodes("E_ARGUMENT", "E_TOP_LEVEL"),
	example(`local mails = bridge.queue("mails", { parallel = 2 }, function(mail) post(mail) end)`))

var _ = method(queueClass, "push", capability.None("the queue was declared already"), never,
	"Puts a value into the queue, together with what else the handler writes: when it fails, nothing was pushed. "+
		"Items of one key are worked on in the order in which they were pushed, or are due; without a key they all have the same.",
	func(c *Call, q *queue, a *struct {
		Value JSON          `lua:"value" doc:"what JSON can hold"`
		Key   string        `lua:"key,opt" doc:"what is to stay in order with others of that key" default:""`
		After time.Duration `lua:"after,opt" doc:"how long it waits first" default:"0"`
	}) (none, error) {
		g, err := c.generation()
		if err != nil {
			return none{}, err
		}
		if err := c.writing(a.Key); err != nil {
			return none{}, err
		}
		if len(a.Value) > maxQueueItem {
			return none{}, &diag.Error{Kind: diag.KindLimit, Code: "E_VALUE", Message: fmt.Sprintf("the value takes %d bytes; %d are allowed in a queue", len(a.Value), maxQueueItem),
				Hint: "keep it in a store or in bridge.sql, and push its key"}
		}
		u := c.Unit()
		if u == nil {
			return none{}, errLoading()
		}
		p := delivery.Push{Lane: delivery.QueueLane(g.Script.Name, q.name, a.Key), Payload: a.Value}
		if a.After > 0 {
			p.NotBefore = c.VM.Clock().Now().Add(a.After)
		}
		return none{}, fails(g.Script.Push(u, p))
	}, errcodes("E_QUEUE", "E_VALUE"), example(`mails:push({ to = cmd.args[1] }, { key = cmd.args[1], after = "10m" })`))

// matchQueue is what is to be done about an item of a queue.
func matchQueue(q *engine.Queue, item *delivery.Item) engine.Match {
	h := &engine.Handler{Fn: q.Fn, Label: q.Label()}
	return engine.Match{Handlers: []*engine.Handler{h}, Label: q.Label(),
		Arg: func(vm *engine.VM, _ *lua.LState, _ *engine.Task) lua.LValue { return EnvOf(vm).Value(item.Payload) }}
}
