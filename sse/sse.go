// Package sse reads and writes event streams: text/event-stream, "server-sent events".
//
//	r := sse.NewReader(body, 1<<20)
//	for {
//		e, err := r.Next() // io.EOF at the end
//	}
//
// Source: https://html.spec.whatwg.org/multipage/server-sent-events.html, 9.2.5 and 9.2.6.
package sse

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// ErrTooLong is an event, or a line, that is longer than the limit.
var ErrTooLong = errors.New("the event is longer than the limit")

// Event is one event.
type Event struct {
	Type string // "message" when the stream does not say
	Data string
	ID   string // the last id that the stream gave, also one that was given with an earlier event
	// Retry is the last wait before another connection that the server asked for; 0: it did not.
	Retry time.Duration
}

// maxRetry bounds the wait that a server may ask for.
const maxRetry = 24 * time.Hour

// Reader reads the events of a stream. It is not for several goroutines.
type Reader struct {
	r       *bufio.Reader
	most    int
	begun   bool // the byte order mark is behind us
	afterCR bool // a line feed that comes now belongs to the line before
	id      string
	retry   time.Duration
}

// NewReader reads from r. An event may have most bytes, its lines together.
func NewReader(r io.Reader, most int) *Reader { return &Reader{r: bufio.NewReader(r), most: most} }

// Next is the next event. An event that was not ended by an empty line is none: the error
// is that of the stream then, io.EOF at its end.
func (r *Reader) Next() (Event, error) {
	e := Event{}
	var data strings.Builder
	given, size := false, 0
	for {
		line, err := r.line(r.most - size)
		if err != nil {
			return Event{}, err
		}
		if size += len(line); size > r.most {
			return Event{}, ErrTooLong
		}
		if len(line) == 0 {
			if !given {
				e.Type, size = "", 0
				continue
			}
			if e.Type == "" {
				e.Type = "message"
			}
			e.Data, e.ID, e.Retry = data.String(), r.id, r.retry
			return e, nil
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(name) {
		case "event":
			e.Type = text(value)
		case "data":
			if given {
				data.WriteByte('\n')
			}
			given = true
			data.WriteString(text(value))
		case "id":
			if !bytes.ContainsRune(value, 0) {
				r.id = text(value)
			}
		case "retry":
			if ms, err := strconv.ParseUint(string(value), 10, 63); err == nil {
				r.retry = min(time.Duration(min(ms, uint64(maxRetry/time.Millisecond)))*time.Millisecond, maxRetry)
			}
		}
	}
}

// text is what was sent, which has to be UTF-8.
func text(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return strings.ToValidUTF8(string(b), "\uFFFD")
}

// line is the next line without its end, which is CR, LF or both. What follows a CR is not
// waited for. The line is good until the next call.
func (r *Reader) line(most int) ([]byte, error) {
	var line []byte
	for {
		b, err := r.r.ReadByte()
		if err != nil {
			return nil, err
		}
		if afterCR := r.afterCR; afterCR {
			r.afterCR = false
			if b == '\n' {
				continue
			}
		}
		if b == '\n' || b == '\r' {
			r.afterCR = b == '\r'
			if !r.begun {
				r.begun = true
				line = bytes.TrimPrefix(line, []byte("\uFEFF"))
			}
			return line, nil
		}
		if len(line) > most {
			return nil, ErrTooLong
		}
		line = append(line, b)
	}
}

// String is the event as it stands in a stream.
func (e Event) String() string {
	var b strings.Builder
	field := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, strings.NewReplacer("\r", "", "\n", "").Replace(value))
		}
	}
	field("id", e.ID)
	field("event", e.Type)
	if e.Retry > 0 {
		field("retry", strconv.FormatInt(e.Retry.Milliseconds(), 10))
	}
	for line := range strings.SplitSeq(strings.ReplaceAll(strings.ReplaceAll(e.Data, "\r\n", "\n"), "\r", "\n"), "\n") {
		fmt.Fprintf(&b, "data: %s\n", line)
	}
	return b.String() + "\n"
}
