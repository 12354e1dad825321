local t = require "bridge.test"

t.describe("mqtt.lua", function()
  local hs, broker, alice

  t.before_each(function()
    broker = t.fake_mqtt("mqtt://broker.test")             -- the script's mqtt.connect ends up here
    hs     = t.load("mqtt.lua", { rooms = { "home" },
      config = { broker = "mqtt://broker.test", topics = { ["home/+/state"] = "#home:test" } } })
    alice  = hs:user("alice")
  end)

  local function reply(evt, text)
    return alice:say(evt.room_id, { msgtype = "m.text", body = text,
      ["m.relates_to"] = { ["m.in_reply_to"] = { event_id = evt.event_id } } })
  end

  t.it("gives every device a ghost of its own", function()
    broker:publish("home/lamp/state", "ON")
    local evt = hs:expect_notice { from = "@_bh_mqtt_lamp:test" }
    t.eq(evt.content.body, "ON")
  end)

  t.it("takes a reply for a command", function()
    broker:publish("home/lamp/state", "ON")
    reply(hs:expect_notice(), "OFF")
    t.eq(broker:expect("home/lamp/set"), { topic = "home/lamp/set", payload = "OFF", qos = 1, retain = false })
  end)

  t.it("says so when the device did not get it", function()
    broker:publish("home/lamp/state", "ON")
    local evt = hs:expect_notice()
    broker:hang_up()
    reply(evt, "OFF")
    t.matches(hs:expect_notice(evt.room_id).content.body, "not published")
  end)

  t.it("leaves out what is old when it connects", function()
    broker:publish("home/lamp/state", "an old state", { retain = true })
    broker:hang_up()
    t.advance("2s")                                        -- virtual time: this takes no time
    broker:publish("home/lamp/state", "a new one")
    t.eq(hs:expect_notice().content.body, "an old state")  -- was new when it came
    t.eq(hs:expect_notice().content.body, "a new one")
  end)

  t.it("gets what was published while it was away", function()
    broker:hang_up()
    broker:publish("home/lamp/state", "in between", { qos = 1 })
    t.advance("2s")
    hs:expect_notice { body = "in between" }
    t.eq(broker.connections, 2)
  end)

  t.it("keeps the link when the script is saved again", function()
    hs:reload()
    broker:publish("home/lamp/state", "still here")
    hs:expect_notice { body = "still here" }
    t.eq(broker.connections, 1)
  end)
end)
