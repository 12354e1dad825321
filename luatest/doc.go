// Package luatest runs specs: files called *_spec.lua that say what a script has to do
// and try it on a simulated homeserver.
//
// A spec runs in a VM of its own. Each script that it loads gets a host and a homeserver of
// its own, which end with the sentence; they talk to each other within the process. All of
// that lives in virtual time (Virtual): a call of the spec returns when nothing moves any
// more, and time passes when the spec says so. So no run depends on how fast the machine
// is, and a pause of ten minutes takes none.
//
//	report := luatest.Run(ctx, luatest.Options{Files: files, Bridges: host.SpecBridges(log)})
package luatest
