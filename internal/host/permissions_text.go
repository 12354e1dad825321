package host

import (
	"fmt"
	"strings"
)

// Text is what `permissions` prints.
func (p *Permissions) Text() string {
	var b strings.Builder
	for _, c := range p.Changed {
		verb := map[byte]string{'+': "granted", '-': "taken back"}[c[0]]
		if p.DryRun {
			verb = "would be " + verb
		}
		fmt.Fprintf(&b, "%s: %s\n", verb, c[1:])
	}
	if len(p.Changed) > 0 {
		switch {
		case p.DryRun:
		case p.Running:
			b.WriteString("the running bridgehost goes by it from now on\n")
		default:
			b.WriteString("it counts when bridgehost runs\n")
		}
		return b.String()
	}
	if p.Own {
		fmt.Fprintf(&b, "%s is your own script: it may do everything\n", p.Script)
		if len(p.Observed) > 0 {
			fmt.Fprintf(&b, "it has used\n%s", listed(p.Observed))
		}
	} else {
		fmt.Fprintf(&b, "%s: %s %s\n", p.Script, p.ID, p.Version)
		p.section(&b, "granted", p.Granted)
		p.section(&b, "asked for, not granted", p.Missing)
		p.section(&b, "optional, not granted", p.Optional)
	}
	if len(p.Refused) > 0 {
		b.WriteString("refused lately\n")
		for _, r := range p.Refused {
			fmt.Fprintf(&b, "  %-40s %s, last %s\n", r.Grant, times(r.Times), r.Last.Local().Format("2 Jan 15:04"))
		}
	}
	if len(p.Optional)+len(p.Missing)+len(p.Refused) > 0 && !p.Own {
		fmt.Fprintf(&b, "grant one: bridgehost permissions %s --grant '…'\n", p.Script)
	}
	return b.String()
}

func (p *Permissions) section(b *strings.Builder, title string, list []Permission) {
	if len(list) == 0 {
		return
	}
	b.WriteString(title + "\n")
	for _, g := range list {
		b.WriteString(strings.TrimRight(fmt.Sprintf("  %-40s %s", g.Grant, g.Why), " ") + "\n")
	}
}

func listed(lines []string) string {
	return "  " + strings.Join(lines, "\n  ") + "\n"
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// ObservedText is what `permissions --observed` prints: a block to paste into bridge.toml.
func (p *Permissions) ObservedText() string {
	if len(p.Observed) == 0 {
		return fmt.Sprintf("# %s has used nothing that needs a permission, as far as it was seen running\n", p.Script)
	}
	return p.Manifest
}
