local t = require "bridge.test"

t.describe("bridge.mqtt", function()
  local hs, broker, alice, room

  -- Runs a body in a handler; what it returns is what result() gives. connect(o) connects to
  -- the broker of the spec, code(v, err) is the error's code.
  local function go(body)
    hs:reload(([[
      local bridge, mqtt, json = require "bridge", require "bridge.mqtt", require "bridge.json"
      local function connect(o)
        o = o or {}
        o.url = o.url or "mqtt://broker.test"
        return mqtt.connect(o)
      end
      local function code(v, err) return v == nil and err.code or v end
      bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)
      bridge.command("go", function()
        bridge.store("out"):set("v", json.array { (function() %s end)() })
      end)
    ]]):format(body))
    alice:say(room, "!go")
  end

  local function result() return unpack(t.store("out"):get("v") or { "did not end" }) end

  t.before_each(function()
    hs     = t.load("blank.lua")
    broker = t.fake_mqtt("mqtt://broker.test")
    alice  = hs:user("alice")
    hs:reload [[require "bridge".on("invite", function(evt) intent:join_room(evt.room_id) end)]]
    room   = alice:room()
  end)

  t.it("introduces itself as it is told to", function()
    go [[
      local client = assert(connect { client_id = "c", username = "u", password = "p", clean_session = false, keepalive = "30s",
        will = { topic = "gone", payload = "bye" }, timeout = "5s" })
      return client:peer(), tostring(client)
    ]]
    t.eq({ result() }, { "broker.test:1883", "mqtt client (broker.test:1883)" })
    t.eq(broker.connections, 1)
  end)

  t.it("tells why there is no connection", function()
    t.fake_tcp("unknown.test:1883", { fails = "ENOTFOUND" })
    t.fake_tcp("tls.test:8883", { fails = "E_TLS" })
    go [[ return code(connect { url = "mqtt://nobody.test" }), code(connect { url = "mqtt://unknown.test" }), code(connect { url = "mqtts://tls.test" }) ]]
    t.eq({ result() }, { "ECONNREFUSED", "ENOTFOUND", "E_TLS" })
  end)

  t.it("tells that the broker does not let it in", function()
    t.fake_mqtt("mqtt://broker.test", { refuse = true })
    go [[ local client, err = connect() return client == nil, err.kind, err.code, err.hint ]]
    t.eq({ result() }, { true, "net", "E_REFUSED", "check username and password" })
  end)

  t.it("gives up when the broker says nothing", function()
    t.fake_mqtt("mqtt://broker.test", { silent = true })
    go [[ return code(connect()) ]]
    t.advance("30s")
    t.eq(result(), "ETIMEDOUT")
  end)

  t.it("tells that what answers is no broker", function()
    local mail = t.fake_tcp("mail.test:25")
    go [[ return code(connect { url = "mqtt://mail.test:25" }) ]]
    mail:send("220 mail.test" .. (" hello"):rep(20))
    t.eq(result(), "E_PROTOCOL")
  end)

  t.it("counts its connections", function()
    go [[ for i = 1, 64 do assert(connect()) end return code(connect()) ]]
    t.eq(result(), "E_CONNECTIONS")
  end)

  t.it("compares topics with filters", function()
    go [[ return mqtt.matches("home/+/state", "home/lamp/state"), mqtt.matches("home/#", "away"), (bridge.try(mqtt.matches, "a#", "a")) == nil ]]
    t.eq({ result() }, { true, false, true })
  end)

  t.it("publishes, with every QoS", function()
    go [[ local c = connect() return c:publish("a", "0"), c:publish("a", "1", { qos = 1, retain = true }), c:publish("a", "2", 2) ]]
    t.eq({ result() }, { true, true, true })
    t.eq(broker:expect("a", "1"), { topic = "a", payload = "1", qos = 1, retain = true })
    t.eq(broker:expect("#").payload, "2")
    t.raises(function() broker:expect("a") end, "expected a message of the script")
  end)

  t.it("gets what it subscribed to, until the broker hangs up", function()
    broker:publish("a/kept", "old", { retain = true })
    go [[
      local c, got = connect(), {}
      local granted = c:subscribe("a/+", { qos = 1 })
      for m in c:messages() do got[#got + 1] = m.topic .. " " .. m.payload .. " " .. m.qos .. " " .. tostring(m.retained) end
      return granted, got[1], got[2], #got, code(c:publish("a", "")), code(c:subscribe("a")), code(c:unsubscribe("a"))
    ]]
    broker:publish("b", "not wanted")
    broker:publish("a/new", "fresh", { qos = 2 })
    broker:hang_up()
    t.eq({ result() }, { 1, "a/kept old 0 true", "a/new fresh 1 false", 2, "EPIPE", "EPIPE", "EPIPE" })
  end)

  t.it("does not get what it unsubscribed from", function()
    go [[
      local c = connect()
      c:subscribe("a") c:unsubscribe("a") c:subscribe("b")
      for m in c:messages() do return m.topic end
    ]]
    broker:publish("a", "")
    broker:publish("b", "")
    t.eq(result(), "b")
  end)

  t.it("tells that a subscription is refused, and stays connected", function()
    go [[ local c = connect() bridge.sleep("1s") return code(c:subscribe("a")) ]]
    t.fake_mqtt("mqtt://broker.test", { deny = true })
    t.advance("1s")
    t.eq(result(), "E_REFUSED")
  end)

  t.it("does not wait for ever for a confirmation", function()
    go [[
      local c = connect { keepalive = 0 }
      bridge.sleep("1s")
      local all = {}
      bridge.parallel(3, { "publish", "subscribe", "unsubscribe" }, function(name)
        if name == "publish" then all[name] = code(c:publish("a", "", 1)) else all[name] = code(c[name](c, "a")) end
      end)
      return all.publish, all.subscribe, all.unsubscribe
    ]]
    t.fake_mqtt("mqtt://broker.test", { silent = true })
    t.advance("1s")
    t.advance("30s")
    t.eq({ result() }, { "ETIMEDOUT", "ETIMEDOUT", "ETIMEDOUT" })
  end)

  t.it("notices that the broker is gone although the connection stands", function()
    hs:reload [[
      local bridge, mqtt = require "bridge", require "bridge.mqtt"
      bridge.service("s", function()
        local c = assert(mqtt.connect { url = "mqtt://broker.test", keepalive = "10s" })
        local ok, err = pcall(function() for m in c:messages() do end end)
        bridge.store("out"):set("v", { err.code })
        bridge.sleep("1d")
      end)
    ]]
    t.fake_mqtt("mqtt://broker.test", { silent = true })
    t.advance("10s") t.advance("10s") t.advance("10s") t.advance("10s")
    t.eq(result(), "ETIMEDOUT")
  end)

  t.it("raises when what comes is no MQTT, or is cut off", function()
    local welcome = "\32\2\0\0"
    local function other(answer)
      local srv = t.fake_tcp("other.test:1883")
      go [[ local c = assert(connect { url = "mqtt://other.test" }) local ok, err = pcall(c:messages()) return err.code ]]
      srv:send(welcome .. answer)
      return srv
    end
    other("\0")
    t.eq(result(), "E_PROTOCOL")
    other("\48\100"):hang_up() -- in the middle of a packet of 100 bytes
    t.eq(result(), "ECONNRESET")
  end)

  t.it("refuses everything once it is closed", function()
    go [[
      local c = connect()
      c:close() c:close()
      local ok, err = pcall(c:messages())
      return code(c:publish("a", "")), code(c:subscribe("a")), code(c:unsubscribe("a")), err.code
    ]]
    t.eq({ result() }, { "E_CLOSED", "E_CLOSED", "E_CLOSED", "E_CLOSED" })
  end)

  t.it("does not publish more than 4 MiB", function()
    go [[ return code(connect():publish("a", ("x"):rep(5000000))) ]]
    t.eq(result(), "E_TOO_LONG")
  end)

  t.it("hands out once what was confirmed in vain", function()
    hs:reload [[
      local bridge, mqtt = require "bridge", require "bridge.mqtt"
      bridge.service("s", function()
        local c = assert(mqtt.connect { url = "mqtt://broker.test", client_id = "c", clean_session = false, keepalive = 0 })
        assert(c:subscribe("in", 1))
        for m in c:messages() do bridge.store("got"):update(m.payload, function(n) return (n or 0) + 1 end) end
        error("hung up")
      end)
    ]]
    broker:publish("in", "one", 1)
    t.fake_mqtt("mqtt://broker.test", { silent = true })   -- it does not hear what is confirmed
    broker:publish("in", "two", 1)
    broker:hang_up()
    t.fake_mqtt("mqtt://broker.test")
    t.advance("2s")
    broker:publish("in", "three", 1)
    local got = t.store("got")
    t.eq({ got:get("one"), got:get("two"), got:get("three") }, { 1, 1, 1 })
    t.eq(broker.connections, 2)
  end)

  t.it("is passed on by bridge.keep", function()
    local source = [[
      local bridge, mqtt = require "bridge", require "bridge.mqtt"
      bridge.service("s", function()
        local c = bridge.keep("c", function() return mqtt.connect { url = "mqtt://broker.test" } end)
        assert(c:subscribe("in", 1))
        for m in c:messages() do c:publish("out", m.payload) end
      end)
    ]]
    hs:reload(source)
    broker:publish("in", "one")
    hs:reload(source .. "-- again")
    broker:publish("in", "two")
    broker:expect("out", "one")
    broker:expect("out", "two")
    t.eq(broker.connections, 1)
  end)
end)
