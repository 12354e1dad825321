package host

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/yuin/gopher-lua/ast"

	"bridgehost/bundle"
	"bridgehost/capability"
)

// unsaid begins the reasons that init writes; they are to be replaced before packing.
const unsaid = "TODO: say why"

// draft is a manifest that is written or completed.
type draft struct {
	text    string
	added   []string // what is new: "[permissions] kv"
	unclear []string
}

// draftManifest completes a manifest from what a script's source says; "" begins a new one.
func draftManifest(text, name, main string, s *scanned) (*draft, error) {
	d := &draft{text: text, unclear: slices.Clone(s.unclear)}
	if text == "" {
		d.text = fmt.Sprintf(`#:schema %s
id      = %s   # a domain of yours backwards, and the name; never changed later
name    = %s
version = "0.1.0"
summary = ""
main    = %s
api     = %d
# publisher = "…"   your public key: bridgehost bundle keygen
`, bundle.SchemaURL, quoted("org.example."+name), quoted(name), quoted(main), bundle.API)
		d.added = append(d.added, "id, name, version, main, api")
	}
	m, err := bundle.Parse(d.text)
	if err != nil {
		return nil, err
	}
	d.permissions(m, s)
	if err := d.config(m, s); err != nil {
		return nil, err
	}
	_, err = bundle.Parse(d.text)
	return d, err
}

// permissions adds those that the script's calls need and the manifest does not have.
func (d *draft) permissions(m *bundle.Manifest, s *scanned) {
	var lines []string
	all := maps.Clone(s.uses)
	for name := range s.seen {
		if _, scanned := all[name]; !scanned {
			all[name] = use{"seen", "dev"}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if m.Permissions[name] != nil || m.Optional[name] != nil {
			d.unasked(m, name, s.seen[name])
			continue
		}
		u := all[name]
		lines = append(lines, capability.Line(name, fmt.Sprintf("%s (%s in %s)", unsaid, u.function, u.where), s.scopes(name)...))
		d.added = append(d.added, fmt.Sprintf("%s (%s in %s)", name, u.function, u.where))
	}
	if len(lines) > 0 {
		start, end := section(d.text, "permissions")
		if start < 0 {
			d.text += "\n[permissions]                # what it may do, and why; people read this before they install it\n" + strings.Join(lines, "\n") + "\n"
			return
		}
		d.text = strings.TrimRight(d.text[:end], "\n") + "\n" + strings.Join(lines, "\n") + "\n" + spaced(d.text[end:])
	}
}

// scopes are where a script goes, as far as that is known; of events every type, unless the
// source does not tell what it does with them.
func (s *scanned) scopes(name string) []string {
	var list []string
	if name == capability.NetConnect.Name() {
		list = slices.Clone(s.hosts)
	}
	if _, inSource := s.uses[name]; inSource && capability.ScopeKey(name) == "types" {
		return nil
	}
	for _, scope := range s.seen[name] {
		if !slices.Contains(list, scope) {
			list = append(list, scope)
		}
	}
	return list
}

// unasked notes what a script was seen to use beyond what its manifest asks for.
func (d *draft) unasked(m *bundle.Manifest, name string, seen []string) {
	asked := append(m.Asked(), m.AskedOptional()...)
	if slices.Contains(asked, name) {
		return
	}
	for _, scope := range seen {
		if !asksFor(m, name+" "+scope, nil) {
			d.unclear = append(d.unclear, fmt.Sprintf("it was seen to use %s %s, which %s does not ask for", name, scope, bundle.File))
		}
	}
}

// config writes [config] as bridge.config has it, unless it says the same already.
func (d *draft) config(m *bundle.Manifest, s *scanned) error {
	if s.config == nil {
		return nil
	}
	lines, unclear := configLines(s)
	d.unclear = append(d.unclear, unclear...)
	body := strings.Join(lines, "\n") + "\n"
	var has map[string]any
	if _, err := toml.Decode(body, &has); err != nil {
		return fmt.Errorf("%s: the schema of bridge.config cannot be written as TOML: %w", s.where, err)
	}
	if len(has) == len(m.Config) && (len(has) == 0 || reflect.DeepEqual(has, m.Config)) {
		return nil
	}
	head := fmt.Sprintf("[config]                     # as bridge.config in %s declares it\n", s.file())
	start, end := section(d.text, "config")
	if start < 0 {
		d.text += "\n" + head + body
	} else {
		d.text = d.text[:start] + head + body + spaced(d.text[end:])
	}
	d.added = append(d.added, fmt.Sprintf("[config] as %s declares it", s.where))
	return nil
}

// section is where a table of a manifest begins and ends, -1 when there is none.
func section(text, table string) (start, end int) {
	at := regexp.MustCompile(`(?m)^[ \t]*\[` + regexp.QuoteMeta(table) + `\].*\n?`).FindStringIndex(text)
	if at == nil {
		return -1, -1
	}
	if next := regexp.MustCompile(`(?m)^[ \t]*\[`).FindStringIndex(text[at[1]:]); next != nil {
		return at[0], at[1] + next[0]
	}
	return at[0], len(text)
}

// spaced is what stands behind a table, an empty line before it.
func spaced(rest string) string {
	if rest == "" {
		return ""
	}
	return "\n" + rest
}

// configLines are the keys of a schema that is written out, in the script's order.
func configLines(s *scanned) (lines, unclear []string) {
	for _, f := range s.config.Fields {
		key, isName := f.Key.(*ast.StringExpr)
		schema, isTable := f.Value.(*ast.TableExpr)
		if !isName || !isTable {
			unclear = append(unclear, s.where+": a key of bridge.config is not written out")
			continue
		}
		var fields []string
		for _, field := range schema.Fields {
			name, isName := field.Key.(*ast.StringExpr)
			if !isName {
				unclear = append(unclear, fmt.Sprintf("%s: the schema of '%s' is not written out", s.where, key.Value))
				continue
			}
			value, ok := asTOML(field.Value)
			if !ok {
				unclear = append(unclear, fmt.Sprintf("%s:%d: '%s' of '%s' is computed, and left out", s.file(), field.Value.Line(), name.Value, key.Value))
				continue
			}
			fields = append(fields, bare(name.Value)+" = "+value)
		}
		lines = append(lines, fmt.Sprintf("%s = { %s }", bare(key.Value), strings.Join(fields, ", ")))
	}
	return lines, unclear
}

// asTOML writes a constant of Lua as TOML.
func asTOML(e ast.Expr) (string, bool) {
	switch x := e.(type) {
	case *ast.StringExpr:
		return quoted(x.Value), true
	case *ast.TrueExpr:
		return "true", true
	case *ast.FalseExpr:
		return "false", true
	case *ast.NumberExpr:
		return luaNumber(x.Value)
	case *ast.UnaryMinusOpExpr:
		n, ok := asTOML(x.Expr)
		return "-" + n, ok && n != "" && n[0] >= '0' && n[0] <= '9'
	case *ast.TableExpr:
		return tableAsTOML(x)
	}
	return "", false
}

func tableAsTOML(t *ast.TableExpr) (string, bool) {
	var list, named []string
	for _, f := range t.Fields {
		v, ok := asTOML(f.Value)
		if !ok {
			return "", false
		}
		key, isName := f.Key.(*ast.StringExpr)
		switch {
		case f.Key == nil:
			list = append(list, v)
		case isName:
			named = append(named, bare(key.Value)+" = "+v)
		default:
			return "", false
		}
	}
	if len(named) > 0 {
		return "{ " + strings.Join(named, ", ") + " }", len(list) == 0
	}
	return "[" + strings.Join(list, ", ") + "]", true
}

// luaNumber writes a number of Lua (10, 0x1F, 1e3, .5) as TOML.
func luaNumber(text string) (string, bool) {
	if n, err := strconv.ParseInt(text, 0, 64); err == nil && (len(text) < 2 || text[0] != '0' || text[1] == 'x' || text[1] == 'X') {
		return strconv.FormatInt(n, 10), true
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return "", false
	}
	if n == float64(int64(n)) {
		return strconv.FormatInt(int64(n), 10), true
	}
	return strconv.FormatFloat(n, 'f', -1, 64), true
}

var bareKey = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

func bare(key string) string {
	if bareKey.MatchString(key) {
		return key
	}
	return quoted(key)
}

// quoted is a string as TOML has it; its escapes are those of JSON.
func quoted(text string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(text); err != nil {
		return `""`
	}
	return strings.TrimSuffix(b.String(), "\n")
}
