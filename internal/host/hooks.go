package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"bridgehost/luabind"
)

// How long a client of the routes may take.
const (
	hookHeaderTime = 10 * time.Second
	hookIdleTime   = 2 * time.Minute
	hookMaxHeaders = 64 << 10
)

// hooks is the listener for routes of scripts: open while any script has one.
type hooks struct {
	mu     sync.Mutex
	on     bool // the host serves
	server *http.Server

	address string // of the listener that was opened last
}

// serveHooks listens for routes from now on, as long as there are any.
func (h *Host) serveHooks() (stop func()) {
	h.hooks.mu.Lock()
	h.hooks.on = true
	h.hooks.mu.Unlock()
	h.routesChanged()
	return func() {
		h.hooks.mu.Lock()
		defer h.hooks.mu.Unlock()
		h.hooks.on = false
		h.hooks.close()
	}
}

// routesChanged opens the listener for the first route and closes it after the last.
func (h *Host) routesChanged() {
	h.hooks.mu.Lock()
	defer h.hooks.mu.Unlock()
	wanted := h.hooks.on && h.cfg.HTTP.Listen != "" && h.hasRoutes()
	switch {
	case wanted && h.hooks.server == nil:
		if err := h.listenHooks(); err != nil {
			h.log.Error("nobody can reach the routes of scripts", "err", err)
		}
	case !wanted && h.hooks.server != nil:
		server := h.hooks.server
		h.hooks.server = nil
		h.telling.Go(func() { shutdown(server) })
	}
}

func (h *Host) hasRoutes() bool {
	for _, s := range h.all() {
		if luabind.HasRoutes(s.Current()) {
			return true
		}
	}
	return false
}

// listenHooks opens the listener. h.hooks.mu is held.
func (h *Host) listenHooks() error {
	listener, err := net.Listen("tcp", h.cfg.HTTP.Listen)
	if err != nil {
		return fmt.Errorf("listen on %s (http.listen in bridgehost.toml): %w", h.cfg.HTTP.Listen, err)
	}
	server := &http.Server{Handler: h.hookHandler(), ReadHeaderTimeout: hookHeaderTime, IdleTimeout: hookIdleTime, MaxHeaderBytes: hookMaxHeaders}
	h.hooks.server, h.hooks.address = server, listener.Addr().String()
	h.log.Info("routes of scripts", "url", "http://"+h.hooks.address+luabind.HookPath)
	go func() {
		if err := server.Serve(listener); err != nil && !errors.Is(err, http.ErrServerClosed) {
			h.log.Error("the routes of scripts are not served any more", "err", err)
		}
	}()
	return nil
}

// hookURL is where the routes of a script are, "" when it has none or nobody listens.
func (h *Host) hookURL(name string) string {
	h.hooks.mu.Lock()
	defer h.hooks.mu.Unlock()
	if s := h.script(name); h.hooks.server == nil || s == nil || !luabind.HasRoutes(s.Current()) {
		return ""
	}
	return "http://" + h.hooks.address + luabind.HookPath + name + "/"
}

// close ends the listener; requests that are being answered may finish. The mutex is held.
func (k *hooks) close() {
	if k.server != nil {
		shutdown(k.server)
		k.server = nil
	}
}

func shutdown(server *http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownLimit)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		_ = server.Close() // what did not finish is cut off
	}
}

// hookHandler finds the script of /hook/NAME/….
func (h *Host) hookHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		below, ok := strings.CutPrefix(r.URL.Path, luabind.HookPath)
		name, path, _ := strings.Cut(below, "/")
		var s *script
		if ok {
			s = h.script(name)
		}
		switch {
		case s == nil:
			http.Error(w, "there is no such script", http.StatusNotFound)
		case s.stopped:
			w.Header().Set("Retry-After", "60")
			http.Error(w, "the script is stopped", http.StatusServiceUnavailable)
		default:
			s.lua.ServeHook(s.Script, "/"+path, w, r)
		}
	})
}
