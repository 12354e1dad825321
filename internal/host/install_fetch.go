package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"bridgehost/bundle"
)

// parcel is one bundle that was fetched, and checked as far as it can be by itself.
type parcel struct {
	b              *bundle.Bundle
	raw, signature []byte
	source         string // where it came from: a path or an address
	local          bool
	index          string // the key of the index that named it
	signedBy       string // checked; "": it is not signed
	firstKey       bool   // nobody has seen the key before
	knownFrom      string // the installed bundle that has the same key
	rotated        string // the key that named this one as its successor
}

// locked is the parcel's entry in the lock.
func (p *parcel) locked() bundle.Locked {
	m := p.b.Manifest
	return bundle.Locked{ID: m.ID, Version: m.Version, Source: p.source, SHA256: p.b.SHA256, Publisher: p.signedBy, Index: p.index, Granted: m.Asked()}
}

// parcelOf reads a bundle from this machine.
func parcelOf(path string) (*parcel, error) {
	full, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	b, raw, err := bundle.Open(full)
	if err != nil {
		return nil, err
	}
	signature, err := bundle.ReadSignature(full)
	return &parcel{b: b, raw: raw, signature: signature, source: full, local: true}, err
}

// fromURL fetches a bundle.
func fromURL(ctx context.Context, d downloader, address string) (*parcel, error) {
	raw, signature, err := d.file(ctx, address)
	if err != nil {
		return nil, err
	}
	b, err := bundle.Unpack(raw)
	var no *bundle.Refused
	if errors.As(err, &no) {
		no.File = address
	}
	return &parcel{b: b, raw: raw, signature: signature, source: address}, err
}

// fromIndex fetches what an index lists.
func fromIndex(ctx context.Context, d downloader, p place, l bundle.Listed) (*parcel, error) {
	address, err := p.url(l)
	if err != nil {
		return nil, err
	}
	got, err := fromURL(ctx, d, address)
	if err != nil {
		return nil, err
	}
	got.index = p.Key
	if err := l.Matches(got.b); err != nil {
		return nil, &bundle.Refused{File: address, Reason: err.Error()}
	}
	return got, nil
}

// trust checks the signature: by the key that counts for the id since it was first seen, else by
// the one that the bundle names, or that the person expects.
func (p *parcel) trust(ctx context.Context, d downloader, l *bundle.Lock, expected string, unsigned bool) error {
	m := p.b.Manifest
	refused := func(format string, args ...any) error {
		return &bundle.Refused{File: m.FileName(), Reason: fmt.Sprintf(format, args...)}
	}
	pin, pinned := l.Pinned(m.ID)
	key := m.Publisher
	if expected != "" {
		key = expected
	}
	switch {
	case p.signature == nil && pinned && pin.Publisher != "":
		return refused("%s was signed by %.16s… when it was installed, and is not signed now", m.ID, pin.Publisher)
	case p.signature == nil && expected != "":
		return refused("it is not signed")
	case p.signature == nil && unsigned, p.signature == nil && p.local && m.Publisher == "":
		return nil
	case p.signature == nil && p.local:
		return refused("it names the publisher %.16s…, and is not signed (there is no %s beside it); to install it even so: --unsigned", m.Publisher,
			m.FileName()+bundle.SignatureEnding)
	case p.signature == nil:
		return refused("it is not signed, so nobody can tell from whom it is; to install it even so: --unsigned")
	case key == "" && pinned && pin.Publisher != "":
		key = pin.Publisher
	case key == "":
		return refused("it is signed, and its %s names no publisher; give the key that you expect: --publisher KEY", bundle.File)
	}
	public, err := bundle.ParsePublicKey(key)
	if err != nil {
		return err
	}
	if err := bundle.Verify(p.b, p.raw, p.signature, public); err != nil {
		return refused("%v", err)
	}
	p.signedBy, p.firstKey = key, true
	for _, k := range l.Bundles {
		if k.Publisher == key && (p.firstKey || k.ID == m.ID) {
			p.firstKey, p.knownFrom = false, k.ID
		}
	}
	if !pinned || pin.Publisher == key {
		return nil
	}
	return p.rotation(ctx, d, pin, public)
}

// NewKeyEnding is that of the statement by which an old key names a new one. It lies beside the
// bundle, with its signature, under the last part of the id.
const NewKeyEnding = ".newkey"

// rotation looks for the statement of the pinned key that names the new one.
func (p *parcel) rotation(ctx context.Context, d downloader, pin bundle.Locked, now bundle.PublicKey) error {
	refusal := pin.OtherKey(p.signedBy)
	if pin.Publisher == "" {
		return refusal
	}
	name := p.b.Manifest.Module() + NewKeyEnding
	statement, signature, err := p.beside(ctx, d, name)
	if errors.Is(err, errNotThere) || errors.Is(err, os.ErrNotExist) {
		return refusal
	}
	if err != nil {
		return err
	}
	old, err := bundle.ParsePublicKey(pin.Publisher)
	if err != nil {
		return err
	}
	next, err := bundle.Rotated(pin.ID, statement, signature, old)
	if err != nil {
		return &bundle.Refused{File: name, Reason: err.Error()}
	}
	if next.String() != now.String() {
		return &bundle.Refused{File: name, Reason: fmt.Sprintf("it names the key %.16s…, and the bundle is signed by %.16s…", next, now)}
	}
	p.rotated = pin.Publisher
	return nil
}

// beside reads a file that lies beside the bundle, and its signature.
func (p *parcel) beside(ctx context.Context, d downloader, name string) (data, signature []byte, err error) {
	if p.local {
		at := filepath.Join(filepath.Dir(p.source), name)
		if data, err = os.ReadFile(at); err == nil {
			signature, err = bundle.ReadSignature(at)
		}
		return data, signature, err
	}
	path, _, _ := strings.Cut(p.source, "?")
	at := path[:strings.LastIndexByte(path, '/')+1] + name
	if data, err = d.get(ctx, at, bundle.MaxSignature); err == nil {
		signature, err = d.get(ctx, at+bundle.SignatureEnding, bundle.MaxSignature)
	}
	return data, signature, err
}
