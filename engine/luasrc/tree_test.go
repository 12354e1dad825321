package luasrc

import (
	"fmt"
	"strings"
	"testing"

	"github.com/yuin/gopher-lua/ast"
)

// seen lists what a visit meets: names, strings and methods with their places.
func seen(t *Tree) (all []string) {
	v := Visitor{Stmt: func(ast.Stmt) {}, Left: func(ast.Expr) {}, Expr: func(e ast.Expr) bool {
		p := t.Place(e)
		switch e := e.(type) {
		case *ast.IdentExpr:
			kind := "global"
			if x := t.Variable(e); x != nil {
				if kind = "local"; x.Assigned {
					kind = "set"
				}
			}
			all = append(all, fmt.Sprintf("%d:%d %s %s", p.Line, p.Col, kind, e.Value))
		case *ast.StringExpr:
			all = append(all, fmt.Sprintf("%d:%d '%s'", p.Line, p.Col, e.Value))
		case *ast.FuncCallExpr:
			if e.Func == nil {
				p = t.Method(e)
				all = append(all, fmt.Sprintf("%d:%d :%s", p.Line, p.Col, e.Method))
			}
		}
		return true
	}}
	v.Visit(t.Stmts)
	return all
}

func TestEveryNameHasItsPlace(t *testing.T) {
	for _, c := range []struct{ source, want string }{
		{"print(x)", "1:1 global print; 1:7 global x"},
		{"local a, b = b, 'a'\nreturn a.b['c']", "1:14 global b; 1:17 'a'; 2:8 local a; 2:10 'b'; 2:12 'c'"},
		{"local function f(x) return f(x) end", "1:28 local f; 1:30 local x"},
		{"local x = x", "1:11 global x"},
		{"local n = 1\nfor n = n, 2 do n = n end\nreturn n", "2:9 local n; 2:17 set n; 2:21 set n; 3:8 local n"},
		{"for k, v in pairs(t) do k(v) end", "1:13 global pairs; 1:19 global t; 1:25 set k; 1:27 set v"},
		{"local o = {}\nfunction o.p:q(r) return self, r end\nfunction o.s() end", "2:10 local o; 2:12 'p'; 2:26 set self; 2:32 local r; 3:10 local o; 3:12 's'"},
		{"repeat local x = 1 until x", "1:26 local x"},
		{"do local x end\nx = { y = x, [x] = 'z'; x }", "2:1 global x; 2:7 'y'; 2:11 global x; 2:15 global x; 2:20 'z'; 2:25 global x"},
		{"a:b 'c':d { e }", "1:9 :d; 1:3 :b; 1:1 global a; 1:5 'c'; 1:13 global e"},
		{"#!lua\nlocal x = [[\n]] .. y\nx = nil", "2:11 ''; 3:7 global y; 4:1 set x"},
		{"goto done\nd()\n::done::", "2:1 global d"},
		{"if a then b() elseif c then d() else e() end while f do break end", "1:4 global a; 1:11 global b; 1:22 global c; 1:29 global d; 1:38 global e; 1:52 global f"},
	} {
		tree, err := ParseTree("t.lua", c.source)
		if err != nil {
			t.Errorf("%q: %v", c.source, err)
			continue
		}
		if got := strings.Join(seen(tree), "; "); got != c.want {
			t.Errorf("%q\n got %s\nwant %s", c.source, got, c.want)
		}
	}
}

func TestATreeIsOnlyMadeOfWhatCompiles(t *testing.T) {
	if _, err := ParseTree("t.lua", "x = = 1"); err == nil || err.Code != codeSyntax {
		t.Errorf("%v", err)
	}
}

// FuzzTree: in whatever compiles, each name and each string has the place of its token.
func FuzzTree(f *testing.F) {
	f.Add("local function f(a, ...) for i = 1, #a do f(a[i].b, arg) end goto x ::x:: end")
	f.Add("function a.b.c:d(e) return self.f, {g = 'h', i; [j] = k'l'} end")
	f.Fuzz(func(t *testing.T, source string) {
		tree, err := ParseTree("t.lua", source)
		if err != nil {
			return
		}
		for _, s := range seen(tree) {
			if strings.Contains(s, ":0 ") {
				t.Errorf("%q: no place: %s", source, s)
			}
		}
	})
}
