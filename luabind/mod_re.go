package luabind

import (
	"regexp"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

var reModule = module("bridge.re", "Regular expressions in the syntax of RE2 (https://github.com/google/re2/wiki/Syntax): no look-around and no back-references, "+
	`and so no pattern that takes long. Write them in [[ ]], where a \ is a \. Patterns are compiled once.`)

// patternOf compiles a pattern, or finds it compiled.
func (c *Call) patternOf(source string) (*pattern, error) { return c.Env.regexps.get(source) }

type findArgs struct {
	Text    string `lua:"text" doc:"where to search"`
	Pattern string `lua:"pattern" doc:"what to search for"`
	Init    int    `lua:"init,opt" doc:"the byte to begin at; from the end when it is negative. ^ still means the beginning of the text" default:"1"`
}

// first is the pattern's first match at or behind init; nil when there is none.
func (c *Call) first(a *findArgs) (*pattern, []int, error) {
	p, err := c.patternOf(a.Pattern)
	if err != nil {
		return nil, nil, err
	}
	from := a.Init - 1
	if a.Init < 0 {
		from = len(a.Text) + a.Init
	}
	if from > len(a.Text) {
		return p, nil, nil
	}
	return p, p.find(a.Text, max(from, 0), c.VM.Poll), nil
}

// captures are the groups of a match, the whole match when there are none.
func captures(text string, m []int) (list results2) {
	if len(m) == 2 {
		return results2{lua.LString(groupOf(text, m, 0))}
	}
	for i := 1; i < len(m)/2; i++ {
		list = append(list, lua.LString(groupOf(text, m, i)))
	}
	return list
}

const capturesDoc = "what the groups caught (\"\" for one that took no part)"

var _ = fn(reModule, "find", pure, never,
	"Finds the first match, as string.find does: its first and last byte, and "+capturesDoc+". nil when there is none.",
	func(c *Call, a *findArgs) (results2, error) {
		_, m, err := c.first(a)
		if m == nil || err != nil {
			return results2{lua.LNil}, err
		}
		found := results2{lua.LNumber(m[0] + 1), lua.LNumber(m[1])}
		if len(m) > 2 {
			found = append(found, captures(a.Text, m)...)
		}
		return found, nil
	}, results("Where it begins and ends, and what the groups caught; or nil."), returns("integer?", "integer?", "string?", "string?", "string?"), errcodes("E_PATTERN"),
	example(`local from, to = re.find(text, [[https?://\S+]])`))

var _ = fn(reModule, "match", pure, never,
	"Finds the first match, as string.match does: "+capturesDoc+", or the whole match when the pattern has no groups. nil when there is none.",
	func(c *Call, a *findArgs) (results2, error) {
		_, m, err := c.first(a)
		if m == nil || err != nil {
			return results2{lua.LNil}, err
		}
		return captures(a.Text, m), nil
	}, results("What the groups caught, or nil."), returns("string?", "string?", "string?", "string?", "string?"), errcodes("E_PATTERN"),
	example(`local day, month = re.match(text, [[(\d+)\.(\d+)\.]])`))

var _ = fn(reModule, "groups", pure, never,
	"Finds the first match: a table with the whole match at 0 and what each group caught by its number and, for (?P<name>…), by its name. A group that took no part is absent. nil when there is no match.",
	func(c *Call, a *findArgs) (lua.LValue, error) {
		p, m, err := c.first(a)
		if m == nil || err != nil {
			return lua.LNil, err
		}
		t := c.L.CreateTable(len(p.names)-1, 1)
		for i, name := range p.names {
			if m[2*i] < 0 {
				continue
			}
			caught := lua.LString(groupOf(a.Text, m, i))
			t.RawSetInt(i, caught)
			if name != "" {
				t.RawSetString(name, caught)
			}
		}
		return t, nil
	}, results("A table, or nil."), returns("table<string|integer, string>?"), errcodes("E_PATTERN"),
	example(`local m = re.groups(evt.text, [[(?P<user>\w+)@(?P<host>\S+)]])`))

var _ = fn(reModule, "gmatch", pure, never,
	"An iterator over all matches, as string.gmatch is: "+capturesDoc+", or the whole match when the pattern has no groups.",
	func(c *Call, a *struct {
		Text    string `lua:"text" doc:"where to search"`
		Pattern string `lua:"pattern" doc:"what to search for"`
	}) (lua.LValue, error) {
		p, err := c.patternOf(a.Pattern)
		if err != nil {
			return nil, err
		}
		w, poll := walk{p: p, text: a.Text}, c.VM.Poll
		return c.L.NewFunction(func(L *lua.LState) int {
			m := w.next(poll)
			if m == nil {
				L.Push(lua.LNil)
				return 1
			}
			list := captures(w.text, m)
			for _, v := range list {
				L.Push(v)
			}
			return len(list)
		}), nil
	}, results("An iterator."), returns("fun(): string?, string?, string?"), errcodes("E_PATTERN"),
	example(`for name, value in re.gmatch(header, [[(\w+)=([^;]*)]]) do … end`))

var _ = fn(reModule, "replace", pure, waitsInside,
	"Replaces all matches. The replacement is a text in which $1 and ${name} stand for groups, $0 for the match and $$ for a dollar sign; or a table, looked up by the "+
		"first group; or a function, called with what re.match returns. What a table or a function answers with nil or false stays as it was.",
	func(c *Call, a *struct {
		Text        string     `lua:"text" doc:"where to replace"`
		Pattern     string     `lua:"pattern" doc:"what to replace"`
		Replacement lua.LValue `lua:"replacement" doc:"what to put there" type:"string, table or function" luatype:"string|table<string, string>|fun(...: string): string?"`
		Max         Opt[int]   `lua:"max,opt" doc:"how many matches to replace at most; all when it is left out"`
	}) (results2, error) {
		p, err := c.patternOf(a.Pattern)
		if err != nil {
			return nil, err
		}
		replace, err := c.replacer(p, a.Replacement)
		if err != nil {
			return nil, err
		}
		var b strings.Builder
		done, n, most := 0, 0, c.VM.Limits().String
		left := a.Max.Or(len(a.Text) + 1)
		if left <= 0 {
			return results2{lua.LString(a.Text), lua.LNumber(0)}, nil
		}
		p.each(a.Text, c.VM.Poll, func(m []int) bool {
			b.WriteString(a.Text[done:m[0]])
			if err = replace(&b, a.Text, m); err == nil && b.Len() > most {
				err = tooLong("text", most)
			}
			done = m[1]
			n++
			return err == nil && n < left
		})
		if err != nil {
			return nil, err
		}
		if b.Len()+len(a.Text)-done > most {
			return nil, tooLong("text", most)
		}
		b.WriteString(a.Text[done:])
		return results2{lua.LString(b.String()), lua.LNumber(n)}, nil
	}, results("The text, and how many matches were replaced."), returns("string", "integer"), errcodes("E_PATTERN", "E_ARGUMENT", "E_STRING"),
	example(`local shown = re.replace(text, [[(\w+)@(\w+)]], "$1 at $2")`))

// replacer writes what stands in place of a match.
func (c *Call) replacer(p *pattern, v lua.LValue) (func(b *strings.Builder, text string, m []int) error, error) {
	switch r := v.(type) {
	case lua.LString, lua.LNumber:
		t, err := p.parseTemplate(r.String())
		return func(b *strings.Builder, text string, m []int) error {
			t.write(b, text, m)
			return nil
		}, err
	case *lua.LTable:
		return func(b *strings.Builder, text string, m []int) error {
			return c.putAnswer(b, text, m, c.L.GetTable(r, captures(text, m)[0]))
		}, nil
	case *lua.LFunction:
		return func(b *strings.Builder, text string, m []int) error {
			c.VM.Call(c.L, r, 1, captures(text, m)...)
			answer := c.L.Get(-1)
			c.L.Pop(1)
			return c.putAnswer(b, text, m, answer)
		}, nil
	}
	return nil, usage("bad argument #3 'replacement' to 'replace' (string, table or function expected, got %s)", typeName(c.Env, v))
}

func (c *Call) putAnswer(b *strings.Builder, text string, m []int, answer lua.LValue) error {
	switch answer.(type) {
	case lua.LString, lua.LNumber:
		b.WriteString(answer.String())
	default:
		if lua.LVAsBool(answer) {
			return usage("bad argument #3 'replacement' to 'replace' (it answered %s with a %s: string, nil or false expected)",
				quoted(groupOf(text, m, 0)), typeName(c.Env, answer))
		}
		b.WriteString(groupOf(text, m, 0))
	}
	return nil
}

var _ = fn(reModule, "split", pure, never,
	"The pieces of a text between the matches. A pattern that matches the empty text splits into characters.",
	func(c *Call, a *struct {
		Text    string   `lua:"text" doc:"what to split"`
		Pattern string   `lua:"pattern" doc:"what stands between the pieces"`
		Max     Opt[int] `lua:"max,opt" doc:"how many pieces at most: the last one has the rest; any number when it is left out"`
	}) (lua.LValue, error) {
		p, err := c.patternOf(a.Pattern)
		if err != nil {
			return nil, err
		}
		most := a.Max.Or(len(a.Text) + 2)
		if most < 1 {
			return nil, usage("bad option 'max' to 'split' (1 or more expected, got %d)", most)
		}
		list := c.Array(c.L.NewTable())
		begin, pieces := 0, 1
		p.each(a.Text, c.VM.Poll, func(m []int) bool {
			if m[0] == m[1] && (m[0] == 0 || m[0] == len(a.Text)) {
				return true // nothing stands before it, or behind
			}
			if pieces == most {
				return false
			}
			list.Append(lua.LString(a.Text[begin:m[0]]))
			begin = m[1]
			pieces++
			return true
		})
		list.Append(lua.LString(a.Text[begin:]))
		return list, nil
	}, results("A list of strings."), returns("string[]"), errcodes("E_PATTERN", "E_ARGUMENT"),
	example(`for _, word in ipairs(re.split(text, [[\s*,\s*]])) do … end`))

var _ = fn(reModule, "escape", pure, never,
	"A pattern that matches just that text.",
	func(c *Call, a *struct {
		Text string `lua:"text" doc:"the text"`
	}) (string, error) {
		if most := c.VM.Limits().String; 2*len(a.Text) > most {
			return "", tooLong("text", most/2)
		}
		return regexp.QuoteMeta(a.Text), nil
	}, errcodes("E_STRING"), example(`local mentioned = re.find(evt.text, [[(?i)\b]] .. re.escape(nick) .. [[\b]])`))
