// Package luabind is the Lua API: every function is declared once, as a Go function
// with an argument struct, and everything else reads that declaration: the decoder,
// the error texts, the check of capabilities, the documentation.
//
//	var _ = method(intentClass, "ensure_joined", capability.MatrixSend, waits,
//		`Joins the room …`,
//		func(c *Call, in *intent.Intent, a *struct {
//			Room        matrix.RoomID `lua:"room_id" doc:"the room"`
//			IgnoreCache bool          `lua:"ignore_cache,opt" doc:"ask the homeserver even when …"`
//		}) (bool, error) { … })
//
// A Library puts the declared modules and globals into each VM; an Env is what the
// bindings of one VM share, a Script what those of one script do.
package luabind

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/capability"
	"bridgehost/delivery"
	"bridgehost/diag"
)

// Waiting says how a function stands to the VM's lock.
type Waiting int

const (
	never       Waiting = iota // runs with the lock and returns at once; may touch Lua
	waits                      // runs without the lock; must not touch Lua
	waitsInput                 // like waits, and ends when the generation does; an error means that nothing was taken
	waitsInside                // runs with the lock, and calls Call.Wait or Lua functions that may wait
	inputInside                // runs with the lock, and calls Call.WaitInput
)

// String is what the documentation says.
func (w Waiting) String() string {
	return [...]string{"never waits", "waits", "waits for input", "waits", "waits for input"}[w]
}

// none is the result of functions that return nothing.
type none struct{}

// Group is a module (functions called with a dot) or a class (methods called with a colon).
type Group struct {
	Name  string // "bridge.net"; of a class the word for its objects in errors: "intent", "socket"
	Doc   string
	Class bool
	// Returns is set when errors are returned as nil, err: what is somebody else's.
	// Wrong arguments and the end of a generation raise even so.
	Returns   bool
	Functions []*Function // in the order of declaration
	Fields    []*Field    // of a class

	functions map[string]*Function
	fields    map[string]*Field
	table     bool                                     // objects are Lua tables (tableClass)
	extra     []func(env *Env, module *lua.LTable)     // see value
	meta      map[string]func(env *Env) lua.LGFunction // see metamethod
}

// Function is one declared function.
type Function struct {
	Group    *Group
	Name     string
	Doc      string
	Need     capability.Need
	Waits    Waiting
	Args     []*Arg            // in the reference's order; options last
	Table    bool              // takes one table that holds all arguments
	Rest     *Arg              // takes any number of further arguments
	Result   string            // the Lua type of the result, "" for none
	Results  string            // what comes back, in words; "" when Result says it all
	Returned []string          // the Lua types of what comes back where Result does not say them, see returns
	Errors   []string          // errcodes worth catching
	Requests []string          // "PUT /rooms/{room_id}/send/{event_type}/{txn_id}"; below /_matrix/client/v3 unless they begin with /_matrix
	First    []First           // what is made sure of before
	Ours     bool              // mautrix-python's class has no method of this name
	Uses     []Use             // the capabilities that a call takes, and on what
	WaysIn   map[string]string // the arguments that may name a room in which the script has nobody, and why
	Example  string

	inside  bool  // it looks itself on what it uses its capability
	also    []Use // see also
	takes   func(c *Call, g given) error
	judges  func(ctx context.Context, c *Call, g given) error
	rooms   []*slot // the arguments that name rooms
	actors  []*slot // those that are intents
	queries []*slot
	aliases []*slot

	confused map[string]string // see confusedWith
	plan     *plan
	prepare  func() // makes plan, and what is documented of it
	call     func(env *Env, L *lua.LState) int
}

// FullName is the function as a script writes it: "bridge.net.connect", "intent:send_text".
func (f *Function) FullName() string {
	if f.Group.Class {
		return f.Group.Name + ":" + f.Name
	}
	return f.Group.Name + "." + f.Name
}

// Arg is one declared argument.
type Arg struct {
	Name     string
	Lua      string // the type as editors know it: "string", "Intent", "fun(evt: Event)"
	Type     string // in Lua's words: "room ID", "integer", "list of user ID"
	Doc      string
	Default  string // as in the tag; "" when absent means nothing
	Optional bool
	Middle   bool     // may be left out although required ones follow
	Nil      bool     // nil and json.null are taken although it is required
	Enum     []string // the allowed strings
	Fields   []*Arg   // of an argument that is a table with known names
}

// Field is a readable attribute of a class.
type Field struct {
	Name, Type, Doc string
	get             func(env *Env, L *lua.LState, self any) lua.LValue
}

// registry is every group that was declared.
var registry []*Group

// Groups lists every module and class by name.
func Groups() []*Group {
	prepare()
	all := slices.Clone(registry)
	slices.SortStableFunc(all, func(a, b *Group) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Functions lists every declared function by full name: for documentation and coverage.
func Functions() []*Function {
	prepare()
	var all []*Function
	for _, g := range registry {
		all = append(all, g.Functions...)
	}
	slices.SortFunc(all, func(a, b *Function) int { return strings.Compare(a.FullName(), b.FullName()) })
	return all
}

// groupDetail and detail are optional parts of a declaration.
type (
	groupDetail func(*Group)
	detail      func(*Function)
)

// returnsErrors makes a group's functions return nil, err.
func returnsErrors(g *Group) { g.Returns = true }

// tableClass makes the objects of a class Lua tables whose fields are computed at the first look.
func tableClass(g *Group) { g.table = true }

// tableArg makes a function take one table: connect{host = …, port = …}.
func tableArg(f *Function) { f.Table = true }

// results says in words what comes back.
func results(text string) detail { return func(f *Function) { f.Results = text } }

// errcodes names the codes that a script may want to catch.
func errcodes(codes ...string) detail { return func(f *Function) { f.Errors = codes } }

// First is something that a function makes sure of before its own requests, unless the
// state store knows it.
type First string

// The requests that each of them may make are in FirstRequests.
const (
	registered First = "registers the user"
	joined     First = "joins the room"
	powerful   First = "looks at the power levels"
)

// FirstRequests are the requests of what is made sure of first.
var FirstRequests = map[First][]string{
	registered: {"POST /register"},
	joined:     {"POST /register", "POST /join/{room_id}", "POST /rooms/{room_id}/invite", "POST /rooms/{room_id}/unban"},
	powerful:   {"GET /rooms/{room_id}/state/m.room.power_levels", "GET /rooms/{room_id}/state/m.room.create"},
}

// asks names the requests that a function makes of the homeserver.
func asks(requests ...string) detail { return func(f *Function) { f.Requests = requests } }

// first says what a function makes sure of before its own requests.
func first(what ...First) detail { return func(f *Function) { f.First = what } }

// ours says that mautrix-python has no method of this name.
func ours(f *Function) { f.Ours = true }

// confusedWith is the hint when an argument is no such thing, since another function takes what was given.
func confusedWith(arg, hint string) detail {
	return func(f *Function) {
		if f.confused == nil {
			f.confused = map[string]string{}
		}
		f.confused[arg] = hint
	}
}

// example is a line or two of Lua.
func example(lua string) detail { return func(f *Function) { f.Example = lua } }

// module declares what require(name) answers.
func module(name, doc string, more ...groupDetail) *Group { return group(name, doc, false, more) }

// class declares a kind of objects. name stands in errors: "intent has no method 'x'".
func class(name, doc string, more ...groupDetail) *Group { return group(name, doc, true, more) }

func group(name, doc string, isClass bool, more []groupDetail) *Group {
	g := &Group{Name: name, Doc: doc, Class: isClass, functions: map[string]*Function{}, fields: map[string]*Field{}}
	for _, m := range more {
		m(g)
	}
	registry = append(registry, g)
	return g
}

// fn declares a function of a module. R is none, a Lua value, or a Go type that push knows.
func fn[A, R any](g *Group, name string, need capability.Need, w Waiting, doc string, f func(c *Call, a *A) (R, error), more ...detail) *Function {
	d := declare[A, R](g, name, need, w, doc, more)
	d.call = func(env *Env, L *lua.LState) int {
		c := &Call{Env: env, L: L, fn: d}
		if t, ok := L.Get(1).(*lua.LTable); ok && t == env.modules[g] {
			c.raiseColon()
		}
		a := new(A)
		args := reflect.ValueOf(a).Elem()
		d.plan.decode(c, 1, args)
		return run(c, given{plan: d.plan, args: args}, func() (R, error) { return f(c, a) })
	}
	return d
}

// method declares a method of a class whose objects hold a T.
func method[T, A, R any](g *Group, name string, need capability.Need, w Waiting, doc string, f func(c *Call, self T, a *A) (R, error), more ...detail) *Function {
	d := declare[A, R](g, name, need, w, doc, more)
	d.call = func(env *Env, L *lua.LState) int {
		c := &Call{Env: env, L: L, fn: d}
		self, ok := selfOf[T](L.Get(1))
		if !ok {
			c.raiseNoSelf()
		}
		a := new(A)
		args := reflect.ValueOf(a).Elem()
		d.plan.decode(c, 2, args)
		return run(c, given{self, d.plan, args}, func() (R, error) { return f(c, self, a) })
	}
	return d
}

// field declares an attribute of a class whose objects hold a T. get runs with the lock and must not wait.
func field[T any](g *Group, name, typ, doc string, get func(env *Env, self T) lua.LValue) *Field {
	f := &Field{Name: name, Type: typ, Doc: doc, get: func(env *Env, L *lua.LState, self any) lua.LValue { return get(env, self.(T)) }}
	g.addField(f)
	return f
}

// value declares a field of a module that is no function. It is made once for each VM.
func value(g *Group, name, typ, doc string, make func(env *Env) lua.LValue) *Field {
	f := &Field{Name: name, Type: typ, Doc: doc}
	g.addField(f)
	g.extra = append(g.extra, func(env *Env, module *lua.LTable) { module.RawSetString(name, make(env)) })
	return f
}

func (g *Group) addField(f *Field) {
	if g.fields[f.Name] != nil || g.functions[f.Name] != nil {
		panic("declared twice: " + g.Name + "." + f.Name)
	}
	g.Fields = append(g.Fields, f)
	g.fields[f.Name] = f
}

// metamethod adds a metamethod ("__tostring", "__concat", "__eq" …) to a class.
func metamethod(g *Group, name string, make func(env *Env) lua.LGFunction) struct{} {
	if g.meta == nil {
		g.meta = map[string]func(*Env) lua.LGFunction{}
	}
	g.meta[name] = make
	return struct{}{}
}

func declare[A, R any](g *Group, name string, need capability.Need, w Waiting, doc string, more []detail) *Function {
	d := &Function{Group: g, Name: name, Doc: doc, Need: need, Waits: w}
	for _, m := range more {
		m(d)
	}
	d.prepare = func() {
		d.plan = planOf(d, reflect.TypeFor[A]())
		d.Args, d.Rest = d.plan.documented()
		d.prepareUses()
		d.Result = resultType(reflect.TypeFor[R]())
	}
	if g.functions[name] != nil || g.fields[name] != nil {
		panic("declared twice: " + d.FullName())
	}
	g.functions[name] = d
	g.Functions = append(g.Functions, d)
	return d
}

// run calls the Go function as its declaration says, and hands over result or error.
func run[R any](c *Call, g given, f func() (R, error)) int {
	var r R
	var err error
	if e := c.permit(g); e != nil {
		return c.fail(c.refused(e))
	}
	if c.fn.Waits != waits {
		if e := c.permitInside(c.Context(), g); e != nil {
			return c.fail(c.refused(e))
		}
	}
	c.observe(Observed{})
	switch c.fn.Waits {
	case waits:
		var sends *delivery.SendCall
		defer func() { sends.Over() }() // with the lock: nobody runs before Lua has the answer, and goes on to its next wait
		c.VM.Wait(c.L, func(ctx context.Context) {
			ctx, sends = c.Script.sends.Call(ctx)
			c.ctx = c.calling(ctx)
			if err = c.refused(c.permitInside(c.ctx, g)); err == nil {
				r, err = f()
			}
			c.settle()
		})
	case waitsInput:
		c.VM.WaitInput(c.L, func(ctx context.Context) bool { c.ctx = c.calling(ctx); r, err = f(); return err == nil })
	default:
		r, err = f()
		c.charge(c.L.GetTop())
	}
	if err != nil {
		return c.fail(err)
	}
	n := pushResult(c, r)
	if c.fn.Waits == never {
		c.charge(n)
	}
	return n
}

// chargeEvery is how many bytes of text count like one instruction of Lua. What the host
// does with them costs much less than a script would need; it must cost something, or a
// loop of such calls computes for long between two looks at the clock.
const chargeEvery = 16

// charge counts the texts among the last n values of the stack as computing. It raises
// when the handler must end.
func (c *Call) charge(n int) {
	size := 0
	for i := 1; i <= n; i++ {
		if s, ok := c.L.Get(-i).(lua.LString); ok {
			size += len(s)
		}
	}
	if steps := size / chargeEvery; steps > 0 {
		c.VM.Poll(steps)
	}
}

// raiseNoSelf explains a method that was called with a dot, or on something else.
func (c *Call) raiseNoSelf() {
	f := c.fn
	got := typeName(c.Env, c.L.Get(1))
	c.VM.Raise(c.L, &diag.Error{Kind: diag.KindUsage, Code: "E_ARGUMENT",
		Message: fmt.Sprintf("'%s' is a method: it must be called with a colon, on an object of kind %s (got %s)", f.Name, f.Group.Name, got),
		Hint:    fmt.Sprintf("write %[1]s:%[2]s(…), not %[1]s.%[2]s(…)", c.writtenBefore(f.Group.Name), f.Name)})
}

// raiseColon explains a function of a module that was called with a colon.
func (c *Call) raiseColon() {
	f := c.fn
	c.VM.Raise(c.L, &diag.Error{Kind: diag.KindUsage, Code: "E_ARGUMENT",
		Message: fmt.Sprintf("'%s' is a function of a module: it must be called with a dot", f.Name),
		Hint:    fmt.Sprintf("write %[1]s.%[2]s(…), not %[1]s:%[2]s(…)", c.writtenBefore(f.Group.Name), f.Name)})
}

// writtenBefore is what the author's line writes before the name of the called function.
func (c *Call) writtenBefore(otherwise string) string {
	if text := c.VM.CallText(c.L, c.fn.Name); text != "" {
		return text[:len(text)-len(c.fn.Name)-1]
	}
	return otherwise
}
