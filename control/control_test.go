package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// dataDir is a folder whose name is short enough for a socket.
func dataDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "bh")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func serve(t *testing.T, dir string, calls map[string]Func) *Server {
	t.Helper()
	s, err := Listen(filepath.Join(dir, SocketName), calls)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func greet(_ context.Context, in json.RawMessage) (any, error) {
	var a struct{ Name string }
	if err := json.Unmarshal(in, &a); err != nil {
		return nil, err
	}
	return map[string]string{"text": "hello " + a.Name}, nil
}

func TestCall(t *testing.T) {
	dir := dataDir(t)
	serve(t, dir, map[string]Func{"greet": greet, "nothing": func(context.Context, json.RawMessage) (any, error) { return nil, nil }})
	var out struct{ Text string }
	if err := Call(t.Context(), dir, "greet", map[string]string{"name": "you"}, &out); err != nil || out.Text != "hello you" {
		t.Errorf("answered %q, %v", out.Text, err)
	}
	if err := Call(t.Context(), dir, "greet", map[string]string{"name": "you"}, nil); err != nil {
		t.Errorf("an answer that nobody wants: %v", err)
	}
	if err := Call(t.Context(), dir, "nothing", nil, nil); err != nil {
		t.Errorf("no arguments, no answer: %v", err)
	}
	large := strings.Repeat("x", 4<<20)
	if err := Call(t.Context(), dir, "greet", map[string]string{"name": large}, &out); err != nil || len(out.Text) != len(large)+6 {
		t.Errorf("a large call: %d bytes, %v", len(out.Text), err)
	}
	var number int
	if err := Call(t.Context(), dir, "greet", map[string]string{"name": "you"}, &number); err == nil {
		t.Error("an answer of another type was taken")
	}
}

func TestCallFails(t *testing.T) {
	dir := dataDir(t)
	serve(t, dir, map[string]Func{
		"greet": greet,
		"coded": func(context.Context, json.RawMessage) (any, error) {
			return nil, fmt.Errorf("reload: %w", &Error{Message: "irc.lua:3: oh", Exit: 4})
		},
		"plain": func(context.Context, json.RawMessage) (any, error) { return nil, errors.New("no such script") },
	})
	for _, c := range []struct {
		call    string
		in      any
		message string
		exit    int
	}{
		{"coded", nil, "irc.lua:3: oh", 4},
		{"plain", nil, "no such script", 1},
		{"greet", 7, "cannot unmarshal", 1},
	} {
		err := Call(t.Context(), dir, c.call, c.in, nil)
		var told *Error
		if !errors.As(err, &told) || told.Exit != c.exit || !strings.Contains(told.Message, c.message) {
			t.Errorf("%s: got %v, want %q with exit code %d", c.call, err, c.message, c.exit)
		}
	}
	if err := Call(t.Context(), dir, "dance", nil, nil); err == nil || errors.Is(err, ErrNotRunning) || !strings.Contains(err.Error(), "dance") {
		t.Errorf("an unknown call: %v", err)
	}
}

func TestCallsArePostsOfTheirName(t *testing.T) {
	dir := dataDir(t)
	serve(t, dir, map[string]Func{"greet": greet})
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(context.Context, string, string) (net.Conn, error) {
		return net.Dial("unix", filepath.Join(dir, SocketName))
	}}}
	if resp, err := client.Get("http://bridgehost/greet"); err != nil || resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET: %v, %v", resp, err)
	}
	resp, err := client.Post("http://bridgehost/greet", "application/json", bytes.NewReader(make([]byte, maxBody+1)))
	if err != nil || resp.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a call that is too large: %v, %v", resp, err)
	}
}

func TestNotRunning(t *testing.T) {
	dir := dataDir(t)
	if err := Call(t.Context(), dir, "status", nil, nil); !errors.Is(err, ErrNotRunning) || !strings.Contains(err.Error(), dir) {
		t.Errorf("without a socket: %v", err)
	}
	stale(t, dir)
	if err := Call(t.Context(), dir, "status", nil, nil); !errors.Is(err, ErrNotRunning) {
		t.Errorf("with the socket of a host that crashed: %v", err)
	}
	s := serve(t, dir, map[string]Func{"greet": greet})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Call(t.Context(), dir, "greet", nil, nil); !errors.Is(err, ErrNotRunning) {
		t.Errorf("after Close: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, SocketName)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Close left the socket: %v", err)
	}
}

// stale leaves a socket on which nobody listens, as a crash does.
func stale(t *testing.T, dir string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, SocketName), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	_ = l.Close()
}

func TestSocketIsTheOwnersAlone(t *testing.T) {
	dir := dataDir(t)
	stale(t, dir)
	serve(t, dir, map[string]Func{"greet": greet})
	info, err := os.Stat(filepath.Join(dir, SocketName))
	if err != nil || info.Mode().Perm() != 0o600 || info.Mode().Type() != os.ModeSocket {
		t.Errorf("the socket is %v (%v), want mode 0600", info.Mode(), err)
	}
	if err := Call(t.Context(), dir, "greet", map[string]string{}, nil); err != nil {
		t.Errorf("a stale socket was not replaced: %v", err)
	}
}

func TestListenFails(t *testing.T) {
	dir := dataDir(t)
	for name, path := range map[string]string{
		"no folder":       filepath.Join(dir, "none", SocketName),
		"a name too long": filepath.Join(dir, strings.Repeat("x", 120)),
		"a folder in use": notEmpty(t, dir),
	} {
		if s, err := Listen(path, nil); err == nil {
			_ = s.Close()
			t.Errorf("%s: no error", name)
		} else if !strings.Contains(err.Error(), "control socket") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLongFolderNames(t *testing.T) {
	dir := filepath.Join(dataDir(t), strings.Repeat("long", 30))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Call(t.Context(), dir, "greet", nil, nil); err == nil || !strings.Contains(err.Error(), "choose a shorter data folder") {
		t.Errorf("a name too long: %v", err)
	}
	t.Chdir(dir) // from near it goes well
	serve(t, dir, map[string]Func{"greet": greet})
	if err := Call(t.Context(), dir, "greet", map[string]string{}, nil); err != nil {
		t.Error(err)
	}
}

func notEmpty(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "folder")
	if err := os.MkdirAll(filepath.Join(path, "file"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCallEndsWithItsContext(t *testing.T) {
	dir := dataDir(t)
	begun, ended := make(chan struct{}), make(chan struct{})
	serve(t, dir, map[string]Func{"long": func(ctx context.Context, _ json.RawMessage) (any, error) {
		close(begun)
		<-ctx.Done()
		close(ended)
		return nil, ctx.Err()
	}})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Call(ctx, dir, "long", nil, nil) }()
	<-begun
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	<-ended // the host's side ends too
}
