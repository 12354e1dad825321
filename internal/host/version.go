package host

import (
	"runtime"
	"runtime/debug"
)

// number is the version of the product.
const number = "0.1.0-dev"

// VersionInfo says what this program is.
type VersionInfo struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// Version says what this program is.
func Version() VersionInfo {
	v := VersionInfo{Version: number, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				v.Revision = s.Value
			}
		}
	}
	return v
}
