package bundle

import (
	"fmt"
	"regexp"
	"strings"
)

// Check compares what is on disk with the lock: signedBy is the key by which its signature was checked, "" for none.
func (k Locked) Check(b *Bundle, signedBy string) error {
	m := b.Manifest
	switch {
	case m.ID != k.ID:
		return lockError("%s: the file holds the bundle %s", k.ID, m.ID)
	case m.Version != k.Version:
		return lockError("%s: the lock has version %s, the file is %s", k.ID, k.Version, m.Version)
	case b.SHA256 != k.SHA256:
		return lockError("%s %s: the lock has sha256 %.12s…, the file has %.12s…: one of them was changed", k.ID, k.Version, k.SHA256, b.SHA256)
	case k.Publisher != signedBy:
		return k.OtherKey(signedBy)
	}
	may := map[string]bool{}
	for _, list := range [][]string{m.Asked(), m.AskedOptional()} {
		for _, a := range list {
			name, _, _ := strings.Cut(a, " ")
			may[name] = true
		}
	}
	for _, granted := range k.Granted {
		if name, _, _ := strings.Cut(granted, " "); !may[name] {
			return lockError("%s: it grants %q, for which the bundle does not ask: the lock was changed", k.ID, granted)
		}
	}
	return nil
}

// OtherKey tells of a signature that is not by the pinned key.
func (k Locked) OtherKey(signedBy string) error {
	switch {
	case signedBy == "":
		return refuse("%s was signed by %.16s… when it was installed, and is not signed now", k.ID, k.Publisher)
	case k.Publisher == "":
		return refuse("%s was not signed when it was installed, and is signed by %.16s… now; remove it, and install it anew if you trust that key", k.ID, signedBy)
	}
	return refuse("%s was signed by %.16s… when it was installed, and is signed by %.16s… now; only a file signed by the old key can name a new one",
		k.ID, k.Publisher, signedBy)
}

// Successor tells whether b may take the place of what is installed: the same bundle, a
// newer version (or any, with downgrade), the same key.
func (k Locked) Successor(b *Bundle, signedBy string, downgrade bool) error {
	now, err := ParseVersion(k.Version)
	if err != nil {
		return err
	}
	next, err := ParseVersion(b.Manifest.Version)
	if err != nil {
		return err
	}
	switch {
	case b.Manifest.ID != k.ID:
		return refuse("%s cannot take the place of %s", b.Manifest.ID, k.ID)
	case k.Publisher != signedBy:
		return k.OtherKey(signedBy)
	case next.Compare(now) == 0 && b.SHA256 != k.SHA256:
		return refuse("%s %s is installed with other content (sha256 %.12s…, now %.12s…); a version is never published twice", k.ID, k.Version, k.SHA256, b.SHA256)
	case next.Compare(now) < 0 && !downgrade:
		return refuse("%s %s is older than %s, which is installed; to go back: --to %[2]s", k.ID, b.Manifest.Version, k.Version)
	}
	return nil
}

// Grown lists what next asks for and was does not: an update with any asks again.
func Grown(was, next *Manifest) (more []string) {
	had := map[string]bool{}
	for _, a := range was.Asked() {
		had[a] = true
	}
	for _, a := range next.Asked() {
		if !had[a] {
			more = append(more, a)
		}
	}
	return more
}

var rotationForm = regexp.MustCompile(`^publisher:(\S+) old:(\S+) new:(\S+)$`)

// Rotate makes the two files by which the old key names a new one: the statement, which is
// the new public key, and its signature.
func Rotate(id string, old SecretKey, next PublicKey) (statement, signature []byte, err error) {
	if !idForm.MatchString(id) {
		return nil, nil, fmt.Errorf("%q is no id of a bundle", id)
	}
	statement = next.File()
	signature, err = signBytes(statement, fmt.Sprintf("publisher:%s old:%s new:%s", id, old.Public(), next), old)
	return statement, signature, err
}

// Rotated answers the key that the old one names for a bundle.
func Rotated(id string, statement, signature []byte, old PublicKey) (PublicKey, error) {
	comment, err := verifyBytes(statement, signature, old)
	if err != nil {
		return PublicKey{}, err
	}
	next, err := ParsePublicKey(string(statement))
	if err != nil {
		return PublicKey{}, refuse("the statement of a new key: %v", err)
	}
	parts := rotationForm.FindStringSubmatch(comment)
	switch {
	case parts == nil:
		return PublicKey{}, refuse("what the old key signed does not name a new one")
	case parts[1] != id:
		return PublicKey{}, refuse("the new key is for %s, not for %s", parts[1], id)
	case parts[2] != old.String() || parts[3] != next.String():
		return PublicKey{}, refuse("the statement of a new key and its signature name different keys")
	}
	return next, nil
}
