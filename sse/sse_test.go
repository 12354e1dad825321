package sse

import (
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func all(text string, most int) (events []Event, err error) {
	r := NewReader(iotest.OneByteReader(strings.NewReader(text)), most)
	for {
		e, err := r.Next()
		if err != nil {
			return events, err
		}
		events = append(events, e)
	}
}

func TestEvents(t *testing.T) {
	tests := []struct {
		name, text string
		want       []Event
	}{
		{"the least", "data: hello\n\n", []Event{{Type: "message", Data: "hello"}}},
		{"lines end with LF, CR or both", "data: a\n\ndata: b\r\rdata: c\r\n\r\n", []Event{{Type: "message", Data: "a"}, {Type: "message", Data: "b"}, {Type: "message", Data: "c"}}},
		{"several lines of data", "data: YHOO\ndata: +2\ndata:10\n\n", []Event{{Type: "message", Data: "YHOO\n+2\n10"}}},
		{"comments, and fields without a colon", ": test stream\n\ndata\n\ndata\ndata\n\ndata:", []Event{{Type: "message"}, {Type: "message", Data: "\n"}}},
		{"one space is left out", "data:test\n\ndata:  test\n\n", []Event{{Type: "message", Data: "test"}, {Type: "message", Data: " test"}}},
		{"an id stays until another", "data: 1\nid: 1\n\ndata: 2\nid\n\nid: 3\n\ndata: 4\n\nid: a\x00b\ndata: 5\n\n",
			[]Event{{Type: "message", Data: "1", ID: "1"}, {Type: "message", Data: "2"}, {Type: "message", Data: "4", ID: "3"}, {Type: "message", Data: "5", ID: "3"}}},
		{"a type is of one event", "event: add\ndata: 1\n\nevent: gone\n\ndata: 2\n\n", []Event{{Type: "add", Data: "1"}, {Type: "message", Data: "2"}}},
		{"retry", "retry: 1500\n\nretry: 1x\ndata: a\n\nretry: 99999999999999999999\ndata: b\n\nretry: 9999999999999\ndata: c\n\n",
			[]Event{{Type: "message", Data: "a", Retry: 1500 * time.Millisecond}, {Type: "message", Data: "b", Retry: 1500 * time.Millisecond}, {Type: "message", Data: "c", Retry: maxRetry}}},
		{"a byte order mark", "\uFEFFdata: a\n\n\uFEFFdata: b\n\n", []Event{{Type: "message", Data: "a"}}},
		{"an event that is not ended is none", "data: a\n\ndata: b\n", []Event{{Type: "message", Data: "a"}}},
		{"what is no UTF-8", "data: a\xffb\n\n", []Event{{Type: "message", Data: "a\uFFFDb"}}},
		{"other fields", "datum: a\nDATA: b\n data: c\n\n", nil},
	}
	for _, x := range tests {
		t.Run(x.name, func(t *testing.T) {
			got, err := all(x.text, 100)
			if err != io.EOF || !reflect.DeepEqual(got, x.want) {
				t.Errorf("got %+v, %v\nwant %+v", got, err, x.want)
			}
		})
	}
}

func TestLimit(t *testing.T) {
	for _, x := range []struct {
		name, text string
		events     int
		want       error
	}{
		{"at the limit", "data: " + strings.Repeat("x", 94) + "\n\n", 1, io.EOF},
		{"a long line", "data: a\n\ndata: " + strings.Repeat("x", 95) + "\n\n", 1, ErrTooLong},
		{"a line without an end", strings.Repeat("x", 1000), 0, ErrTooLong},
		{"many lines", strings.Repeat("data: x\n", 20) + "\n", 0, ErrTooLong},
		{"comments do not add up over events", strings.Repeat(": keep\n\n", 100) + "data: x\n\n", 1, io.EOF},
	} {
		if got, err := all(x.text, 100); len(got) != x.events || !errors.Is(err, x.want) {
			t.Errorf("%s: %d events, %v; want %d, %v", x.name, len(got), err, x.events, x.want)
		}
	}
}

func TestWhatIsNotThereIsNotWaitedFor(t *testing.T) {
	out, in := io.Pipe()
	t.Cleanup(func() { in.Close() })
	go func() { _, _ = in.Write([]byte("data: a\r\r")) }()
	if e, err := NewReader(out, 100).Next(); err != nil || e.Data != "a" {
		t.Errorf("%+v, %v", e, err)
	}
}

func FuzzReader(f *testing.F) {
	f.Add("id: 1\nevent: x\nretry: 10\ndata: a\r\ndata: b\r\n\r\n")
	f.Add("\uFEFFdata\n\n:\n\x00\xff")
	f.Fuzz(func(t *testing.T, text string) {
		events, err := all(text, 1000)
		if err != io.EOF && !errors.Is(err, ErrTooLong) {
			t.Fatal(err)
		}
		for _, e := range events {
			if strings.ContainsAny(e.Data, "\r") || strings.ContainsAny(e.Type+e.ID, "\r\n") || e.Retry < 0 || e.Retry > maxRetry || len(e.Data) > 3000 {
				t.Fatalf("%+v", e)
			}
			again, _ := all(e.String(), len(e.String()))
			if len(again) != 1 || again[0] != e {
				t.Fatalf("%+v is written as %q and read as %+v", e, e.String(), again)
			}
		}
	})
}
