package engine

import "time"

// Status is how a script is, for `bridgehost status`.
type Status struct {
	Script     string          `json:"script"`
	Generation int             `json:"generation"` // 0: none runs
	Since      time.Time       `json:"since"`
	Hash       string          `json:"hash"`
	Services   []ServiceStatus `json:"services"`
	Handlers   int             `json:"handlers"`
	Commands   int             `json:"commands"`
	Events     int             `json:"events"`  // of this generation
	Errors     int             `json:"errors"`  // of all generations since the host started
	Backlog    int             `json:"backlog"` // events, and items of the script's own queues
	Running    int             `json:"running"`
	Handles    int             `json:"handles"`
	Timers     int             `json:"timers"`            // cron, every and after that wait, and spawned tasks
	Memory     int64           `json:"memory"`            // bytes, as last measured
	Held       time.Duration   `json:"held_ns"`           // how long events waited for this generation
	Refused    string          `json:"refused,omitempty"` // why what is on disk does not run
	LastError  string          `json:"last_error,omitempty"`
}

// ServiceStatus is how one service is.
type ServiceStatus struct {
	Name  string    `json:"name"`
	State string    `json:"state"` // starting, up, pausing, stopped
	Since time.Time `json:"since"`
	Error string    `json:"error,omitempty"` // of its last end
}

// Status tells how the script is.
func (s *Script) Status() Status {
	st := Status{Script: s.Name, Services: []ServiceStatus{}, Handles: s.OpenHandles()}
	st.Backlog, st.Running = s.lanes.counts()
	st.Backlog += int(s.queued.Load())
	last, total := s.Errors()
	st.Errors = total
	if len(last) > 0 {
		st.LastError = last[len(last)-1].Err.Error()
	}
	s.mu.Lock()
	g, refused := s.current, s.refused
	for _, l := range s.loads {
		if g != nil && l.Number == g.Number {
			st.Held = l.Held
		}
	}
	s.mu.Unlock()
	if refused != nil {
		st.Refused = refused.Error()
	}
	if g == nil {
		return st
	}
	st.Generation, st.Since, st.Hash = g.Number, g.Loaded, g.hash
	for _, h := range g.Handlers("") {
		if h.Event == "command" {
			st.Commands++
		} else {
			st.Handlers++
		}
	}
	g.mu.Lock()
	services := g.services
	st.Events = g.events
	st.Timers = g.waiting + len(g.crons) + len(g.everies)
	g.mu.Unlock()
	for _, svc := range services {
		svc.mu.Lock()
		one := ServiceStatus{Name: svc.name, State: svc.state, Since: svc.since}
		if svc.lastErr != nil {
			one.Error = svc.lastErr.Error()
		}
		svc.mu.Unlock()
		st.Services = append(st.Services, one)
	}
	return st
}

// Loads returns what became of the last sources, oldest first.
func (s *Script) Loads() []LoadReport {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]LoadReport(nil), s.loads...)
}

// Refused is why what is on disk does not run; nil when it does.
func (s *Script) Refused() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refused == nil {
		return nil
	}
	return s.refused
}
