package luabind

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/capability"
)

var httpModule = module("bridge.http", "Requests over HTTP, and routes on which the script itself answers. What a server answers with a status below 400 is "+
	"returned; everything else is nil, err: of kind \"http\" with `err.status` when a server said it, of kind \"net\" or \"timeout\" when there was no answer.", returnsErrors)

// httpOptions are those of all requests.
type httpOptions struct {
	Headers   map[string]string `lua:"headers,opt" doc:"further headers, by name"`
	Timeout   time.Duration     `lua:"timeout,opt" doc:"for all of it: connection, redirects, body" default:"30s"`
	MaxSize   ByteSize          `lua:"max_size,opt" doc:"how long the answer's body may be; as much as a string may hold at most" default:"10MB"`
	Redirects int               `lua:"redirects,opt" doc:"how many redirects are followed, 0 to 20; with 0 the redirect itself is the answer" default:"10"`
}

// httpContent is what a request sends.
type httpContent struct {
	Body Opt[[]byte]       `lua:"body,opt" doc:"the body as it is"`
	JSON JSON              `lua:"json,opt" doc:"a value that is sent as JSON"`
	Form map[string]string `lua:"form,opt" doc:"fields that are sent as a form"`
}

const httpDone = "The answer; or nil and an error, and after them the answer if its status is 400 or more."

var httpCodes = errcodes("E_STATUS", "E_TOO_LARGE", "E_REDIRECTS", "E_HTTP", "ECONNREFUSED", "ENOTFOUND", "ETIMEDOUT", "E_TLS", "E_CONNECTIONS")

var _ = fn(httpModule, "get", capability.HTTPFetch, waitsInside,
	"Asks for an address.",
	func(c *Call, a *struct {
		URL string `lua:"url" doc:"beginning with http:// or https://"`
		httpOptions
	}) (results2, error) {
		return c.request(http.MethodGet, a.URL, a.httpOptions, httpContent{})
	}, scopeInside, results(httpDone), returns("HttpResponse?", "Error?", "HttpResponse?"), httpCodes,
	example(`local res = assert(http.get("https://api.example.org/items", { headers = { accept = "application/json" } }))`))

var _ = fn(httpModule, "post", capability.HTTPFetch, waitsInside,
	"Sends something to an address: one of `body`, `json` and `form`.",
	func(c *Call, a *struct {
		URL string `lua:"url" doc:"beginning with http:// or https://"`
		httpContent
		httpOptions
	}) (results2, error) {
		return c.request(http.MethodPost, a.URL, a.httpOptions, a.httpContent)
	}, scopeInside, results(httpDone), returns("HttpResponse?", "Error?", "HttpResponse?"), httpCodes,
	example(`local res = assert(http.post("https://api.example.org/items", { json = { title = "hello" } }))`))

var _ = fn(httpModule, "request", capability.HTTPFetch, waitsInside,
	"Makes a request of any method.",
	func(c *Call, a *struct {
		Method string `lua:"method,opt" doc:"GET, PUT, DELETE …" default:"GET"`
		URL    string `lua:"url" doc:"beginning with http:// or https://"`
		httpContent
		httpOptions
	}) (results2, error) {
		if !isToken(a.Method) || strings.EqualFold(a.Method, http.MethodConnect) {
			return nil, usage("bad field 'method' to 'request' (a method such as GET expected, got %s)", quoted(a.Method))
		}
		return c.request(strings.ToUpper(a.Method), a.URL, a.httpOptions, a.httpContent)
	}, scopeInside, tableArg, results(httpDone), returns("HttpResponse?", "Error?", "HttpResponse?"), httpCodes,
	example(`local res, err = http.request { method = "PUT", url = "https://api.example.org/items/7", json = { title = "hello" } }`))

// request makes a request without the lock.
func (c *Call) request(method, address string, o httpOptions, content httpContent) (results2, error) {
	r, err := c.httpRequest(method, address, o, content)
	if err != nil {
		return nil, err
	}
	client, err := c.httpClient()
	if err != nil {
		return nil, err
	}
	var answer *httpAnswer
	c.Wait(func(ctx context.Context) { answer, err = client.do(ctx, r) })
	if err != nil && answer != nil {
		failed := ErrorOf(err)
		c.observe(Observed{Errcode: failed.Code})
		return results2{lua.LNil, c.VM.ErrorValue(failed), c.ToLua(answer)}, nil
	}
	if err != nil {
		return nil, err
	}
	return results2{c.ToLua(answer)}, nil
}

// httpClient is the one of this VM; the host closes its connections with the generation.
func (env *Env) httpClient() (*httpClient, error) {
	if env.http != nil {
		return env.http, nil
	}
	account, err := env.account()
	if err != nil {
		return nil, err
	}
	env.http = newHTTPClient(env.Script, account, env.VM.Clock())
	if g, err := env.generation(); err == nil {
		g.Own(env.http)
	}
	return env.http, nil
}

// ownHeaders are those that the connection is about, not the request.
var ownHeaders = map[string]bool{"Host": true, "Content-Length": true, "Transfer-Encoding": true, "Connection": true, "Trailer": true, "Te": true, "Upgrade": true}

// httpRequest checks what a script asks for.
func (c *Call) httpRequest(method, address string, o httpOptions, content httpContent) (*httpRequest, error) {
	wrong := func(name, format string, args ...any) error {
		e := usage(format, args...)
		return usage("bad option '%s' to '%s' (%s)", name, c.fn.Name, e.Message)
	}
	u, err := url.Parse(address)
	if err != nil || !knownScheme(u) {
		return nil, usage("bad argument 'url' to '%s' (an address with http:// or https:// expected, got %s)", c.fn.Name, quoted(address))
	}
	most := c.VM.Limits().String
	switch {
	case o.Timeout <= 0:
		return nil, wrong("timeout", "more than 0 expected")
	case o.MaxSize < 1 || int(o.MaxSize) > most:
		return nil, wrong("max_size", "1 to %d bytes expected, got %d", most, o.MaxSize)
	case o.Redirects < 0 || o.Redirects > 20:
		return nil, wrong("redirects", "0 to 20 expected, got %d", o.Redirects)
	}
	r := &httpRequest{method: method, url: u, header: http.Header{}, timeout: o.Timeout, maxSize: int(o.MaxSize), redirects: o.Redirects}
	if err := r.fill(content); err != nil {
		return nil, usage("bad arguments to '%s' (%s)", c.fn.Name, err.Error())
	}
	for name, value := range o.Headers {
		name = http.CanonicalHeaderKey(name)
		switch {
		case !isToken(name) || !isHeaderValue(value):
			return nil, wrong("headers", "%s: %s can stand in no header", quoted(name), quoted(value))
		case ownHeaders[name]:
			return nil, wrong("headers", "%s is set by the host", name)
		}
		r.header.Set(name, value)
	}
	if r.header.Get("User-Agent") == "" {
		r.header.Set("User-Agent", "bridgehost")
	}
	return r, nil
}

// fill puts in what is sent.
func (r *httpRequest) fill(content httpContent) error {
	n := 0
	if content.Body.Given && !content.Body.Null {
		n++
		r.body = string(content.Body.Value)
	}
	if content.JSON != nil {
		n++
		r.body = string(content.JSON)
		r.header.Set("Content-Type", "application/json")
	}
	if content.Form != nil {
		n++
		fields := url.Values{}
		for name, value := range content.Form {
			fields.Set(name, value)
		}
		r.body = fields.Encode()
		r.header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if n > 1 {
		return usage("only one of body, json and form")
	}
	return nil
}

// isToken tells whether s may be a method or a header's name. Source: RFC 9110, 5.6.2.
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", r))
	})
}

// isHeaderValue tells whether s may stand in a header: no line of its own, no control characters.
func isHeaderValue(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}
