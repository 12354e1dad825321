package luabind

import (
	lua "github.com/yuin/gopher-lua"

	"bridgehost/matrix/richtext"
)

var htmlModule = module("bridge.html", "HTML of others, from feeds, pages and other networks. Of a source the first megabyte counts, of that 20,000 elements "+
	"and texts, 100 deep; the rest is left out.")

var foreignHTML = richtext.Rules{Link: richtext.MayLinkForeign}

type sourceArgs struct {
	Source string `lua:"source" doc:"the HTML; it need not be well-formed"`
}

var _ = fn(htmlModule, "to_text", pure, never,
	"The text of some HTML, as one reads it: white space as browsers show it, lists with \"* \" or numbers, quotes with \"> \", pictures as their "+
		"alternative text. Scripts, styles, forms and other things that are no text are left out.",
	func(_ *Call, a *sourceArgs) (string, error) {
		return richtext.Text(richtext.Clean(a.Source, foreignHTML)), nil
	}, example(`evt:reply(html.to_text(item.summary))`))

var _ = fn(htmlModule, "sanitise", pure, never,
	"What Matrix allows of some HTML, well-formed: what stands in other elements stays as text, scripts and styles go, and so do links to other things than "+
		"http, https, ftp, mailto, magnet, those that mention a user (which would ping), and pictures that are not on the homeserver.",
	func(_ *Call, a *sourceArgs) (string, error) {
		return richtext.HTML(richtext.Clean(a.Source, foreignHTML)), nil
	}, example(`local formatted_body = html.sanitise(item.summary)`))

var _ = fn(htmlModule, "markup", pure, never,
	"A message from HTML of others: `html` is what html.sanitise makes of it, `body` what html.to_text does. It can be sent, and filled into bridge.markdown and bridge.html.",
	func(c *Call, a *sourceArgs) (lua.LValue, error) {
		nodes := richtext.Clean(a.Source, foreignHTML)
		return c.Object(markupClass, &Markup{Body: richtext.Text(nodes), HTML: richtext.HTML(nodes)}), nil
	}, results("A markup."), returns("Markup"), example(`intent:send_message(room, html.markup(item.summary))`))

var _ = fn(htmlModule, "escape", pure, never,
	"A text as HTML: &, <, >, quotes and line breaks are written so that they are seen.",
	func(c *Call, a *struct {
		Text Text `lua:"text" doc:"the text; of what bridge.markdown and bridge.html made, its HTML"`
	}) (string, error) {
		escaped := Markup(a.Text).html()
		if most := c.VM.Limits().String; len(escaped) > most {
			return "", tooLong("text", most)
		}
		return escaped, nil
	}, errcodes("E_STRING"), example(`local formatted_body = "<b>" .. html.escape(name) .. "</b>"`))
