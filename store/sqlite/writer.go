package sqlite

import (
	"context"
	"errors"
	"sync"
)

// job is one piece of writing. run may be called again after a rollback, so it
// must set its results, not add to them; an error of run undoes what it wrote. A
// job that finds nothing to do and has written nothing reports that through a
// variable of its own and returns nil. after runs on the writer's goroutine once
// the job is on disk, in the order of the commits.
type job struct {
	run   func(w *writer) error
	after func()
	err   error
	done  chan struct{}
}

// writer owns the one connection that writes. All jobs that are ready share one
// transaction (group commit): with durability "full" a commit waits for the disk,
// and what arrives meanwhile goes into the next one.
type writer struct {
	*conn
	jobs chan *job
	wg   sync.WaitGroup

	mu     sync.RWMutex // guards closed against senders
	closed bool

	// What follows belongs to the writer's goroutine.
	scripts  map[string]int64 // ids by name, as in the present transaction
	rooms    map[string]int64
	seq      int64 // last number given to a row
	reserved int64 // numbers up to this one are marked as used on disk
	commits  int64
	each     func(w *writer) error // runs in every transaction before its commit
	eachDone func(ok bool)         // told what became of it
}

// maxBatch bounds one transaction, so that no caller waits for very many others.
const maxBatch = 512

func startWriter(c *conn) *writer {
	w := &writer{conn: c, jobs: make(chan *job, maxBatch), scripts: map[string]int64{}, rooms: map[string]int64{}}
	w.wg.Add(1)
	return w
}

// do runs a job and waits until it is on disk or has failed. Once the job is
// queued the end of ctx is not looked at: a commit takes milliseconds, and its
// outcome must be known.
func (w *writer) do(ctx context.Context, run func(w *writer) error, after func()) error {
	j := &job{run: run, after: after, done: make(chan struct{})}
	if err := w.send(ctx, j); err != nil {
		return err
	}
	<-j.done
	return j.err
}

func (w *writer) send(ctx context.Context, j *job) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed {
		return ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case w.jobs <- j:
		return nil
	default:
	}
	select {
	case w.jobs <- j:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// close ends the goroutine after everything queued is written.
func (w *writer) close() {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.jobs)
	}
	w.mu.Unlock()
	w.wg.Wait()
}

func (w *writer) loop() {
	defer w.wg.Done()
	batch := make([]*job, 0, maxBatch)
	for j := range w.jobs {
		batch = append(batch[:0], j)
	more:
		for len(batch) < maxBatch {
			select {
			case j, ok := <-w.jobs:
				if !ok {
					break more
				}
				batch = append(batch, j)
			default:
				break more
			}
		}
		w.write(batch)
		clear(batch)
	}
}

// write runs a batch in one transaction. When that fails every job is run in a
// transaction of its own, so that one that cannot succeed fails alone.
func (w *writer) write(batch []*job) {
	err := w.transaction(batch)
	if err != nil && len(batch) > 1 {
		for i := range batch {
			batch[i].err = w.transaction(batch[i : i+1])
			finish(batch[i])
		}
		return
	}
	for _, j := range batch {
		j.err = err
		finish(j)
	}
}

func finish(j *job) {
	if j.err == nil && j.after != nil {
		j.after()
	}
	close(j.done)
}

func (w *writer) transaction(batch []*job) (err error) {
	if _, err := w.exec("BEGIN IMMEDIATE"); err != nil {
		return explain(err)
	}
	for _, j := range batch {
		if err = j.run(w); err != nil {
			break
		}
	}
	if err == nil && w.each != nil {
		err = w.each(w)
	}
	if err == nil {
		_, err = w.exec("COMMIT")
	}
	if err != nil {
		err = errors.Join(explain(err), w.rollback())
	} else {
		w.commits++
	}
	if w.eachDone != nil {
		w.eachDone(err == nil)
	}
	return err
}

// rollback also forgets what was learned inside the transaction. SQLite may have
// rolled back by itself (full disk), and then says that there is no transaction.
func (w *writer) rollback() error {
	clear(w.scripts)
	clear(w.rooms)
	w.reserved = w.seq
	if s, err := w.stmt("ROLLBACK"); err == nil {
		//lint:ignore SA1019 the driver's own statement; its only error here is "no transaction is active"
		_, _ = s.Exec(nil)
	}
	return nil
}

// seqBlock is how many row numbers are reserved on disk at once.
const seqBlock = 1 << 14

// nextSeq gives a number that no row ever had or will have, also over restarts:
// a block of numbers is marked as used before the first of them is.
func (w *writer) nextSeq() (int64, error) {
	if w.seq >= w.reserved {
		_, err := w.exec("INSERT INTO meta (key, value) VALUES ('seq', ?1) ON CONFLICT (key) DO UPDATE SET value = ?1", w.seq+seqBlock)
		if err != nil {
			return 0, err
		}
		w.reserved = w.seq + seqBlock
	}
	w.seq++
	return w.seq, nil
}

// script gives the number of a script, making one for a new name.
func (w *writer) script(name string) (id int64, err error) {
	if id, ok := w.scripts[name]; ok {
		return id, nil
	}
	found, err := w.one(func(r row) { id = r.int(0) }, "SELECT id FROM scripts WHERE name = ?", name)
	if err == nil && !found {
		_, err = w.one(func(r row) { id = r.int(0) }, "INSERT INTO scripts (name) VALUES (?) RETURNING id", name)
	}
	if err != nil {
		return 0, err
	}
	w.scripts[name] = id
	return id, nil
}
