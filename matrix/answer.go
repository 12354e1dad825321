package matrix

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// refusal reads an answer that is none or that refuses; nil when it is a good one (TR-3, TR-4).
func (r *Request) refusal(c *Client, resp *http.Response, data []byte) *Error {
	e := &Error{Method: r.Method, Path: r.Path, As: r.As, Status: resp.StatusCode, Code: "M_UNKNOWN"}
	good := resp.StatusCode >= 200 && resp.StatusCode < 300
	switch {
	case int64(len(data)) > r.limit():
		return r.tooLarge(resp.StatusCode)
	case good && (r.Binary || json.Valid(data)):
		return nil
	}
	var told struct {
		Code       json.RawMessage `json:"errcode"`
		Message    json.RawMessage `json:"error"`
		RetryAfter json.Number     `json:"retry_after_ms"`
	}
	isJSON := json.Valid(data)
	if isJSON {
		_ = json.Unmarshal(data, &told) // of what does not fit, the rest still counts
		var code string
		if json.Unmarshal(told.Code, &code) == nil && code != "" {
			e.Code = code
		}
		_ = json.Unmarshal(told.Message, &e.Message)
	}
	switch {
	case e.Message != "":
		e.Message = r.clean(e.Message)
	case isJSON || len(bytes.TrimSpace(data)) == 0:
		e.Message = strings.TrimSpace("the server gave no reason " + http.StatusText(resp.StatusCode))
	default:
		e.Message = "the answer is not JSON: " + r.clean(excerpt(data))
	}
	e.RetryAfter = retryAfter(resp.Header.Get("Retry-After"), told.RetryAfter, c.clock.Now())
	e.Body = []byte(r.clean(string(data[:min(len(data), maxKept)])))
	return e
}

// limit is how many bytes the answer may have.
func (r *Request) limit() int64 {
	if r.MaxAnswer > 0 {
		return r.MaxAnswer
	}
	return maxAnswer
}

// tooLarge is an answer that was not read to its end.
func (r *Request) tooLarge(status int) *Error {
	size := fmt.Sprintf("%d MiB", r.limit()>>20)
	if r.limit() < 1<<20 {
		size = fmt.Sprintf("%d bytes", r.limit())
	}
	return &Error{Method: r.Method, Path: r.Path, As: r.As, Status: status, Code: "M_TOO_LARGE", Message: "the answer is larger than " + size}
}

func excerpt(data []byte) string {
	s := strings.ToValidUTF8(string(data[:min(len(data), excerptLength*utf8.UTFMax)]), "�")
	if runes := []rune(s); len(runes) > excerptLength {
		s = string(runes[:excerptLength]) + "…"
	}
	return strings.Join(strings.Fields(s), " ")
}

// retryAfter reads the header (seconds or a date) or the older body field.
func retryAfter(header string, ms json.Number, now time.Time) time.Duration {
	if s, err := strconv.ParseFloat(header, 64); err == nil && s >= 0 && s < 1e6 {
		return time.Duration(s * float64(time.Second))
	}
	if t, err := http.ParseTime(header); err == nil {
		return max(t.Sub(now), 0)
	}
	if f, err := ms.Float64(); err == nil && f >= 0 && f < 1e9 {
		return time.Duration(f * float64(time.Millisecond))
	}
	return 0
}

// The waits of TR-2.
const (
	firstWait   = 4 * time.Second // after a failure; doubled each time
	longestWait = time.Minute
	limitWait   = 2 * time.Second // after a 429 that names no delay; doubled each time
	limitTries  = 12              // of 429 in a row, for contexts without a deadline
)

// retry decides over the repeats of one request.
type retry struct {
	left   int
	once   bool
	failed int // failures so far
	limits int // 429s so far
}

func newRetry(c *Client, r Request) *retry {
	t := &retry{left: c.retries, once: r.Once}
	if r.Retries != nil {
		t.left = *r.Retries
	}
	return t
}

// next says whether to repeat after err, and after which wait. A wait that the
// deadline of ctx would cut off is not begun.
func (t *retry) next(ctx context.Context, err *Error, wrote bool) (time.Duration, bool) {
	if ctx.Err() != nil {
		return 0, false
	}
	wait, again := t.wait(err, wrote)
	if deadline, ok := ctx.Deadline(); again && ok && time.Until(deadline) < wait {
		return 0, false
	}
	return wait, again
}

func (t *retry) wait(err *Error, wrote bool) (time.Duration, bool) {
	if err.Code == "M_NOT_YET_UPLOADED" {
		return 0, false // comes as a 504, after the server has waited as long as it was asked to
	}
	switch err.Status {
	case http.StatusTooManyRequests:
		if t.limits++; t.limits > limitTries {
			return 0, false
		}
		if err.RetryAfter > 0 {
			return min(err.RetryAfter, longestWait) + jitter(100*time.Millisecond), true
		}
		return grown(limitWait, t.limits-1), true
	case 0, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		if errors.Is(err.Cause, context.Canceled) || t.failed >= t.left || (t.once && wrote) {
			return 0, false
		}
		t.failed++
		if err.RetryAfter > 0 {
			return min(err.RetryAfter, longestWait) + jitter(100*time.Millisecond), true
		}
		return grown(firstWait, t.failed-1), true
	}
	return 0, false
}

func grown(first time.Duration, n int) time.Duration {
	w := min(first<<min(n, 10), longestWait)
	return w + jitter(w/4)
}

func jitter(most time.Duration) time.Duration { return time.Duration(rand.Int64N(int64(most) + 1)) }
