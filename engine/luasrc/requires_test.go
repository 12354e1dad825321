package luasrc_test

import (
	"slices"
	"testing"

	"bridgehost/engine/luasrc"
)

func TestRequires(t *testing.T) {
	for source, want := range map[string][]string{
		`local a = require "a"; local b = require('lib.b')`:         {"a", "lib.b"},
		`require "a" require"a" require [[c]] require [==[d]==]`:    {"a", "c", "d"},
		"-- require \"a\"\n--[[ require 'b' ]] x = \"require 'c'\"": nil,
		`t.require "a" t:require "b" require(name) require(f "c")`:  nil,
		`pcall(require, "a")`:                    nil,
		`require "a" x = "not finished`:          {"a"},
		"#!/usr/bin/env lua\nreturn require 'a'": {"a"},
		`local r = require`:                      nil,
		`if require "a" then`:                    {"a"},
	} {
		if got := luasrc.Requires(source); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", source, got, want)
		}
	}
}
