package luatest

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"time"

	"bridgehost/diag"
	"bridgehost/engine"
	"bridgehost/luabind"
)

// Options are what is run.
type Options struct {
	Files   []string // specs
	Filter  string   // sentences whose name holds it; "": all
	Bridges Bridges
	Print   func(line string) // what specs print; nil: nothing
	Begun   func(file, name string)
	Ended   func(Sentence) // as they come; nil: nothing
	Cover   *Cover         // of the scripts under test; nil: nobody wants to know
	Update  bool           // t.snapshot writes what came out
	Updated func(file string)

	// Homes makes the homeserver of a script, in real time; nil: a simulated one in virtual time.
	Homes func(script string) (Home, error)
	// Observe is told what specs and the scripts under test call, Asked what is requested for that; nil: nobody is.
	Observe func(luabind.Observed)
	Asked   func(*luabind.Function, luabind.SpecRequest)
}

// Sentence is one that was tried.
type Sentence struct {
	File   string      `json:"file"`
	Name   string      `json:"name"` // with the descriptions around it
	Passed bool        `json:"passed"`
	Error  *diag.Error `json:"error,omitempty"`
	Text   string      `json:"text,omitempty"` // the error for reading, with what happened until then
	Took   Millis      `json:"took_ms"`        // of real time
	// SimulatedOnly is why it was not tried on a real homeserver.
	SimulatedOnly string `json:"simulated_only,omitempty"`
}

// Millis is a time that is written in milliseconds.
type Millis time.Duration

// MarshalJSON writes milliseconds with one fractional digit.
func (m Millis) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, "%.1f", float64(m)/float64(time.Millisecond)), nil
}

// File is what became of one spec.
type File struct {
	File      string     `json:"file"`
	Sentences []Sentence `json:"sentences"`
	Skipped   int        `json:"skipped,omitempty"` // by the filter
	Error     string     `json:"error,omitempty"`   // of the spec itself, for reading
	Took      Millis     `json:"took_ms"`
	Virtual   Millis     `json:"virtual_ms"` // how much virtual time passed
}

// Failed counts what did not hold.
func (f File) Failed() (n int) {
	for _, s := range f.Sentences {
		if !s.Passed {
			n++
		}
	}
	if f.Error != "" {
		n++
	}
	return n
}

// Run runs specs one after the other. The end of ctx is looked at before each sentence:
// what lives in virtual time cannot wait for it.
func Run(ctx context.Context, o Options) []File {
	release := engine.KeepWatch()
	defer release()
	var w world = virtual{new(calm)}
	if o.Homes != nil {
		w = real{o.Homes}
	}
	var all []File
	for _, file := range o.Files {
		if ctx.Err() != nil {
			break
		}
		f := File{File: file}
		began := time.Now()
		w.run(func() {
			from := time.Now()
			run(ctx.Err, o, w, &f)
			f.Virtual = Millis(time.Since(from))
		})
		f.Took = Millis(time.Since(began))
		all = append(all, f)
	}
	return all
}

// run runs one spec, within Virtual.
func run(ended func() error, o Options, w world, f *File) {
	src, err := engine.ReadSource(strings.TrimSuffix(filepath.Base(f.File), ".lua"), f.File)
	if err != nil {
		f.Error = err.Error()
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r := &runner{ctx: ctx, ended: ended, o: o, world: w, file: f, source: diag.Files(src.Files), snapshots: map[string]string{}}
	program, failed := engine.Compile(src.Name, src.Main, src.Files)
	if failed == nil {
		vm := engine.NewVM(engine.Config{Script: src.Name, Program: program, Computing: realTime, Print: o.Print, Args: []string{},
			Library: luabind.NewLibrary(&luabind.Script{Name: src.Name, Specs: r, Observe: o.Observe}),
		})
		failed = vm.Exec(ctx, &engine.Task{Label: "the spec"})
		vm.Close()
	}
	if failed != nil {
		f.Error = r.text(failed)
	} else if len(f.Sentences)+f.Skipped == 0 {
		f.Error = f.File + ": there is no t.it in it"
	}
}

// runner implements luabind.SpecRunner for one file.
type runner struct {
	ctx    context.Context // within Virtual
	ended  func() error
	o      Options
	world  world
	file   *File
	source diag.Files

	began  time.Time // real time
	net    *network
	loaded []*hosted
	faults faults

	snapshots map[string]string // by name, of the whole spec
}

// Begin implements luabind.SpecRunner.
func (r *runner) Begin(name, simulatedOnly string) bool {
	if r.ended() != nil || !strings.Contains(strings.ToLower(name), strings.ToLower(r.o.Filter)) {
		r.file.Skipped++
		return false
	}
	if r.o.Homes != nil && simulatedOnly != "" {
		s := Sentence{File: r.file.File, Name: name, Passed: true, SimulatedOnly: simulatedOnly}
		r.file.Sentences = append(r.file.Sentences, s)
		if r.o.Ended != nil {
			r.o.Ended(s)
		}
		return false
	}
	if r.o.Begun != nil {
		r.o.Begun(r.file.File, name)
	}
	r.began, r.net, r.loaded = realTime(), newNetwork(r.Settle), nil
	return true
}

// End implements luabind.SpecRunner.
func (r *runner) End(name string, failed *diag.Error) {
	if failed == nil {
		failed = r.net.web.trouble()
	}
	s := Sentence{File: r.file.File, Name: name, Passed: failed == nil, Error: failed}
	if failed != nil {
		s.Text = r.text(failed)
	}
	if err := r.settle(); err != nil && s.Passed {
		s.Passed, s.Text = false, err.Error()
	}
	for _, h := range r.loaded {
		if err := h.close(); err != nil && s.Passed {
			s.Passed, s.Text = false, "the host did not end well: "+err.Error()
		}
	}
	r.net.close()
	r.faults.clear()
	r.loaded = nil
	_ = r.settle() // there is no host any more
	s.Took = Millis(realTime().Sub(r.began))
	r.file.Sentences = append(r.file.Sentences, s)
	if r.o.Ended != nil {
		r.o.Ended(s)
	}
}

// text is an error for reading: where in the spec, and what happened until then.
func (r *runner) text(failed *diag.Error) string {
	text := diag.Render(failed, r.sources(), diag.Options{})
	if happened := storyOf(failed); happened != "" {
		text += "\n" + happened
	}
	return text
}

// sources are the spec and the scripts that it loaded.
func (r *runner) sources() diag.Files {
	all := diag.Files{}
	for _, h := range r.loaded {
		maps.Copy(all, h.bridge.Files())
	}
	maps.Copy(all, r.source)
	return all
}

// Load implements luabind.SpecRunner.
func (r *runner) Load(ctx context.Context, file string, o luabind.SpecLoad) (luabind.SpecHost, error) {
	if r.net == nil {
		return nil, &diag.Error{Kind: diag.KindUsage, Message: "t.load was called outside of a sentence", Hint: "put it into t.before_each or t.it"}
	}
	h, err := r.load(filepath.Join(filepath.Dir(r.file.File), filepath.FromSlash(file)), o)
	if h == nil {
		return nil, err
	}
	return h, err
}

// FakeTCP implements luabind.SpecRunner.
func (r *runner) FakeTCP(address string, o luabind.SpecTCP) (luabind.SpecServer, error) {
	if r.net == nil {
		return nil, &diag.Error{Kind: diag.KindUsage, Message: "t.fake_tcp was called outside of a sentence", Hint: "put it into t.before_each or t.it"}
	}
	if r.o.Homes != nil {
		return nil, &diag.Error{Kind: diag.KindUsage, Message: "there is no fake network beside a real homeserver"}
	}
	return r.net.server(address, o)
}

// Fault implements luabind.SpecRunner.
func (r *runner) Fault(f luabind.SpecFault) { r.faults.add(f) }

// Settle implements luabind.SpecRunner. What does not settle will be missing.
func (r *runner) Settle() { _ = r.settle() }

func (r *runner) settle() error { return r.world.settle(r.loaded) }

// Advance implements luabind.SpecRunner.
func (r *runner) Advance(d time.Duration) error {
	if err := r.settle(); err != nil {
		return err
	}
	if err := r.world.advance(d); err != nil {
		return err
	}
	for _, h := range r.loaded {
		h.wire.still.Store(0)
	}
	return r.settle()
}

var _ luabind.SpecRunner = (*runner)(nil)
