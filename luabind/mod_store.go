package luabind

import (
	"errors"
	"fmt"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/capability"
	"bridgehost/delivery"
	"bridgehost/diag"
	"bridgehost/engine"
)

// storeClass is what bridge.store and bridge.memory return.
var storeClass = class("store", "Values under keys. A value is what JSON can hold: a table, string, number or boolean. "+
	"What `get` returns is a copy: change it and `set` it again. No method waits.")

// keeper is where a store's values are, as JSON.
type keeper interface {
	get(key string) ([]byte, error)
	set(u *delivery.Unit, key string, value []byte, ttl time.Duration) error
	delete(u *delivery.Unit, key string) (existed bool, err error)
	swap(u *delivery.Unit, key string, before, value []byte) (done bool, err error) // sets it, nil deletes, if it is still before
	keys() ([]string, error)
}

// onDisk is bridge.store.
type onDisk struct {
	data *delivery.Data
	name string
}

func (s *onDisk) get(key string) ([]byte, error) { return s.data.Get(s.name, key) }
func (s *onDisk) keys() ([]string, error)        { return s.data.Keys(s.name) }
func (s *onDisk) set(u *delivery.Unit, key string, value []byte, ttl time.Duration) error {
	return s.data.Set(u, s.name, key, value, ttl)
}
func (s *onDisk) delete(u *delivery.Unit, key string) (bool, error) {
	return s.data.Delete(u, s.name, key)
}

func (s *onDisk) swap(u *delivery.Unit, key string, before, value []byte) (bool, error) {
	return s.data.Swap(u, s.name, key, before, value)
}

// inMemory is bridge.memory.
type inMemory struct {
	memory *engine.Memory
	name   string
}

func (s *inMemory) get(key string) ([]byte, error) { return s.memory.Get(s.name, key), nil }
func (s *inMemory) keys() ([]string, error)        { return s.memory.Keys(s.name), nil }
func (s *inMemory) set(_ *delivery.Unit, key string, value []byte, ttl time.Duration) error {
	if full := s.memory.Set(s.name, key, value, ttl); full != nil {
		return full
	}
	return nil
}
func (s *inMemory) delete(_ *delivery.Unit, key string) (bool, error) {
	return s.memory.Delete(s.name, key), nil
}
func (s *inMemory) swap(_ *delivery.Unit, key string, before, value []byte) (bool, error) {
	done, failed := s.memory.Swap(s.name, key, before, value)
	return done, fails(failed)
}

const noPowerMemory = "keeps values in memory"

var _ = fn(bridgeModule, "store", capability.KV, never,
	"The store of that name: on disk, over restarts. What a handler writes is seen at once and becomes durable when the "+
		"handler has finished; when it fails, its writes are undone.",
	func(c *Call, a *struct {
		Name string `lua:"name" doc:"any name"`
	}) (lua.LValue, error) {
		if c.Env.Script.Data == nil {
			return nil, &diag.Error{Kind: diag.KindInternal, Message: "this host keeps no data"}
		}
		if strings.HasPrefix(a.Name, "\x00") { // the host's own: marks of bridge.once, links of portals
			return nil, usage("bad argument #1 'name' to 'store' (a name expected, got one that begins with a NUL byte)")
		}
		return c.Object(storeClass, keeper(&onDisk{c.Env.Script.Data, a.Name})), nil
	}, results("A store."), returns("Store"), example(`local subs = bridge.store("subs")`))

var _ = fn(bridgeModule, "memory", capability.None(noPowerMemory), never,
	"Like bridge.store, but in memory: it survives a reload, not a restart. Writes are not undone.",
	func(c *Call, a *struct {
		Name string `lua:"name" doc:"any name"`
	}) (lua.LValue, error) {
		g, err := c.generation()
		if err != nil {
			return nil, err
		}
		return c.Object(storeClass, keeper(&inMemory{g.Script.Memory(), a.Name})), nil
	}, results("A store."), returns("Store"), example(`local link = bridge.memory("link")`))

var _ = fn(bridgeModule, "once", capability.KV, waits,
	"Marks a key. True the first time only, until `ttl` has passed; on disk, as part of the handler's work: when the "+
		"handler fails the mark is undone. A key that another handler has marked and not finished is waited for. What a route or a timer "+
		"sends after the mark comes once for it: when it fails, or the host is killed, and the key is marked again, an equal message is not sent a second time.",
	func(c *Call, a *struct {
		Space string        `lua:"space" doc:"keys of different spaces do not meet"`
		Key   string        `lua:"key" doc:"the key"`
		TTL   time.Duration `lua:"ttl,opt" doc:"how long the mark stays; for ever when it is left out"`
	}) (bool, error) {
		if c.Env.Script.Data == nil {
			return false, &diag.Error{Kind: diag.KindInternal, Message: "this host keeps no data"}
		}
		first, err := c.Env.Script.Data.Once(c.Context(), c.Unit(), a.Space, a.Key, a.TTL)
		return first, storeError(err)
	}, errcodes("E_CIRCLE", "E_QUOTA"), example(`if bridge.once("seen", item.id, "180d") then … end`))

// storeError is what the stores' errors mean to a script.
func storeError(err error) error {
	switch {
	case errors.Is(err, delivery.ErrNoUnit):
		return errLoading()
	case errors.Is(err, delivery.ErrCircle):
		return &diag.Error{Kind: diag.KindTimeout, Code: "E_CIRCLE", Retryable: true, Cause: err,
			Message: "handlers wait for each other's bridge.once in a circle; this one runs again later"}
	}
	var full *delivery.QuotaError
	if errors.As(err, &full) {
		return &diag.Error{Kind: diag.KindLimit, Code: "E_QUOTA", Cause: err,
			Message: fmt.Sprintf("the script's stores are full: they would take %d bytes, and %d are granted; nothing was written", full.Need, full.Limit),
			Hint:    "delete what is not needed, or give values a ttl; the owner of this host can grant more: bridgehost permissions NAME --grant 'kv 100MB'"}
	}
	return err
}

func errLoading() *diag.Error {
	return &diag.Error{Kind: diag.KindUsage, Code: "E_LOADING", Message: "called while the script was loading",
		Hint: `put it in bridge.on("load", function() … end)`}
}

// maxKey is how long a key may be, in bytes.
const maxKey = 4096

// writing checks what all writes have in common.
func (c *Call) writing(key string) error {
	if t := c.VM.Task(); t == nil || t.Loading {
		return errLoading()
	}
	if len(key) > maxKey {
		return usage("bad argument #1 'key' to '%s' (a key has %d bytes at most, got %d)", c.Function().Name, maxKey, len(key))
	}
	return nil
}

type keyArgs struct {
	Key string `lua:"key" doc:"the key"`
}

var _ = method(storeClass, "get", capability.None("the store was opened already"), never,
	"The value of a key, or nil.",
	func(c *Call, s keeper, a *keyArgs) (lua.LValue, error) {
		raw, err := s.get(a.Key)
		if err != nil || raw == nil {
			return lua.LNil, storeError(err)
		}
		return c.Value(raw), nil
	}, results("The value, or nil."), example(`local topic = sent:get(event_id)`))

var _ = method(storeClass, "set", capability.None("the store was opened already"), never,
	"Keeps a value. A function, a socket or another handle in it raises.",
	func(c *Call, s keeper, a *struct {
		Key   string        `lua:"key" doc:"the key"`
		Value JSON          `lua:"value" doc:"what JSON can hold"`
		TTL   time.Duration `lua:"ttl,opt" doc:"how long it is kept; for ever when it is left out"`
	}) (none, error) {
		if err := c.writing(a.Key); err != nil {
			return none{}, err
		}
		if most := c.VM.Limits().String; len(a.Value) > most {
			return none{}, &diag.Error{Kind: diag.KindLimit, Code: "E_VALUE", Message: fmt.Sprintf("the value takes %d bytes; %d are allowed", len(a.Value), most)}
		}
		return none{}, storeError(s.set(c.Unit(), a.Key, a.Value, a.TTL))
	}, errcodes("E_QUOTA"), example(`sent:set(event_id, topic, { ttl = "7d" })`))

var _ = method(storeClass, "delete", capability.None("the store was opened already"), never,
	"Forgets a key. True when there was a value.",
	func(c *Call, s keeper, a *keyArgs) (bool, error) {
		if err := c.writing(a.Key); err != nil {
			return false, err
		}
		existed, err := s.delete(c.Unit(), a.Key)
		return existed, storeError(err)
	}, example(`local gone = subs:delete(key)`))

var _ = method(storeClass, "keys", capability.None("the store was opened already"), never,
	"A list of all keys, sorted.",
	func(_ *Call, s keeper, _ *struct{}) ([]string, error) {
		keys, err := s.keys()
		return keys, storeError(err)
	}, example(`bridge.parallel(4, subs:keys(), poll)`))

var _ = method(storeClass, "pairs", capability.None("the store was opened already"), never,
	"An iterator over keys and values, in the order of the keys as they were when it began.",
	func(c *Call, s keeper, _ *struct{}) (lua.LValue, error) {
		keys, err := s.keys()
		if err != nil {
			return nil, storeError(err)
		}
		env := c.Env
		return c.L.NewFunction(func(L *lua.LState) int {
			for len(keys) > 0 {
				key := keys[0]
				keys = keys[1:]
				raw, err := s.get(key)
				if err != nil {
					env.VM.Raise(L, ErrorOf(storeError(err)))
				}
				if raw != nil { // nil: deleted meanwhile
					L.Push(lua.LString(key))
					L.Push(env.Value(raw))
					return 2
				}
			}
			L.Push(lua.LNil)
			return 1
		}), nil
	}, results("An iterator."), example(`for key, value in subs:pairs() do … end`))

var _ = method(storeClass, "update", capability.None("the store was opened already"), waitsInside,
	"Sets a key to what the function makes of its value (nil when there is none; to return nil deletes), as one step. "+
		"The function should not wait: when another handler changes the key meanwhile, this raises. During a reload it may be called again, "+
		"when the other loaded version of the script has changed the key: it should do nothing else.",
	func(c *Call, s keeper, a *struct {
		Key string         `lua:"key" doc:"the key"`
		Fn  *lua.LFunction `lua:"fn" doc:"gets the value, returns the new one"`
	}) (lua.LValue, error) {
		if err := c.writing(a.Key); err != nil {
			return nil, err
		}
		t := c.VM.Task()
		for waited, tries := t.Waited(), 1; ; tries++ {
			value, done, err := c.updateOnce(s, a.Key, a.Fn)
			if done || err != nil {
				return value, storeError(err)
			}
			if t.Waited() != waited || tries == maxUpdates {
				return nil, &diag.Error{Kind: diag.KindUsage, Code: "E_CHANGED", Retryable: true,
					Message: fmt.Sprintf("another handler changed '%s' while the function given to 'update' waited", a.Key),
					Hint:    "do what waits before or after, or use bridge.lock"}
			}
		}
	}, results("The new value."), errcodes("E_CHANGED"), example(`counts:update(user, function(n) return (n or 0) + 1 end)`))

// maxUpdates is how often update begins again when the other generation was faster.
const maxUpdates = 1000

// updateOnce sets a key to what fn makes of its value, unless that changed meanwhile.
func (c *Call) updateOnce(s keeper, key string, fn *lua.LFunction) (value lua.LValue, done bool, err error) {
	before, err := s.get(key)
	if err != nil {
		return nil, false, err
	}
	value = lua.LNil
	if before != nil {
		value = c.Value(before)
	}
	c.VM.Call(c.L, fn, 1, value)
	value = c.L.Get(-1)
	c.L.Pop(1)
	var raw []byte
	if value != lua.LNil {
		if raw, err = c.EncodeJSON(value); err != nil {
			return nil, false, usage("the function given to 'update' returned what cannot be kept (%s)", err)
		}
	}
	done, err = s.swap(c.Unit(), key, before, raw)
	return value, done, err
}

var _ = method(storeClass, "clear", capability.None("the store was opened already"), never,
	"Forgets all keys.",
	func(c *Call, s keeper, _ *struct{}) (none, error) {
		if err := c.writing(""); err != nil {
			return none{}, err
		}
		keys, err := s.keys()
		for _, key := range keys {
			if err == nil {
				_, err = s.delete(c.Unit(), key)
			}
		}
		return none{}, storeError(err)
	}, example(`link:clear()`))
