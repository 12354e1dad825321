package apidoc

import (
	"fmt"
	"slices"
	"strings"

	"bridgehost/diag"
	"bridgehost/luabind"
)

// Signature is how a function is called: intent:join_room(room_id, { max_retries = … }).
func Signature(f *luabind.Function) string {
	var args, opts []string
	for _, a := range f.Args {
		switch {
		case f.Table || a.Optional && !a.Middle:
			opts = append(opts, a.Name+" = …")
		case a.Middle:
			args = append(args, "["+a.Name+"]")
		default:
			args = append(args, a.Name)
		}
	}
	if len(opts) > 0 {
		args = append(args, "{ "+strings.Join(opts, ", ")+" }")
	}
	if f.Rest != nil {
		args = append(args, "…")
	}
	return f.FullName() + "(" + strings.Join(args, ", ") + ")"
}

// Function is the documentation of one function, in Markdown that reads well in a terminal too.
func Function(f *luabind.Function) string {
	var b strings.Builder
	fmt.Fprintf(&b, "    %s\n\n%s\n\n", Signature(f), f.Doc)
	args := slices.Clone(f.Args)
	if f.Rest != nil {
		args = append(args, f.Rest)
	}
	for _, a := range args {
		arg(&b, a, "")
	}
	if len(args) > 0 {
		b.WriteString("\n")
	}
	if r := returned(f, luabind.Groups()); len(r) > 0 {
		fmt.Fprintf(&b, "Returns `%s`. %s\n\n", strings.Join(r, ", "), f.Results)
	}
	b.WriteString(requests(f))
	if len(f.Errors) > 0 {
		fmt.Fprintf(&b, "Errors: `%s`.\n\n", strings.Join(f.Errors, "`, `"))
	}
	fmt.Fprintf(&b, "It %s. Permission: %s.\n", f.Waits, f.Permission())
	b.WriteString(reference(f))
	if f.Example != "" {
		fmt.Fprintf(&b, "\n```lua\n%s\n```\n", f.Example)
	}
	return b.String()
}

// referenceClasses are the classes of mautrix-python that groups follow.
var referenceClasses = map[string]string{"intent": "IntentAPI", "state_store": "StateStore"}

// reference is the function's name in mautrix-python.
func reference(f *luabind.Function) string {
	class := referenceClasses[f.Group.Name]
	switch {
	case class == "":
		return ""
	case f.Ours:
		return fmt.Sprintf("\nmautrix-python: `%s` has nothing like it.\n", class)
	}
	return fmt.Sprintf("\nmautrix-python: `%s.%s`.\n", class, f.Name)
}

// requests says what a function asks of the homeserver.
func requests(f *luabind.Function) string {
	first := make([]string, len(f.First))
	for i, what := range f.First {
		first[i] = fmt.Sprintf("%s (`%s`)", what, strings.Join(luabind.FirstRequests[what], "`, `"))
	}
	text := ""
	if len(first) > 0 {
		text = "First, unless the state store knows it already, it " + strings.Join(first, " and ") + ".\n\n"
	}
	if len(f.Requests) > 0 {
		text += fmt.Sprintf("Requests: `%s`.\n\n", strings.Join(f.Requests, "`, `"))
	}
	return text
}

func arg(b *strings.Builder, a *luabind.Arg, indent string) {
	how := a.Type
	if a.Optional {
		how += ", optional"
	}
	if a.Default != "" {
		how += ", default " + a.Default
	}
	fmt.Fprintf(b, "%s- `%s` (%s): %s\n", indent, a.Name, how, oneLine(a.Doc))
	for _, f := range a.Fields {
		arg(b, f, indent+"  ")
	}
}

// Group is the page of a module or class.
func Group(g *luabind.Group) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s\n", g.Name, g.Doc)
	if len(g.Fields) > 0 {
		b.WriteString("\n")
	}
	for _, f := range g.Fields {
		fmt.Fprintf(&b, "- `%s` (%s): %s\n", f.Name, f.Type, oneLine(f.Doc))
	}
	for _, f := range g.Functions {
		fmt.Fprintf(&b, "\n## %s\n\n%s", f.FullName(), Function(f))
	}
	return b.String()
}

// Reference is the Markdown manual: file name → text.
func Reference(groups []*luabind.Group) map[string]string {
	files := map[string]string{}
	var index strings.Builder
	index.WriteString("# The Lua API\n\nGenerated from the declarations by `go generate ./...`; do not edit.\n\n")
	for _, g := range groups {
		file := strings.ReplaceAll(g.Name, " ", "_") + ".md"
		files[file] = Group(g)
		fmt.Fprintf(&index, "- [%s](%s): %s\n", g.Name, file, oneLine(g.Doc))
	}
	files["README.md"] = index.String()
	return files
}

// Find is the documentation of a function, class or module, or all names when name is "".
func Find(name string) (string, error) {
	var known []string
	var list strings.Builder
	for _, g := range luabind.Groups() {
		if g.Name == name {
			return Group(g), nil
		}
		known = append(known, g.Name)
		fmt.Fprintf(&list, "%-14s %s\n", g.Name, oneLine(g.Doc))
		for _, f := range g.Functions {
			if name != "" && (f.FullName() == name || strings.ReplaceAll(f.FullName(), ":", ".") == name) {
				return Function(f), nil
			}
			known = append(known, f.FullName())
		}
	}
	if name == "" {
		return list.String(), nil
	}
	hint := ""
	if near := diag.Suggest(name, known); near != "" {
		hint = fmt.Sprintf("; did you mean %s?", near)
	}
	return "", fmt.Errorf("nothing in the Lua API is called %q%s\nSee all modules: bridgehost docs", name, hint)
}
