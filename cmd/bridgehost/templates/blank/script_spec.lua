-- blank_spec.lua: the tests of blank.lua. Run them with: bridgehost test
local t = require "bridge.test"

t.describe("blank.lua", function()
  t.it("joins where it is invited", function()
    local hs   = t.load("blank.lua")
    local room = hs:user("alice"):room()     -- a room of alice's, with the bot invited
    t.eq(hs:expect_notice(room).content.body, "blank is here.")
  end)
end)
