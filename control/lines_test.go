package control

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
)

func TestLinesComeOneByOne(t *testing.T) {
	dir := dataDir(t)
	next, ended := make(chan int), make(chan error, 1)
	serve(t, dir, map[string]Func{"count": func(ctx context.Context, _ json.RawMessage) (any, error) {
		return Lines(func(emit func(any) error) error {
			for {
				select {
				case n, more := <-next:
					if !more {
						return nil
					}
					if err := emit(n); err != nil {
						return err
					}
				case <-ctx.Done():
					ended <- ctx.Err()
					return ctx.Err()
				}
			}
		}), nil
	}})
	var got []string
	go func() { next <- 1 }()
	err := CallLines(t.Context(), dir, "count", nil, func(line json.RawMessage) error {
		got = append(got, string(line))
		if len(got) == 3 {
			close(next)
		} else {
			go func() { next <- len(got) + 1 }()
		}
		return nil
	})
	if err != nil || len(got) != 3 || got[2] != "3" {
		t.Errorf("got %v, %v", got, err)
	}
	next = make(chan int)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { next <- 1 }()
	err = CallLines(ctx, dir, "count", nil, func(json.RawMessage) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("whoever goes away hears %v", err)
	}
	<-ended // and so does the host
}

func TestLinesEndWithTheHost(t *testing.T) {
	dir := dataDir(t)
	s := serve(t, dir, map[string]Func{"wait": func(ctx context.Context, _ json.RawMessage) (any, error) {
		return Lines(func(emit func(any) error) error {
			if err := emit("first"); err != nil {
				return err
			}
			<-ctx.Done()
			return ctx.Err()
		}), nil
	}})
	err := CallLines(t.Context(), dir, "wait", nil, func(json.RawMessage) error { go s.Close(); return nil })
	if !errors.Is(err, ErrEnded) {
		t.Errorf("got %v", err)
	}
	if err := CallLines(t.Context(), dir, "wait", nil, nil); !errors.Is(err, ErrNotRunning) {
		t.Errorf("after the end: %v", err)
	}
}
