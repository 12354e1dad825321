local t    = require "bridge.test"
local time = require "bridge.time"

t.describe("bridge.time", function()
  t.it("now goes on with the clock", function()
    local before = time.now()
    t.advance("90s")
    t.eq(time.now() - before, 90)
    t.advance(0.25)
    t.eq(time.now() - before, 90.25)
  end)

  t.it("ms is the same in whole milliseconds", function()
    t.advance(0.0005)
    local ms = time.ms()
    t.eq(ms, math.floor(time.now() * 1000))
    t.advance("1s")
    t.eq(time.ms() - ms, 1000)
  end)

  t.it("ms is what events have as their time", function()
    local hs = t.load("blank.lua")
    hs:reload [[
      local bridge, time = require "bridge", require "bridge.time"
      bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)
      bridge.on("message", function(evt) evt:reply(tostring(time.ms() - evt.ts)) end)
    ]]
    local alice = hs:user("alice")
    alice:say(alice:room(), "hello")
    hs:expect_message { body = "0" }
  end)

  t.it("parse reads RFC 3339, in any zone, with a fraction", function()
    t.eq(time.parse "1970-01-01T00:00:00Z", 0)
    t.eq(time.parse "2026-03-01T12:00:00Z", 1772366400)
    t.eq(time.parse "2026-03-01T14:30:00+02:30", 1772366400)
    t.eq(time.parse "2026-03-01T12:00:00.5Z", 1772366400.5)
    t.eq(time.parse "1969-12-31T23:59:59Z", -1)
  end)

  t.it("parse returns nil and an error for anything else", function()
    for _, text in ipairs { "", "yesterday", "2026-03-01", "2026-03-01 12:00:00Z", "2026-02-30T00:00:00Z", "2026-03-01T12:00:00" } do
      local at, err = time.parse(text)
      t.eq(at, nil)
      t.matches(err.message, "is no time as RFC 3339 writes it")
      t.eq(err.code, "E_ARGUMENT")
    end
  end)

  t.it("format writes RFC 3339 in UTC", function()
    t.eq(time.format(0), "1970-01-01T00:00:00Z")
    t.eq(time.format(1772366400), "2026-03-01T12:00:00Z")
    t.eq(time.format(1772366400.25), "2026-03-01T12:00:00.25Z")
    t.eq(time.format(time.parse "2026-03-01T12:00:00.123456Z"), "2026-03-01T12:00:00.123456Z")
  end)

  t.it("format raises for what no year has", function()
    t.eq(t.raises(function() time.format(1e12) end, "seconds since 1970 expected").kind, "usage")
    t.raises(function() time.format(0 / 0) end, "got nan")
    t.raises(function() time.format(-1e12) end, "seconds since 1970 expected")
  end)

  t.it("duration is in seconds", function()
    t.eq(time.duration "20s", 20)
    t.eq(time.duration "1h30m", 5400)
    t.eq(time.duration "7d", 7 * 86400)
    t.eq(time.duration "1d12h", 36 * 3600)
    t.eq(time.duration "1.5m", 90)
    t.eq(time.duration "250ms", 0.25)
    t.eq(time.duration "45", 45)
    t.eq(time.duration(2.5), 2.5)
  end)

  t.it("duration raises for what is none", function()
    for _, text in ipairs { "", "soon", "-1s", "5 m", "1x" } do
      t.eq(t.raises(function() time.duration(text) end, "duration expected").kind, "usage")
    end
    t.raises(function() time.duration(-1) end, "duration expected")
  end)
end)
