local t = require "bridge.test"

t.describe("a command", function()
  local hs, alice, room

  local function load(spec, body)
    hs:reload(([[
      local bridge = require "bridge"
      bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)
      bridge.command("feed add", %s, function(cmd)
        local function keep(v) bridge.store("out"):set("v", v) end
        %s
      end)
    ]]):format(spec, body))
  end
  local function kept() return t.store("out"):get("v") end

  t.before_each(function()
    hs    = t.load("blank.lua")
    alice = hs:user("alice")
    load("{}", "")
    room  = alice:room()
  end)

  t.it("knows its name, who wrote it, where, and the message", function()
    load("{}", [[ keep { cmd.name, cmd.sender, cmd.room_id, cmd.event_id, cmd.event.text, cmd.event.event_id } ]])
    local id = alice:say(room, "!feed add x")
    t.eq(kept(), { "feed add", alice.mxid, room, id, "!feed add x", id })
  end)

  t.it("has its arguments by name and by number", function()
    load([[{ args = "<url> [limit]" }]], [[ keep { cmd.args.url, cmd.args.limit, cmd.args[1], cmd.args[2], #cmd.args } ]])
    alice:say(room, "!feed add https://x.test 5")
    t.eq(kept(), { "https://x.test", "5", "https://x.test", "5", 2 })
  end)

  t.it("has its words by number when it declares no arguments", function()
    load("{}", [[ keep(cmd.args) ]])
    alice:say(room, '!feed add one "two three" four')
    t.eq(kept(), { "one", "two three", "four" })
  end)

  t.it("has line breaks in an argument that takes all the rest", function()
    load([[{ args = "<text...>" }]], [[ keep { cmd.args.text } ]])
    alice:say(room, "!feed add one\ntwo  three ")
    t.eq(kept(), { "one\ntwo  three" })
  end)

  t.it("is answered in a notice, and returns its ID", function()
    load("{}", [[ keep { cmd:reply("added") } ]])
    local id = alice:say(room, "!feed add")
    local notice = hs:expect_notice { body = "added" }
    t.eq(notice.content, { msgtype = "m.notice", body = "added", ["m.relates_to"] = { ["m.in_reply_to"] = { event_id = id } } })
    t.eq(kept(), { notice.event_id })
  end)

  t.it("is answered with a markup as a notice, and with a table as it is", function()
    load("{}", [[ cmd:reply(bridge.markdown("**%s**", "added")) cmd:reply { msgtype = "m.emote", body = "adds" } ]])
    alice:say(room, "!feed add")
    t.eq(hs:expect_notice { body = "%*%*added%*%*" }.content.formatted_body, "<strong>added</strong>")
    hs:expect_message { msgtype = "m.emote", body = "adds" }
  end)

  t.it("is answered in its thread", function()
    load("{}", [[ cmd:reply("added") ]])
    local root = alice:say(room, "root")
    alice:say(room, { msgtype = "m.text", body = "!feed add", ["m.relates_to"] = { rel_type = "m.thread", event_id = root } })
    t.eq(hs:expect_notice().content["m.relates_to"].event_id, root)
  end)

  t.it("raises from reply for what cannot be sent", function()
    load("{}", [[ cmd:reply(nil) ]])
    alice:say(room, "!feed add")
    hs:expect_error("table expected, got nil")
  end)

  t.it("raises M_FORBIDDEN from reply when the bot was removed from the room, and M_TOO_LARGE for too much", function()
    load("{}", [[
      local large = select(2, bridge.try(cmd.reply, cmd, ("x"):rep(70000))).errcode
      bridge.sleep("1s")
      keep { large, select(2, bridge.try(cmd.reply, cmd, "x")).errcode }
    ]])
    room = alice:room { private = true }
    alice:say(room, "!feed add")
    alice:kick(room, hs.bot)
    t.advance("1s")
    t.eq(kept(), { "M_TOO_LARGE", "M_FORBIDDEN" })
  end)

  t.it("can be given where the bot is invited, when the script does not listen to invitations", function()
    hs:reload [[require "bridge".command("hi", function(cmd) cmd:reply("hello") end)]]
    room = alice:room { private = true }
    t.eq(hs:members(room)[hs.bot], "join")
    alice:say(room, "!hi")
    hs:expect_notice { body = "hello" }
  end)

  t.it("lets the script decide about invitations when it listens to them", function()
    for _, event in ipairs { "invite", "member", "m.room.member" } do
      hs:reload(([[
        local bridge = require "bridge"
        bridge.command("hi", function(cmd) end)
        bridge.on("%s", function(evt) end)
      ]]):format(event))
      room = alice:room()
      t.eq(hs:members(room)[hs.bot], "invite")
    end
  end)

  t.it("brings no bot of a script without commands into rooms", function()
    hs:reload [[require "bridge".on("message", function(evt) end)]]
    room = alice:room()
    t.eq(hs:members(room)[hs.bot], "invite")
  end)

  t.it("raises for a field that it does not have", function()
    load("{}", [[ keep(cmd.arg) ]])
    alice:say(room, "!feed add")
    hs:expect_error("command has no field 'arg'; did you mean 'args'")
  end)
end)
