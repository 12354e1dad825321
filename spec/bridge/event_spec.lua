local t = require "bridge.test"

t.describe("an event", function()
  local hs, alice, room

  -- Loads a script whose handler of `name` has this body; show(v) says a value in the room.
  local function on(name, body)
    hs:reload(([[
      local bridge, json = require "bridge", require "bridge.json"
      bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)
      bridge.on(%q, function(evt)
        local function keep(v) bridge.store("out"):set("v", v) end
        %s
      end)
    ]]):format(name, body))
  end
  local function kept() return t.store("out"):get("v") end

  t.before_each(function()
    hs    = t.load("blank.lua")
    alice = hs:user("alice")
    on("message", "")
    room  = alice:room()
  end)

  t.it("says where it is from, who sent it, and when", function()
    on("message", [[ keep { evt.room_id, evt.sender, evt.event_id, evt.type, evt.redelivered, evt.state_key == nil } ]])
    local id = alice:say(room, "hello")
    t.eq(kept(), { room, alice.mxid, id, "m.room.message", false, true })
  end)

  t.it("has its content with the wire's names, and what the homeserver added", function()
    on("member", [[ keep { evt.content.membership, evt.unsigned and evt.unsigned.prev_content and evt.unsigned.prev_content.membership or "none", evt.state_key } ]])
    hs:user("bob"):join(room)
    hs:user("bob"):leave(room)
    t.eq(kept(), { "leave", "join", hs:user("bob").mxid })
  end)

  t.it("has a text always, and html when there is some", function()
    on("message", [[ keep { evt.text, evt.html or "none" } ]])
    alice:say(room, "hello")
    t.eq(kept(), { "hello", "none" })
    alice:say(room, require "bridge".html("<b>%s</b>", "a < b"))
    t.eq(kept(), { "a < b", "<b>a &lt; b</b>" })
    on("org.example.thing", [[ keep { evt.text, evt.html or "none" } ]])
    alice:send(room, "org.example.thing", {})
    t.eq(kept(), { "", "none" })
  end)

  t.it("leaves the quotation of old clients out of the text", function()
    on("message", [[ keep { evt.text, evt.html, evt.reply_to } ]])
    local id = alice:say(room, "hello")
    alice:say(room, { msgtype = "m.text", body = "> <@alice:test> hello\n\nhello yourself", format = "org.matrix.custom.html",
      formatted_body = "<mx-reply>hello</mx-reply><b>hello</b> yourself", ["m.relates_to"] = { ["m.in_reply_to"] = { event_id = id } } })
    t.eq(kept(), { "hello yourself", "<b>hello</b> yourself", id })
  end)

  t.it("knows what it answers, and its thread", function()
    on("message", [[ keep { evt.reply_to or "none", evt.thread or "none" } ]])
    local id = alice:say(room, "hello")
    t.eq(kept(), { "none", "none" })
    alice:reply(room, id, "hello")
    t.eq(kept(), { id, "none" })
    alice:say(room, { msgtype = "m.text", body = "x", ["m.relates_to"] = { rel_type = "m.thread", event_id = id, is_falling_back = true, ["m.in_reply_to"] = { event_id = id } } })
    t.eq(kept(), { "none", id })
    alice:say(room, { msgtype = "m.text", body = "x", ["m.relates_to"] = { rel_type = "m.thread", event_id = id, ["m.in_reply_to"] = { event_id = id } } })
    t.eq(kept(), { id, id })
  end)

  t.it("is an edit or not, and an edit's text is the new one", function()
    on("m.room.message", [[ keep { evt.is_edit, evt.text } ]])
    local id = alice:say(room, "hello")
    t.eq(kept(), { false, "hello" })
    alice:say(room, { msgtype = "m.text", body = "* hello!", ["m.new_content"] = { msgtype = "m.text", body = "hello!" },
      ["m.relates_to"] = { rel_type = "m.replace", event_id = id } })
    t.eq(kept(), { true, "hello!" })
  end)

  t.it("knows what a redaction takes back", function()
    on("redaction", [[ keep { evt.redacts } ]])
    local id = alice:say(room, "hello")
    alice:redact(room, id)
    t.eq(kept(), { id })
  end)

  t.it("has the sender's name in the room, or the first part of the user ID", function()
    on("message", [[ keep { evt.sender_name } ]])
    alice:say(room, "hello")
    t.eq(kept(), { "alice" })
    alice:send(room, "m.room.member", { membership = "join", displayname = "Alice A." }, { state_key = alice.mxid })
    alice:say(room, "hello")
    t.eq(kept(), { "Alice A." })
  end)

  t.it("has a file as media", function()
    on("message", [[ keep { evt.media or "none" } ]])
    alice:say(room, "hello")
    t.eq(kept(), { "none" })
    alice:say(room, { msgtype = "m.image", body = "a cat", filename = "cat.png", url = "mxc://test/cat", info = { w = 10 } })
    t.eq(kept(), { { url = "mxc://test/cat", filename = "cat.png", info = { w = 10 } } })
    alice:say(room, { msgtype = "m.file", body = "notes.txt", url = "mxc://test/notes" })
    t.eq(kept(), { { url = "mxc://test/notes", filename = "notes.txt" } })
  end)

  t.it("takes fields of wrong types for none", function()
    on("org.example.thing", [[ keep { evt.text, evt.html or "none", evt.reply_to or "none", evt.is_edit, evt.media or "none" } ]])
    alice:send(room, "org.example.thing", { msgtype = 1, body = 7, formatted_body = {}, url = {}, ["m.relates_to"] = "x" })
    t.eq(kept(), { "", "none", "none", false, "none" })
  end)

  t.it("raises for a field or method that it does not have", function()
    on("message", [[ return evt.sendr ]])
    alice:say(room, "hello")
    hs:expect_error("event has no field 'sendr'; did you mean 'sender'")
  end)

  t.it("replies, and returns the answer's ID", function()
    on("message", [[ keep { evt:reply("you said: " .. evt.text) } ]])
    local id = alice:say(room, "hello")
    local answer = hs:expect_message { body = "you said: hello" }
    t.eq(answer.content, { msgtype = "m.text", body = "you said: hello", ["m.relates_to"] = { ["m.in_reply_to"] = { event_id = id } } })
    t.eq(kept(), { answer.event_id })
  end)

  t.it("replies in the thread of the message", function()
    on("message", [[ if evt.thread then evt:reply("here") end ]])
    local root = alice:say(room, "root")
    local id = alice:say(room, { msgtype = "m.text", body = "x", ["m.relates_to"] = { rel_type = "m.thread", event_id = root } })
    t.eq(hs:expect_message().content["m.relates_to"], { rel_type = "m.thread", event_id = root, ["m.in_reply_to"] = { event_id = id } })
  end)

  t.it("replies with a markup, or with a content that says itself what it relates to", function()
    on("message", [[
      evt:reply(bridge.markdown("**%s**", evt.text))
      evt:reply { msgtype = "m.emote", body = "waves", ["m.relates_to"] = { rel_type = "org.example", event_id = evt.event_id } }
    ]])
    local id = alice:say(room, "hello")
    local content = hs:expect_message().content
    t.eq({ content.formatted_body, content["m.relates_to"]["m.in_reply_to"].event_id }, { "<strong>hello</strong>", id })
    t.eq(hs:expect_message().content, { msgtype = "m.emote", body = "waves", ["m.relates_to"] = { rel_type = "org.example", event_id = id } })
  end)

  t.it("reacts, and returns the reaction's ID", function()
    on("message", [[ keep { evt:react("👍") } ]])
    local id = alice:say(room, "hello")
    local reaction = hs.intent:get_event(room, kept()[1])
    t.eq({ reaction.type, reaction.content["m.relates_to"] }, { "m.reaction", { rel_type = "m.annotation", event_id = id, key = "👍" } })
  end)

  t.it("edits a message of the bot: by default the event itself, or the one of event_id", function()
    on("message", [[
      local answer = evt:reply("one")
      keep { answer, evt:edit("two", { event_id = answer }) }
    ]])
    alice:say(room, "hello")
    hs:expect_message { body = "one" }
    local edit = hs:expect_message()
    t.eq({ kept()[2], edit.content }, { edit.event_id, { msgtype = "m.text", body = "* two", ["m.new_content"] = { msgtype = "m.text", body = "two" },
      ["m.relates_to"] = { rel_type = "m.replace", event_id = kept()[1] } } })
  end)

  t.it("edits the event itself when the bot sent it", function()
    hs:reload [[
      local bridge = require "bridge"
      bridge.on("message", { own = true }, function(evt) if evt.text == "one" then evt:edit(bridge.markdown("**two**")) end end)
    ]]
    local id = hs.intent:send_text(room, "one")
    hs:expect_message { body = "one" }
    local edit = hs:expect_message()
    t.eq(edit.content["m.relates_to"], { rel_type = "m.replace", event_id = id })
    t.eq(edit.content["m.new_content"].formatted_body, "<strong>two</strong>")
  end)

  t.it("is taken back with redact, with a reason or without", function()
    alice:send(room, "m.room.power_levels", { users = { [hs.bot] = 50 } }, { state_key = "" })
    on("message", [[ keep { evt:redact(evt.text ~= "plain" and { reason = evt.text } or nil) } ]])
    local one, two = alice:say(room, "plain"), nil
    local redaction = hs.intent:get_event(room, kept()[1])
    t.eq({ redaction.type, redaction.content }, { "m.room.redaction", { redacts = one } })
    two = alice:say(room, "spam")
    t.eq(hs.intent:get_event(room, kept()[1]).content, { redacts = two, reason = "spam" })
  end)

  t.it("marks the room as read by the bot", function()
    on("message", [[ evt:mark_read() ]])
    local id = alice:say(room, "hello")
    t.eq(hs.intent.state_store:get_read(room, hs.bot), id)
  end)

  t.it("shows the bot as typing, for 5 s or as long as timeout says, and not any more", function()
    on("message", [[
      if evt.text == "stop" then evt:typing(false)
      elseif evt.text == "long" then evt:typing { timeout = 20000 }
      elseif evt.text == "named" then evt:typing { is_typing = false }
      else evt:typing() end
    ]])
    local function typing() return hs.intent.state_store:is_typing(room, hs.bot) end
    alice:say(room, "hello")
    t.eq(typing(), true)
    t.advance("5s")
    t.eq(typing(), false)
    alice:say(room, "long")
    t.advance("19s")
    t.eq(typing(), true)
    alice:say(room, "stop")
    t.eq(typing(), false)
    alice:say(room, "hello")
    alice:say(room, "named")
    t.eq(typing(), false)
  end)

  t.it("tells the room with fail why it was not handled, and is finished", function()
    on("message", [[
      bridge.memory("m"):update("runs", function(n) return (n or 0) + 1 end)
      evt:fail("not delivered to IRC: the link is down")
      keep { bridge.memory("m"):get("runs") }
    ]])
    local id = alice:say(room, "hello")
    local notice = hs:expect_notice { body = "not delivered to IRC: the link is down" }
    t.eq(notice.content["m.relates_to"], { ["m.in_reply_to"] = { event_id = id } })
    t.advance("1h")
    t.eq(kept(), { 1 })
    hs:expect_silence()
  end)

  t.it("fails with a markup, which pings nobody, and with a text that says something", function()
    on("message", [[ keep { (select(2, bridge.try(evt.fail, evt, ""))).message } evt:fail(bridge.markdown("**%s**", "alice")) ]])
    alice:say(room, "hello")
    local content = hs:expect_notice().content
    t.eq({ content.formatted_body, content["m.mentions"] }, { "<strong>alice</strong>", {} })
    t.matches(kept()[1], "a text expected, got an empty string")
  end)

  -- What each call raises that sends something.
  local calls = [[
    bridge.sleep("1s")
    local raised = {}
    for i, call in ipairs {
      function() evt:reply("x") end, function() evt:react("x") end, function() evt:edit("x") end, function() evt:redact() end, function() evt:fail("x") end,
    } do raised[i] = select(2, bridge.try(call)) end
  ]]

  t.it("raises M_FORBIDDEN when the bot was removed from the room meanwhile", function()
    on("message", calls .. [[ for i, err in ipairs(raised) do raised[i] = err.errcode end keep(raised) ]])
    room = alice:room { private = true }
    alice:say(room, "hello")
    alice:kick(room, hs.bot)
    t.advance("1s")
    t.eq(kept(), { "M_FORBIDDEN", "M_FORBIDDEN", "M_FORBIDDEN", "M_FORBIDDEN", "M_FORBIDDEN" })
  end)

  t.it("raises without asking when the bot's power level is not enough", function()
    on("message", calls .. [[ for i, err in ipairs(raised) do raised[i] = err.message:match("power level of %S+ is not enough") ~= nil end keep(raised) ]])
    alice:send(room, "m.room.power_levels", { events_default = 50, users = {} }, { state_key = "" })
    alice:say(room, "hello")
    t.advance("1s")
    t.eq(kept(), { true, true, true, true, true })
  end)

  t.it("raises M_TOO_LARGE for more than an event may have", function()
    on("message", [[
      local large = ("x"):rep(70000)
      keep { select(2, bridge.try(evt.reply, evt, large)).errcode, select(2, bridge.try(evt.edit, evt, large)).errcode }
    ]])
    alice:say(room, "hello")
    t.eq(kept(), { "M_TOO_LARGE", "M_TOO_LARGE" })
  end)

  t.it("is delivered again when its handler raised what may go well later, with what it sent not sent twice", function()
    on("message", [[
      evt:reply("once")
      bridge.memory("m"):update("seen", function(list) list = list or {} list[#list + 1] = evt.redelivered return list end)
      if not evt.redelivered then error { message = "not now", retryable = true } end
      keep(bridge.memory("m"):get("seen"))
    ]])
    alice:say(room, "hello")
    hs:expect_error("not now")
    t.advance("1m")
    t.eq(kept(), { false, true })
    hs:expect_message { body = "once" }
    hs:expect_silence()
  end)
end)
