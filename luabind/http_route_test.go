package luabind

import (
	"maps"
	"strings"
	"testing"
)

func TestRouteMatches(t *testing.T) {
	for _, test := range []struct {
		route, path string
		params      map[string]string // nil: does not match
	}{
		{"/", "/", map[string]string{}},
		{"/", "/a", nil},
		{"/a", "/a", map[string]string{}},
		{"/a", "/a/", nil},
		{"/a/", "/a/", map[string]string{}},
		{"/{a}", "/", nil},
		{"/{a}/x/{b}", "/1/x/2", map[string]string{"a": "1", "b": "2"}},
		{"/{a}/x/{b}", "/1/y/2", nil},
		{"/x/{all...}", "/x/1/2/", map[string]string{"all": "1/2/"}},
		{"/x/{all...}", "/x/", map[string]string{"all": ""}},
		{"/x/{all...}", "/x", nil},
	} {
		r, err := NewRoute("GET", test.route, RouteOptions{})
		if err != nil {
			t.Fatal(err)
		}
		params, _, ok := r.match(test.path)
		if ok != (test.params != nil) || ok && !maps.Equal(params, test.params) {
			t.Errorf("%s of %s: %v, %v", test.route, test.path, params, ok)
		}
	}
}

func FuzzRoute(f *testing.F) {
	f.Add("/github", "/github")
	f.Add("/items/{id}", "/items/7")
	f.Add("/{a}/{rest...}", "/x/y/z")
	f.Add("/{}", "//")
	f.Fuzz(func(t *testing.T, route, path string) {
		r, err := NewRoute("GET", route, RouteOptions{})
		if err != nil {
			return
		}
		params, _, ok := r.match(path)
		if !ok || !strings.HasPrefix(path, "/") {
			return
		}
		filled := route
		for i, part := range r.parts { // what matched makes the path again
			if name, _, is := parameter(part); is {
				r.parts[i] = params[name]
			}
		}
		if filled = "/" + strings.Join(r.parts, "/"); filled != path {
			t.Errorf("%q of %q makes %q", route, path, filled)
		}
	})
}
