package intent

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"

	"bridgehost/matrix"
)

// EventOptions are those of every call that sends an event.
type EventOptions struct {
	Timestamp    int64 // milliseconds; becomes the query parameter ts (ID-4). 0: now
	TxnID        string
	EnsureJoined *bool // default true
	Headers      map[string]string
	QueryParams  map[string]string
	RetryCount   *int // in place of Config.Retries
}

// wants reads an option whose default is true.
func wants(option *bool) bool { return option == nil || *option }

// call is one request as this user.
type request struct {
	method string
	path   string
	query  url.Values
	body   any
	room   matrix.RoomID // whose turn it is among waiting requests
	opts   *EventOptions
	once   bool
	early  bool // before the user exists: no device of it does

	raw         bool   // the caller's own request, made as it is
	contentType string // of a body that is matrix.Bytes
	binary      bool   // the answer may be anything
	maxAnswer   int64  // bytes; 0: 64 MiB
}

// do makes the request with this user's token and the parameters of ID-1, ID-4, ID-5. A
// user that the homeserver does not know, whatever the store says, is registered first.
func (i *Intent) do(ctx context.Context, r request) (json.RawMessage, error) {
	m := matrix.Request{
		BaseURL: i.pool.cfg.HomeserverURL, Token: i.pool.cfg.ASToken, As: i.user,
		Method: r.method, Path: r.path, Query: r.query, Body: r.body, Lane: string(r.room), Once: r.once,
		ContentType: r.contentType, Binary: r.binary, MaxAnswer: r.maxAnswer,
	}
	if i.token != "" {
		m.Token = i.token
	}
	if i.baseURL != "" {
		m.BaseURL = i.baseURL
	}
	if i.asToken {
		m.UserID = i.user
		if !r.early {
			m.DeviceID = i.device
		}
	}
	if m.Body == nil && (r.method == "POST" || r.method == "PUT") {
		m.Body = json.RawMessage("{}")
	}
	if o := r.opts; o != nil {
		m.Header, m.Retries = o.Headers, o.RetryCount
		m.Query = url.Values{}
		for k, v := range r.query {
			m.Query[k] = v
		}
		for k, v := range o.QueryParams {
			m.Query.Set(k, v)
		}
		if o.Timestamp != 0 {
			m.Query.Set("ts", strconv.FormatInt(o.Timestamp, 10))
		}
	}
	answer, err := i.pool.client.Do(ctx, m)
	if isUnregistered(err) && !i.IsPuppet() && !r.early && !r.raw && i.register(ctx) == nil {
		return i.pool.client.Do(ctx, m)
	}
	return answer, err
}

// field reads one string of an answer that must have it.
func field(answer json.RawMessage, key string) (string, error) {
	var fields map[string]json.RawMessage
	var value string
	if json.Unmarshal(answer, &fields) != nil || json.Unmarshal(fields[key], &value) != nil || value == "" {
		return "", fmt.Errorf("the homeserver's answer has no %s", key)
	}
	return value, nil
}

// object decodes content, which must be a JSON object; nothing or null is an empty one.
func object(content json.RawMessage) (map[string]json.RawMessage, error) {
	var m map[string]json.RawMessage
	if len(content) > 0 {
		if err := json.Unmarshal(content, &m); err != nil {
			return nil, fmt.Errorf("the content is not an object: %w", err)
		}
	}
	if m == nil {
		m = map[string]json.RawMessage{}
	}
	return m, nil
}

func quoted(s string) json.RawMessage {
	b, _ := json.Marshal(s)
	return b
}

// puppetMark is the content key by which a bridge knows its own double puppets' events (ID-3).
const puppetMark = "fi.mau.double_puppet_source"

// mark tells the mark's value; "" for bots, ghosts, and without a bridge name.
func (i *Intent) mark() string {
	if !i.IsPuppet() {
		return ""
	}
	return i.pool.cfg.BridgeName
}

// marked adds a double puppet's mark to content.
func (i *Intent) marked(content json.RawMessage) (json.RawMessage, error) {
	if len(content) == 0 {
		content = json.RawMessage("{}")
	}
	if i.mark() == "" {
		return content, nil
	}
	m, err := object(content)
	if err != nil {
		return nil, err
	}
	m[puppetMark] = quoted(i.mark())
	return json.Marshal(m)
}

// RequestOptions are those of Request.
type RequestOptions struct {
	Content     json.RawMessage
	Timestamp   int64
	Headers     map[string]string
	QueryParams map[string]string
	RetryCount  *int
}

// Request makes a request of the caller's own as this user, without registering or
// joining. path may be escaped or not, and may have a query; api:request (ID-6).
func (i *Intent) Request(ctx context.Context, method, path string, o RequestOptions) (json.RawMessage, error) {
	encoded, query := matrix.RawPath(path)
	r := request{method: method, path: encoded, query: query, raw: true,
		opts: &EventOptions{Timestamp: o.Timestamp, Headers: o.Headers, QueryParams: o.QueryParams, RetryCount: o.RetryCount}}
	if len(o.Content) > 0 {
		r.body = o.Content
	}
	answer, err := i.do(ctx, r)
	return answer, i.fail("request", "", err)
}
