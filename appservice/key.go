package appservice

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// keyOf names a transaction by its id and what is in it. The id alone does not do:
// Synapse on SQLite counts from 1 again when it restarts and nothing was waiting, as does
// a homeserver that was restored or made anew; its events would be taken for known
// ones and lost. The body does not do either: when it is repeated, ages have changed and
// the ephemeral part may be missing. So it is the ids of the events that count, and
// the rest only where there are none.
func keyOf(acc Accepted) string {
	h := sha256.New()
	for _, raw := range acc.Events {
		h.Write(eventID(raw))
		h.Write([]byte{0})
	}
	if len(acc.Events) == 0 {
		for _, raw := range acc.Ephemeral {
			h.Write(raw)
			h.Write([]byte{0})
		}
	}
	return acc.TxnID + " " + hex.EncodeToString(h.Sum(nil)[:16])
}

// eventID is an event's id as it is written, or the whole event when it has none.
func eventID(raw json.RawMessage) []byte {
	id := []byte(raw)
	_ = eachMember(raw, func(key, value []byte) error { // usable has read it before
		if string(key) == "event_id" {
			id = value
		}
		return nil
	})
	return id
}
