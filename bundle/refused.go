package bundle

import "fmt"

// Refused is a bundle, a signature, a lock or an index that is not taken as it is.
type Refused struct {
	File   string // which one, "" when the caller knows
	Reason string // in lower case, what is wrong and, where it helps, what to do
	Cause  error  // a mistake in the manifest, nil for others
}

// Error is the reason behind the file.
func (r *Refused) Error() string {
	if r.File == "" {
		return r.Reason
	}
	return r.File + ": " + r.Reason
}

// Unwrap is the mistake in the manifest.
func (r *Refused) Unwrap() error { return r.Cause }

func refuse(format string, args ...any) *Refused {
	return &Refused{Reason: fmt.Sprintf(format, args...)}
}
