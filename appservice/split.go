package appservice

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"bridgehost/matrix"
)

// Limits of one event inside a transaction. Synapse makes no larger ones; without
// them one event could make every reader behind us fail, for ever.
const (
	MaxEventDepth = 100
	MaxEventBytes = 1 << 20
)

var (
	errNotJSON = errors.New("not JSON")
	errBadJSON = errors.New("not a transaction")
)

// refusal says why an event was left out; index counts within its list.
type refusal struct {
	List  string
	Index int
	Err   error
}

// split cuts a transaction's body into raw events, without decoding them and
// without copying: the result shares body's memory. What is no usable event is
// left out and reported. An error wraps errNotJSON or errBadJSON.
func split(txnID string, body []byte) (Accepted, []refusal, error) {
	acc := Accepted{TxnID: txnID}
	lists := map[string][]byte{}
	err := eachMember(body, func(key, value []byte) error {
		switch string(key) {
		case "events", "ephemeral", "de.sorunome.msc2409.ephemeral":
			lists[string(key)] = value
		default:
			if nesting(value) <= MaxEventDepth && !json.Valid(value) {
				return errNotJSON
			}
		}
		return nil
	})
	if err != nil {
		return acc, nil, err
	}
	var bad []refusal
	if acc.Events, err = takeList("events", lists["events"], &bad); err != nil {
		return acc, nil, err
	}
	name := "ephemeral"
	if _, ok := lists[name]; !ok {
		name = "de.sorunome.msc2409.ephemeral"
	}
	acc.Ephemeral, err = takeList(name, lists[name], &bad)
	acc.Key = keyOf(acc)
	return acc, bad, err
}

func takeList(name string, value []byte, bad *[]refusal) ([]json.RawMessage, error) {
	if len(value) == 0 || string(value) == "null" {
		return nil, nil
	}
	if value[0] != '[' {
		return nil, fmt.Errorf("%w: %s is not a list", errBadJSON, name)
	}
	var out []json.RawMessage
	index := 0
	err := eachElement(value, func(raw []byte) {
		if err := usable(raw); err != nil {
			*bad = append(*bad, refusal{name, index, err})
		} else {
			out = append(out, json.RawMessage(raw))
		}
		index++
	})
	return out, err
}

// usable tells whether raw is an event that those behind us can read.
func usable(raw []byte) error {
	switch {
	case raw[0] != '{':
		return fmt.Errorf("%w: it is not an object", matrix.ErrBadEvent)
	case len(raw) > MaxEventBytes:
		return fmt.Errorf("%w: it has %d bytes, the limit is %d", matrix.ErrBadEvent, len(raw), MaxEventBytes)
	case nesting(raw) > MaxEventDepth:
		return fmt.Errorf("%w: it is nested deeper than %d levels", matrix.ErrBadEvent, MaxEventDepth)
	case !json.Valid(raw):
		return fmt.Errorf("%w: it is not JSON", matrix.ErrBadEvent)
	}
	typed := false
	err := eachMember(raw, func(key, value []byte) error {
		if string(key) == "type" {
			typed = len(value) > 2 && value[0] == '"'
		}
		return nil
	})
	if err != nil || !typed {
		return fmt.Errorf("%w: it has no type", matrix.ErrBadEvent)
	}
	return nil
}

// eachMember calls f for every member of the object that data is. Only the
// object's own level is checked; values are balanced, not validated.
func eachMember(data []byte, f func(key, value []byte) error) error {
	i := space(data, 0)
	if i >= len(data) {
		return errNotJSON
	}
	if data[i] != '{' {
		if json.Valid(data) {
			return fmt.Errorf("%w: an object is expected", errBadJSON)
		}
		return errNotJSON
	}
	i = space(data, i+1)
	if i < len(data) && data[i] == '}' {
		return atEnd(data, i+1)
	}
	for {
		end := skip(data, i)
		if end < 0 || data[i] != '"' {
			return errNotJSON
		}
		key := data[i+1 : end-1]
		if bytes.IndexByte(key, '\\') >= 0 || !json.Valid(data[i:end]) {
			var s string
			if json.Unmarshal(data[i:end], &s) != nil {
				return errNotJSON
			}
			key = []byte(s)
		}
		if i = space(data, end); i >= len(data) || data[i] != ':' {
			return errNotJSON
		}
		i = space(data, i+1)
		if end = skip(data, i); end < 0 {
			return errNotJSON
		}
		if err := f(key, data[i:end]); err != nil {
			return err
		}
		switch i = space(data, end); {
		case i < len(data) && data[i] == ',':
			i = space(data, i+1)
		case i < len(data) && data[i] == '}':
			return atEnd(data, i+1)
		default:
			return errNotJSON
		}
	}
}

// eachElement calls f for every element of the array that data begins with.
func eachElement(data []byte, f func(raw []byte)) error {
	i := space(data, 1)
	if i < len(data) && data[i] == ']' {
		return nil
	}
	for {
		end := skip(data, i)
		if end < 0 {
			return errNotJSON
		}
		f(data[i:end:end])
		switch i = space(data, end); {
		case i < len(data) && data[i] == ',':
			i = space(data, i+1)
		case i < len(data) && data[i] == ']':
			return nil
		default:
			return errNotJSON
		}
	}
}

func atEnd(data []byte, i int) error {
	if space(data, i) != len(data) {
		return errNotJSON
	}
	return nil
}

func space(data []byte, i int) int {
	for i < len(data) && (data[i] == ' ' || data[i] == '\n' || data[i] == '\r' || data[i] == '\t') {
		i++
	}
	return i
}

// skip is the end of the value that begins at i, or -1. Brackets are counted, not
// matched by kind; validity is for whoever looks inside.
func skip(data []byte, i int) int {
	if i >= len(data) {
		return -1
	}
	switch data[i] {
	case '"':
		return skipString(data, i)
	case '{', '[':
	case ',', ':', '}', ']':
		return -1
	default:
		for i < len(data) && !bytes.ContainsRune([]byte(",:{}[]\" \n\r\t"), rune(data[i])) {
			i++
		}
		return i
	}
	for depth := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			if i = skipString(data, i) - 1; i < 0 {
				return -1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}

func skipString(data []byte, i int) int {
	for i++; i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

// nesting is how deep the brackets of a balanced value go.
func nesting(value []byte) int {
	depth, most := 0, 0
	for i := 0; i < len(value); i++ {
		switch value[i] {
		case '"':
			if i = skipString(value, i) - 1; i < 0 {
				return most
			}
		case '{', '[':
			depth++
			most = max(most, depth)
		case '}', ']':
			depth--
		}
	}
	return most
}
