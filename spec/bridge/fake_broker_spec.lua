local t = require "bridge.test"

t.describe("a fake broker", function()
  local hs, broker

  -- A service that answers each message of in/# under out, and connects again after a second.
  local echo = [[
    local bridge, mqtt = require "bridge", require "bridge.mqtt"
    bridge.service("echo", function()
      local client = bridge.keep("client", function()
        return assert(mqtt.connect { url = "mqtt://broker.test", client_id = "echo", clean_session = false })
      end)
      assert(client:subscribe("in/#", 1))
      for m in client:messages() do
        assert(client:publish("out/" .. m.topic, (m.retained and "kept " or "") .. m.payload, { qos = 1, retain = m.payload == "keep" }))
      end
      error("the broker closed the connection")
    end)
  ]]

  t.before_each(function()
    broker = t.fake_mqtt("mqtt://broker.test")
    hs     = t.load("blank.lua")
  end)

  t.it("is one for each address", function()
    hs:reload(echo)
    t.eq(t.fake_mqtt("mqtts://broker.test:1883").connections, 1)
    t.eq(t.fake_mqtt("mqtt://other.test").connections, 0)
  end)

  t.it("raises for what is no address, topic or QoS", function()
    t.raises(function() t.fake_mqtt("broker.test") end, "mqtt://HOST:PORT or mqtts://HOST:PORT expected")
    t.raises(function() broker:publish("a/+", "") end, "a topic to publish under has no %+")
    t.raises(function() broker:publish("a", "", { qos = 3 }) end, "0, 1 or 2 expected")
    t.raises(function() broker:expect("a#") end, "# stands for all levels")
  end)

  t.it("publishes to those who subscribed, and what the script does with it is done", function()
    hs:reload(echo)
    broker:publish("in/one", "hello")
    broker:publish("elsewhere", "hello")
    t.eq(broker:expect("out/#"), { topic = "out/in/one", payload = "hello", qos = 1, retain = false })
    t.raises(function() broker:expect("out/#") end, "it did not come")
  end)

  t.it("expects the next message that fits, and does not find those before it again", function()
    hs:reload(echo)
    for _, text in ipairs { "one", "two (2)", "three", "keep" } do broker:publish("in/a", text) end
    t.eq(broker:expect("out/in/a", "two (2)").payload, "two (2)")
    t.eq(broker:expect("out/+/a", "th.*").payload, "three")
    local err = t.raises(function() broker:expect("out/in/a", "one") end, 'expected a message of the script for "out/in/a"')
    t.eq(err.code, "E_EXPECTED")
    t.eq(broker:expect("out/in/a").retain, true)
  end)

  t.it("keeps retained messages for later subscribers", function()
    broker:publish("in/a", "old", { retain = true })
    hs:reload(echo)
    broker:expect("out/in/a", "kept old")
  end)

  t.it("hangs up, keeps the session and what comes meanwhile, and counts the next connection", function()
    hs:reload(echo)
    broker:hang_up()
    broker:publish("in/a", "lost")
    broker:publish("in/a", "waiting", { qos = 1 })
    t.advance("2s")
    t.eq(broker.connections, 2)
    t.eq(broker:expect("out/#").payload, "waiting")
  end)

  t.it("refuses everybody, or each subscription, until it is made without options", function()
    t.fake_mqtt("mqtt://broker.test", { refuse = true })
    hs:reload(echo)
    hs:expect_error("the broker does not let us in")
    t.fake_mqtt("mqtt://broker.test", { deny = true })
    t.advance("2s")
    hs:expect_error("does not let us read")
    t.fake_mqtt("mqtt://broker.test")
    t.advance("5s")
    broker:publish("in/a", "hello")
    broker:expect("out/#")
  end)

  t.it("answers nothing while it is silent", function()
    t.fake_mqtt("mqtt://broker.test", { silent = true })
    hs:reload(echo)
    t.advance("31s")
    hs:expect_error("the broker did not answer in time")
  end)
end)
