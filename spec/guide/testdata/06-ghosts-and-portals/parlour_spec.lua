local t = require "bridge.test"

t.describe("parlour.lua", function()
  local hs, srv, alice, room, said

  t.before_each(function()
    srv   = t.fake_tcp("parlour.test:7100")
    hs    = t.load("parlour.lua", { config = { host = "parlour.test", invite = { "@alice:test" } } })
    alice = hs:user("alice")
    srv:send('{"kind":"say","id":"m1","room":"hall","from":"zoe","text":"good evening"}')
    said  = hs:expect_message { from = "@_bh_parlour_zoe:test", body = "good evening" }
    room  = said.room_id
    alice:join(room)
  end)

  t.it("makes one room and one ghost", function()
    t.eq(hs:state(room, "m.room.name").name, "hall")
    t.eq(hs:state(room, "m.room.member", "@_bh_parlour_zoe:test").displayname, "zoe (Parlour)")
    srv:send('{"kind":"say","id":"m2","room":"hall","from":"zoe","text":"anybody?"}')
    t.eq(hs:expect_message { body = "anybody%?" }.room_id, room)
  end)

  t.it("passes on what is said, and what it answers", function()
    alice:reply(room, said.event_id, "good evening, Zoe")
    t.matches(srv:expect(".*"), '"answers":"m1"')
    alice:say(room, "tea?")
    srv:expect('{"from":"alice","kind":"say","room":"hall","text":"tea%?"}')
  end)

  t.it("takes back what is taken back", function()
    srv:send('{"kind":"unsay","id":"m1","room":"hall","from":"zoe"}')
    t.eq(hs.intent:get_event(room, said.event_id).content.body, nil)
  end)

  t.it("has in the room who is there", function()
    srv:send('{"kind":"people","room":"hall","names":["max","ida"]}')
    local members = hs:members(room)
    t.eq(members["@_bh_parlour_zoe:test"], "leave")
    t.eq(members["@_bh_parlour_max:test"], "join")
    t.eq(members["@_bh_parlour_ida:test"], "join")
  end)

  t.it("says when something was not delivered", function()
    srv:hang_up()
    alice:say(room, "are you there?")
    t.matches(hs:expect_notice(room).content.body, "not delivered to Parlour")
  end)

  t.it("does not choke on a line that is no JSON", function()
    srv:send("what?")
    srv:send('{"kind":"say","id":"m3","room":"hall","from":"max","text":"hello"}')
    hs:expect_message { from = "@_bh_parlour_max:test", body = "hello" }
    t.eq(srv.connections, 1)
  end)
end)
