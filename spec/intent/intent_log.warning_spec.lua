local t = require "bridge.test"

t.describe("intent_log:warning", function()
  t.it("writes to the host's log at level warn, with user and script, and asks nothing", function()
    local hs = t.load("blank.lua")
    local ghost = hs:ghost("bob")
    hs:asked()
    hs:logged()
    t.eq(ghost.log:warning("a message"), nil)
    local found = {}
    for _, line in ipairs(hs:logged()) do
      if line.message == "a message" then found[#found + 1] = line end
    end
    t.eq(#found, 1)
    t.eq(found[1].level, "warn")
    t.eq(found[1].fields.user_id, ghost.mxid)
    t.eq(found[1].fields.script ~= nil, true)
    t.eq(hs:asked(), {})
  end)
end)
