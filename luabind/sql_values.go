package luabind

import (
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	lua "github.com/yuin/gopher-lua"
)

var blobClass = class("blob", "Bytes for a statement of bridge.sql.")

// sqlBlob is what an object of blobClass holds.
type sqlBlob string

var _ = fn(sqlModule, "blob", pure, never,
	"Marks a string as bytes, so that it is kept as a BLOB and not as text. What is read from a BLOB is a plain string.",
	func(c *Call, a *struct {
		Bytes []byte `lua:"bytes" doc:"any bytes"`
	}) (lua.LValue, error) {
		return c.Object(blobClass, sqlBlob(a.Bytes)), nil
	}, results("A value for a statement."), returns("Blob"), example(`sql.exec("INSERT INTO files (name, data) VALUES (?, ?)", name, sql.blob(data))`))

// sqlValue is a value for a statement; at is its place among the arguments.
func (c *Call) sqlValue(v lua.LValue, at int) (any, error) {
	wrong := func(text string) error { return usage("bad argument #%d to '%s' (%s)", at, c.fn.Name, text) }
	switch x := v.(type) {
	case *lua.LNilType:
		return nil, nil
	case lua.LBool:
		if x {
			return int64(1), nil
		}
		return int64(0), nil
	case lua.LNumber:
		f := float64(x)
		switch {
		case math.IsNaN(f):
			return nil, wrong("a number expected, got NaN")
		case f == math.Trunc(f) && math.Abs(f) <= 1<<53:
			return int64(f), nil
		}
		return f, nil
	case lua.LString:
		if !utf8.ValidString(string(x)) {
			return nil, wrong("text in UTF-8 expected; sql.blob is for other bytes")
		}
		return string(x), nil
	case *lua.LUserData:
		if x == c.null {
			return nil, nil
		}
		if blob, ok := x.Value.(sqlBlob); ok {
			return []byte(blob), nil
		}
		if big, ok := x.Value.(bigInteger); ok {
			n, err := strconv.ParseInt(string(big), 10, 64)
			if err != nil {
				return nil, wrong(fmt.Sprintf("an integer of 64 bits expected, got %s", big))
			}
			return n, nil
		}
	}
	return nil, wrong(c.expected("a string, number, boolean, nil, json.null or sql.blob", v))
}

// sqlRows are the rows of an answer as scripts see them.
func (c *Call) sqlRows(a *SQLAnswer) *lua.LTable {
	rows := c.Array(c.L.CreateTable(len(a.Rows), 0))
	for i, values := range a.Rows {
		row := c.L.CreateTable(0, len(values))
		for j, v := range values {
			row.RawSetString(a.Columns[j], c.fromSQL(v))
		}
		rows.RawSetInt(i+1, row)
	}
	return rows
}

func (c *Call) fromSQL(v any) lua.LValue {
	switch x := v.(type) {
	case int64:
		return c.sqlInteger(x)
	case float64:
		return lua.LNumber(x)
	case string:
		return lua.LString(x)
	case []byte:
		return lua.LString(x)
	}
	return c.null
}

// sqlInteger keeps every digit, as JSON's integers do.
func (c *Call) sqlInteger(n int64) lua.LValue {
	if n <= 1<<53 && n >= -(1<<53) {
		return lua.LNumber(n)
	}
	return c.Object(integerClass, bigInteger(strconv.FormatInt(n, 10)))
}
