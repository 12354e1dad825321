package luatest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
)

// inside carries requests to a handler of this process.
type inside struct{ handler func() http.Handler }

// RoundTrip implements http.RoundTripper.
func (in inside) RoundTrip(r *http.Request) (*http.Response, error) {
	body := []byte{}
	if r.Body != nil {
		defer r.Body.Close()
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	written(r)
	inner := r.Clone(r.Context())
	inner.Body, inner.ContentLength, inner.RemoteAddr, inner.RequestURI = io.NopCloser(bytes.NewReader(body)), int64(len(body)), "127.0.0.1:1", r.URL.RequestURI()
	inner.Host = r.URL.Host
	w := &answer{header: http.Header{}, status: http.StatusOK}
	if w.serve(in.handler(), inner) {
		return nil, fmt.Errorf("%s %s: the connection was closed without an answer", r.Method, r.URL.Path)
	}
	if err := context.Cause(r.Context()); err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: w.status, Status: http.StatusText(w.status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: r,
	}, nil
}

// written tells who made the request that the other side has seen of it.
func written(r *http.Request) {
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil && trace.WroteHeaderField != nil {
		trace.WroteHeaderField("Host", []string{r.URL.Host})
	}
}

// answer is an http.ResponseWriter that keeps what is written.
type answer struct {
	header http.Header
	status int
	wrote  bool
	body   bytes.Buffer
}

func (w *answer) Header() http.Header { return w.header }

func (w *answer) Write(b []byte) (int, error) {
	w.wrote = true
	return w.body.Write(b)
}

func (w *answer) WriteHeader(status int) {
	if !w.wrote {
		w.wrote, w.status = true, status
	}
}

// serve tells whether the handler closed the connection instead of answering.
func (w *answer) serve(h http.Handler, r *http.Request) (aborted bool) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			aborted = true
		default:
			panic(p)
		}
	}()
	h.ServeHTTP(w, r)
	return false
}
