package devserver

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"bridgehost/matrix"
)

// refusal is an error answer.
type refusal struct {
	status int
	code   string
	text   string
	extra  map[string]any
}

func (r *refusal) Error() string { return fmt.Sprintf("%s (%d): %s", r.code, r.status, r.text) }

// public is what the Go API returns.
func (r *refusal) public() error {
	return &matrix.Error{Status: r.status, Code: r.code, Message: r.text}
}

func (r *refusal) body() []byte {
	m := map[string]any{"errcode": r.code, "error": r.text}
	for k, v := range r.extra {
		m[k] = v
	}
	b, _ := json.Marshal(m) // strings and numbers always encode
	return b
}

func fail(status int, code, format string, args ...any) *refusal {
	return &refusal{status: status, code: code, text: fmt.Sprintf(format, args...)}
}

func forbidden(format string, args ...any) *refusal {
	return fail(http.StatusForbidden, "M_FORBIDDEN", format, args...)
}

// unstable is a 403 that also names the code proposed by MSC3848, as Synapse does.
func unstable(code, format string, args ...any) *refusal {
	r := forbidden(format, args...)
	r.extra = map[string]any{"org.matrix.msc3848.unstable.errcode": "ORG.MATRIX.MSC3848." + code}
	return r
}

func notFound(format string, args ...any) *refusal {
	return fail(http.StatusNotFound, "M_NOT_FOUND", format, args...)
}

func badJSON(format string, args ...any) *refusal {
	return fail(http.StatusBadRequest, "M_BAD_JSON", format, args...)
}

func limited(after time.Duration) *refusal {
	r := fail(http.StatusTooManyRequests, "M_LIMIT_EXCEEDED", "Too Many Requests")
	r.extra = map[string]any{"retry_after_ms": after.Milliseconds()}
	return r
}
