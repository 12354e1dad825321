package luabind

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/diag"
	"bridgehost/engine"
)

// hookWait is how long a request waits for a script that is being loaded.
const hookWait = 10 * time.Second

// ServeHook answers a request for a path below /hook/NAME by the script's route. One that
// comes while the script is loaded again waits for the new version.
func (s *Script) ServeHook(es *engine.Script, path string, w http.ResponseWriter, r *http.Request) {
	defer s.hooks.Add(-1)
	if n := s.hooks.Add(1); n > int64(es.Limits().Handlers) {
		refuse(w, http.StatusServiceUnavailable, time.Second, "too many requests at once")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), hookWait)
	defer cancel()
	if err := es.Ready(ctx); err != nil {
		s.hookFailed(w, err)
		return
	}
	limits, ok := RouteLimits(es, r.Method, path)
	if !ok {
		refuseUnknown(w, es.Current(), r.Method, path)
		return
	}
	call, ok := readHook(w, r, path, limits)
	if !ok {
		return
	}
	var allowed []string
	results, known, err := es.Answer(ctx, engine.Request{
		Label: fmt.Sprintf("%s %s", r.Method, path), Deadline: limits.Timeout,
		Choose: func(g *engine.Generation) (h *engine.Handler) {
			h, call.Params, allowed = findRoute(g, r.Method, path)
			return h
		},
		Arg: func(vm *engine.VM) lua.LValue { return EnvOf(vm).ToLua(call) },
	})
	switch {
	case err != nil:
		s.hookFailed(w, err)
	case !known:
		refuseRoute(w, allowed)
	default:
		reply, failed := replied(results)
		if failed != nil {
			s.hookFailed(w, ErrorOf(failed))
			return
		}
		reply.write(w)
	}
}

// readHook reads a request's body; ok is false when it was refused.
func readHook(w http.ResponseWriter, r *http.Request, path string, limits RouteOptions) (call *HTTPCall, ok bool) {
	deadline := http.NewResponseController(w).SetReadDeadline // writers that know none are those of specs
	_ = deadline(time.Now().Add(limits.Timeout))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(limits.MaxBody)))
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		refuse(w, http.StatusRequestEntityTooLarge, 0, fmt.Sprintf("the body is longer than %d bytes", limits.MaxBody))
	case err != nil:
		refuse(w, http.StatusRequestTimeout, 0, "the body did not come")
	default:
		_ = deadline(time.Time{})
		return &HTTPCall{Method: r.Method, URL: hookURL(r, path), Header: r.Header, Body: body, Remote: r.RemoteAddr}, true
	}
	return nil, false
}

func (reply *HTTPReply) write(w http.ResponseWriter) {
	for name, values := range reply.Header {
		w.Header()[name] = values
	}
	if w.Header().Get("X-Content-Type-Options") == "" {
		w.Header().Set("X-Content-Type-Options", "nosniff")
	}
	w.WriteHeader(reply.Status)
	_, _ = w.Write(reply.Body) // who asked may have hung up
}

// hookFailed answers for a function that raised; what it was is for the log, not for strangers.
func (s *Script) hookFailed(w http.ResponseWriter, err *diag.Error) {
	switch {
	case err.Kind == diag.KindStopping:
		refuse(w, http.StatusServiceUnavailable, 5*time.Second, "the script does not run")
	case err.Code == "E_DEADLINE" || err.Code == "E_NO_ANSWER":
		refuse(w, http.StatusGatewayTimeout, 0, "the script took too long")
	case err.Retryable:
		refuse(w, http.StatusServiceUnavailable, max(err.RetryAfter, time.Second), "the script could not answer now")
	default:
		refuse(w, http.StatusInternalServerError, 0, "the script could not answer")
	}
}

func refuseUnknown(w http.ResponseWriter, g *engine.Generation, method, path string) {
	var allowed []string
	if g != nil {
		_, _, allowed = findRoute(g, method, path)
	}
	refuseRoute(w, allowed)
}

func refuseRoute(w http.ResponseWriter, allowed []string) {
	if len(allowed) > 0 {
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		refuse(w, http.StatusMethodNotAllowed, 0, "the script has no route for that method here")
		return
	}
	refuse(w, http.StatusNotFound, 0, "the script has no such route")
}

// refuse answers in place of the script.
func refuse(w http.ResponseWriter, status int, after time.Duration, text string) {
	if after > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(after.Seconds()))))
	}
	http.Error(w, text, status)
}
