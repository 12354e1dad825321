package devserver

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Synapse's numbers: events in a transaction, and the longest wait as a power of 2.
const (
	maxTransactionEvents = 100
	maxBackoff           = 9
)

// run sends one transaction at a time, in order, and repeats a refused one under
// the same id until it is taken.
func (svc *service) run() {
	s := svc.server
	for {
		select {
		case <-svc.wake:
		case <-s.ctx.Done():
			return
		}
		for {
			txn, body := svc.next()
			if body == nil {
				break
			}
			if !svc.leave(txn, body) && !svc.deliver(txn, body) {
				return
			}
			s.mu.Lock()
			svc.busy = false
			s.notify()
			s.mu.Unlock()
		}
	}
}

// next takes at most 100 events off the queue and makes a transaction of them; nil
// when there is nothing.
func (svc *service) next() (txn string, body []byte) {
	s := svc.server
	s.mu.Lock()
	defer s.mu.Unlock()
	n, eph := min(len(svc.queue), maxTransactionEvents), min(len(svc.ephemeral), maxTransactionEvents)
	if n == 0 && eph == 0 {
		svc.queue, svc.ephemeral = nil, nil
		return "", nil
	}
	now := s.now()
	body = append(make([]byte, 0, 512*(n+1)), `{"events":[`...)
	for i, e := range svc.queue[:n] {
		if i > 0 {
			body = append(body, ',')
		}
		body = e.appendWire(body, now)
	}
	body = append(body, ']')
	if eph > 0 {
		list := bytes.Join(rawSlices(svc.ephemeral[:eph]), []byte{','})
		for _, key := range []string{`,"ephemeral":[`, `,"de.sorunome.msc2409.ephemeral":[`} {
			body = append(append(append(body, key...), list...), ']')
		}
	}
	body = append(body, '}')
	svc.queue, svc.ephemeral = svc.queue[n:], svc.ephemeral[eph:]
	svc.busy = true
	svc.txn++
	return strconv.Itoa(svc.txn), body
}

func rawSlices[T ~[]byte](in []T) [][]byte {
	out := make([][]byte, len(in))
	for i, r := range in {
		out[i] = r
	}
	return out
}

// deliver returns when the transaction was taken, false when the server was closed.
func (svc *service) deliver(txn string, body []byte) bool {
	s := svc.server
	for attempt := 1; ; attempt++ {
		err := svc.try(txn, body)
		if err == nil {
			return true
		}
		if s.ctx.Err() != nil {
			return false
		}
		wait := s.o.RetryUnit << min(attempt, maxBackoff)
		s.o.Log.Info("transaction not taken, it will be repeated", "appservice", svc.ID, "txn_id", txn, "after", wait, "err", err)
		timer := s.o.Clock.NewTimer(wait)
		select {
		case <-timer.Chan():
		case <-svc.force:
			timer.Stop()
		case <-s.ctx.Done():
			timer.Stop()
			return false
		}
		for len(svc.left) > 0 { // the oldest first
			old := svc.left[0]
			svc.left = svc.left[1:]
			if !svc.deliver(old.txn, old.body) {
				return false
			}
		}
	}
}

// transaction is one that was left behind.
type transaction struct {
	txn  string
	body []byte
}

// leave keeps a transaction if the faults say so.
func (svc *service) leave(txn string, body []byte) bool {
	s := svc.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.faults.LeaveTransactions == 0 {
		return false
	}
	s.faults.LeaveTransactions--
	svc.left = append(svc.left, transaction{txn, body})
	return true
}

// try sends once, or as often as the faults say.
func (svc *service) try(txn string, body []byte) error {
	s := svc.server
	s.mu.Lock()
	f, target, token := s.faults, svc.URL, svc.HSToken
	s.mu.Unlock()
	if f.Down {
		return errors.New("the homeserver is down (fault)")
	}
	if target == "" {
		return nil
	}
	if err := svc.put(target, token, txn, body); err != nil {
		return err
	}
	s.mu.Lock()
	lost := s.faults.DropTransactions > 0
	if lost {
		s.faults.DropTransactions--
	}
	s.mu.Unlock()
	if lost {
		return errors.New("the answer was lost (fault)")
	}
	if f.DuplicateTransactions {
		return svc.put(target, token, txn, body)
	}
	return nil
}

func (svc *service) put(target, token, txn string, body []byte) error {
	req, err := http.NewRequestWithContext(svc.server.ctx, http.MethodPut,
		target+"/_matrix/app/v1/transactions/"+url.PathEscape(txn), bytes.NewReader(body))
	if err != nil {
		return err
	}
	return svc.do(req, token)
}

func (svc *service) do(req *http.Request, token string) error {
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	res, err := svc.server.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(res.Body, 1<<16)) // only for the error's text
	if res.StatusCode/100 != 2 {
		return &statusError{res.StatusCode, string(text)}
	}
	return nil
}

// statusError is an application service's refusal.
type statusError struct {
	status int
	body   string
}

func (e *statusError) Error() string { return fmt.Sprintf("HTTP %d: %.200s", e.status, e.body) }

// ping calls an application service as POST …/appservice/ID/ping asks for. Not under s.mu.
func (s *Server) ping(svc *service, target, token, txn string) (time.Duration, *refusal) {
	var body []byte
	if txn == "" {
		body = []byte("{}")
	} else {
		body = append(appendString([]byte(`{"transaction_id":`), txn), '}')
	}
	start := s.o.Clock.Now()
	req, err := http.NewRequestWithContext(s.ctx, http.MethodPost, target+"/_matrix/app/v1/ping", bytes.NewReader(body))
	if err == nil {
		err = svc.do(req, token)
	}
	if err == nil {
		svc.poke(svc.force)
		return s.o.Clock.Since(start), nil
	}
	if st, ok := err.(*statusError); ok {
		r := fail(http.StatusBadGateway, "M_BAD_STATUS", "HTTP %d", st.status)
		r.extra = map[string]any{"status": st.status, "body": st.body}
		return 0, r
	}
	return 0, fail(http.StatusBadGateway, "M_CONNECTION_FAILED", "%v", err)
}
