package luabind

import (
	"time"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/capability"
)

const noPowerTimer = "runs a function of the script's own later"

var _ = fn(bridgeModule, "every", capability.None(noPowerTimer), never,
	"Declares that a function runs again and again, the first time one period after the start. It never runs twice at "+
		"once; occasions that a long run overlaps are left out. For the top level only.",
	func(c *Call, a *struct {
		Period  time.Duration `lua:"period" doc:"seconds, or \"20s\", \"5m\", \"7d\""`
		Options struct {
			Jitter time.Duration `lua:"jitter,opt" doc:"each run begins up to so much later, at random"`
		} `lua:"options,mid" doc:"options"`
		Fn *lua.LFunction `lua:"fn" doc:"the function"`
	}) (none, error) {
		g, err := c.generation()
		if err != nil {
			return none{}, err
		}
		return none{}, fails(g.Every(a.Period, a.Options.Jitter, a.Fn))
	}, example(`bridge.every("5m", function() … end)`))

var _ = fn(bridgeModule, "cron", capability.None(noPowerTimer), never,
	"Declares that a function runs at the times of a cron expression: minute, hour, day of month, month, day of week, "+
		"or @hourly, @daily and so on, in the host's time zone. A run that was missed while the host was down runs once. "+
		"For the top level only.",
	func(c *Call, a *struct {
		Expr    string `lua:"expr" doc:"five fields, for example \"*/10 * * * *\""`
		Options struct {
			Jitter time.Duration `lua:"jitter,opt" doc:"each run begins up to so much later, at random"`
		} `lua:"options,mid" doc:"options"`
		Fn *lua.LFunction `lua:"fn" doc:"the function"`
	}) (none, error) {
		g, err := c.generation()
		if err != nil {
			return none{}, err
		}
		return none{}, fails(g.Cron(a.Expr, a.Options.Jitter, a.Fn))
	}, example(`bridge.cron("0 7 * * *", { jitter = "1m" }, function() … end)`))

var _ = fn(bridgeModule, "service", capability.None("runs a function of the script's own"), never,
	"Declares a function that should always run. When it returns or raises it is started again, after a pause of 1 s "+
		"that grows up to 5 min. On a reload it gets an error of kind \"stopping\" at its next wait for input, and its "+
		"namesake in the new version starts. For the top level only.",
	func(c *Call, a *struct {
		Name    string         `lua:"name" doc:"shown in status; one service has it"`
		Options struct{}       `lua:"options,mid" doc:"none yet"`
		Fn      *lua.LFunction `lua:"fn" doc:"the function"`
	}) (none, error) {
		g, err := c.generation()
		if err != nil {
			return none{}, err
		}
		return none{}, fails(g.Service(a.Name, a.Fn))
	}, example(`bridge.service("irc", function() … end)`))

var _ = fn(bridgeModule, "after", capability.None(noPowerTimer), never,
	"Runs a function once, later. It is kept in memory only and ends with the loaded version of the script. "+
		"For handlers, not for the top level.",
	func(c *Call, a *struct {
		Delay time.Duration  `lua:"delay" doc:"seconds, or \"20s\", \"5m\""`
		Fn    *lua.LFunction `lua:"fn" doc:"the function"`
		Args  []lua.LValue   `lua:"...,rest" doc:"its arguments"`
	}) (lua.LValue, error) {
		g, err := c.generation()
		if err != nil {
			return nil, err
		}
		s, failed := g.After(c.VM.Task(), a.Delay, a.Fn, a.Args...)
		if failed != nil {
			return nil, failed
		}
		return c.Object(taskClass, s), nil
	}, results("A task: `:cancel()` it, or `:wait()` for it."), returns("Task"), errcodes("E_TIMERS"),
	example(`bridge.after("10m", function() cmd:reply("remember the kettle") end)`))
