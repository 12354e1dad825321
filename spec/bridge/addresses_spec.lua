local t = require "bridge.test"

-- Where a bundle may connect to: what was granted by name leads out of the house only.
t.describe("addresses", function()
  local hs, alice, room

  local function granted(...)
    hs    = t.load("prober.lua", { capabilities = { "matrix:read", "matrix:send", ... } })
    alice = hs:user("alice")
    room  = alice:room()
  end

  local function try(code)
    alice:say(room, "try local net, http = require 'bridge.net', require 'bridge.http' " .. code)
    return hs:expect_notice(room).content.body
  end

  local function connect(host)
    return try(([[local s, err = net.connect { host = "%s", port = 6667 } return s and s:peer() or err.code .. " " .. err.message .. " " .. err.hint]]):format(host))
  end

  t.it("are looked up for a name that was granted", function()
    t.fake_tcp("irc.test:6667")
    granted("net:connect irc.test:6667")
    t.eq(connect("irc.test"), "irc.test:6667")
    t.eq(connect("IRC.test."), "IRC.test.:6667")
  end)

  t.it("of this machine are refused, with the grant that would do", function()
    local srv = t.fake_tcp("127.0.0.1:6667")
    granted("net:connect")
    t.matches(connect("127.0.0.1"), "^E_ADDRESS .*this is an address of this machine, and that was not named .*%-%-grant 'net:connect 127.0.0.1:6667'")
    t.matches(connect("localhost"), "^E_ADDRESS .*the name leads to 127.0.0.1")
    t.eq(srv.connections, 0)
    granted("net:connect 127.0.0.1:6667")
    t.eq(connect("127.0.0.1"), "127.0.0.1:6667")
    t.eq(srv.connections, 1)
  end)

  t.it("in odd spellings are refused", function()
    granted("net:connect")
    for _, host in ipairs { "127.1", "2130706433", "0x7f.0.0.1", "0177.0.0.1", "127.0.0.1.", "fe80::1%%eth0" } do
      t.matches(connect(host), "^E_ADDRESS .*is no plain name and no plain address")
    end
  end)

  t.it("are looked at for each step of a redirect", function()
    t.fake_http("http://open.test/*", function() return { status = 302, headers = { location = "http://192.168.1.1/" } } end)
    local home = t.fake_http("http://192.168.1.1/", "home")
    granted("http:fetch")
    t.matches(try [[local res, err = http.get("http://open.test/") return err.kind .. " " .. err.code .. " " .. err.message]],
      "^permission E_ADDRESS .*an address of a private network, and that was not named")
    t.eq(#home.requests, 0)
  end)

  t.it("of a script of one's own are not asked for", function()
    hs    = t.load("prober.lua")
    alice = hs:user("alice")
    room  = alice:room()
    t.fake_tcp("127.0.0.1:6667")
    t.eq(connect("127.0.0.1"), "127.0.0.1:6667")
  end)
end)
