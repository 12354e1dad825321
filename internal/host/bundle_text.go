package host

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// InitText says what `bundle init` did.
func (r *BundleReport) InitText() string {
	var b strings.Builder
	switch {
	case r.Unchanged:
		fmt.Fprintf(&b, "%s has all that the script was seen to need.\n", r.File)
	case r.DryRun:
		b.WriteString(r.Manifest)
	default:
		fmt.Fprintf(&b, "Wrote %s\n", r.File)
		for _, added := range r.Added {
			fmt.Fprintf(&b, "  + %s\n", added)
		}
		if strings.Contains(r.Manifest, unsaid) {
			b.WriteString("Next: say why at each TODO, then bridgehost bundle pack\n")
		}
	}
	return b.String()
}

// PackText says what `bundle pack` did.
func (r *BundleReport) PackText() string {
	verb := "Packed"
	switch {
	case r.Unchanged:
		verb = "Already packed:"
	case r.DryRun:
		verb = "Would pack"
	}
	lines, files := r.lua()
	return fmt.Sprintf("%s %s: %s %s, %d files, %s of Lua in %s, %s\nsha256 %s\n", verb, r.File, r.ID, r.Version, len(r.Files), counted(lines, "line"),
		counted(files, "file"), kilobytes(r.Bytes), r.SHA256)
}

// VerifyText says what was found right.
func (r *BundleReport) VerifyText() string {
	signed := notSigned
	if r.SignedBy != "" {
		signed = "signed by " + r.SignedBy
		if r.Publisher == r.SignedBy {
			signed += ", the publisher that it names"
		}
	}
	return fmt.Sprintf("%s is right: %s %s, %d files\n%s\nsha256 %s\n", r.File, r.ID, r.Version, len(r.Files), signed, r.SHA256)
}

// SignText says what was signed.
func (r *BundleReport) SignText() string {
	verb := "Signed"
	if r.DryRun {
		verb = "Would sign"
	}
	return fmt.Sprintf("%s %s as %s\nOthers check it with: bridgehost bundle verify %[2]s --publisher %[3]s\nor: minisign -Vm %[2]s -P %[3]s\n", verb, r.File, r.SignedBy)
}

// InspectText shows what a bundle is and wants.
func (r *BundleReport) InspectText() string {
	var b strings.Builder
	lines, files := r.lua()
	signature := r.Signature
	if r.SignedBy != "" {
		signature = "signed by " + r.SignedBy + ", whom it names as publisher"
	}
	fmt.Fprintf(&b, "%s %s · %s · %s of Lua in %s\n", r.Name, r.Version, r.ID, counted(lines, "line"), counted(files, "file"))
	if r.Summary != "" {
		b.WriteString(r.Summary + "\n")
	}
	fmt.Fprintf(&b, "%s\nsha256 %s\n", signature, r.SHA256)
	wants(&b, "It wants to", r.Permissions)
	wants(&b, "If you allow it", r.Optional)
	if len(r.Depends) > 0 {
		b.WriteString("\nIt needs\n")
		for _, id := range slices.Sorted(maps.Keys(r.Depends)) {
			fmt.Fprintf(&b, "  %s %s\n", id, r.Depends[id])
		}
	}
	b.WriteString("\nFiles\n")
	for _, f := range r.Files {
		fmt.Fprintf(&b, "  %8d  %s\n", f.Bytes, f.Name)
	}
	return b.String()
}

// wants lists permissions with their scope and reason.
func wants(b *strings.Builder, title string, permissions map[string]any) {
	if len(permissions) == 0 {
		return
	}
	wide := 0
	for name := range permissions {
		wide = max(wide, len(name))
	}
	fmt.Fprintf(b, "\n%s\n", title)
	for _, name := range slices.Sorted(maps.Keys(permissions)) {
		why, scope := permissions[name], ""
		if table, ok := why.(map[string]any); ok {
			why = table["why"]
			for _, key := range slices.Sorted(maps.Keys(table)) {
				if key != "why" {
					scope += fmt.Sprintf(" (%s: %s)", key, strings.Trim(fmt.Sprint(table[key]), "[]"))
				}
			}
		}
		fmt.Fprintf(b, "  %-*s  %v%s\n", wide, name, why, oneLine(scope))
	}
}

// oneLine leaves out what would break a line or change the terminal.
func oneLine(text string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return -1
		}
		return c
	}, text)
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func kilobytes(n int) string {
	if n < 10_000 {
		return fmt.Sprintf("%d bytes", n)
	}
	return fmt.Sprintf("%d KB", (n+500)/1000)
}
