package matrix

import (
	"fmt"
	"strings"
)

// Bytes is a body that is sent as it is.
type Bytes []byte

// MXC is the address of a file on a homeserver, "mxc://SERVER/ID".
type MXC string

// ParseMXC takes the address of a file apart.
// Errors: ErrBadID.
func ParseMXC(s string) (server, id string, err error) {
	rest, ok := strings.CutPrefix(s, "mxc://")
	server, id, cut := strings.Cut(rest, "/")
	if !ok || !cut || server == "" || id == "" || strings.ContainsAny(id, "/?#") || strings.ContainsAny(server, "?#\x00") {
		return "", "", fmt.Errorf("%w: mxc://SERVER/ID expected, got %q", ErrBadID, clip(s))
	}
	return server, id, nil
}

// UploadPath is where a file is put: a new one, or with an address that create_mxc gave
// the one that it stands for (MD-1).
func UploadPath(server, id string) string {
	if id == "" {
		return "/_matrix/media/v3/upload"
	}
	return "/_matrix/media/v3/upload" + Path(server, id)
}

// CreateMediaPath is where an address is asked for ahead of its file.
const CreateMediaPath = "/_matrix/media/v1/create"

// DownloadPath is where a file is fetched, with a token (MD-2).
func DownloadPath(server, id string) string {
	return "/_matrix/client/v1/media/download" + Path(server, id)
}

// ThumbnailPath is where a smaller form of a picture is fetched, with a token (MD-2).
func ThumbnailPath(server, id string) string {
	return "/_matrix/client/v1/media/thumbnail" + Path(server, id)
}
