package devserver

import (
	"net/http"
	"time"

	"bridgehost/matrix"
)

// Faults are what goes wrong from now on. The zero value is a healthy server.
type Faults struct {
	Down                  bool          // connections close without an answer, nothing is pushed
	Slow                  time.Duration // every answer waits so long, by the server's clock
	RateLimit             int           // so many requests are answered 429
	RateLimitEvery        int           // each n-th request is answered 429; 0: none
	RetryAfter            time.Duration // what those are told; 10 ms when 0
	ForbidJoin            bool          // no join is allowed: 403
	DuplicateTransactions bool          // every transaction is pushed twice
	DropTransactions      int           // of so many transactions the answer is lost: they are repeated
	LeaveTransactions     int           // so many stay here until a later one is refused, as happens on Synapse

	// Hook sees every request first; what it returns is the answer. It must not call
	// the server.
	Hook func(*http.Request) *Fault
}

// Fault is an answer in place of the real one.
type Fault struct {
	Drop       bool // the connection is closed without an answer
	After      bool // the request is carried out first: only its answer is lost or replaced
	Status     int
	Code, Text string
	RetryAfter time.Duration
	Body       []byte // in place of Code and Text, as it is
}

// Faults are those that are set now.
func (s *Server) Faults() Faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults
}

// SetFaults replaces the faults.
func (s *Server) SetFaults(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = f
	for _, svc := range s.services {
		svc.poke(svc.force)
	}
	s.notify()
}

// Request is one client-server request as it was answered.
type Request struct {
	Method string
	Path   string // encoded, without query
	User   matrix.UserID
	Status int // 0: the connection was closed
}

// Requests are the last requests, oldest first.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append(append([]Request(nil), s.requests[s.oldest:]...), s.requests[:s.oldest]...)
}

// remember keeps a request in the ring. s.mu is held.
func (s *Server) remember(r Request) {
	if len(s.requests) < s.o.RequestLog {
		s.requests = append(s.requests, r)
		return
	}
	s.requests[s.oldest] = r
	s.oldest = (s.oldest + 1) % len(s.requests)
}

// faulty answers in place of the server where the faults say so. later is a fault to
// apply after the request was carried out.
func (s *Server) faulty(w http.ResponseWriter, r *http.Request) (done bool, later *Fault) {
	s.mu.Lock()
	f := s.faults
	limit := s.faults.RateLimit > 0
	if limit && !f.Down {
		s.faults.RateLimit--
	}
	if f.RateLimitEvery > 0 && !f.Down && !limit {
		s.arrived++
		limit = s.arrived%f.RateLimitEvery == 0
	}
	s.mu.Unlock()
	switch {
	case f.Down:
		s.answerFault(w, r, &Fault{Drop: true})
	case limit:
		after := f.RetryAfter
		if after == 0 {
			after = 10 * time.Millisecond
		}
		s.answerFault(w, r, &Fault{Status: 429, Code: "M_LIMIT_EXCEEDED", Text: "Too Many Requests", RetryAfter: after})
	default:
		if f.Slow > 0 {
			select {
			case <-s.o.Clock.After(f.Slow):
			case <-r.Context().Done():
			}
		}
		if f.Hook == nil {
			return false, nil
		}
		fault := f.Hook(r)
		if fault == nil || fault.After {
			return false, fault
		}
		s.answerFault(w, r, fault)
	}
	return true, nil
}

func (s *Server) answerFault(w http.ResponseWriter, r *http.Request, f *Fault) {
	status := f.Status
	if f.Drop {
		status = 0
	}
	s.mu.Lock()
	s.remember(Request{r.Method, r.URL.EscapedPath(), matrix.UserID(r.URL.Query().Get("user_id")), status})
	s.mu.Unlock()
	if f.Drop {
		panic(http.ErrAbortHandler) // net/http's way to close a connection without an answer
	}
	body := f.Body
	if body == nil {
		ref := fail(f.Status, f.Code, "%s", f.Text)
		if f.RetryAfter > 0 {
			ref.extra = limited(f.RetryAfter).extra
		}
		body = ref.body()
	}
	writeJSON(w, f.Status, body)
}
