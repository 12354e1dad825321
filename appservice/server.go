package appservice

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/jonboulle/clockwork"

	"bridgehost/matrix"
)

// Queries answers a homeserver's question whether a user or a room exists; true
// means that it was made and can be used now. (AS-3)
type Queries interface {
	QueryUser(ctx context.Context, user matrix.UserID) (bool, error)
	QueryAlias(ctx context.Context, alias matrix.RoomAlias) (bool, error)
}

// ServerOptions is what a Server is made of. Registration and Log are required.
type ServerOptions struct {
	Registration  *Registration
	Log           TransactionLog
	Queries       Queries    // nil: nothing exists but what exists already
	ThirdParty    ThirdParty // nil: no network is known
	Clock         clockwork.Clock
	Logger        hclog.Logger
	MaxBody       int64         // of a transaction; 64 MiB when 0
	AcceptTimeout time.Duration // how long a full inbox is waited for; 30 s when 0
	// OnGap is called after a transaction was refused because the one before it is missing:
	// a ping makes Synapse repeat at once. It must not wait. nil: nothing is done.
	OnGap func()
}

// Stats counts what a Server did since it was made.
type Stats struct {
	Transactions, Duplicates, Refused, Gaps, Events, Ephemeral, BadEvents int64
}

// Server is the http.Handler that a homeserver talks to. (AS-1 to AS-4)
type Server struct {
	o     ServerOptions
	token [sha256.Size]byte

	mu       sync.Mutex
	inFlight map[string]*transaction
	gaps     *gaps

	transactions, duplicates, refused, gapped, events, ephemeral, badEvents atomic.Int64
}

// transaction is one that is being accepted; whoever sends the same waits for done.
type transaction struct {
	done chan struct{}
	err  error // valid after done
}

// errGap refuses a transaction once, so that the homeserver sends what it left behind.
var errGap = errors.New("a transaction before it is missing")

// NewServer makes the handler.
func NewServer(o ServerOptions) *Server {
	if o.Clock == nil {
		o.Clock = clockwork.NewRealClock()
	}
	if o.Logger == nil {
		o.Logger = hclog.NewNullLogger()
	}
	if o.MaxBody == 0 {
		o.MaxBody = 64 << 20
	}
	if o.AcceptTimeout == 0 {
		o.AcceptTimeout = 30 * time.Second
	}
	return &Server{o: o, token: sha256.Sum256([]byte(o.Registration.HSToken)), inFlight: map[string]*transaction{}, gaps: newGaps(o.Log.Last())}
}

// Stats is a snapshot of the counters.
func (s *Server) Stats() Stats {
	return Stats{
		Transactions: s.transactions.Load(), Duplicates: s.duplicates.Load(), Refused: s.refused.Load(), Gaps: s.gapped.Load(),
		Events: s.events.Load(), Ephemeral: s.ephemeral.Load(), BadEvents: s.badEvents.Load(),
	}
}

// ServeHTTP answers one request of the homeserver.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kind, arg := route(r.URL.EscapedPath())
	method, known := methods[kind]
	switch {
	case !known:
		refuse(w, http.StatusNotFound, "M_UNRECOGNIZED", "Unrecognized request")
		return
	case r.Method != method:
		w.Header().Set("Allow", method)
		refuse(w, http.StatusMethodNotAllowed, "M_UNRECOGNIZED", "Unrecognized request: "+method+" is expected here")
		return
	}
	if !s.authorized(w, r) {
		return
	}
	switch kind {
	case "transactions":
		s.transaction(w, r, arg)
	case "users", "rooms":
		s.query(w, r, kind, arg)
	case "ping":
		answer(w, http.StatusOK, "{}")
	default:
		s.thirdParty(w, r, arg)
	}
}

var methods = map[string]string{
	"transactions": http.MethodPut, "users": http.MethodGet, "rooms": http.MethodGet,
	"ping": http.MethodPost, "thirdparty": http.MethodGet,
}

// route reads a path: what is asked for, and about what (decoded). The forms
// without /_matrix/app/v1 are those of before version r0.1.1 of the specification.
func route(path string) (kind, arg string) {
	rest, current := strings.CutPrefix(path, "/_matrix/app/v1/")
	if !current {
		if rest, current = strings.CutPrefix(path, "/_matrix/app/unstable/"); !current {
			rest = strings.TrimPrefix(path, "/")
		}
	}
	kind, arg, _ = strings.Cut(rest, "/")
	switch kind {
	case "transactions", "users", "rooms":
		decoded, err := url.PathUnescape(arg)
		if err != nil || arg == "" || strings.Contains(arg, "/") {
			return "", ""
		}
		return kind, decoded
	case "ping":
		if current && arg == "" {
			return kind, ""
		}
	case "thirdparty":
		if current && arg != "" {
			return kind, arg
		}
	}
	return "", ""
}

// authorized compares hashes, so that neither content nor length of the token
// shows in the time taken. (AS-2)
func (s *Server) authorized(w http.ResponseWriter, r *http.Request) bool {
	token, given := "", false
	if h := r.Header.Get("Authorization"); h != "" {
		if scheme, rest, _ := strings.Cut(h, " "); strings.EqualFold(scheme, "Bearer") {
			token, given = strings.TrimSpace(rest), true
		}
	} else {
		token = r.URL.Query().Get("access_token")
		given = token != ""
	}
	if !given || token == "" {
		s.refused.Add(1)
		refuse(w, http.StatusUnauthorized, "M_MISSING_TOKEN", "Missing access token")
		return false
	}
	sum := sha256.Sum256([]byte(token))
	if subtle.ConstantTimeCompare(sum[:], s.token[:]) != 1 {
		s.refused.Add(1)
		s.o.Logger.Warn("request with a wrong hs_token refused: does the homeserver use this registration file?", "remote", r.RemoteAddr)
		refuse(w, http.StatusForbidden, "M_FORBIDDEN", "Bad token supplied")
		return false
	}
	return true
}

func (s *Server) transaction(w http.ResponseWriter, r *http.Request, txnID string) {
	body, err := readBody(w, r, s.o.MaxBody)
	if err != nil {
		if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
			s.o.Logger.Error("transaction refused: too large", "txn_id", txnID, "limit", s.o.MaxBody)
			refuse(w, http.StatusRequestEntityTooLarge, "M_TOO_LARGE", "The transaction is too large")
		} else {
			refuse(w, http.StatusBadRequest, "M_NOT_JSON", "The request could not be read")
		}
		return
	}
	acc, bad, err := split(txnID, body)
	if err != nil {
		code := "M_NOT_JSON"
		if errors.Is(err, errBadJSON) {
			code = "M_BAD_JSON"
		}
		s.o.Logger.Error("transaction refused", "txn_id", txnID, "err", err)
		refuse(w, http.StatusBadRequest, code, "Content not usable: "+err.Error())
		return
	}
	if err := s.accept(r.Context(), acc, bad); err != nil {
		s.o.Logger.Warn("transaction not accepted, the homeserver will repeat it", "txn_id", txnID, "err", err)
		if errors.Is(err, errGap) {
			s.gapped.Add(1)
			if s.o.OnGap != nil {
				defer s.o.OnGap()
			}
		} else {
			s.gaps.failed()
		}
		w.Header().Set("Retry-After", "2")
		refuse(w, http.StatusServiceUnavailable, "M_UNKNOWN", "The transaction could not be stored now, repeat it")
		return
	}
	answer(w, http.StatusOK, "{}")
}

// accept lets one request per transaction through; the others get its result.
func (s *Server) accept(ctx context.Context, acc Accepted, bad []refusal) error {
	ctx, cancel := clockwork.WithTimeout(ctx, s.o.Clock, s.o.AcceptTimeout)
	defer cancel()
	s.mu.Lock()
	t, running := s.inFlight[acc.Key]
	if !running {
		t = &transaction{done: make(chan struct{})}
		s.inFlight[acc.Key] = t
	}
	s.mu.Unlock()
	if running {
		s.duplicates.Add(1)
		select {
		case <-t.done:
			return t.err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	t.err = errors.New("the store gave up") // what waiters see after a panic
	defer func() {
		s.mu.Lock()
		delete(s.inFlight, acc.Key)
		s.mu.Unlock()
		close(t.done)
	}()
	t.err = s.store(ctx, acc, bad)
	return t.err
}

func (s *Server) store(ctx context.Context, acc Accepted, bad []refusal) error {
	seen, err := s.o.Log.Seen(ctx, acc.Key)
	if err != nil {
		return err
	}
	if seen {
		s.duplicates.Add(1)
		s.o.Logger.Debug("transaction seen before", "txn_id", acc.TxnID)
		return nil
	}
	if s.gaps.refuse(acc.TxnID) {
		return errGap
	}
	if err := s.o.Log.Accept(ctx, acc); err != nil {
		return err
	}
	s.gaps.taken(acc.TxnID)
	for _, b := range bad {
		s.o.Logger.Error("event left out of a transaction", "txn_id", acc.TxnID, "list", b.List, "index", b.Index, "err", b.Err)
	}
	s.transactions.Add(1)
	s.events.Add(int64(len(acc.Events)))
	s.ephemeral.Add(int64(len(acc.Ephemeral)))
	s.badEvents.Add(int64(len(bad)))
	return nil
}

func (s *Server) query(w http.ResponseWriter, r *http.Request, kind, id string) {
	var exists bool
	var err error
	if s.o.Queries != nil {
		if kind == "users" {
			if user, bad := matrix.ParseUserID(id); bad == nil {
				exists, err = s.o.Queries.QueryUser(r.Context(), user)
			}
		} else if alias, bad := matrix.ParseRoomAlias(id); bad == nil {
			exists, err = s.o.Queries.QueryAlias(r.Context(), alias)
		}
	}
	switch {
	case err != nil:
		s.o.Logger.Error("question of the homeserver not answered", "about", id, "err", err)
		refuse(w, http.StatusInternalServerError, "M_UNKNOWN", "The question could not be answered")
	case exists:
		answer(w, http.StatusOK, "{}")
	default:
		refuse(w, http.StatusNotFound, "M_NOT_FOUND", id+" does not exist")
	}
}

func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	in := http.MaxBytesReader(w, r.Body, limit)
	if n := r.ContentLength; n > 0 && n <= limit && n <= 8<<20 {
		body := make([]byte, n)
		_, err := io.ReadFull(in, body)
		return body, err
	}
	return io.ReadAll(in)
}

func answer(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body) // a homeserver that hung up asks again
}

func refuse(w http.ResponseWriter, status int, code, text string) {
	body, _ := json.Marshal(map[string]string{"errcode": code, "error": text}) // strings always encode
	answer(w, status, string(body))
}
