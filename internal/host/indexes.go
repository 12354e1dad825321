package host

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"bridgehost/bundle"
	"bridgehost/diag"
)

// maxIndexBytes is how long an index may be; bundle checks it as well.
const maxIndexBytes = 8 << 20

// place is an index that was fetched and checked.
type place struct {
	IndexConfig
	address string // of index.json
	*bundle.Index
}

// address is where index.json of a configured index lies.
func (x IndexConfig) address() string {
	if strings.HasSuffix(x.URL, ".json") {
		return x.URL
	}
	return strings.TrimSuffix(x.URL, "/") + "/" + bundle.IndexFile
}

// fetchIndexes fetches and checks all configured indexes. One that is wrong is told of, and counts
// for nothing.
func (c *Config) fetchIndexes(ctx context.Context, d downloader, now time.Time) (places []place, wrong []error, err error) {
	n, err := c.readNotes()
	if err != nil {
		return nil, nil, err
	}
	grown := false
	for _, x := range c.Index {
		p, err := fetchIndex(ctx, d, x, now, n.Serials[x.Key])
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		grown = grown || p.Serial > n.Serials[x.Key]
		places = append(places, p)
	}
	if !grown {
		return places, wrong, nil
	}
	return places, wrong, c.changeNotes(func(n *notes) {
		for _, p := range places {
			n.Serials[p.Key] = max(n.Serials[p.Key], p.Serial)
		}
	})
}

func fetchIndex(ctx context.Context, d downloader, x IndexConfig, now time.Time, seen int64) (place, error) {
	p := place{IndexConfig: x, address: x.address()}
	key, err := bundle.ParsePublicKey(x.Key)
	if err != nil {
		return p, err
	}
	raw, err := d.get(ctx, p.address, maxIndexBytes)
	if err != nil {
		return p, fmt.Errorf("index: %w", err)
	}
	signature, err := d.get(ctx, besideURL(p.address, bundle.SignatureEnding), bundle.MaxSignature)
	if err != nil {
		return p, fmt.Errorf("index: %w", err)
	}
	p.Index, err = bundle.ReadIndex(raw, signature, key, now, seen)
	var no *bundle.Refused
	if errors.As(err, &no) {
		no.File = p.address
	}
	return p, err
}

// url is where a listed bundle lies.
func (p place) url(l bundle.Listed) (string, error) {
	base, err := url.Parse(p.address)
	if err != nil {
		return "", err
	}
	u, err := base.Parse(l.URL)
	if err != nil {
		return "", err
	}
	_, err = webAddress(u.String())
	return u.String(), err
}

// placeOf is the index that counts for an id: the one where it was first taken from, else the
// first that has it. So no other index can offer a newer version of what is installed.
func placeOf(places []place, id string, l *bundle.Lock) (place, bool, error) {
	pin, pinned := l.Pinned(id)
	var other *place
	for i, p := range places {
		if len(p.Versions(id)) == 0 {
			continue
		}
		if !pinned || pin.Index == "" || pin.Index == p.Key {
			return p, true, nil
		}
		other = &places[i]
	}
	if other != nil {
		return place{}, false, &bundle.Refused{Reason: fmt.Sprintf("%s was installed from the index with the key %.16s…, and only %q offers it now (key %.16s…); "+
			"remove it first, if you want the other's", id, pin.Index, other.Name, other.Key)}
	}
	return place{}, false, nil
}

// named finds the one id that a person calls name.
func named(places []place, name string) (string, error) {
	ids := map[string]bool{}
	var list, all []string
	for _, p := range places {
		for _, id := range p.Called(name) {
			if !ids[id] {
				ids[id], list = true, append(list, id)
			}
		}
		for _, l := range p.Bundles {
			all = append(all, l.ID)
		}
	}
	switch len(list) {
	case 0:
		return "", notListed(name, all)
	case 1:
		if other, alike := bundle.LooksLike(list[0], all); alike {
			if name != list[0] {
				return "", &bundle.Refused{Reason: fmt.Sprintf("there are %s and %s, which look alike; give the whole id of the one that you mean", list[0], other)}
			}
		}
		return list[0], nil
	}
	return "", wrongUse("several bundles are called %s; say which: %s", name, strings.Join(list, ", "))
}

func notListed(name string, all []string) error {
	if len(all) == 0 {
		return wrongUse("there is no file %s, and no index where it could be found; add an [[index]] with url and key to bridgehost.toml", name)
	}
	var names []string
	for _, id := range all {
		names = append(names, id, id[strings.LastIndexByte(id, '.')+1:])
	}
	if near := diag.Suggest(name, names); near != "" {
		return wrongUse("no index has %s; did you mean %s?", name, near)
	}
	return wrongUse("no index has %s; look for it: bridgehost search %s", name, name)
}
