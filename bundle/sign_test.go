package bundle

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"aead.dev/minisign"
)

// keyOf makes the same key for the same seed.
func keyOf(t testing.TB, seed byte) SecretKey {
	t.Helper()
	key, _, err := NewKey(rand.NewChaCha8([32]byte{seed}), "")
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// signedBundle is one with its signature.
func signedBundle(t testing.TB, key SecretKey, old, new string) (*Bundle, []byte, []byte) {
	t.Helper()
	files := plainFiles()
	files[File] = []byte(strings.Replace(text, old, new, 1))
	raw, b, err := Pack(files)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := Sign(b, raw, key)
	if err != nil {
		t.Fatal(err)
	}
	return b, raw, signature
}

func TestSignatures(t *testing.T) {
	key, other := keyOf(t, 1), keyOf(t, 2)
	b, raw, good := signedBundle(t, key, "", "")
	if err := Verify(b, raw, good, key.Public()); err != nil {
		t.Fatal(err)
	}
	if err := Verify(b, raw, bytes.ReplaceAll(good, []byte("\n"), []byte("\r\n")), key.Public()); err != nil {
		t.Errorf("with the line ends of Windows: %v", err)
	}
	_, newer, olderVersion := signedBundle(t, key, "1.4.0", "1.3.0")
	_, _, otherID := signedBundle(t, key, "org.example.lounge", "org.example.other")
	named, namedRaw, named1 := signedBundle(t, key, "api =", "publisher = \""+key.Public().String()+"\"\napi =")
	signedAs := func(comment string) []byte {
		s, err := signBytes(raw, comment, key)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	lines := strings.Split(string(good), "\n")
	olderLines := strings.Split(string(olderVersion), "\n")
	for _, c := range []struct {
		name      string
		signature []byte
		key       PublicKey
		want      string
	}{
		{"other key", good, other.Public(), "it is signed by the key " + key.Public().ID() + ", not by " + other.Public().ID()},
		{"another version's", olderVersion, key.Public(), "the signature is wrong"},
		{"another bundle's", otherID, key.Public(), "the signature is wrong"},
		{"old version under a new number", signedAs("bundle:org.example.lounge version:1.3.0 sha256:" + b.SHA256), key.Public(), "is for version 1.3.0, and the bundle says that it is 1.4.0"},
		{"for another bundle", signedAs("bundle:org.example.other version:1.4.0 sha256:" + b.SHA256), key.Public(), "is for the bundle org.example.other"},
		{"other hash", signedAs("bundle:org.example.lounge version:1.4.0 sha256:" + sum(newer)), key.Public(), "for a file with another hash"},
		{"no comment of ours", signedAs("timestamp:1700000000"), key.Public(), `give: -t "bundle:org.example.lounge version:1.4.0 sha256:`},
		{"comment of another signature", []byte(strings.Join([]string{lines[0], lines[1], olderLines[2], olderLines[3]}, "\n")), key.Public(), "the signature is wrong"},
		{"changed comment", bytes.Replace(good, []byte("1.4.0"), []byte("1.4.1"), 1), key.Public(), "the signature is wrong"},
		{"cut off", good[:len(good)-20], key.Public(), "was cut off"},
		{"two lines", []byte(lines[0] + "\n" + lines[1] + "\n"), key.Public(), "not of the four lines"},
		{"five lines", append(bytes.Clone(good), "more\n"...), key.Public(), "not of the four lines"},
		{"none", nil, key.Public(), "not of the four lines"},
		{"huge", bytes.Repeat([]byte("x"), MaxSignature+1), key.Public(), "more than 4 KB"},
		{"old form", minisign.SignWithComments(key.k, raw, b.Comment(), "x"), key.Public(), "has the old form of minisign"},
	} {
		err := Verify(b, raw, c.signature, c.key)
		var refused *Refused
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
	if err := Verify(b, append(bytes.Clone(raw), ' '), good, key.Public()); err == nil {
		t.Error("a changed file was taken")
	}
	if err := Verify(named, namedRaw, named1, key.Public()); err != nil {
		t.Error(err)
	}
	if _, err := Sign(named, namedRaw, other); err == nil || !strings.Contains(err.Error(), "the bundle names the publisher") {
		t.Errorf("signed by another than the publisher: %v", err)
	}
	otherSigned, err := signBytes(namedRaw, named.Comment(), other)
	if err != nil {
		t.Fatal(err)
	}
	if err := Verify(named, namedRaw, otherSigned, other.Public()); err == nil || !strings.Contains(err.Error(), "names the publisher") {
		t.Errorf("a bundle signed by another than it names: %v", err)
	}
}

func TestKeys(t *testing.T) {
	dir := t.TempDir()
	key, file, err := NewKey(rand.NewChaCha8([32]byte{7}), "")
	if err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(dir, "s.key")
	if err := os.WriteFile(secret, file, 0o600); err != nil {
		t.Fatal(err)
	}
	nobody := func() (string, error) { return "", ErrPassword }
	again, err := ReadSecretKey(secret, nobody)
	if err != nil || again.Public().String() != key.Public().String() {
		t.Errorf("%v, %s", err, again.Public())
	}
	for _, form := range []string{key.Public().String(), string(key.Public().File()), key.Public().String() + "\r\n"} {
		if p, err := ParsePublicKey(form); err != nil || p.String() != key.Public().String() {
			t.Errorf("%q: %v", form, err)
		}
	}
	for _, wrong := range []string{"", "RW", "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO=", string(file), key.Public().String() + "A"} {
		if _, err := ParsePublicKey(wrong); err == nil {
			t.Errorf("%q was taken", wrong)
		}
	}
	if err := os.WriteFile(secret, key.Public().File(), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadSecretKey(secret, nobody); err == nil || !strings.Contains(err.Error(), "is no secret key of minisign") {
		t.Error(err)
	}
}

// TestPassword is the one test that pays for what a password costs by design.
func TestPassword(t *testing.T) {
	if os.Getenv("BRIDGEHOST_REQUIRE_REAL") != "1" {
		t.Skip("takes a gigabyte of memory and half a minute: BRIDGEHOST_REQUIRE_REAL=1")
	}
	secret := filepath.Join(t.TempDir(), "s.key")
	key, file, err := NewKey(nil, "open sesame")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(secret, file, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadSecretKey(secret, func() (string, error) { return "", ErrPassword }); !errors.Is(err, ErrPassword) {
		t.Error(err)
	}
	again, err := ReadSecretKey(secret, func() (string, error) { return "open sesame", nil })
	if err != nil || again.Public().String() != key.Public().String() {
		t.Errorf("%v, %s", err, again.Public())
	}
}

// TestMinisign has the program of that name check our signatures, and checks its own.
func TestMinisign(t *testing.T) {
	program, err := exec.LookPath("minisign")
	if err != nil {
		if os.Getenv("BRIDGEHOST_REQUIRE_REAL") == "1" {
			t.Fatal("there is no minisign here (Debian: apt install minisign)")
		}
		t.Skip("there is no minisign here (Debian: apt install minisign)")
	}
	dir := t.TempDir()
	run := func(ok bool, args ...string) string {
		t.Helper()
		cmd := exec.Command(program, args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if (err == nil) != ok {
			t.Errorf("minisign %q: %v\n%s", args, err, out)
		}
		return string(out)
	}
	write := func(name string, data []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	read := func(name string) []byte {
		t.Helper()
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}

	key, secret, err := NewKey(nil, "")
	if err != nil {
		t.Fatal(err)
	}
	b, raw, signature := signedBundle(t, key, "", "")
	write("ours.key", secret)
	write("ours.pub", key.Public().File())
	write("a.bridge", raw)
	write("a.bridge.minisig", signature)
	for _, args := range [][]string{{"-Vm", "a.bridge", "-P", key.Public().String()}, {"-H", "-Vm", "a.bridge", "-p", "ours.pub"}} {
		if out := run(true, args...); !strings.Contains(out, b.Comment()) {
			t.Errorf("minisign does not show the comment: %s", out)
		}
	}
	write("a.bridge", append(bytes.Clone(raw), ' '))
	run(false, "-Vm", "a.bridge", "-P", key.Public().String())

	run(true, "-G", "-W", "-p", "its.pub", "-s", "its.key")
	write("a.bridge", raw)
	run(true, "-S", "-s", "its.key", "-m", "a.bridge", "-t", b.Comment())
	its, err := ParsePublicKey(string(read("its.pub")))
	if err != nil {
		t.Fatal(err)
	}
	if err := Verify(b, raw, read("a.bridge.minisig"), its); err != nil {
		t.Errorf("a signature of minisign: %v", err)
	}
	run(true, "-S", "-s", "its.key", "-m", "a.bridge")
	if err := Verify(b, raw, read("a.bridge.minisig"), its); err == nil || !strings.Contains(err.Error(), "does not say what it is for") {
		t.Errorf("a signature that says nothing: %v", err)
	}
	run(true, "-S", "-s", "ours.key", "-m", "a.bridge", "-t", b.Comment())
	if err := Verify(b, raw, read("a.bridge.minisig"), key.Public()); err != nil {
		t.Errorf("a signature of minisign by our key: %v", err)
	}
	itsKey, err := ReadSecretKey(filepath.Join(dir, "its.key"), nil)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Sign(b, raw, itsKey)
	if err != nil {
		t.Fatal(err)
	}
	write("a.bridge.minisig", again)
	run(true, "-Vm", "a.bridge", "-p", "its.pub")
}

func FuzzVerify(f *testing.F) {
	key := keyOf(f, 1)
	b, raw, good := signedBundle(f, key, "", "")
	f.Add(good)
	f.Add([]byte("untrusted comment: x\nRU\ntrusted comment: y\nAA==\n"))
	f.Fuzz(func(t *testing.T, signature []byte) {
		if err := Verify(b, raw, signature, key.Public()); err != nil {
			return
		}
		var s, was minisign.Signature
		if s.UnmarshalText(bytes.TrimRight(signature, "\r\n")) != nil || was.UnmarshalText(good) != nil || !s.Equal(was) {
			t.Errorf("another signature was taken: %q", signature)
		}
	})
}
