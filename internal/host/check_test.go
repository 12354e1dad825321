package host

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bridgehost/bundle"
	"bridgehost/diag"
)

// TestExplanationsOfTheManifest: each wrong example gives its code, each right one nothing.
func TestExplanationsOfTheManifest(t *testing.T) {
	files := map[string]string{"main.lua": ""}
	for _, e := range diag.Explanations() {
		if !strings.HasPrefix(e.Code, "E03") {
			continue
		}
		if _, err := readManifest(e.Bad, files); err == nil || manifestFinding(err).Code != e.Code {
			t.Errorf("%s: its wrong example gives %v", e.Code, err)
		}
		if _, err := readManifest(e.Good, files); err != nil {
			t.Errorf("%s: its right example gives %v", e.Code, err)
		}
	}
}

func TestMistakesOfAManifestHaveTheirCodes(t *testing.T) {
	good, _ := diag.Explain("E0301")
	for add, want := range map[string]string{
		"[limits]\nmemory = \"much\"":                             bundle.CodeValue,
		"[limits]\nmemry = 1":                                     bundle.CodeUnknown,
		"[config]\na = { of = \"string\" }":                       bundle.CodeMissing,
		"[optional-permissions]\n\"kv\" = \" \"":                  bundle.CodeMissing,
		"[optional-permissions]\n\"matrix:send\" = \"it stands\"": bundle.CodeValue,
		"[[": bundle.CodeSyntax,
	} {
		_, err := readManifest(good.Good+"\n"+add, map[string]string{"main.lua": ""})
		if err == nil || manifestFinding(err).Code != want {
			t.Errorf("%s: %v, want %s", add, err, want)
		}
	}
}

// TestExamplesCheckClean: what we show has no mistakes that we would tell others of.
func TestExamplesCheckClean(t *testing.T) {
	folders, err := filepath.Glob("../../scripts/examples/*/" + bundle.File)
	if err != nil || len(folders) < 3 {
		t.Fatal(folders, err)
	}
	for _, manifest := range folders {
		c, err := CheckFiles(filepath.Dir(manifest))
		if err != nil || len(c.Found) > 0 || c.Files < 3 {
			t.Errorf("%s: %v\n%s", manifest, err, diag.Findings(c.Found))
		}
	}
}

// TestChecksFindWhatRunningFinds goes over the mistakes that the diagnostics' tests run: what a
// check says of one is a mistake, and it finds at least those that it found before.
func TestChecksFindWhatRunningFinds(t *testing.T) {
	mistakes, err := filepath.Glob("../../spec/diagnostics/testdata/mistakes/*.lua")
	if err != nil {
		t.Fatal(err)
	}
	atRunTime := []string{"17", "30", "31", "32", "33", "34", "36", "37", "38", "39", "40", "44", "45", "46", "47", "51", "52", "53", "54", "55", "56", "57"}
	for _, path := range mistakes {
		number, _, _ := strings.Cut(filepath.Base(path), "-")
		dir := t.TempDir()
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, "mistake.lua")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := CheckFiles(file)
		if err != nil {
			t.Fatal(err)
		}
		if found := !c.OK; found == slices.Contains(atRunTime, number) {
			t.Errorf("%s: found %v\n%s", path, found, diag.Findings(c.Found))
		}
	}
}
