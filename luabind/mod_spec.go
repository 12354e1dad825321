package luabind

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/capability"
	"bridgehost/delivery"
	"bridgehost/diag"
	"bridgehost/engine"
)

// noPowerSpec is why nothing here needs a capability.
const noPowerSpec = "works on a simulated homeserver"

var specModule = module("bridge.test", "Specs of scripts: what a script has to do, tried on a simulated homeserver in virtual time. "+
	"Only in files called *_spec.lua, under `bridgehost test`.")

// specs is what bridge.test of one VM keeps.
type specs struct {
	open    *suite // the one that is being described
	running bool   // a sentence is
	loaded  []SpecHost
}

// within is what a sentence inside of a sentence is told: each has a world of its own.
func within(name string) error {
	return usage("t.%s cannot stand inside of a sentence", name)
}

// suite is one t.describe.
type suite struct {
	name          string
	outer         *suite
	before, after []*lua.LFunction
	parts         []specPart
}

// specPart is a sentence or a suite within a suite.
type specPart struct {
	name  string
	only  string // why it makes sense on a simulated homeserver only
	fn    *lua.LFunction
	inner *suite
}

func (s *suite) title(name string) string {
	if s == nil {
		return name
	}
	return s.outer.title(s.name) + " " + name
}

// hooks are those before a sentence, outermost first, and those after it, innermost first.
func (s *suite) hooks() (before, after []*lua.LFunction) {
	for ; s != nil; s = s.outer {
		before = append(append([]*lua.LFunction{}, s.before...), before...)
		after = append(after, s.after...)
	}
	return before, after
}

type nameAndFunction struct {
	Name string         `lua:"name" doc:"a few words"`
	Fn   *lua.LFunction `lua:"fn" doc:"the function"`
}

var _ = fn(specModule, "describe", capability.None(noPowerSpec), waitsInside,
	"Says what the sentences in the function are about. Descriptions may stand within each other; the sentences run when the outermost is read.",
	func(c *Call, a *nameAndFunction) (none, error) {
		if c.specs.running {
			return none{}, within("describe")
		}
		s := &suite{name: a.Name, outer: c.specs.open}
		if s.outer != nil {
			s.outer.parts = append(s.outer.parts, specPart{inner: s})
		}
		c.specs.open = s
		func() {
			defer func() { c.specs.open = s.outer }()
			c.VM.Call(c.L, a.Fn, 0)
		}()
		if s.outer == nil {
			c.runSuite(s)
		}
		return none{}, nil
	}, example(`t.describe("echo.lua", function() … end)`))

var _ = fn(specModule, "it", capability.None(noPowerSpec), waitsInside,
	"One sentence about the script, and the function that tries it. It fails when the function raises. It also fails by a mistake in the script, "+
		"such as a call of nil, that hs:expect_error did not take; what the script raises by error or assert is no mistake.",
	func(c *Call, a *struct {
		nameAndFunction
		SimulatedOnly string `lua:"simulated_only,opt" doc:"why it cannot be tried on a real homeserver, which bridgehost's own specs run on, too"`
	}) (none, error) {
		if c.specs.running {
			return none{}, within("it")
		}
		part := specPart{name: a.Name, only: a.SimulatedOnly, fn: a.Fn}
		if s := c.specs.open; s != nil {
			s.parts = append(s.parts, part)
		} else {
			c.runSentence(nil, part)
		}
		return none{}, nil
	}, example(`t.it("answers", function() … end)`))

func declareHook(name, when string, list func(*suite) *[]*lua.LFunction) *Function {
	return fn(specModule, name, capability.None(noPowerSpec), never,
		"A function to be called "+when+" each sentence of this description, those within it included.",
		func(c *Call, a *struct {
			Fn *lua.LFunction `lua:"fn" doc:"the function"`
		}) (none, error) {
			if c.specs.open == nil {
				return none{}, usage("t.%s stands inside of t.describe", name)
			}
			hooks := list(c.specs.open)
			*hooks = append(*hooks, a.Fn)
			return none{}, nil
		}, example("t."+name+"(function() … end)"))
}

var _ = []*Function{
	declareHook("before_each", "before", func(s *suite) *[]*lua.LFunction { return &s.before }),
	declareHook("after_each", "after", func(s *suite) *[]*lua.LFunction { return &s.after }),
}

func (c *Call) runSuite(s *suite) {
	for _, p := range s.parts {
		if p.inner != nil {
			c.runSuite(p.inner)
		} else {
			c.runSentence(s, p)
		}
	}
}

// sentenceLimit is how much virtual time one sentence may take.
const sentenceLimit = 400 * 24 * time.Hour

// runSentence runs one as a task of its own, so that a failure has all that errors have.
func (c *Call) runSentence(s *suite, p specPart) {
	before, after := s.hooks()
	name, runner := s.title(p.name), c.Env.Script.Specs
	body := c.L.NewFunction(func(L *lua.LState) int {
		for _, f := range append(before, p.fn) {
			c.VM.Call(L, f, 0)
		}
		return 0
	})
	c.Wait(func(ctx context.Context) {
		if !runner.Begin(name, p.only) {
			return
		}
		c.specs.running = true
		defer func() { c.specs.running = false }()
		failed := c.runTask(ctx, name, body)
		for _, f := range after {
			if err := c.runTask(ctx, name, f); failed == nil {
				failed = err
			}
		}
		for _, hs := range c.specs.loaded {
			if failed == nil {
				failed = hs.Failure(true)
			}
		}
		c.specs.loaded = nil
		runner.End(name, failed)
	})
}

func (c *Call) runTask(ctx context.Context, name string, f *lua.LFunction) *diag.Error {
	t := &engine.Task{Label: fmt.Sprintf("%q", name), Deadline: sentenceLimit, Unit: delivery.NewUnit(delivery.Item{Kind: delivery.KindTimer}, nil, nil)}
	_, failed := c.VM.Run(ctx, t, f, nil)
	return failed
}

var _ = fn(specModule, "load", capability.None(noPowerSpec), waitsInside,
	"Runs a script, a file or folder beside the spec, on a homeserver of its own, called test, until it has nothing more to do.",
	func(c *Call, a *struct {
		File         string    `lua:"file" doc:"the script, relative to the spec"`
		Config       Map       `lua:"config,opt" doc:"what bridge.config of the script sees"`
		Name         string    `lua:"name,opt" doc:"the script's name; that of the file when it is left out"`
		Dirs         []string  `lua:"dirs,opt" doc:"names of directories that bridge.fs reaches, empty at first"`
		Capabilities *[]string `lua:"capabilities,opt" doc:"what it may do, as bridges.lock has it: \"kv\", \"net:connect irc.test:6697\"; everything when it is left out, as a script of one's own"`
	}) (lua.LValue, error) {
		config, err := tomlValues(a.Config)
		if err != nil {
			return nil, usage("bad option 'config' to 'load' (%s)", err)
		}
		var hs SpecHost
		c.Wait(func(ctx context.Context) {
			hs, err = c.Env.Script.Specs.Load(ctx, a.File, SpecLoad{Name: a.Name, Config: config, Dirs: a.Dirs, Capabilities: a.Capabilities})
		})
		if err != nil {
			return nil, err
		}
		c.specs.loaded = append(c.specs.loaded, hs)
		return c.Object(specHostClass, hs), nil
	}, results("The script under test."), example(`hs = t.load("irc.lua", { config = { server = "irc.test", channels = { "#lua" } } })`))

// tomlValues are the values as a configuration file would give them.
func tomlValues(m Map) (map[string]any, error) {
	if len(m) == 0 {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(m))
	d.UseNumber()
	var v map[string]any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return plainNumbers(v).(map[string]any), nil
}

func plainNumbers(v any) any {
	switch x := v.(type) {
	case json.Number:
		if n, err := x.Int64(); err == nil {
			return n
		}
		f, _ := x.Float64() // was read as a number
		return f
	case map[string]any:
		for k, item := range x {
			x[k] = plainNumbers(item)
		}
	case []any:
		for i, item := range x {
			x[i] = plainNumbers(item)
		}
	}
	return v
}

var _ = fn(specModule, "advance", capability.None(noPowerSpec), waits,
	"Lets time pass. It takes no real time, and what the script does meanwhile is done when the call returns.",
	func(c *Call, a *struct {
		Time time.Duration `lua:"time" doc:"seconds, or \"2s\", \"10m\""`
	}) (none, error) {
		return none{}, c.Env.Script.Specs.Advance(a.Time)
	}, example(`t.advance("2s")`))

var _ = fn(specModule, "together", capability.None(noPowerSpec), waitsInside,
	"Calls functions at the same time: each goes on while others wait for an answer. Once all have ended, it raises the first error. What is called is an intent, nothing of the simulated world.",
	func(c *Call, a *struct {
		Fns []*lua.LFunction `lua:"fns" doc:"the functions"`
	}) (none, error) {
		failed := make([]*diag.Error, len(a.Fns))
		c.Wait(func(ctx context.Context) {
			var all sync.WaitGroup
			for i, f := range a.Fns {
				all.Go(func() { failed[i] = c.runTask(ctx, fmt.Sprintf("function %d of t.together", i+1), f) })
			}
			all.Wait()
		})
		for _, f := range failed {
			if f != nil {
				return none{}, f
			}
		}
		return none{}, nil
	}, example(`t.together { function() bob:ensure_joined(room) end, function() bob:ensure_joined(room) end }`))

var _ = fn(specModule, "fault", capability.None(noPowerSpec), never,
	"Answers the next requests of the homeserver that fit, in its place, until the sentence ends.",
	func(c *Call, a *struct {
		Method  string            `lua:"method,opt" doc:"GET, PUT, POST …; any when it is left out"`
		Path    string            `lua:"path,opt" doc:"a part of the path, as text: \"/join/\""`
		Status  int               `lua:"status,opt" default:"200" doc:"the answer's status"`
		Errcode string            `lua:"errcode,opt" doc:"M_FORBIDDEN, M_LIMIT_EXCEEDED …"`
		Error   string            `lua:"error,opt" doc:"the text with the errcode"`
		Content Map               `lua:"content,opt" doc:"further fields of the answer"`
		Body    string            `lua:"body,opt" doc:"in place of content: an answer that is no JSON"`
		Headers map[string]string `lua:"headers,opt" doc:"the answer's headers"`
		Times   int               `lua:"times,opt" default:"1" doc:"how many requests are answered so"`
		Done    bool              `lua:"done,opt" doc:"the homeserver does what it is asked, and only its answer is lost"`
		Refused bool              `lua:"refused,opt" doc:"there is no answer: the connection fails"`
	}) (none, error) {
		c.Env.Script.Specs.Fault(SpecFault{Method: a.Method, Path: a.Path, Status: a.Status, Errcode: a.Errcode, Error: a.Error, Content: json.RawMessage(a.Content),
			Body: a.Body, Headers: a.Headers, Times: a.Times, Done: a.Done, Refused: a.Refused})
		return none{}, nil
	}, tableArg, example(`t.fault { path = "/send/", status = 403, errcode = "M_FORBIDDEN" }`))

var _ = fn(specModule, "store", capability.None(noPowerSpec), never,
	"What `bridge.store(name)` is in the script that was loaded last: to look, or to prepare.",
	func(c *Call, a *struct {
		Name string `lua:"name" doc:"the store's name"`
	}) (lua.LValue, error) {
		n := len(c.specs.loaded)
		if n == 0 {
			return nil, usage("t.store needs a script: call t.load first")
		}
		return c.Object(storeClass, keeper(&onDisk{c.specs.loaded[n-1].Script().Data, a.Name})), nil
	}, results("The store."), returns("Store"), example(`t.eq(t.store("subs"):keys(), { "a", "b" })`))

var _ = fn(specModule, "eq", capability.None(noPowerSpec), never,
	"Fails unless both values are equal; tables are compared by what is in them.",
	func(c *Call, a *struct {
		Got  lua.LValue `lua:"got" doc:"what came out"`
		Want lua.LValue `lua:"want" doc:"what should have"`
	}) (none, error) {
		if same(c, a.Got, a.Want, 0) {
			return none{}, nil
		}
		return none{}, expectation("got %s, expected %s", shownValue(c, a.Got), shownValue(c, a.Want))
	}, errcodes("E_EXPECTED"), example(`t.eq(srv.connections, 1)`))

var _ = fn(specModule, "matches", capability.None(noPowerSpec), waitsInside,
	"Fails unless a Lua pattern is found in the text.",
	func(c *Call, a *struct {
		Text    string `lua:"text" doc:"the text"`
		Pattern string `lua:"pattern" doc:"a Lua pattern; ^ and $ hold it to the ends"`
	}) (none, error) {
		if c.found(a.Text, a.Pattern) {
			return none{}, nil
		}
		return none{}, expectation("%q does not match %q", a.Text, a.Pattern)
	}, errcodes("E_EXPECTED"), example(`t.matches(hs:expect_notice().content.body, "not delivered")`))

var _ = fn(specModule, "raises", capability.None(noPowerSpec), waitsInside,
	"Fails unless the function raises. Returns the error, always a table.",
	func(c *Call, a *struct {
		Fn      *lua.LFunction `lua:"fn" doc:"the function"`
		Pattern string         `lua:"pattern,opt" doc:"a Lua pattern that is to be found in the message"`
	}) (lua.LValue, error) {
		_, failed, raw := c.VM.Protect(c.L, a.Fn)
		if failed == nil {
			return nil, expectation("the function was expected to raise, and returned")
		}
		if a.Pattern != "" && !c.found(failed.Message, a.Pattern) {
			return nil, expectation("raised %q, which does not match %q", failed.Message, a.Pattern)
		}
		return errorTable(c.Env, failed, raw), nil
	}, results("The error."), errcodes("E_EXPECTED"), example(`local err = t.raises(function() hs:reload("x x") end, "unexpected symbol")`))

// expectation is a failed one.
func expectation(format string, args ...any) error {
	return &diag.Error{Kind: diag.KindScript, Code: "E_EXPECTED", Raised: true, Message: fmt.Sprintf(format, args...)}
}

// found tells whether a Lua pattern is found in a text.
func (c *Call) found(text, pattern string) bool {
	find := c.VM.L.G.Global.RawGetString("string").(*lua.LTable).RawGetString("find")
	c.VM.Call(c.L, find, 1, lua.LString(text), lua.LString(pattern))
	at := c.L.Get(-1)
	c.L.Pop(1)
	return at != lua.LNil
}

// fits tells whether a text is, or as a whole matches, what was expected.
func (c *Call) fits(text, want string) bool {
	if text == want {
		return true
	}
	return c.found(text, "^"+strings.TrimSuffix(strings.TrimPrefix(want, "^"), "$")+"$")
}

// same compares what is in two values.
func same(c *Call, a, b lua.LValue, depth int) bool {
	x, isTable := a.(*lua.LTable)
	y, alsoTable := b.(*lua.LTable)
	if !isTable || !alsoTable || depth > maxJSONDepth {
		return a == b || tostring(c, a) == tostring(c, b) && a.Type() == b.Type() && a.Type() == lua.LTUserData
	}
	n := 0
	for k, v := x.Next(lua.LNil); k != lua.LNil; k, v = x.Next(k) {
		if !same(c, v, y.RawGet(k), depth+1) {
			return false
		}
		n++
	}
	for k, _ := y.Next(lua.LNil); k != lua.LNil; k, _ = y.Next(k) {
		n--
	}
	return n == 0
}

func tostring(c *Call, v lua.LValue) string { return c.L.ToStringMeta(v).String() }

// shownValue is a value for reading.
func shownValue(c *Call, v lua.LValue) string {
	switch v.(type) {
	case lua.LString:
		return fmt.Sprintf("%q", v.String())
	case *lua.LTable:
		if raw, err := c.EncodeJSON(v); err == nil {
			return string(raw)
		}
	}
	return tostring(c, v)
}
