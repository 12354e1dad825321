package host

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"bridgehost/matrix"
)

// report is what there is to tell before anything is done.
func (in *installer) report(p *plan) *InstallReport {
	m := p.main.b.Manifest
	r := &InstallReport{Name: p.name, ID: m.ID, Title: m.Name, Version: m.Version, Source: p.main.source, SHA256: p.main.b.SHA256,
		SignedBy: p.main.signedBy, FirstKey: p.main.firstKey, Wishes: p.wishes, Accept: []string{}, Optional: []string{},
		Talk: "https://matrix.to/#/" + string(matrix.NewUserID(in.cfg.Appservice.Prefix+p.name, in.cfg.Homeserver.Name))}
	if p.was != nil {
		r.Before = p.was.entry.Version
	}
	for _, w := range p.grown(false) {
		r.Accept = append(r.Accept, w.Grant)
	}
	for _, w := range p.grown(true) {
		r.Optional = append(r.Optional, w.Grant)
	}
	slices.Sort(r.Accept)
	r.Accept = slices.Compact(r.Accept)
	if len(p.libraries) > 0 {
		r.Libraries = map[string]string{}
	}
	for _, lib := range p.libraries {
		r.Libraries[lib.b.Manifest.ID] = lib.b.Manifest.Version
	}
	for _, key := range p.missing() {
		r.Missing = append(r.Missing, key.name)
	}
	return r
}

// prompt is what a person reads before deciding.
func (in *installer) prompt(p *plan) string {
	var b strings.Builder
	m := p.main.b.Manifest
	b.WriteString(m.Name + " " + m.Version)
	if p.was != nil {
		b.WriteString(", an update of " + p.was.entry.Version)
	}
	if len(m.Authors) > 0 {
		b.WriteString(" by " + strings.Join(m.Authors, ", "))
	}
	lines, files := report("", p.main.b, len(p.main.raw)).lua()
	fmt.Fprintf(&b, " · %s · %s of Lua in %s\n", p.main.bySigned(), counted(lines, "line"), counted(files, "file"))
	switch {
	case p.was != nil:
		b.WriteString("\n" + wishTable("It now also wants to", p.grown(false), in.Color))
	case len(p.grown(false)) > 0:
		b.WriteString("\n" + wishTable("It wants to", p.grown(false), in.Color))
	default:
		b.WriteString("\n  It wants nothing.\n")
	}
	b.WriteString("  " + cannot(p.wishes) + "\n")
	for _, lib := range p.libraries {
		asks := "no permissions"
		if n := len(lib.b.Manifest.Permissions); n > 0 {
			asks = counted(n, "permission") + ", listed above"
		}
		fmt.Fprintf(&b, "\n  also installs %s %s (%s)\n", lib.b.Manifest.ID, lib.b.Manifest.Version, asks)
	}
	return b.String() + "\n"
}

// bySigned says by whom the bundle is signed, and whether that key is known.
func (p *parcel) bySigned() string {
	switch {
	case p.signedBy == "":
		return "NOT SIGNED: nobody can tell from whom it is"
	case p.rotated != "":
		return fmt.Sprintf("signed %.12s… (a new key, named by the one that you know)", p.signedBy)
	case p.firstKey:
		return fmt.Sprintf("signed %.12s… (first time you see this key)", p.signedBy)
	}
	return fmt.Sprintf("signed %.12s… (the key of %s)", p.signedBy, p.knownFrom)
}

// wishTable lists wishes with their reasons.
func wishTable(title string, list []wish, color bool) string {
	wide := utf8.RuneCountInString(title)
	for _, w := range list {
		if n := utf8.RuneCountInString(w.Words); n <= 60 {
			wide = max(wide, n+2)
		}
	}
	var b strings.Builder
	pad := func(text string) string {
		return text + strings.Repeat(" ", max(wide-utf8.RuneCountInString(text), 0)+3)
	}
	fmt.Fprintf(&b, "  %sbecause\n", pad(title))
	for _, w := range list {
		why := oneLine(w.Why)
		if w.By != "" {
			why += " (" + w.By + ")"
		}
		line := pad("· "+oneLine(w.Words)) + why
		if color && w.dangerous() {
			line = "\x1b[31m" + line + "\x1b[0m"
		}
		b.WriteString("  " + line + "\n")
	}
	return b.String()
}

func wishText(list []wish) string {
	var b strings.Builder
	for _, w := range list {
		fmt.Fprintf(&b, "  %-28s %s\n", w.Grant, oneLine(w.Words))
	}
	return strings.TrimRight(b.String(), "\n")
}

// code is all the Lua of the bundle and its libraries.
func (p *plan) code() string {
	var b strings.Builder
	for _, one := range append([]*parcel{p.main}, p.libraries...) {
		for _, name := range slices.Sorted(maps.Keys(one.b.Files)) {
			if !strings.HasSuffix(name, ".lua") || isSpec(name) {
				continue
			}
			fmt.Fprintf(&b, "\n── %s: %s\n", one.b.Manifest.ID, name)
			for i, line := range strings.Split(strings.TrimRight(string(one.b.Files[name]), "\n"), "\n") {
				fmt.Fprintf(&b, "%5d  %s\n", i+1, plainLine(line))
			}
		}
	}
	return b.String() + "\n"
}

// plainLine is a line that changes nothing of the terminal.
func plainLine(text string) string {
	return oneLine(strings.ReplaceAll(strings.TrimRight(text, "\r"), "\t", "    "))
}

// Text says what became of it.
func (r *InstallReport) Text() string {
	what := fmt.Sprintf("%s %s", r.Name, r.Version)
	switch {
	case r.Unchanged:
		return what + " is installed already\n"
	case r.DryRun:
		return r.dryText()
	case r.Before != "":
		what = fmt.Sprintf("%s %s (was %s)", r.Name, r.Version, r.Before)
	}
	switch {
	case r.Later != "":
		return fmt.Sprintf("✓ installed %s; it does not run yet and is tried again:\n%s\n", what, strings.TrimRight(r.Later, "\n"))
	case !r.Running:
		return fmt.Sprintf("✓ installed %s; it runs when bridgehost does\n", what)
	}
	return fmt.Sprintf("✓ installed %s, generation %d running. Talk to it: %s\n", what, r.Generation, r.Talk)
}

func (r *InstallReport) dryText() string {
	signed := "not signed"
	if r.SignedBy != "" {
		signed = "signed by " + r.SignedBy
	}
	text := fmt.Sprintf("Would install %s: %s %s, %s\n", r.Name, r.ID, r.Version, signed)
	if len(r.Accept) > 0 {
		text += "  --accept " + shellWord(strings.Join(r.Accept, ",")) + "\n"
	}
	return text
}
