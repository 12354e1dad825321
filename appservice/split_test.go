package appservice

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestSplitLeavesBadEventsOut(t *testing.T) {
	deep := strings.Repeat("[", 200) + strings.Repeat("]", 200)
	abyss := strings.Repeat("[", 20000) + strings.Repeat("]", 20000)
	for name, c := range map[string]struct {
		body       string
		events     []string
		bad, ephem int
	}{
		"empty":             {`{}`, nil, 0, 0},
		"null":              {`{"events":null}`, nil, 0, 0},
		"two":               {` {"events" : [ {"type":"a","x":"]}\\\""} , {"type":"b"} ] } `, []string{`{"type":"a","x":"]}\\\""}`, `{"type":"b"}`}, 0, 0},
		"no object":         {`{"events":[1,"x",null,[],{"type":"a"}]}`, []string{`{"type":"a"}`}, 4, 0},
		"no type":           {`{"events":[{"content":{"type":"m"}},{"type":""},{"type":5},{"type":"a"}]}`, []string{`{"type":"a"}`}, 3, 0},
		"too deep":          {`{"events":[{"type":"a","c":` + deep + `},{"type":"b"}]}`, []string{`{"type":"b"}`}, 1, 0},
		"abyss":             {`{"events":[{"type":"a","c":` + abyss + `},{"type":"b"}],"to_device":[` + abyss + `]}`, []string{`{"type":"b"}`}, 1, 0},
		"too large":         {`{"events":[{"type":"a","c":"` + strings.Repeat("x", MaxEventBytes) + `"},{"type":"b"}]}`, []string{`{"type":"b"}`}, 1, 0},
		"broken inside":     {`{"events":[{"type":"a","c":tru},{"type":"b"}]}`, []string{`{"type":"b"}`}, 1, 0},
		"ephemeral":         {`{"events":[],"ephemeral":[{"type":"m.typing"}],"de.sorunome.msc2409.ephemeral":[{"type":"x"},{"type":"y"}]}`, nil, 0, 1},
		"old ephemeral":     {`{"de.sorunome.msc2409.ephemeral":[{"type":"x"},{"type":"y"}]}`, nil, 0, 2},
		"escaped key":       {`{"\u0065vents":[{"\u0074ype":"a"}]}`, []string{`{"\u0074ype":"a"}`}, 0, 0},
		"the last one wins": {`{"events":[{"type":"a"}],"events":[{"type":"b"}]}`, []string{`{"type":"b"}`}, 0, 0},
	} {
		acc, bad, err := split("1", []byte(c.body))
		var got []string
		for _, e := range acc.Events {
			got = append(got, string(e))
		}
		if err != nil || strings.Join(got, "\n") != strings.Join(c.events, "\n") || len(bad) != c.bad || len(acc.Ephemeral) != c.ephem {
			t.Errorf("%s: %d events, %d bad, %d ephemeral, %v", name, len(got), len(bad), len(acc.Ephemeral), err)
		}
	}
}

func TestSplitRefuses(t *testing.T) {
	for body, want := range map[string]error{
		``: errNotJSON, `{`: errNotJSON, `{"events":[`: errNotJSON, `{"events":[{"type":"a"} {"type":"b"}]}`: errNotJSON,
		`{"events":[]}x`: errNotJSON, `{"a":tru}`: errNotJSON, `{a:1}`: errNotJSON, `{"a" 1}`: errNotJSON, `{"a":1,}`: errNotJSON, `<html>`: errNotJSON,
		`[]`: errBadJSON, `"x"`: errBadJSON, `{"events":{}}`: errBadJSON,
	} {
		if _, _, err := split("1", []byte(body)); !errors.Is(err, want) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// FuzzSplit holds split against encoding/json: of whatever that can read, split finds
// the same events.
func FuzzSplit(f *testing.F) {
	for _, s := range []string{`{"events":[{"type":"a"}]}`, `{"events":[{"type":"a","b":[1,{"c":"\""}]},2],"ephemeral":[]}`, `{"x":1e5,"events":[],"\u0065vents":null}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		acc, _, err := split("1", body)
		for _, e := range acc.Events {
			if !json.Valid(e) {
				t.Fatalf("not JSON: %q", e)
			}
		}
		var all map[string]json.RawMessage
		if json.Unmarshal(body, &all) != nil || all == nil {
			return
		}
		var events []json.RawMessage
		if json.Unmarshal(all["events"], &events) != nil && all["events"] != nil {
			return
		}
		if err != nil {
			if e := all["ephemeral"]; e == nil && all["de.sorunome.msc2409.ephemeral"] == nil {
				t.Fatalf("%q: %v", body, err)
			}
			return
		}
		var want [][]byte
		for _, e := range events {
			if e = bytes.TrimSpace(e); usable(e) == nil {
				want = append(want, e)
			}
		}
		if len(want) != len(acc.Events) {
			t.Fatalf("%q: %d events, want %d", body, len(acc.Events), len(want))
		}
		for i := range want {
			if !bytes.Equal(want[i], acc.Events[i]) {
				t.Fatalf("%q, want %q", acc.Events[i], want[i])
			}
		}
	})
}

func BenchmarkSplit(b *testing.B) {
	event := `{"type":"m.room.message","room_id":"!abcdefghijk:example.org","sender":"@alice:example.org","event_id":"$0123456789012345678901234567890123456789012","origin_server_ts":1700000000000,"content":{"msgtype":"m.text","body":"hello there, how are you?"},"unsigned":{"age":12}}`
	body := []byte(`{"events":[` + strings.Repeat(event+",", 99) + event + `]}`)
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if acc, _, err := split("1", body); err != nil || len(acc.Events) != 100 {
			b.Fatal(err)
		}
	}
}
