package engine

import (
	"context"
	"strings"
	"testing"

	"bridgehost/diag"
)

// TestPackages runs a script with two packages, of which one requires the other.
func TestPackages(t *testing.T) {
	src := Source{Name: "test", Main: "main.lua", Files: map[string]string{
		"util.lua": `return "the script's"`,
		"main.lua": `
			assert(require "parser" == "parser 2 with its util and the lexer", require "parser")
			assert(require "parser" == require "parser")
			assert(require "util" == "the script's")
			for _, name in ipairs { "lexer", "@org.example.parser.util", "@org.example.parser/parser", "@org.example.parser.parser" } do
				local ok, err = pcall(require, name)
				assert(not ok and tostring(err):find("not found"), name)
			end
			assert(select(2, pcall(require, "util")) == "the script's")`,
		"@org.example.parser/parser.lua": `
			assert(not pcall(require, "parser"), "it sees the script's packages")
			assert(not pcall(require, "main"), "it sees the script's files")
			local function wrapped() return coroutine.wrap(function() return require "util" end)() end
			return "parser 2 with " .. wrapped() .. " and " .. select(2, pcall(require, "lexer"))`,
		"@org.example.parser/util.lua": `return "its util"`,
		"@org.example.lexer/init.lua":  `return "the lexer"`,
	}, Packages: map[string]map[string]string{
		"":                    {"parser": "@org.example.parser/parser.lua"},
		"@org.example.parser": {"lexer": "@org.example.lexer/init.lua"},
	}}
	p, err := CompileSource(src)
	if err != nil {
		t.Fatal(err)
	}
	vm := newVM(t, Config{Program: p})
	if err := vm.Load(context.Background()); err != nil {
		t.Fatal(diag.Render(err, p, diag.Options{}))
	}
	src.Files["@org.example.lexer/init.lua"] = "return ("
	if _, err := CompileSource(src); err != nil {
		t.Errorf("a file that is required through pcall only: %v", err)
	}
	src.Files["@org.example.parser/parser.lua"] = "return ("
	if _, err := CompileSource(src); err == nil || !strings.HasPrefix(err.Where, "@org.example.parser/parser.lua:1") {
		t.Errorf("a package that does not compile: %v", err)
	}
}
