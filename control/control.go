// Package control is how the command line talks to the running host: over a Unix
// socket in the data folder that only its owner may open, so there is no port and no
// password. A call is one POST of a JSON value; its answer is one JSON value.
package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// SocketName is the socket's name in the data folder.
const SocketName = "control.sock"

// maxBody is how large a call or an answer may be.
const maxBody = 64 << 20

// ErrNotRunning is wrapped when nothing answers on the socket.
var ErrNotRunning = errors.New("no bridgehost is running here")

// Error is what the host answers when a call fails.
type Error struct {
	Message string `json:"message"`
	Exit    int    `json:"exit"` // the exit code that the command line ends with; 0: 1
}

func (e *Error) Error() string { return e.Message }

// Func answers one call. An *Error keeps its exit code. An answer of type Lines is a stream.
type Func func(ctx context.Context, in json.RawMessage) (out any, err error)

// Server listens on a control socket.
type Server struct {
	http *http.Server
	path string
}

// Listen takes the socket at path; a stale one, left by a crash, is replaced. The caller
// holds the lock on the data folder.
func Listen(path string, calls map[string]Func) (*Server, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	address, err := addressOf(path)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("unix", address)
	if err != nil {
		return nil, fmt.Errorf("control socket %s: %w", path, err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		listener.Close()
		return nil, fmt.Errorf("control socket: %w", err)
	}
	mux := http.NewServeMux()
	for name, f := range calls {
		mux.HandleFunc("POST /"+name, func(w http.ResponseWriter, r *http.Request) { answer(w, r, f) })
	}
	s := &Server{http: &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}, path: path}
	go s.http.Serve(listener) //nolint:errcheck // ends with Close
	return s, nil
}

// maxAddress is how long a socket's address may be: 104 bytes with the NUL on some systems.
const maxAddress = 103

// addressOf is how the socket at path is called: by its whole name, or from the working
// directory when that is too long.
func addressOf(path string) (string, error) {
	if len(path) <= maxAddress {
		return path, nil
	}
	if here, err := os.Getwd(); err == nil {
		if near, err := filepath.Rel(here, path); err == nil && len(near) <= maxAddress {
			return near, nil
		}
	}
	return "", fmt.Errorf("control socket %s: a socket's name may have %d bytes, this has %d; choose a shorter data folder",
		path, maxAddress, len(path))
}

// closeLimit is how long calls under way may go on when the socket is closed.
const closeLimit = 250 * time.Millisecond

// Close ends the calls under way and removes the socket.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeLimit)
	defer cancel()
	_ = s.http.Shutdown(ctx) // streams end well, if they do at once
	err := s.http.Close()
	if rm := os.Remove(s.path); rm != nil && !errors.Is(rm, fs.ErrNotExist) {
		return rm
	}
	return err
}

func answer(w http.ResponseWriter, r *http.Request, f Func) {
	in, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var out any
	if err == nil {
		out, err = f(r.Context(), in)
	}
	if lines, ok := out.(Lines); ok && err == nil {
		lines.answer(w)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		var ours *Error
		if !errors.As(err, &ours) {
			ours = &Error{Message: err.Error(), Exit: 1}
		}
		w.WriteHeader(http.StatusUnprocessableEntity)
		out = ours
	}
	_ = json.NewEncoder(w).Encode(out) // the caller went away
}

// Call asks the host whose socket lies in dataDir. out may be nil.
func Call(ctx context.Context, dataDir, name string, in, out any) error {
	body, err := ask(ctx, dataDir, name, in)
	if err != nil {
		return err
	}
	defer body.Close()
	answer, err := io.ReadAll(io.LimitReader(body, maxBody))
	if err != nil {
		return fmt.Errorf("control call %s: %w", name, err)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer, out)
}

// ask returns the body of a good answer.
func ask(ctx context.Context, dataDir, name string, in any) (io.ReadCloser, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, fmt.Errorf("control call %s: %w", name, err)
	}
	path := filepath.Join(dataDir, SocketName)
	address, err := addressOf(path)
	if err != nil {
		return nil, err
	}
	client := http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", address)
		},
		DisableKeepAlives: true,
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://bridgehost/"+name, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("control call %s: %w", name, err)
	}
	resp, err := client.Do(req)
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED):
		return nil, fmt.Errorf("%w (nothing answers on %s)", ErrNotRunning, path)
	case err != nil:
		return nil, fmt.Errorf("control call %s: %w", name, err)
	case resp.StatusCode == http.StatusOK:
		return resp.Body, nil
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNotFound {
		return nil, &Error{Message: fmt.Sprintf("the running bridgehost does not know %q; is it of another version?", name), Exit: 1}
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return nil, fmt.Errorf("control call %s: %w", name, err)
	}
	var ours Error
	if json.Unmarshal(answer, &ours) != nil || ours.Message == "" {
		return nil, fmt.Errorf("control call %s: status %d", name, resp.StatusCode)
	}
	return nil, &ours
}
