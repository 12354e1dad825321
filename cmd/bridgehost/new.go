package main

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"bridgehost/bundle"
	"bridgehost/diag"
	"bridgehost/internal/host"
)

// templates are what `new` makes folders of. Those of an example are copies of it; a test compares them.
//
//go:embed templates
var templates embed.FS

// templateNames lists them, the first one being the default.
var templateNames = []string{"echo", "irc", "webhook", "rss", "mqtt", "blank"}

// madeFile is one file of a new bridge.
type madeFile struct {
	Name string `json:"name"`
	Note string `json:"note,omitempty"`
	text string
}

func newNew(g *global) *cobra.Command {
	var template string
	var dry bool
	cmd := &cobra.Command{
		Use:   "new NAME",
		Short: "Make a bridge folder",
		Long: `Makes the folder NAME with a bridge that runs as it is: the script, its test, the manifest, and
what editors need. NAME becomes part of Matrix user ids: a-z, 0-9 and -.`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			files, err := fromTemplate(template, args[0])
			if err != nil {
				return usageError{err}
			}
			if err := makeFolder(args[0], files, dry); err != nil {
				return err
			}
			made := struct {
				Folder string     `json:"folder"`
				Files  []madeFile `json:"files"`
				DryRun bool       `json:"dry_run,omitempty"`
			}{args[0], files, dry}
			return g.print(cmd.OutOrStdout(), made, newText(args[0], files, dry))
		},
	}
	cmd.Flags().StringVar(&template, "template", templateNames[0], "`NAME` to begin with: "+strings.Join(templateNames, ", "))
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only say what would be made")
	return cmd
}

// fromTemplate makes the files of a new bridge.
func fromTemplate(template, name string) ([]madeFile, error) {
	if err := host.CheckName(name); err != nil {
		return nil, fmt.Errorf("%w\nTry, for example: bridgehost new my-bridge", err)
	}
	if strings.HasPrefix(name, "-") {
		return nil, fmt.Errorf("a bridge cannot be called %q: its name begins with a letter or digit", name)
	}
	if _, err := fs.Stat(templates, "templates/"+path.Base(template)); err != nil || template != path.Base(template) {
		hint := ""
		if near := diag.Suggest(template, templateNames); near != "" {
			hint = fmt.Sprintf("; did you mean %q?", near)
		}
		return nil, fmt.Errorf("there is no template %q%s There are: %s", template, hint, strings.Join(templateNames, ", "))
	}
	files := []madeFile{
		{Name: "script.lua", Note: "start here"}, {Name: "script_spec.lua", Note: "its test"},
		{Name: bundle.File, Note: "its name and what it may do"}, {Name: "README.md", Note: "what it is, for others"},
	}
	for i := range files {
		text, err := fs.ReadFile(templates, "templates/"+template+"/"+files[i].Name)
		if err != nil {
			return nil, err
		}
		files[i].text = renamed(string(text), template, name)
		files[i].Name = strings.Replace(files[i].Name, "script", name, 1)
	}
	files = append(files, madeFile{Name: ".luarc.json", Note: "completion and checks for VS Code, Neovim, Emacs …"})
	files[0].Note = fmt.Sprintf("%d lines; start here", strings.Count(files[0].text, "\n"))
	return files, nil
}

// renamed puts a bridge's own name in the place of its template's, where it is a name.
func renamed(text, template, name string) string {
	for _, form := range []string{"%s.lua", "%s_spec.lua", "_bh_%s", "org.example.%s", `name    = "%s"`, "# %s\n", "scripts.config.%s]", "/hook/%s/", "#%s:bh.test", `"%s is here."`} {
		old := regexp.MustCompile(`(^|[^a-z-])` + regexp.QuoteMeta(fmt.Sprintf(form, template)))
		text = old.ReplaceAllString(text, "${1}"+strings.ReplaceAll(fmt.Sprintf(form, name), "$", "$$"))
	}
	return text
}

// makeFolder writes the files into a new folder. One that holds something stays as it is.
func makeFolder(name string, files []madeFile, dry bool) error {
	entries, err := os.ReadDir(name)
	switch {
	case err == nil && len(entries) > 0:
		return fmt.Errorf("there is a folder %s already, and nothing in it was changed; choose another name, or run it: cd %s && bridgehost dev", name, name)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s is in the way: %w", name, err)
	case dry:
		return nil
	}
	if err := os.MkdirAll(name, 0o755); err != nil {
		return err
	}
	for _, f := range files {
		if f.text == "" {
			continue // WriteTypes makes it
		}
		if err := os.WriteFile(filepath.Join(name, f.Name), []byte(f.text), 0o644); err != nil {
			return err
		}
	}
	return host.WriteTypes(name)
}

func newText(name string, files []madeFile, dry bool) string {
	var b strings.Builder
	if dry {
		fmt.Fprintf(&b, "Would make %s/\n", name)
	} else {
		fmt.Fprintf(&b, "Made %s/\n", name)
	}
	wide := 14
	for _, f := range files {
		wide = max(wide, len(f.Name))
	}
	for _, f := range files {
		fmt.Fprintf(&b, "  %-*s  %s\n", wide, f.Name, f.Note)
	}
	if !dry {
		fmt.Fprintf(&b, "Next:  cd %s && bridgehost dev\n", name)
	}
	return b.String()
}
