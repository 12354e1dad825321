// Package engine keeps scripts running. It knows Lua, files and time, nothing of Matrix or SQL.
//
// A Script is one script over its whole life: items wait in its lanes, and one Generation
// at a time answers them. A Generation is one loaded version: a VM, and the handlers,
// services and timers that its top level declared. Everything that runs in a VM is a Task,
// on a Lua thread and a goroutine of its own, with a deadline and a budget; Lua runs only
// with the VM's lock, which calls that wait release (VM.Wait).
//
//	s := engine.NewScript(engine.ScriptConfig{Name: "irc", …})
//	src, err := engine.ReadSource("irc", "scripts/irc")
//	failed := s.Start(ctx, src)                        // the first generation
//	failed = s.Reload(ctx, src, engine.ReasonSaved)    // the next one, while events are held
//	failed = s.Rollback(ctx, 0, src.Hash())            // the one before, until the next save
//	s.Close(10 * time.Second)
//
// A Watcher tells when files changed. What the API offers to scripts comes from a Library,
// which handlers an item goes to from a Matcher: luabind is both.
package engine
