package conformance

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"
)

// recorder is the homeserver of one scenario.
type recorder struct {
	sc       *scenario
	config   object
	tokens   map[string]string // whose a token is
	literal  map[string]bool   // transaction ids that the scenario gave
	main     *httptest.Server
	alt      *httptest.Server
	mu       sync.Mutex
	seen     []object
	rules    []*rule
	txns     map[string]string
	events   int
	uploads  int
	rooms    int
	hsURL    string
	basePath string
}

// rule is one answer of the homeserver's.
type rule struct {
	object
	path *regexp.Regexp
	left int // how often it answers; -1: always
}

// asked is a request as rules see it.
type asked struct {
	method, path, server, as, owner string
	query                           url.Values
	body                            any
}

func newRecorder(t *testing.T, sc *scenario) *recorder {
	r := &recorder{sc: sc, config: sc.config(), txns: map[string]string{}, literal: map[string]bool{}}
	r.tokens = map[string]string{r.config["as_token"].(string): sc.bot()}
	for _, it := range sc.Intents {
		if token, ok := it["token"].(string); ok {
			r.tokens[token] = it["user"].(string)
		}
	}
	for _, step := range sc.Steps {
		opts, _ := step["opts"].(object)
		if txn, ok := opts["txn_id"].(string); ok {
			r.literal[txn] = true
		}
	}
	for _, o := range sc.Server {
		parts := strings.Split(o["path"].(string), "*")
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		made := &rule{o, regexp.MustCompile("(?s)^" + strings.Join(parts, ".*") + "$"), -1}
		if times, ok := o["times"].(int64); ok {
			made.left = int(times)
		}
		r.rules = append(r.rules, made)
	}
	r.main = httptest.NewServer(r.serve("main"))
	r.alt = httptest.NewServer(r.serve("alt"))
	t.Cleanup(r.main.Close)
	t.Cleanup(r.alt.Close)
	r.basePath = strings.TrimRight(r.config["base_path"].(string), "/")
	r.hsURL = r.main.URL + r.config["base_path"].(string)
	return r
}

func (r *recorder) requests() []object {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.seen)
}

func (r *recorder) serve(which string) http.HandlerFunc {
	return func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err != nil {
			return
		}
		r.mu.Lock()
		a := r.record(which, q, body)
		rule := r.match(a)
		var status int
		var answer any
		if rule == nil {
			status, answer = r.otherwise(a)
		}
		r.mu.Unlock()
		if rule == nil {
			respond(w, status, "application/json", []byte(text(answer)))
			return
		}
		rule.answer(w, q)
	}
}

func respond(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write(body) // who hung up is not told
}

func (u *rule) answer(w http.ResponseWriter, q *http.Request) {
	if u.object["drop"] == true {
		panic(http.ErrAbortHandler)
	}
	if ms, ok := u.object["delay_ms"].(int64); ok {
		select { // a homeserver that is slow
		case <-time.After(time.Duration(ms) * time.Millisecond):
		case <-q.Context().Done():
		}
	}
	headers, _ := u.object["headers"].(object)
	for k, v := range headers {
		w.Header().Set(k, v.(string))
	}
	contentType, status := "application/json", 200
	if s, ok := u.object["content_type"].(string); ok {
		contentType = s
	}
	if n, ok := u.object["status"].(int64); ok {
		status = int(n)
	}
	body := []byte("{}")
	if v, ok := u.object["body"]; ok {
		body = []byte(text(v))
	}
	if s, ok := u.object["body_text"].(string); ok {
		body = []byte(s)
	}
	if s, ok := u.object["body_hex"].(string); ok {
		body, _ = hex.DecodeString(s)
	}
	respond(w, status, contentType, body)
}

// record writes a request down. r.mu is held.
func (r *recorder) record(which string, q *http.Request, body []byte) *asked {
	raw, rawQuery, _ := strings.Cut(q.RequestURI, "?")
	path := canonical(raw)
	values, _ := url.ParseQuery(rawQuery)
	rec := object{"method": q.Method, "path": r.nameTxn(q.Method, path)}
	if which != "main" {
		rec["server"] = which
	}
	pairs := [][2]string{}
	for k, list := range values {
		for _, v := range list {
			if k != "user_id" {
				pairs = append(pairs, [2]string{k, v})
			}
		}
	}
	slices.SortFunc(pairs, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
	query := []any{}
	for _, p := range pairs {
		query = append(query, []any{p[0], p[1]})
	}
	rec["query"], rec["auth"], rec["user_id"] = query, nil, nil
	token := strings.TrimPrefix(q.Header.Get("Authorization"), "Bearer ")
	if token == "" && values.Has("access_token") {
		token = "query:" + values.Get("access_token")
	}
	switch token {
	case "":
	case r.config["as_token"]:
		rec["auth"] = "as_token"
	default:
		rec["auth"] = token
	}
	if values.Has("user_id") {
		rec["user_id"] = values.Get("user_id")
	}
	a := &asked{method: q.Method, path: strings.TrimPrefix(path, r.basePath), server: which, query: values, owner: r.tokens[token]}
	if a.as = values.Get("user_id"); a.as == "" {
		a.as = a.owner
	}
	if len(body) > 0 {
		kind, _, _ := strings.Cut(q.Header.Get("Content-Type"), ";")
		rec["content_type"] = strings.ToLower(strings.TrimSpace(kind))
		if decoded, err := decode(body); rec["content_type"] != "application/json" {
			sum := sha256.Sum256(body)
			rec["body_sha256"], rec["body_length"] = hex.EncodeToString(sum[:]), int64(len(body))
		} else if err != nil {
			rec["body_not_json"] = string(body)
		} else {
			rec["body"], a.body = decoded, decoded
		}
	}
	r.seen = append(r.seen, rec)
	return a
}

var keepEscaped = regexp.MustCompile(`[%/\x00-\x1f\x7f]`)

// canonical decodes a path's segments, but for what would make them ambiguous.
func canonical(raw string) string {
	segments := strings.Split(raw, "/")
	for i, s := range segments {
		plain, err := url.PathUnescape(s)
		if err != nil || !utf8.ValidString(plain) {
			plain = "<not utf-8>" + s
		}
		segments[i] = keepEscaped.ReplaceAllStringFunc(plain, func(c string) string { return "%" + strings.ToUpper(hex.EncodeToString([]byte(c))) })
	}
	return strings.Join(segments, "/")
}

// nameTxn names transaction ids by order of appearance.
func (r *recorder) nameTxn(method, path string) string {
	s := strings.Split(path, "/")
	at := slices.Index(s, "rooms")
	last := len(s) - 1
	if method != "PUT" || at < 0 || at+2 > last || s[at+2] != "send" && s[at+2] != "redact" {
		return path
	}
	if plain, _ := url.PathUnescape(s[last]); r.literal[s[last]] || r.literal[plain] {
		return path
	}
	if r.txns[s[last]] == "" {
		r.txns[s[last]] = "{txn" + strconv.Itoa(len(r.txns)+1) + "}"
	}
	s[last] = r.txns[s[last]]
	return strings.Join(s, "/")
}

var stateWithoutKey = regexp.MustCompile(`/state/[^/]+/?$`)

// match finds the rule that answers. r.mu is held.
func (r *recorder) match(a *asked) *rule {
	for _, u := range r.rules {
		server, _ := u.object["server"].(string)
		if server == "" {
			server = "main"
		}
		other := strings.TrimSuffix(a.path, "/")
		if other == a.path {
			other += "/"
		}
		same := u.path.MatchString(a.path) || stateWithoutKey.MatchString(a.path) && u.path.MatchString(other)
		if u.left == 0 || !same || server != a.server || u.object["method"] != nil && u.object["method"] != a.method ||
			u.object["as"] != nil && u.object["as"] != a.as {
			continue
		}
		query, _ := u.object["query"].(object)
		fits := true
		for k, v := range query {
			fits = fits && a.query.Get(k) == v
		}
		if !fits {
			continue
		}
		if u.left > 0 {
			u.left--
		}
		return u
	}
	return nil
}
