package luabind

import (
	"net/http"
	"net/url"
	"strings"

	"bridgehost/capability"
)

var _ = method(specHostClass, "hook", capability.None(noPowerSpec), waits,
	"Asks one of the script's routes, as a request to /hook/NAME and the path would.",
	func(c *Call, hs SpecHost, a *struct {
		Method string `lua:"method" doc:"GET, POST …"`
		Path   string `lua:"path" doc:"as in http.route, with values in the place of parameters, and a query if need be"`
		httpContent
		Headers map[string]string `lua:"headers,opt" doc:"the request's headers"`
	}) (*httpAnswer, error) {
		u, err := url.Parse(a.Path)
		if err != nil || !strings.HasPrefix(a.Path, "/") || u.Host != "" {
			return nil, usage("bad argument #2 'path' to 'hook' (a path that begins with / expected, got %s)", quoted(a.Path))
		}
		if !isToken(a.Method) {
			return nil, usage("bad argument #1 'method' to 'hook' (a method such as GET expected, got %s)", quoted(a.Method))
		}
		r := &httpRequest{header: http.Header{}}
		if err := r.fill(a.httpContent); err != nil {
			return nil, usage("bad arguments to 'hook' (%s)", err.Error())
		}
		for name, value := range a.Headers {
			r.header.Set(name, value)
		}
		reply, err := hs.Hook(c.Context(), &HTTPCall{Method: strings.ToUpper(a.Method), URL: u, Header: r.header, Body: []byte(r.body), Remote: "127.0.0.1:1"})
		if err != nil {
			return nil, err
		}
		return &httpAnswer{Status: reply.Status, Header: reply.Header, Body: reply.Body, URL: a.Path}, nil
	}, results("The answer, whatever its status."), example(`local res = hs:hook("POST", "/github", { json = { zen = "hi" } })`))
