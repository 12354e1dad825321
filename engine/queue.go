package engine

import (
	"fmt"
	"time"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/delivery"
	"bridgehost/diag"
)

// Queue is a declared queue: its items outlive the generation, its worker does not.
type Queue struct {
	Name     string
	Parallel int // how many items at once, of different keys
	Fn       *lua.LFunction
}

// Label is the queue in error texts.
func (q *Queue) Label() string { return fmt.Sprintf("queue %q", q.Name) }

// Queue declares a queue and its worker.
func (g *Generation) Queue(q *Queue) *diag.Error {
	if err := g.declaring(q.Label()); err != nil {
		return err
	}
	if t := g.vm.Task(); t.Standalone {
		return &diag.Error{Kind: diag.KindUsage, Code: "E_NO_GENERATION", Message: "a queue works in a script that the host keeps running",
			Hint: "put the script into the scripts folder, or run it with `bridgehost dev`"}
	}
	if g.QueueNamed(q.Name) != nil {
		return &diag.Error{Kind: diag.KindUsage, Code: "E_ARGUMENT", Message: fmt.Sprintf("there is a queue %q already", q.Name),
			Hint: "give the other one a name of its own"}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.queues = append(g.queues, q)
	return nil
}

// QueueNamed finds a queue, nil when the generation declares none of that name.
func (g *Generation) QueueNamed(name string) *Queue {
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, q := range g.queues {
		if q.Name == name {
			return q
		}
	}
	return nil
}

// Push puts an item into a queue as part of u, unless too many are waiting in the queues
// of the script. A worker may go beyond that, up to twice as many: else one that hands its
// item on to another queue could never finish.
func (s *Script) Push(u *delivery.Unit, p delivery.Push) *diag.Error {
	most := int64(s.cfg.Limits.Queue)
	if u.Item.Kind == delivery.KindQueue {
		most *= 2
	}
	if n := s.queued.Add(1); n > most {
		s.queued.Add(-1)
		return &diag.Error{Kind: diag.KindLimit, Code: "E_QUEUE", Retryable: true,
			Message: fmt.Sprintf("%d items wait in the queues of %s already", most, s.Name),
			Hint:    "let the workers catch up, or raise limits.queue"}
	}
	u.Push(p)
	return nil
}

// deliverPushed puts what u pushed into its lanes; it is on disk.
func (s *Script) deliverPushed(u *delivery.Unit) {
	if items := u.TakePushed(); len(items) > 0 {
		s.lanes.add(items...)
	}
}

// parkFor is how long items of a queue that nobody declares wait before that is looked at
// again; a reload looks at once.
const parkFor = 5 * time.Minute

// parked tells whether the item is of a queue that g does not declare: it is kept.
func (s *Script) parked(g *Generation, item *delivery.Item) bool {
	name, _, ok := item.Lane.Queue()
	if !ok || g.QueueNamed(name) != nil {
		return false
	}
	s.log.Warn("items wait in a queue that the script does not declare any more", "script", s.Name, "queue", name)
	return true
}

// parallel is how many items of a queue may run at once.
func (s *Script) parallel(queue string) int {
	if q := s.Current().QueueNamed(queue); q != nil {
		return q.Parallel
	}
	return 1
}
