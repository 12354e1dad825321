package host

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"bridgehost/bundle"
)

// wants lists what the bundle and its libraries ask for, and what of it was granted before.
func (in *installer) wants(p *plan) error {
	m := p.main.b.Manifest
	p.wishes = in.cfg.wishes(m, p.name, false)
	for _, lib := range p.libraries {
		for _, w := range in.cfg.wishes(lib.b.Manifest, p.name, false) {
			w.By = lib.b.Manifest.ID
			p.wishes = append(p.wishes, w)
		}
	}
	p.wishes = append(p.wishes, in.cfg.wishes(m, p.name, true)...)
	p.granted = m.Asked()
	if p.was == nil {
		return nil
	}
	before, err := in.cfg.shelf().open(p.was.entry)
	if err != nil {
		return err
	}
	had := map[string]bool{}
	for _, g := range slices.Concat(before.Manifest.Asked(), before.Manifest.AskedOptional(), p.was.entry.Granted) {
		had[g] = true
	}
	for _, lib := range p.was.libraries {
		for _, g := range lib.Granted {
			had[g] = true
		}
	}
	p.granted = nil
	for _, g := range slices.Concat(m.Asked(), m.AskedOptional()) {
		if slices.Contains(p.was.entry.Granted, g) || !had[g] && slices.Contains(m.Asked(), g) { // what was revoked stays so
			p.granted = append(p.granted, g)
		}
	}
	for i := range p.wishes {
		p.wishes[i].New = !had[p.wishes[i].Grant]
	}
	slices.SortStableFunc(p.wishes, func(a, b wish) int { return order(a) - order(b) })
	return nil
}

func order(w wish) int {
	switch {
	case w.Optional:
		return 2
	case w.New:
		return 0
	}
	return 1
}

// grown lists what an update asks for and its forerunner did not; of a first install, all.
func (p *plan) grown(optional bool) (list []wish) {
	for _, w := range p.wishes {
		if w.Optional == optional && (p.was == nil || w.New) {
			list = append(list, w)
		}
	}
	return list
}

// agree asks whether the bundle may do what it wants. Without a person, --accept has to say it all.
func (in *installer) agree(p *plan, r *InstallReport) error {
	needed, optional := p.grown(false), p.grown(true)
	switch {
	case in.Accepted:
		return in.accepted(p, needed, optional)
	case p.was != nil && len(needed) == 0:
		return nil // it wants no more than before
	case in.Talk == nil:
		what := "installs it"
		if p.was != nil {
			what = "updates it"
		}
		return &bundle.Refused{File: p.main.b.Manifest.FileName(), Reason: fmt.Sprintf("nobody is there to be asked, so nothing is granted. It wants:\n%s\nThis %s: bridgehost %s --accept %s",
			wishText(p.grown(false)), what, in.command(p), shellWord(strings.Join(r.Accept, ",")))}
	}
	return in.askPerson(p, needed, optional)
}

// command is what the person wrote, for a hint.
func (in *installer) command(p *plan) string {
	if in.Ref == "" {
		return "update " + p.name
	}
	return "install " + shellWord(in.Ref)
}

func shellWord(text string) string {
	if text != "" && !strings.ContainsAny(text, " \t\"'$&;|<>*?()[]{}#~\\`") {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// accepted compares --accept with what is asked for: all of that, and nothing but it and what is optional.
func (in *installer) accepted(p *plan, needed, optional []wish) error {
	said, must, may := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, w := range needed {
		must[w.Grant] = true
	}
	for _, w := range optional {
		may[w.Grant] = true
	}
	for _, text := range in.Accept {
		if must[text] || may[text] {
			said[text] = true
			continue
		}
		for one := range strings.SplitSeq(text, ",") {
			if one = strings.TrimSpace(one); one != "" {
				said[one] = true
			}
		}
	}
	var wrong []string
	for _, g := range slices.Sorted(maps.Keys(must)) {
		if !said[g] {
			wrong = append(wrong, "it also wants "+g)
		}
	}
	for _, g := range slices.Sorted(maps.Keys(said)) {
		if !must[g] && !may[g] {
			wrong = append(wrong, "it does not ask for "+g)
		}
	}
	if len(wrong) > 0 {
		return &bundle.Refused{File: p.main.b.Manifest.FileName(), Reason: "--accept is not the list of what it asks for: " + strings.Join(wrong, ", ")}
	}
	for g := range may {
		if said[g] {
			p.granted = append(p.granted, g)
		}
	}
	return nil
}

// askPerson shows what the bundle wants, and asks.
func (in *installer) askPerson(p *plan, needed, optional []wish) error {
	fmt.Fprint(in.Talk.Ask, in.prompt(p))
	question := "Install? [y/N/v view code] "
	if p.was != nil {
		question = "Update? [y/N/v view code] "
	}
	for {
		answer, err := in.Talk.Line(question)
		if err != nil {
			return err
		}
		switch strings.ToLower(strings.TrimSpace(answer)) {
		case "y", "yes":
			return in.askOptional(p, optional)
		case "v":
			fmt.Fprint(in.Talk.Ask, p.code())
		default:
			return &bundle.Refused{File: p.main.b.Manifest.FileName(), Reason: "you said no; nothing was changed"}
		}
	}
}

func (in *installer) askOptional(p *plan, optional []wish) error {
	for _, w := range optional {
		answer, err := in.Talk.Line(fmt.Sprintf("May it also %s (%s)? [y/N] ", w.Words, w.Why))
		if err != nil {
			return err
		}
		if a := strings.ToLower(strings.TrimSpace(answer)); a == "y" || a == "yes" {
			p.granted = append(p.granted, w.Grant)
		}
	}
	return nil
}
