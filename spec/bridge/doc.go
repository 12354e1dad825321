// Package bridge holds what the Lua API does beside the intent: one GROUP_spec.lua for each
// module and class, and one bridge.THEME_spec.lua for each theme of the module bridge.
//
// They run on devserver in virtual time. What is declared and no sentence reaches fails the run.
//
//	go test ./spec/bridge                                      all
//	go run ./cmd/bridgehost test spec/bridge/store_spec.lua    one of them
package bridge
