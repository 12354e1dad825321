package luabind

import (
	"encoding/json"
	"reflect"

	lua "github.com/yuin/gopher-lua"
)

func readText(name string) reader {
	return func(c *Call, v lua.LValue, dst reflect.Value) string {
		var m Markup
		switch x := v.(type) {
		case lua.LString:
			m.Body = string(x)
		case lua.LNumber:
			m.Body = formatNumber(float64(x))
		default:
			held, ok := selfOf[*Markup](v)
			if !ok {
				return c.expected(name, v)
			}
			m = *held
		}
		dst.Set(reflect.ValueOf(Text(m)))
		return ""
	}
}

// readContent reads a table; a text stands for a message of type m.text.
func readContent(name string) reader {
	object := readJSON(name, (*encoder).object)
	return func(c *Call, v lua.LValue, dst reflect.Value) string {
		if _, ok := v.(*lua.LTable); ok {
			if _, markup := selfOf[*Markup](v); !markup {
				return object(c, v, dst)
			}
		}
		var t Text
		if wrong := readText(name)(c, v, reflect.ValueOf(&t).Elem()); wrong != "" {
			return c.expected(name, v)
		}
		raw, err := Markup(t).content("m.text")
		if err != nil {
			return err.Error()
		}
		dst.SetBytes(raw)
		return ""
	}
}

// content is the text as a message's content. What was filled into markup may come from
// strangers: that it mentions nobody keeps a name in it from pinging.
func (m Markup) content(msgtype string) (json.RawMessage, error) {
	c := map[string]any{"msgtype": msgtype, "body": m.Body}
	if m.HTML != "" {
		c["format"], c["formatted_body"] = "org.matrix.custom.html", m.HTML
		c["m.mentions"] = struct{}{}
	}
	return json.Marshal(c)
}
