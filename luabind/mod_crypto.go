package luabind

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"

	"bridgehost/capability"
)

var cryptoModule = module("bridge.crypto", "Checksums, signatures of webhooks, and random values.")

// hashes are the algorithms by their names in scripts.
var hashes = map[string]func() hash.Hash{"sha1": sha1.New, "sha256": sha256.New, "sha512": sha512.New}

type hashArgs struct {
	Data     []byte `lua:"data" doc:"any bytes"`
	Encoding string `lua:"encoding,opt" doc:"how the result is written: hex in small letters, base64, or raw bytes" enum:"hex|base64|raw" default:"hex"`
}

const hashDoc = " of some bytes, in hex."

var (
	_ = fn(cryptoModule, "sha256", pure, never, "The SHA-256"+hashDoc, hashed("sha256"),
		example(`local key = crypto.sha256(item.title .. item.link)`))
	_ = fn(cryptoModule, "sha512", pure, never, "The SHA-512"+hashDoc, hashed("sha512"),
		example(`local sum = crypto.sha512(body, { encoding = "base64" })`))
	_ = fn(cryptoModule, "sha1", pure, never, "The SHA-1"+hashDoc+" For protocols that ask for it: it protects against mistakes, no longer against people.", hashed("sha1"),
		example(`local etag = crypto.sha1(body)`))
)

func hashed(algorithm string) func(*Call, *hashArgs) (string, error) {
	return func(_ *Call, a *hashArgs) (string, error) {
		h := hashes[algorithm]()
		h.Write(a.Data)
		return encoded(h.Sum(nil), a.Encoding), nil
	}
}

var _ = fn(cryptoModule, "hmac", pure, never,
	"The HMAC of some bytes under a key, in hex: what signs webhooks. Compare it with crypto.equal, not with ==. An empty key raises: everybody knows it.",
	func(_ *Call, a *struct {
		Algorithm string `lua:"algorithm" doc:"the checksum in it" enum:"sha1|sha256|sha512"`
		Key       []byte `lua:"key" doc:"the secret that both sides know"`
		Data      []byte `lua:"data" doc:"what is signed"`
		Encoding  string `lua:"encoding,opt" doc:"how the result is written: hex in small letters, base64, or raw bytes" enum:"hex|base64|raw" default:"hex"`
	}) (string, error) {
		if len(a.Key) == 0 {
			return "", usage("bad argument #2 'key' to 'hmac' (a secret expected, got an empty string)")
		}
		h := hmac.New(hashes[a.Algorithm], a.Key)
		h.Write(a.Data)
		return encoded(h.Sum(nil), a.Encoding), nil
	}, errcodes("E_ARGUMENT"), example(`local want = "sha256=" .. crypto.hmac("sha256", cfg.secret, req.body)`))

var _ = fn(cryptoModule, "equal", pure, never,
	"Tells whether two strings are equal, in a time that does not depend on where they differ: who sends guesses learns nothing from it.",
	func(_ *Call, a *struct {
		A []byte `lua:"a" doc:"one string"`
		B []byte `lua:"b" doc:"the other"`
	}) (bool, error) {
		return subtle.ConstantTimeCompare(a.A, a.B) == 1, nil
	}, example(`if not crypto.equal(want, req.headers["x-hub-signature-256"] or "") then … end`))

// maxRandom is how many bytes one call makes.
const maxRandom = 1 << 20

const noPowerRandom = "makes random bytes"

var _ = fn(cryptoModule, "random", capability.None(noPowerRandom), never,
	"Random bytes that nobody can guess, for keys and tokens.",
	func(_ *Call, a *struct {
		N        int    `lua:"n" doc:"how many bytes, 1 to 1048576"`
		Encoding string `lua:"encoding,opt" doc:"how they are written: raw, hex in small letters, or base64" enum:"raw|hex|base64" default:"raw"`
	}) (string, error) {
		if a.N < 1 || a.N > maxRandom {
			return "", usage("bad argument #1 'n' to 'random' (1 to %d expected, got %d)", maxRandom, a.N)
		}
		b := make([]byte, a.N)
		_, _ = rand.Read(b) // never fails: the program would end
		return encoded(b, a.Encoding), nil
	}, errcodes("E_ARGUMENT"), example(`local token = crypto.random(16, { encoding = "hex" })`))

var _ = fn(cryptoModule, "uuid", capability.None(noPowerRandom), never,
	"A random UUID, version 4.",
	func(*Call, *struct{}) (string, error) {
		var u [16]byte
		_, _ = rand.Read(u[:])                      // never fails: the program would end
		u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80 // RFC 9562, 5.4
		return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:]), nil
	}, example(`local id = crypto.uuid()`))

func encoded(b []byte, encoding string) string {
	switch encoding {
	case "base64":
		return base64.StdEncoding.EncodeToString(b)
	case "raw":
		return string(b)
	}
	return hex.EncodeToString(b)
}
