package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/jonboulle/clockwork"

	"bridgehost/engine"
	"bridgehost/luatest"
)

// TestOptions are what the command line says of a run of specs.
type TestOptions struct {
	Args  []string // specs and folders; what is none of these is part of a sentence
	Out   io.Writer
	Log   hclog.Logger
	Watch bool // run again when a file changes, until ctx ends
	Poll  bool
	// Limit is how long one sentence may take, in real time; a minute when 0.
	Limit time.Duration
	// Cover counts the lines of scripts that run; CoverOut is a file for lcov, "" for none.
	Cover    bool
	CoverOut string
	JUnit    string // a file for CI systems, "" for none
	Update   bool   // t.snapshot writes what came out
	// JSON gets the result in place of the text, once for each run.
	JSON func(TestResult) error
}

// TestResult is what became of all specs.
type TestResult struct {
	OK       bool           `json:"ok"`
	Passed   int            `json:"passed"`
	Failed   int            `json:"failed"`
	Files    []luatest.File `json:"files"`
	Updated  []string       `json:"updated,omitempty"` // files of snapshots
	Coverage *TestCoverage  `json:"coverage,omitempty"`
}

// add counts a spec.
func (r *TestResult) add(f luatest.File) {
	r.Files = append(r.Files, f)
	r.Failed += f.Failed()
	for _, s := range f.Sentences {
		r.Passed += btoi(s.Passed)
	}
}

// text is what stands below the specs.
func (r *TestResult) text() string {
	var b strings.Builder
	for _, file := range r.Updated {
		fmt.Fprintf(&b, "wrote %s\n", file)
	}
	if len(r.Files) > 1 {
		fmt.Fprintf(&b, "%d passed, %d failed in %d files\n", r.Passed, r.Failed, len(r.Files))
	}
	if r.Coverage != nil {
		b.WriteString(r.Coverage.String())
	}
	return b.String()
}

// Test runs specs. Its error wraps ErrShown when some failed.
func Test(ctx context.Context, o TestOptions) error {
	if o.Limit == 0 {
		o.Limit = time.Minute
	}
	if !o.Watch {
		return test(ctx, o)
	}
	paths, _, err := specPaths(o.Args)
	if err != nil {
		return err
	}
	changed := make(chan struct{}, 1)
	for _, p := range paths {
		if info, err := os.Stat(p); err == nil && !info.IsDir() {
			p = filepath.Dir(p)
		}
		w, err := engine.Watch(p, o.Poll, clockwork.NewRealClock(), o.Log, func() {
			select {
			case changed <- struct{}{}:
			default:
			}
		})
		if err != nil {
			return err
		}
		defer w.Close()
	}
	for {
		if err := test(ctx, o); err != nil && !errors.Is(err, ErrShown) {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// specPaths splits arguments into paths and a part of a sentence.
func specPaths(args []string) (paths []string, filter string, err error) {
	for _, a := range args {
		if _, err := os.Stat(a); err == nil {
			paths = append(paths, a)
		} else if filter == "" && !strings.HasSuffix(a, ".lua") {
			filter = a
		} else {
			return nil, "", fmt.Errorf("there is no spec at %s", a)
		}
	}
	if len(paths) == 0 {
		paths = []string{"."}
	}
	return paths, filter, nil
}

// specFiles are the specs that are meant, and a part of a sentence.
func specFiles(args []string) (files []string, filter string, err error) {
	paths, filter, err := specPaths(args)
	if err != nil {
		return nil, "", err
	}
	for _, p := range paths {
		found, err := FindSpecs(p)
		if err != nil {
			return nil, "", err
		}
		files = append(files, found...)
	}
	if len(files) == 0 {
		return nil, "", fmt.Errorf("there is no spec in %s: a file that ends in _spec.lua is expected", strings.Join(paths, ", "))
	}
	return files, filter, nil
}

func test(ctx context.Context, o TestOptions) error {
	files, filter, err := specFiles(o.Args)
	if err != nil {
		return err
	}
	var r TestResult
	lo := luatest.Options{Files: files, Filter: filter, Bridges: SpecBridges(o.Log), Update: o.Update,
		Updated: func(file string) { r.Updated = append(r.Updated, file) }}
	if o.Cover || o.CoverOut != "" {
		lo.Cover = luatest.NewCover()
	}
	err = runSpecs(ctx, o, lo, func(f luatest.File) {
		if filter != "" && len(f.Sentences) == 0 && f.Error == "" {
			return
		}
		r.add(f)
		if o.JSON == nil {
			fmt.Fprint(o.Out, specText(f))
		}
	})
	if err != nil {
		return err
	}
	if len(r.Files) == 0 && filter != "" {
		return fmt.Errorf("no sentence holds %q", filter)
	}
	r.OK = r.Failed == 0
	if lo.Cover != nil {
		r.Coverage = newCoverage(lo.Cover.Files())
	}
	if err := r.tell(o); err != nil {
		return err
	}
	if !r.OK {
		return fmt.Errorf("%w: %w", ErrShown, &scriptError{text: fmt.Sprintf("%d failed", r.Failed)})
	}
	return nil
}

// tell writes the result wherever it is wanted.
func (r *TestResult) tell(o TestOptions) error {
	if o.JUnit != "" {
		if err := writeJUnit(o.JUnit, r.Files); err != nil {
			return err
		}
	}
	if o.CoverOut != "" {
		if err := r.Coverage.writeLCOV(o.CoverOut); err != nil {
			return err
		}
	}
	if o.JSON != nil {
		return o.JSON(*r)
	}
	_, err := io.WriteString(o.Out, r.text())
	return err
}

// runSpecs runs specs beside this goroutine, which watches that each sentence ends. One
// that does not, goes on: virtual time has no way to be ended from outside.
func runSpecs(ctx context.Context, o TestOptions, lo luatest.Options, each func(luatest.File)) error {
	type sentence struct{ file, name string }
	var now atomic.Pointer[sentence]
	lo.Print = func(line string) { fmt.Fprintln(o.Out, line) }
	if o.JSON != nil {
		lo.Print = nil
	}
	lo.Begun = func(file, name string) { now.Store(&sentence{file: file, name: name}) }
	done := make(chan luatest.File)
	go func() {
		defer close(done)
		for _, file := range lo.Files {
			one := lo
			one.Files = []string{file}
			for _, f := range luatest.Run(ctx, one) {
				done <- f
			}
			now.Store(nil)
		}
	}()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	var watched *sentence
	var since time.Time
	for {
		select {
		case f, ok := <-done:
			if !ok {
				return nil
			}
			each(f)
		case <-ticker.C:
			if s := now.Load(); s != watched {
				watched, since = s, time.Now()
			} else if s != nil && time.Since(since) > o.Limit {
				return &scriptError{text: fmt.Sprintf("%s: %q did not end in %s. Something goes on for ever without time passing: a loop around bridge.sleep(0), or scripts that answer each other", s.file, s.name, o.Limit)}
			}
		}
	}
}

// specText is what became of one spec, for reading.
func specText(f luatest.File) string {
	var b strings.Builder
	failed := f.Failed()
	fmt.Fprintf(&b, "%s  %d passed", f.File, len(f.Sentences)-failed+btoi(f.Error != ""))
	if failed > 0 {
		fmt.Fprintf(&b, ", %d failed", failed)
	}
	fmt.Fprintf(&b, " in %s (virtual time %s)\n", round(time.Duration(f.Took)), round(time.Duration(f.Virtual)))
	for _, s := range f.Sentences {
		if !s.Passed {
			fmt.Fprintf(&b, "\nFAILED  %s\n%s\n", s.Name, strings.TrimRight(s.Text, "\n"))
		}
	}
	if f.Error != "" {
		fmt.Fprintf(&b, "\n%s\n", strings.TrimRight(f.Error, "\n"))
	}
	if failed > 0 {
		b.WriteString("\n")
	}
	return b.String()
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// round is a time with the precision that a reader wants.
func round(d time.Duration) string {
	switch {
	case d >= time.Minute && d%time.Minute == 0 && d < time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d >= time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d >= time.Millisecond || d == 0:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return d.Round(time.Microsecond).String()
}
