package bundle

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"aead.dev/minisign"
)

// SignatureEnding comes behind the name of the file that is signed, as minisign expects it.
const SignatureEnding = ".minisig"

const (
	// MaxSignature is how many bytes a signature may have.
	MaxSignature = 4 << 10
	maxKey       = 4 << 10
)

// PublicKey is a publisher's key as it stands in a manifest.
type PublicKey struct{ k minisign.PublicKey }

// ParsePublicKey reads the 56 characters, or the file that has them in its second line.
func ParsePublicKey(text string) (PublicKey, error) {
	line := strings.TrimSpace(text)
	if comment, rest, two := strings.Cut(line, "\n"); two && strings.HasPrefix(comment, "untrusted comment:") {
		line = strings.TrimSpace(rest)
	}
	var k minisign.PublicKey
	if !keyForm.MatchString(line) || k.UnmarshalText([]byte(line)) != nil || k.String() != line {
		return PublicKey{}, fmt.Errorf("%.60q is no public key of minisign (it begins with RW and has 56 characters)", line)
	}
	return PublicKey{k}, nil
}

// String is the key as it stands in a manifest.
func (p PublicKey) String() string { return p.k.String() }

// ID is how minisign calls the key.
func (p PublicKey) ID() string { return fmt.Sprintf("%016X", p.k.ID()) }

// File is the key as minisign keeps it.
func (p PublicKey) File() []byte {
	return fmt.Appendf(nil, "untrusted comment: minisign public key %s\n%s\n", p.ID(), p)
}

// SecretKey signs.
type SecretKey struct{ k minisign.PrivateKey }

// Public is the key by which others check.
func (s SecretKey) Public() PublicKey {
	return PublicKey{s.k.Public().(minisign.PublicKey)}
}

// NewKey makes a key. With a password the file is encrypted with it.
func NewKey(random io.Reader, password string) (key SecretKey, file []byte, err error) {
	_, k, err := minisign.GenerateKey(random)
	if err != nil {
		return SecretKey{}, nil, err
	}
	if password == "" {
		file, err = k.MarshalText()
	} else {
		file, err = minisign.EncryptKey(password, k)
	}
	return SecretKey{k}, append(file, '\n'), err
}

// ErrPassword is returned when a secret key cannot be read without a password, or with another one.
var ErrPassword = errors.New("the password of the secret key is needed")

// ReadSecretKey reads a secret key of ours or of minisign. password is asked if the key has one.
func ReadSecretKey(file string, password func() (string, error)) (SecretKey, error) {
	text, err := readAtMost(file, maxKey)
	if err != nil {
		return SecretKey{}, err
	}
	text = bytes.TrimSpace(text)
	var k minisign.PrivateKey
	if !minisign.IsEncrypted(text) {
		if err := k.UnmarshalText(text); err != nil {
			return SecretKey{}, fmt.Errorf("%s is no secret key of minisign", file)
		}
	} else {
		word, err := password()
		if err != nil {
			return SecretKey{}, fmt.Errorf("%s: %w", file, err)
		}
		if k, err = minisign.DecryptKey(word, text); err != nil {
			return SecretKey{}, fmt.Errorf("%s: %w, and this one does not open it", file, ErrPassword)
		}
	}
	return SecretKey{k}, nil
}

// Comment is what a signature says of a bundle: without it an old file could be served as a new version.
func (b *Bundle) Comment() string {
	return fmt.Sprintf("bundle:%s version:%s sha256:%s", b.Manifest.ID, b.Manifest.Version, b.SHA256)
}

// Sign makes the detached signature of a bundle's file.
func Sign(b *Bundle, raw []byte, key SecretKey) ([]byte, error) {
	if sum(raw) != b.SHA256 {
		return nil, errors.New("the bundle was changed while it was to be signed")
	}
	if want := b.Manifest.Publisher; want != "" && want != key.Public().String() {
		return nil, refuse("the bundle names the publisher %s, and this key is %s; sign with the other, or change publisher in %s and pack again",
			want, key.Public(), File)
	}
	return signBytes(raw, b.Comment(), key)
}

func signBytes(raw []byte, comment string, key SecretKey) ([]byte, error) {
	r := minisign.NewReader(bytes.NewReader(raw))
	if _, err := io.Copy(io.Discard, r); err != nil {
		return nil, err
	}
	return r.SignWithComments(key.k, comment, "signature from bridgehost, checked by minisign as well"), nil
}

// Verify checks that the signature is by key, for this file, and for this version of this bundle.
func Verify(b *Bundle, raw, signature []byte, key PublicKey) error {
	if sum(raw) != b.SHA256 {
		return refuse("the bundle was changed while it was read")
	}
	comment, err := verifyBytes(raw, signature, key)
	if err != nil {
		return err
	}
	if m := b.Manifest; m.Publisher != "" && m.Publisher != key.String() {
		return refuse("the bundle names the publisher %s, and is signed by %s", m.Publisher, key)
	}
	parts := commentForm.FindStringSubmatch(comment)
	switch {
	case parts == nil:
		return refuse("the signature does not say what it is for; with minisign, give: -t %q", b.Comment())
	case parts[1] != b.Manifest.ID:
		return refuse("the signature is for the bundle %s, not for %s", parts[1], b.Manifest.ID)
	case parts[2] != b.Manifest.Version:
		return refuse("the signature is for version %s, and the bundle says that it is %s", parts[2], b.Manifest.Version)
	case parts[3] != b.SHA256:
		return refuse("the signature is for a file with another hash (sha256 %.12s…)", parts[3])
	}
	return nil
}

var commentForm = regexp.MustCompile(`^bundle:(\S+) version:(\S+) sha256:([0-9a-f]{64})$`)

// verifyBytes answers the trusted comment of a signature that is right.
func verifyBytes(raw, signature []byte, key PublicKey) (comment string, err error) {
	if len(signature) > MaxSignature {
		return "", refuse("the signature has more than %d KB", MaxSignature>>10)
	}
	var s minisign.Signature
	text := strings.TrimRight(string(signature), "\r\n")
	if strings.Count(text, "\n") != 3 || s.UnmarshalText([]byte(text)) != nil {
		return "", refuse("the signature is not of the four lines that minisign writes, or was cut off")
	}
	switch {
	case s.Algorithm != minisign.HashEdDSA:
		return "", refuse("the signature has the old form of minisign; sign again without -l")
	case s.KeyID != key.k.ID():
		return "", refuse("it is signed by the key %016X, not by %s", s.KeyID, key.ID())
	case !minisign.Verify(key.k, raw, []byte(text)):
		return "", refuse("the signature is wrong: the file or the signature was changed, or the key is another with the same number")
	}
	return s.TrustedComment, nil
}

// ReadSignature reads the signature beside a bundle's file; nil when there is none.
func ReadSignature(file string) ([]byte, error) {
	signature, err := readAtMost(file+SignatureEnding, MaxSignature)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, nil
	case errors.Is(err, errTooLarge):
		r := refuse("the signature has more than %d KB", MaxSignature>>10)
		r.File = filepath.Base(file) + SignatureEnding
		return nil, r
	}
	return signature, err
}
