package bundle

import (
	"path"
	"regexp"
	"strings"
	"unicode/utf8"
)

const (
	maxName  = 200 // bytes of a path
	maxDepth = 10  // folders in a path
)

// namePart is one part of a path that means the same on every system. Hidden files are no part of a bundle.
var namePart = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.+-]*$`)

// deviceName is what Windows takes for a device, with any ending.
var deviceName = regexp.MustCompile(`(?i)^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)`)

// checkName refuses a path that is not one, plain, relative path to a file everywhere.
func checkName(name string) error {
	switch {
	case name == "":
		return refuse("a file in it has no name")
	case len(name) > maxName:
		return refuse("the name %.40q… has %d bytes; %d are allowed", name, len(name), maxName)
	case strings.ContainsRune(name, 0):
		return refuse("the name %q has a zero byte", name)
	case strings.Contains(name, `\`):
		return refuse(`the name %q has a backslash; folders are written with "/"`, name)
	case strings.HasPrefix(name, "/"):
		return refuse("the name %q is absolute; files lie in the bundle's own folder", name)
	case len(name) > 1 && name[1] == ':':
		return refuse("the name %q begins with a drive; files lie in the bundle's own folder", name)
	case strings.HasSuffix(name, "/"):
		return refuse("%q is a folder; a bundle holds files only", name)
	}
	if c, at := strange(name); at >= 0 {
		return refuse("the name %q has the character U+%04X, which may look like another; only a-z, A-Z, 0-9 and ._+- are allowed", name, c)
	}
	parts := strings.Split(name, "/")
	if len(parts) > maxDepth {
		return refuse("the name %.40q… lies %d folders deep; %d are allowed", name, len(parts)-1, maxDepth-1)
	}
	for _, part := range parts {
		switch {
		case part == "..":
			return refuse(`the name %q leads out of the bundle with ".."`, name)
		case part == "" || part == ".":
			return refuse("the name %q is written in a roundabout way; it would be %q", name, path.Clean(name))
		case strings.HasPrefix(part, "."):
			return refuse("%q is hidden (it begins with a dot); a bundle shows all that it has", name)
		case strings.HasSuffix(part, "."):
			return refuse("the name %q ends with a dot, which Windows leaves out", name)
		case deviceName.MatchString(part):
			return refuse("the name %q is that of a device on Windows", name)
		case !namePart.MatchString(part):
			return refuse("the name %q may hold only a-z, A-Z, 0-9 and ._+-, and begins with a letter or digit", name)
		}
	}
	return nil
}

// strange finds the first character outside of ASCII: letters that look like others are among those.
func strange(text string) (rune, int) {
	for i, c := range text {
		if c >= utf8.RuneSelf {
			return c, i
		}
	}
	return 0, -1
}

// namesOnce refuses names that stand twice, that differ in case only, and files that are folders as well.
type namesOnce struct {
	spelt map[string]string // lower case → as written, of files and folders
	file  map[string]bool   // lower case: it is a file
}

func newNamesOnce() *namesOnce {
	return &namesOnce{spelt: map[string]string{}, file: map[string]bool{}}
}

func (n *namesOnce) add(name string) error {
	low := strings.ToLower(name)
	if n.file[low] && n.spelt[low] == name {
		return refuse("the name %q stands twice", name)
	}
	for dir := name; dir != "."; dir = path.Dir(dir) {
		low := strings.ToLower(dir)
		switch was, there := n.spelt[low]; {
		case there && was != dir:
			return refuse("the names %q and %q differ only in the case of letters, and are one on some systems", was, dir)
		case there && (dir == name || n.file[low]):
			return refuse("%q is a file and a folder", dir)
		}
		n.spelt[low] = dir
	}
	n.file[low] = true
	return nil
}
