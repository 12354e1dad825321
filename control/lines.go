package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"syscall"
)

// Lines is an answer that comes in parts: one JSON value a line, each sent at once. It
// returns when there is no more, or with the error of emit: the caller went away.
type Lines func(emit func(v any) error) error

// answer writes what there is. The status was sent before the first line, so an error
// can only end the stream.
func (l Lines) answer(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/jsonl")
	w.WriteHeader(http.StatusOK)
	flush := http.NewResponseController(w)
	_ = flush.Flush() // the caller learns that it was heard
	e := json.NewEncoder(w)
	_ = l(func(v any) error {
		if err := e.Encode(v); err != nil {
			return err
		}
		return flush.Flush()
	})
}

// ErrEnded is returned by CallLines when the host ended in the middle of an answer.
var ErrEnded = errors.New("bridgehost has ended")

// CallLines asks for an answer that comes in parts and hands each to take, until there is
// no more, ctx ends or take fails.
func CallLines(ctx context.Context, dataDir, name string, in any, take func(json.RawMessage) error) error {
	body, err := ask(ctx, dataDir, name, in)
	if err != nil {
		return err
	}
	defer body.Close()
	for d := json.NewDecoder(body); ; {
		var line json.RawMessage
		err := d.Decode(&line)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
			return ErrEnded
		case err != nil:
			return fmt.Errorf("control call %s: %w", name, err)
		}
		if err := take(line); err != nil {
			return err
		}
	}
}
