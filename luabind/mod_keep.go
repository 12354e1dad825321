package luabind

import (
	"context"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/capability"
	"bridgehost/diag"
	"bridgehost/engine"
	"bridgehost/mqtt"
)

// handleClass finds the class of the objects that stand for a handle; nil when the
// value is none that bridge.keep can pass on.
func handleClass(h engine.Handle) *Group {
	switch h.(type) {
	case *stream:
		return socketClass
	case *mqtt.Client:
		return mqttClass
	case *tcpSocket:
		return tcpSocketClass
	case *eventStream:
		return eventStreamClass
	case *webSocket:
		return webSocketClass
	}
	return nil
}

var _ = fn(bridgeModule, "keep", capability.None("what it keeps was opened with a capability of its own"), waitsInside,
	"The handle (a socket, an MQTT client, an event stream, a WebSocket) kept under that name, and whether it is fresh. It passes from one version of the script to the "+
		"next and from one run of a service to the next. When there is none, or it is closed, hung up, or was opened "+
		"under another configuration, `open` makes a new one.",
	func(c *Call, a *struct {
		Name string         `lua:"name" doc:"any name"`
		Open *lua.LFunction `lua:"open" doc:"returns a new handle; may raise, or return nil and an error, which is raised"`
	}) (results2, error) {
		g, err := c.generation()
		if err != nil {
			return nil, err
		}
		h, fresh, err := c.keep(g, a.Name, a.Open)
		if err != nil {
			return nil, err
		}
		return results2{c.Object(handleClass(h), h), lua.LBool(fresh)}, nil
	}, results("The handle, and true when it was opened just now."), returns("any", "boolean"),
	example(`local sock, fresh = bridge.keep("socket", function() return assert(net.connect { host = "irc.libera.chat", port = 6697, tls = true }) end)`))

// opened is what the script's function answered.
type opened struct {
	h   engine.Handle
	err error
}

// keep asks the engine for the handle in a goroutine of its own, since the engine's
// slot for one name is waited for without the lock, and open is called with it.
func (c *Call) keep(g *engine.Generation, name string, open *lua.LFunction) (h engine.Handle, fresh bool, err error) {
	asked, answer, done := make(chan struct{}), make(chan opened, 1), make(chan struct{})
	started := false
	c.Wait(func(ctx context.Context) {
		started = true
		go func() {
			defer close(done)
			h, fresh, err = g.Keep(ctx, name, c.Env.configuration().fingerprint(), func() (engine.Handle, error) {
				close(asked)
				o := <-answer
				return o.h, o.err
			})
		}()
		select {
		case <-asked:
		case <-done:
		}
	})
	if !started {
		return nil, false, &diag.Error{Kind: diag.KindInternal, Message: "bridge.keep did not run"}
	}
	select {
	case <-asked:
	default:
		return h, fresh, err
	}
	o := opened{err: &diag.Error{Kind: diag.KindStopping, Code: "E_STOPPING", Message: "opening was cut off", Retryable: true}}
	func() {
		defer func() { answer <- o; <-done }() // also when open raises
		o = c.open(open)
	}()
	return h, fresh, err
}

// open calls the script's function and takes the handle that it returned.
func (c *Call) open(open *lua.LFunction) opened {
	c.VM.Call(c.L, open, 2)
	v, second := c.L.Get(-2), c.L.Get(-1)
	c.L.Pop(2)
	if v == lua.LNil && second != lua.LNil {
		return opened{err: c.VM.AsError(second)}
	}
	h, ok := selfOf[engine.Handle](v)
	if !ok || handleClass(h) == nil {
		return opened{err: &diag.Error{Kind: diag.KindUsage, Code: "E_ARGUMENT",
			Message: "the function given to 'keep' must return a handle, such as a socket (got " + typeName(c.Env, v) + ")",
			Hint:    "plain values are kept by bridge.memory and bridge.store"}}
	}
	return opened{h: h}
}
