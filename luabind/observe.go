package luabind

import "context"

// Observed is one thing about a call: that it was made, an option that was given, or the
// code of the error that it ended with.
type Observed struct {
	Function *Function
	Option   string // "" when it is not about an option
	Errcode  string // "" when it is not about an error
}

func (c *Call) observe(o Observed) {
	if c.Script.Observe != nil {
		o.Function = c.fn
		c.Script.Observe(o)
	}
}

// settle lets what a call of a spec did have its effects, before the spec goes on.
func (c *Call) settle() {
	if c.Script.Specs != nil {
		c.Script.Specs.Settle()
	}
}

type callingKey struct{}

// calling is the context of a call of a spec.
func (c *Call) calling(ctx context.Context) context.Context {
	if c.Script.Specs == nil {
		return ctx
	}
	return context.WithValue(ctx, callingKey{}, c.fn)
}

// Calling is the function that a spec has called and something is done for; nil elsewhere.
func Calling(ctx context.Context) *Function {
	f, _ := ctx.Value(callingKey{}).(*Function)
	return f
}
