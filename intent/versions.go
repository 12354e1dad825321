package intent

import (
	"context"
	"encoding/json"
	"slices"
	"sync"

	"bridgehost/matrix"
)

// Versions is what a homeserver speaks.
type Versions struct {
	Versions         []string        `json:"versions"`
	UnstableFeatures map[string]bool `json:"unstable_features"`
	Raw              json.RawMessage `json:"-"` // the whole answer
}

// Supports tells whether the server has a version of the specification ("v1.11") or an
// unstable feature ("org.matrix.msc3202").
func (v *Versions) Supports(feature string) bool {
	return v.UnstableFeatures[feature] || slices.Contains(v.Versions, feature)
}

// versionCache remembers what homeservers speak, by address.
type versionCache struct {
	mu    sync.Mutex
	known map[string]*Versions
}

// VersionsOptions are those of Versions.
type VersionsOptions struct{ NoCache bool }

// Versions asks what the homeserver speaks; once, unless told otherwise (OT-1).
func (i *Intent) Versions(ctx context.Context, o VersionsOptions) (*Versions, error) {
	const op = "versions"
	address := i.baseURL
	if address == "" {
		address = i.pool.cfg.HomeserverURL
	}
	cache := &i.pool.versions
	cache.mu.Lock()
	known := cache.known[address]
	cache.mu.Unlock()
	if known != nil && !o.NoCache {
		return known, nil
	}
	answer, err := i.do(ctx, request{method: "GET", path: "/_matrix/client" + matrix.Path("versions")})
	if err != nil {
		return nil, i.fail(op, "", err)
	}
	told := &Versions{Raw: answer}
	if err := json.Unmarshal(answer, told); err != nil || told.Versions == nil {
		return nil, &Error{Op: op, User: i.user, Message: "the homeserver's answer has no versions", Err: err}
	}
	cache.mu.Lock()
	defer cache.mu.Unlock()
	if cache.known == nil {
		cache.known = map[string]*Versions{}
	}
	cache.known[address] = told
	return told, nil
}
