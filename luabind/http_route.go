package luabind

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/capability"
	"bridgehost/diag"
	"bridgehost/engine"
)

// RouteEvent is the Event of handlers of HTTP routes; their Data is a *Route.
const RouteEvent = "http.route"

// HookPath is where the routes of all scripts are: HookPath + NAME + "/…".
const HookPath = "/hook/"

// Route is a declared HTTP route.
type Route struct {
	RouteOptions
	Method string // "*": any
	Path   string // "/items/{id}"

	parts []string
}

// RouteOptions is what http.route takes beside method, path and function.
type RouteOptions struct {
	MaxBody ByteSize      `lua:"max_body,opt" doc:"how long the request's body may be; longer ones are answered 413" default:"1MB"`
	Timeout time.Duration `lua:"timeout,opt" doc:"how long the body may take to come, and then the function to answer" default:"30s"`
}

// NewRoute checks a route.
func NewRoute(method, path string, o RouteOptions) (*Route, error) {
	r := &Route{RouteOptions: o, Method: strings.ToUpper(method), Path: path}
	if !isToken(method) || r.Method == http.MethodConnect {
		return nil, usage("bad argument #1 'method' to 'route' (GET, POST …, or \"*\" for any expected, got %s)", quoted(method))
	}
	if !strings.HasPrefix(path, "/") || strings.ContainsAny(path, "?#\x00") {
		return nil, usage("bad argument #2 'path' to 'route' (a path that begins with / expected, got %s)", quoted(path))
	}
	r.parts = strings.Split(path[1:], "/")
	var names []string
	for i, part := range r.parts {
		name, rest, is := parameter(part)
		switch {
		case !is && strings.ContainsAny(part, "{}"), is && name == "":
			return nil, usage("bad argument #2 'path' to 'route' (a parameter is a whole part, written {name}, got %s)", quoted(part))
		case rest && i < len(r.parts)-1:
			return nil, usage("bad argument #2 'path' to 'route' (nothing can follow %s)", quoted(part))
		case is && slices.Contains(names, name):
			return nil, usage("bad argument #2 'path' to 'route' (two parameters are called %s)", quoted(name))
		case part == "." || part == "..":
			return nil, usage("bad argument #2 'path' to 'route' (%s can be no part of a path)", quoted(part))
		}
		names = append(names, name)
	}
	return r, nil
}

// parameter reads {name} and {name...}.
func parameter(part string) (name string, rest, is bool) {
	if len(part) < 2 || part[0] != '{' || part[len(part)-1] != '}' {
		return "", false, false
	}
	name, rest = strings.CutSuffix(part[1:len(part)-1], "...")
	if strings.ContainsAny(name, "{}") {
		name = ""
	}
	return name, rest, true
}

// shape is the path without the parameters' names: two routes of one shape clash.
func (r *Route) shape() string {
	parts := slices.Clone(r.parts)
	for i, part := range parts {
		if _, rest, is := parameter(part); is {
			parts[i] = fmt.Sprintf("{%t}", rest)
		}
	}
	return r.Method + " /" + strings.Join(parts, "/")
}

// match reads the parameters of a path. literal tells how many parts fit word for word.
func (r *Route) match(path string) (params map[string]string, literal int, ok bool) {
	given := strings.Split(strings.TrimPrefix(path, "/"), "/")
	params = map[string]string{}
	for i, part := range r.parts {
		name, rest, is := parameter(part)
		switch {
		case i >= len(given):
			return nil, 0, false
		case rest:
			params[name] = strings.Join(given[i:], "/")
			return params, literal, true
		case is && given[i] != "":
			params[name] = given[i]
		case !is && part == given[i]:
			literal++
		default:
			return nil, 0, false
		}
	}
	return params, literal, len(given) == len(r.parts)
}

// takes tells whether the route is for a method.
func (r *Route) takes(method string) bool {
	return r.Method == method || r.Method == "*" || r.Method == http.MethodGet && method == http.MethodHead
}

// findRoute finds the route of a generation that fits best: that with most words of its
// own, then the first. allowed are the methods of those that fit but for the method.
func findRoute(g *engine.Generation, method, path string) (h *engine.Handler, params map[string]string, allowed []string) {
	best := -1
	for _, candidate := range g.Handlers(RouteEvent) {
		r, ok := candidate.Data.(*Route)
		if !ok {
			continue
		}
		p, literal, fits := r.match(path)
		switch {
		case !fits:
		case !r.takes(method):
			allowed = append(allowed, r.Method)
		case literal > best:
			h, params, best = candidate, p, literal
		}
	}
	return h, params, allowed
}

// HasRoutes tells whether a generation declares any. g may be nil.
func HasRoutes(g *engine.Generation) bool { return g != nil && len(g.Handlers(RouteEvent)) > 0 }

var _ = fn(httpModule, "route", capability.HTTPListen, never,
	"Declares that a function answers requests that come to the host under `/hook/NAME` and the path, NAME being the script's. "+
		"`{name}` in the path stands for one part, `{name...}` at its end for all the rest. The function returns a text, a table "+
		"{status, headers, body, json}, or nothing (204). What it wrote to stores is on disk before the answer leaves. When it raises, "+
		"500 is answered (503 when it may go better later) and what it wrote is undone. As many requests as the limit of handlers are answered at once, "+
		"others get 503. The host listens on `http.listen`, on this machine only unless that is changed: put a web server with TLS before it. For the top level only.",
	func(c *Call, a *struct {
		Method  string         `lua:"method" doc:"GET, POST …, \"*\" for any"`
		Path    string         `lua:"path" doc:"\"/github\", \"/items/{id}\""`
		Options RouteOptions   `lua:"options,mid" doc:"limits"`
		Fn      *lua.LFunction `lua:"fn" doc:"answers" luatype:"fun(req: HttpRequest): any"`
	}) (none, error) {
		if err := c.declaring("http.route"); err != nil {
			return none{}, err
		}
		if a.Options == (RouteOptions{}) { // left out
			a.Options = RouteOptions{MaxBody: 1 << 20, Timeout: 30 * time.Second}
		}
		return none{}, c.route(a.Method, a.Path, a.Options, a.Fn)
	}, scopeArg("path"), errcodes("E_TOP_LEVEL"), example(`http.route("POST", "/github", { max_body = "1MB" }, function(req) return { status = 204 } end)`))

func (c *Call) route(method, path string, o RouteOptions, f *lua.LFunction) error {
	if most := c.VM.Limits().String; o.MaxBody < 0 || int(o.MaxBody) > most {
		return usage("bad option 'max_body' to 'route' (0 to %d bytes expected, got %d)", most, o.MaxBody)
	}
	if most := c.VM.Limits().Handler; o.Timeout <= 0 || o.Timeout > most {
		return usage("bad option 'timeout' to 'route' (more than 0 and at most %s expected, got %s)", most, o.Timeout)
	}
	r, err := NewRoute(method, path, o)
	if err != nil {
		return err
	}
	g, err := c.generation()
	if err != nil {
		return err
	}
	for _, h := range g.Handlers(RouteEvent) {
		if other, ok := h.Data.(*Route); ok && other.shape() == r.shape() {
			return usage("there is a route %s %s already, at %s", other.Method, other.Path, h.Where)
		}
	}
	env, declared := c.Env, c.fn
	answer := c.L.NewFunction(func(L *lua.LState) int {
		env.VM.Call(L, f, 1, L.Get(1))
		call := &Call{Env: env, L: L, fn: declared}
		reply, err := call.replyOf(L.Get(-1))
		if err != nil {
			call.Raise(err)
		}
		L.Push(&lua.LUserData{Value: reply})
		return 1
	})
	_, err = c.addHandler(&engine.Handler{Event: RouteEvent, Fn: answer, Label: fmt.Sprintf("route %s %s", r.Method, r.Path), Data: r})
	return err
}

// RouteLimits are those of the route that fits; of several generations that of the one
// that answers now. ok is false when there is none.
func RouteLimits(s *engine.Script, method, path string) (o RouteOptions, ok bool) {
	g := s.Current()
	if g == nil {
		return o, false
	}
	h, _, _ := findRoute(g, method, path)
	if h == nil {
		return o, false
	}
	return h.Data.(*Route).RouteOptions, true
}

// errNoAnswer is a handler that returned something else; it cannot happen.
var errNoAnswer = errors.New("a route's function gave no answer")

// replied is the answer in what a route's handler returned.
func replied(results []lua.LValue) (*HTTPReply, error) {
	if len(results) == 1 {
		if held, ok := results[0].(*lua.LUserData); ok {
			if reply, ok := held.Value.(*HTTPReply); ok {
				return reply, nil
			}
		}
	}
	return nil, &diag.Error{Kind: diag.KindInternal, Message: errNoAnswer.Error(), Cause: errNoAnswer}
}

// hookURL is the request's address as its function sees it: with the path below the script's.
func hookURL(r *http.Request, path string) *url.URL {
	return &url.URL{Path: path, RawQuery: r.URL.RawQuery}
}
