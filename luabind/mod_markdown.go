package luabind

import (
	"fmt"
	"html"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/capability"
	"bridgehost/diag"
)

// markupClass are the texts that bridge.markdown, html and concat make.
var markupClass = class("markup", "A text with formatting. It can be sent wherever content or a text is expected, "+
	"filled into another one with %s, and joined by `..`.")

var (
	_ = field(markupClass, "body", "string", "The text without formatting.",
		func(_ *Env, m *Markup) lua.LValue { return lua.LString(m.Body) })
	_ = field(markupClass, "html", "string", "The text as HTML.",
		func(_ *Env, m *Markup) lua.LValue { return lua.LString(m.html()) })
	_ = metamethod(markupClass, "__tostring", func(*Env) lua.LGFunction {
		return func(L *lua.LState) int {
			m, _ := selfOf[*Markup](L.Get(1))
			if m == nil {
				m = &Markup{}
			}
			L.Push(lua.LString(m.Body))
			return 1
		}
	})
	_ = metamethod(markupClass, "__concat", func(env *Env) lua.LGFunction {
		return func(L *lua.LState) int {
			joined := pieceOf(env, L, L.Get(1)).join(pieceOf(env, L, L.Get(2)))
			L.Push(env.Object(markupClass, &joined))
			return 1
		}
	})
)

type formatArgs struct {
	Format string       `lua:"format" doc:"the text; %s takes any value, %d a number, %% is a percent sign, and the number formats of string.format work too"`
	Values []lua.LValue `lua:"...,rest" doc:"what is filled in, escaped"`
}

// maxMarkdown is how long Markdown may be, beside what is filled in: the reader's time grows with
// the square of some texts, and a message has 64 KiB at most.
const maxMarkdown = 32 << 10

const noPower = "works on values only"

var _ = fn(bridgeModule, "markdown", capability.None(noPower), never,
	"Makes a message from Markdown. What is filled in is escaped, as the parameters of an SQL statement are: it can "+
		"bring neither formatting nor pings. A text that bridge.markdown or bridge.html made is filled in with its formatting. "+
		"A link to something else than http, https, ftp, mailto, magnet becomes plain text. The Markdown itself has 32 KiB at most.",
	func(c *Call, a *formatArgs) (lua.LValue, error) {
		f, err := fill(c, a)
		if err != nil {
			return nil, err
		}
		if len(f.text) > maxMarkdown {
			return nil, tooLong("Markdown", maxMarkdown)
		}
		c.VM.Poll(len(f.text))
		m := f.markdown()
		return c.Object(markupClass, &m), nil
	}, example(`evt:reply(bridge.markdown("**%s**: [%s](%s)", feed.title, item.title, item.link))`))

var _ = fn(bridgeModule, "html", capability.None(noPower), never,
	"Makes a message from HTML. What is filled in is escaped, in texts and in attributes.",
	func(c *Call, a *formatArgs) (lua.LValue, error) {
		f, err := fill(c, a)
		if err != nil {
			return nil, err
		}
		m := f.markup()
		return c.Object(markupClass, &m), nil
	}, example(`evt:reply(bridge.html("<b>%s</b>", name))`))

var _ = fn(bridgeModule, "concat", capability.None(noPower), never,
	"Joins texts and what bridge.markdown and bridge.html made, with a separator between them. Plain texts are escaped.",
	func(c *Call, a *struct {
		List      *lua.LTable `lua:"list" doc:"the texts"`
		Separator lua.LValue  `lua:"separator,opt" doc:"stands between them; nothing when it is left out" type:"string"`
	}) (lua.LValue, error) {
		n, wrong := listLength(a.List)
		if wrong != "" {
			return nil, usage("bad argument #1 'list' to 'concat' (%s)", wrong)
		}
		var joined, sep Markup
		if a.Separator != nil {
			sep = pieceOf(c.Env, c.L, a.Separator)
		}
		var size int
		for i := 1; i <= n; i++ {
			if i > 1 {
				joined = joined.join(sep)
			}
			joined = joined.join(pieceOf(c.Env, c.L, a.List.RawGetInt(i)))
			if size = len(joined.Body) + len(joined.HTML); size > c.VM.Limits().String {
				return nil, &diag.Error{Kind: diag.KindLimit, Code: "E_STRING", Message: fmt.Sprintf("the text is longer than %d bytes", c.VM.Limits().String)}
			}
		}
		return c.Object(markupClass, &joined), nil
	}, results("A markup."), returns("Markup"), example(`cmd:reply(bridge.concat(lines, "\n"))`))

func usage(format string, args ...any) *diag.Error {
	return &diag.Error{Kind: diag.KindUsage, Code: "E_ARGUMENT", Message: fmt.Sprintf(format, args...)}
}

// html is the text's HTML form, also of a plain one.
func (m Markup) html() string {
	if m.HTML != "" {
		return m.HTML
	}
	return escapeText(m.Body)
}

// join puts n behind m; two plain texts stay plain.
func (m Markup) join(n Markup) Markup {
	joined := Markup{Body: m.Body + n.Body}
	if m.HTML != "" || n.HTML != "" {
		joined.HTML = m.html() + n.html()
	}
	return joined
}

// escapeText makes HTML of a plain text: a line break stays one.
func escapeText(s string) string {
	return strings.ReplaceAll(html.EscapeString(strings.ToValidUTF8(s, "\uFFFD")), "\n", "<br>")
}

// pieceOf is a Lua value as a text.
func pieceOf(env *Env, L *lua.LState, v lua.LValue) Markup {
	if m, ok := selfOf[*Markup](v); ok {
		return *m
	}
	return Markup{Body: strings.ToValidUTF8(env.VM.Text(L, v), "\uFFFD")}
}

// A filled format: the format with a mark in each place that a value goes to. The
// marks are letters to every parser, and the values never meet a parser, so there is
// nothing that a value could say to it.
type filled struct {
	text   string // the format with marks
	values []Markup
}

// Marks are written in characters of Unicode's private use area.
const (
	markOpen  = '\uE000'
	markClose = '\uE001'
	markZero  = '\uE010' // and nine more digits
)

func isMark(r rune) bool {
	return r == markOpen || r == markClose || r >= markZero && r < markZero+10
}

func mark(i int) string {
	var b strings.Builder
	b.WriteRune(markOpen)
	for _, d := range strconv.Itoa(i) {
		b.WriteRune(markZero + d - '0')
	}
	b.WriteRune(markClose)
	return b.String()
}

// expand replaces each mark in s by what value says.
func (f *filled) expand(s string, value func(Markup) string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(s, string(markOpen))
		b.WriteString(before)
		if !found {
			return b.String()
		}
		digits, after, _ := strings.Cut(rest, string(markClose))
		n := 0
		for _, d := range digits {
			n = n*10 + int(d-markZero)
		}
		b.WriteString(value(f.values[n]))
		s = after
	}
}

// plain fills in the bare texts, rich their HTML.
func (f *filled) plain(s string) string { return f.expand(s, func(m Markup) string { return m.Body }) }
func (f *filled) rich(s string) string  { return f.expand(s, Markup.html) }

// unmarked is s without characters that would be taken for marks.
func unmarked(s string) string {
	return strings.Map(func(r rune) rune {
		if isMark(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// fill reads a format as string.format does and puts marks where values go.
func fill(c *Call, a *formatArgs) (*filled, error) {
	format := unmarked(a.Format)
	f := &filled{}
	var b strings.Builder
	size := len(format)
	for {
		before, rest, found := strings.Cut(format, "%")
		b.WriteString(before)
		if !found {
			break
		}
		end := strings.IndexFunc(rest, func(r rune) bool { return !strings.ContainsRune("-+ #0123456789.", r) })
		if end < 0 {
			return nil, usage("bad argument #1 'format' to '%s' (a %% stands alone at the end; write %%%% for a percent sign)", c.Function().Name)
		}
		flags, verb := rest[:end], rest[end]
		format = rest[end+1:]
		if verb == '%' && flags == "" {
			b.WriteByte('%')
			continue
		}
		i := len(f.values)
		if i >= len(a.Values) {
			return nil, usage("bad argument #%d to '%s' (no value for the %%%s%c)", i+2, c.Function().Name, flags, verb)
		}
		piece, err := formatted(c, i+2, flags, verb, a.Values[i])
		if err != nil {
			return nil, err
		}
		if size += len(piece.Body) + len(piece.HTML); size > c.VM.Limits().String {
			return nil, &diag.Error{Kind: diag.KindLimit, Code: "E_STRING", Message: fmt.Sprintf("the text is longer than %d bytes", c.VM.Limits().String)}
		}
		b.WriteString(mark(i))
		f.values = append(f.values, piece)
	}
	if n := len(a.Values); n > len(f.values) {
		return nil, usage("too many arguments to '%s': %d values for %d places (a %% in the text itself is written %%%%)", c.Function().Name, n, len(f.values))
	}
	f.text = b.String()
	return f, nil
}

// formatted is one value under one verb.
func formatted(c *Call, n int, flags string, verb byte, v lua.LValue) (Markup, error) {
	if len(flags) > 8 {
		return Markup{}, usage("bad argument #1 'format' to '%s' (invalid format '%%%s%c')", c.Function().Name, flags, verb)
	}
	switch verb {
	case 's':
		m := pieceOf(c.Env, c.L, v)
		if flags != "" && m.HTML == "" {
			m.Body = fmt.Sprintf("%"+flags+"s", m.Body)
		}
		return m, nil
	case 'd', 'i', 'f', 'g', 'e', 'x', 'X':
		number, ok := v.(lua.LNumber)
		if !ok {
			number, ok = lua.LVAsNumber(v), lua.LVCanConvToString(v) && v.Type() == lua.LTString && isNumeral(v)
		}
		if !ok {
			return Markup{}, usage("bad argument #%d to '%s' (number expected, got %s)", n, c.Function().Name, typeName(c.Env, v))
		}
		if strings.IndexByte("dixX", verb) >= 0 {
			if verb == 'i' {
				verb = 'd'
			}
			return Markup{Body: fmt.Sprintf("%"+flags+string(verb), int64(number))}, nil
		}
		return Markup{Body: fmt.Sprintf("%"+flags+string(verb), float64(number))}, nil
	}
	return Markup{}, usage("bad argument #1 'format' to '%s' (invalid format '%%%s%c'; write %%%% for a percent sign)", c.Function().Name, flags, verb)
}

func isNumeral(v lua.LValue) bool {
	_, err := strconv.ParseFloat(strings.TrimSpace(v.String()), 64)
	return err == nil
}
