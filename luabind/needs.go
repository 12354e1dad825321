package luabind

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"bridgehost/capability"
	"bridgehost/diag"
	"bridgehost/intent"
	"bridgehost/matrix"
)

// Use is one capability that a call takes, and on what.
type Use struct {
	Need  capability.Need
	Scope string // "m.reaction"; "" when Arg says it, or nobody
	Arg   string // the argument that says it: "event_type"
	When  string // the option that makes the call take it; "": every call takes it
	Is    string // the value of When that does; "": any but the zero value
}

// AnyType is the scope of calls that may touch events of every type: only the capability
// as a whole covers it.
const AnyType = "*"

// scope says on what a function uses its capability, always.
func scope(s string) detail {
	return func(f *Function) { f.Uses = append(f.Uses, Use{Need: f.Need, Scope: s}) }
}

// scopeArg says which argument tells on what a function uses its capability.
func scopeArg(name string) detail {
	return func(f *Function) { f.Uses = append(f.Uses, Use{Need: f.Need, Arg: name}) }
}

// scopeInside says that the function looks itself, since only it knows on what.
func scopeInside(f *Function) { f.inside = true }

// also names a capability that a call takes beside the function's own when an option is
// given: "visibility=public", or only "invite".
func also(need capability.Need, scope, option string) detail {
	when, is, _ := strings.Cut(option, "=")
	return func(f *Function) { f.also = append(f.also, Use{Need: need, Scope: scope, When: when, Is: is}) }
}

// takes computes what a call takes, in place of the function's capability. It runs with the VM's lock.
func takes(what func(c *Call, g given) error) detail {
	return func(f *Function) { f.inside, f.takes = true, what }
}

// judges looks at a call once more, without the VM's lock: it may ask the homeserver. It is
// not called for a script that may do everything.
func judges(look func(ctx context.Context, c *Call, g given) error) detail {
	return func(f *Function) { f.inside, f.judges = true, look }
}

// wayIn says why an argument may name a room in which the script has nobody.
func wayIn(arg, reason string) detail {
	return func(f *Function) {
		if f.WaysIn == nil {
			f.WaysIn = map[string]string{}
		}
		f.WaysIn[arg] = reason
	}
}

// prepareUses completes what was declared, and finds the arguments that name rooms and users.
func (f *Function) prepareUses() {
	if f.Uses == nil && f.Need.Name() != "" && !f.inside {
		f.Uses = []Use{{Need: f.Need}}
	}
	f.Uses = append(f.Uses, f.also...)
	for _, u := range f.Uses {
		for _, name := range []string{u.Arg, u.When} {
			if name != "" && f.plan.byName[name] == nil {
				panic(f.FullName() + ": its capability depends on an argument that is not there: " + name)
			}
		}
	}
	for _, s := range f.plan.all() {
		switch s.typ {
		case reflect.TypeFor[matrix.RoomID](), reflect.TypeFor[[]matrix.RoomID](), reflect.TypeFor[RoomOrAlias]():
			if f.WaysIn[s.Name] == "" && f.Need.Reason() != noPowerSpec {
				f.rooms = append(f.rooms, s)
			}
		case reflect.TypeFor[*intent.Intent](), reflect.TypeFor[Opt[*intent.Intent]]():
			f.actors = append(f.actors, s)
		case reflect.TypeFor[QueryParams]():
			f.queries = append(f.queries, s)
		case reflect.TypeFor[AliasLocalpart]():
			f.aliases = append(f.aliases, s)
		}
	}
}

// Permission says what a call takes, for the documentation.
func (f *Function) Permission() string {
	text := f.Need.String()
	for _, u := range f.Uses {
		switch {
		case u.Need == f.Need && u.When == "" && u.Arg != "":
			text += fmt.Sprintf(", on `%s`", u.Arg)
		case u.Need == f.Need && u.When == "" && u.Scope == AnyType:
			text += ", on all types"
		case u.Need == f.Need && u.When == "" && u.Scope != "":
			text += ", on " + u.Scope
		case u.When != "":
			text += fmt.Sprintf("; with `%s` also %s", u.When, capability.Grant{Name: u.Need.Name(), Scope: u.Scope})
		}
	}
	return text
}

// all lists every argument's slot.
func (p *plan) all() []*slot {
	all := append(append([]*slot{}, p.required...), p.options...)
	if p.rest != nil {
		all = append(all, p.rest)
	}
	return all
}

// given is what a call was made with: the object before the colon, nil for a module's function, and the arguments.
type given struct {
	self any
	plan *plan
	args reflect.Value
}

func (g given) value(name string) reflect.Value {
	return g.args.FieldByIndex(g.plan.byName[name].index)
}

// text is an argument that is a string.
func (g given) text(name string) string {
	v := g.value(name)
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return ""
		}
		v = v.Elem()
	}
	if v.Kind() != reflect.String {
		return ""
	}
	return v.String()
}

// has tells whether an option was given, and as is when that is not empty.
func (g given) has(name, is string) bool {
	if is != "" {
		return g.text(name) == is
	}
	v := g.value(name)
	return !v.IsZero() && (v.Kind() != reflect.Slice || v.Len() > 0)
}

// declines tells whether an option that is true by default was given as false.
func (g given) declines(name string) bool {
	if g.plan.byName[name] == nil {
		return false
	}
	on, _ := g.value(name).Interface().(*bool)
	return on != nil && !*on
}

// actor is the intent that acts; nil when there is none.
func (g given) actor() *intent.Intent {
	switch self := g.self.(type) {
	case *intent.Intent:
		return self
	case api:
		return self.intent
	}
	return nil
}

// byUser are the capabilities whose scope is the user that acts.
var byUser = map[string]bool{
	capability.MatrixCreateRoom.Name(): true, capability.MatrixInvite.Name(): true, capability.MatrixGhosts.Name(): true,
	capability.MatrixProfile.Name(): true, capability.MatrixMedia.Name(): true, capability.MatrixDirectory.Name(): true,
}

// permit tells whether the script may make the call, as far as that can be said with the VM's lock.
func (c *Call) permit(g given) error {
	s, f := c.Script, c.fn
	if s.Grants() == nil && s.Used == nil {
		return nil
	}
	if f.inside && s.Grants() != nil && !s.Grants().Has(f.Need) && f.takes == nil && f.judges == nil {
		return s.Check(f.Need, "")
	}
	actor := g.actor()
	if err := s.mayAct(actor); err != nil {
		return err
	}
	for _, slot := range f.actors {
		if err := s.mayAct(intentIn(g.args.FieldByIndex(slot.index))); err != nil {
			return err
		}
	}
	if f.takes != nil {
		if err := f.takes(c, g); err != nil {
			return err
		}
	}
	for _, u := range f.Uses {
		if u.When != "" && !g.has(u.When, u.Is) {
			continue
		}
		if err := s.Check(u.Need, g.scope(s, u, actor)); err != nil {
			return err
		}
	}
	return s.arguments(f, g)
}

// scope is on what a use is.
func (g given) scope(s *Script, u Use, actor *intent.Intent) string {
	switch {
	case u.Arg != "":
		return g.text(u.Arg)
	case u.Scope == "" && byUser[u.Need.Name()]:
		if actor == nil {
			actor = s.Bot
		}
		if actor != nil {
			return string(actor.MXID())
		}
	}
	return u.Scope
}

func intentIn(v reflect.Value) *intent.Intent {
	switch x := v.Interface().(type) {
	case *intent.Intent:
		return x
	case Opt[*intent.Intent]:
		return x.Value
	}
	return nil
}

// mayAct tells whether the script may act as that user: as its own, or as one who agreed.
func (s *Script) mayAct(i *intent.Intent) error {
	if i == nil {
		return nil
	}
	if i.IsPuppet() {
		return s.Check(capability.MatrixPuppet, string(i.MXID()))
	}
	return s.mayBe(i.MXID())
}

func (s *Script) mayBe(user matrix.UserID) error {
	switch {
	case s.Bot != nil && user == s.Bot.MXID():
		return nil
	case s.Owns(user) && user != s.HostBot:
		return s.Check(capability.MatrixGhosts, string(user))
	}
	return s.Check(capability.MatrixPuppet, string(user))
}

// permitInside is what can be said only by looking things up: whether the script has somebody in the rooms.
func (c *Call) permitInside(ctx context.Context, g given) error {
	s, f := c.Script, c.fn
	if s.Grants() == nil || len(f.rooms) == 0 && f.judges == nil {
		return nil
	}
	for _, slot := range f.rooms {
		for _, room := range roomsIn(g.args.FieldByIndex(slot.index)) {
			if err := c.enter(ctx, room, g); err != nil {
				return err
			}
		}
	}
	if f.judges != nil {
		return f.judges(ctx, c, g)
	}
	return nil
}

// enter is mayEnter for a call: a function that joins the room first does it now, and the
// homeserver decides.
func (c *Call) enter(ctx context.Context, room matrix.RoomID, g given) error {
	err := c.Script.mayEnter(ctx, room, g.actor())
	if err == nil || g.actor() == nil || !slices.Contains(c.fn.First, joined) || g.declines("ensure_joined") {
		return err
	}
	if _, err := g.actor().EnsureJoined(ctx, room, intent.EnsureJoinedOptions{}); err != nil {
		return err
	}
	return c.Script.mayEnter(ctx, room, g.actor())
}

func roomsIn(v reflect.Value) []matrix.RoomID {
	if list, ok := v.Interface().([]matrix.RoomID); ok {
		return list
	}
	if v.String() == "" {
		return nil
	}
	return []matrix.RoomID{matrix.RoomID(v.String())}
}

// refused is why a call was not permitted, with the name of the function.
func (c *Call) refused(err error) error {
	var e *diag.Error
	if errors.As(err, &e) && e.Kind == diag.KindPermission {
		e.Message = c.fn.FullName() + ": " + e.Message
	}
	return err
}
