package luatest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"bridgehost/luabind"
)

// Hook implements luabind.SpecHost.
func (h *hosted) Hook(ctx context.Context, call *luabind.HTTPCall) (*luabind.HTTPReply, error) {
	if err := h.settle(); err != nil {
		return nil, err
	}
	address := "http://bridgehost.test" + luabind.HookPath + h.Script().Name + call.URL.RequestURI()
	q, err := http.NewRequestWithContext(ctx, call.Method, address, bytes.NewReader(call.Body))
	if err != nil {
		return nil, fmt.Errorf("ask the route: %w", err)
	}
	q.Header, q.RemoteAddr = call.Header, call.Remote
	res, err := inside{handler: h.bridge.Hooks}.RoundTrip(q)
	if err != nil {
		return nil, fmt.Errorf("ask the route: %w", err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, fmt.Errorf("read the route's answer: %w", err)
	}
	h.mu.Lock()
	h.asked = append(h.asked, strings.TrimSpace(fmt.Sprintf("%s %s %.200s", call.Method, call.URL.RequestURI(), call.Body)),
		strings.TrimSpace(fmt.Sprintf("-> %d %.200s", res.StatusCode, body)))
	h.mu.Unlock()
	return &luabind.HTTPReply{Status: res.StatusCode, Header: res.Header, Body: body}, nil
}
