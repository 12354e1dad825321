local t = require "bridge.test"
local bridge = require "bridge"

-- Text and HTML of a markup.
local function both(m) return { m.body, m.html } end

t.describe("bridge.markdown", function()
  t.it("makes a text and HTML of Markdown", function()
    t.eq(both(bridge.markdown("**bold** and _soft_, ~~old~~, `code`")),
      { "**bold** and _soft_, ~~old~~, `code`", "<strong>bold</strong> and <em>soft</em>, <del>old</del>, <code>code</code>" })
  end)

  t.it("keeps a line break as one", function()
    t.eq(bridge.markdown("one\ntwo").html, "one<br>two")
  end)

  t.it("escapes what is filled in: it brings no formatting", function()
    t.eq(both(bridge.markdown("**%s**", "*a* <b>x</b> _y_ `z` [l](https://evil.test)")),
      { "***a* <b>x</b> _y_ `z` [l](https://evil.test)**", "<strong>*a* &lt;b&gt;x&lt;/b&gt; _y_ `z` [l](https://evil.test)</strong>" })
  end)

  t.it("shows a tag in the text itself as it is", function()
    t.eq(bridge.markdown("<b>no</b>").html, "&lt;b&gt;no&lt;/b&gt;")
  end)

  t.it("fills in values of any type with %s, numbers with the formats of string.format", function()
    t.eq(bridge.markdown("%s %s %d %5.2f %x %03d %%", true, nil, 7, 1.5, 255, 5).body, "true nil 7  1.50 ff 005 %")
    t.eq(bridge.markdown("%s", 12).body, "12")
    t.eq(bridge.markdown("%d", "12").body, "12")
    t.eq(bridge.markdown("%5s|%-5s|", "ab", "cd").body, "   ab|cd   |")
  end)

  t.it("fills in a markup with its formatting", function()
    t.eq(bridge.markdown("so: %s", bridge.markdown("**%s**", "<x>")).html, "so: <strong>&lt;x&gt;</strong>")
  end)

  t.it("links to http, https, ftp, mailto and magnet; any other link becomes its text", function()
    for _, address in ipairs { "http://x.test/a?b=c", "https://x.test", "ftp://x.test", "mailto:a@x.test", "magnet:?xt=urn" } do
      t.matches(bridge.markdown("[x](%s)", address).html, '^<a href="[^"]+">x</a>$')
    end
    for _, address in ipairs { "javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "x", "" } do
      t.eq(bridge.markdown("[x](%s)", address).html, "x")
    end
  end)

  t.it("pings nobody by what is filled in", function()
    t.eq(bridge.markdown("[%s](%s)", "x", "https://matrix.to/#/@alice:test").html, "x")
    t.eq(bridge.markdown("%s", "https://matrix.to/#/@alice:test").html:find("<a"), nil)
    t.matches(bridge.markdown("[you](https://matrix.to/#/@alice:test)").html, "<a href") -- the script says so itself
    local hs = t.load("blank.lua")
    local alice = hs:user("alice")
    local room  = alice:room()
    hs.intent:send_message(room, bridge.markdown("hello %s", "alice"))
    t.eq(require "bridge.json".encode(hs:expect_message().content["m.mentions"]), "{}")
  end)

  t.it("raises for a format that is none, and for values that do not fit it", function()
    t.raises(function() bridge.markdown("100%") end, "a %% stands alone at the end; write %%%% for a percent sign")
    t.raises(function() bridge.markdown("%s %s", 1) end, "no value for the %%s")
    t.raises(function() bridge.markdown("%s", 1, 2) end, "2 values for 1 places")
    t.raises(function() bridge.markdown("%q", 1) end, "invalid format '%%q'")
    t.raises(function() bridge.markdown("%d", "x") end, "number expected, got string")
    t.raises(function() bridge.markdown(nil) end, "string expected, got nil")
  end)
end)

t.describe("bridge.html", function()
  t.it("makes a text and HTML of HTML", function()
    t.eq(both(bridge.html("<b>%s</b><br>and <i>more</i>", "x")), { "x\nand more", "<b>x</b><br>and <i>more</i>" })
  end)

  t.it("makes a text of lists and paragraphs that can be read", function()
    t.eq(bridge.html("<p>one</p><ul><li>a</li><li>b</li></ul>").body, "one\n* a\n* b")
  end)

  t.it("escapes what is filled in, in texts and in attributes", function()
    t.eq(bridge.html("<b>%s</b>", "<script>").html, "<b>&lt;script&gt;</b>")
    t.eq(bridge.html('<a href="%s">x</a>', 'https://x.test/"><b>').html, '<a href="https://x.test/&#34;&gt;&lt;b&gt;">x</a>')
    t.eq(bridge.html('<a href="%s">x</a>', "javascript:alert(1)").html, "<a>x</a>")
    t.eq(bridge.html('<img src="%s">', "mxc://test/cat").html, '<img src="mxc://test/cat">')
  end)

  t.it("lets nothing be filled into the name of a tag or an attribute", function()
    t.eq(both(bridge.html("<%s> hello", "b")), { "<b> hello", "&lt;b> hello" })
    t.eq(bridge.html("<%s>x</%s>", "script", "script").html:find("<"), nil)
    t.eq(bridge.html("<b %s=1>x</b>", "onclick").html, "<b>x</b>")
  end)

  t.it("raises as bridge.markdown does", function()
    t.raises(function() bridge.html("%s") end, "no value for the %%s")
  end)
end)

t.describe("bridge.concat", function()
  t.it("joins texts and markups, with nothing between them or with a separator", function()
    t.eq(both(bridge.concat { "a", bridge.markdown("**b**"), 3 }), { "a**b**3", "a<strong>b</strong>3" })
    t.eq(both(bridge.concat({ "a", bridge.html("<b>b</b>"), "c" }, "\n")), { "a\nb\nc", "a<br><b>b</b><br>c" })
    t.eq(bridge.concat({ "a", "b" }, { separator = ", " }).body, "a, b")
    t.eq(bridge.concat({ bridge.html("<i>a</i>"), "b" }, bridge.html("<hr>")).html, "<i>a</i><hr>b")
  end)

  t.it("escapes plain texts", function()
    t.eq(bridge.concat({ "<x>", bridge.html("<b>y</b>") }, " & ").html, "&lt;x&gt; &amp; <b>y</b>")
  end)

  t.it("makes an empty text of an empty list", function()
    t.eq(bridge.concat({}, ", ").body, "")
  end)

  t.it("raises for what is no list", function()
    t.raises(function() bridge.concat { x = 1 } end, "list expected, got a table with the key x")
    t.raises(function() bridge.concat("a") end, "table expected, got string")
  end)
end)

t.describe("a markup", function()
  t.it("is joined with .. by texts and markups, and shown as its text", function()
    t.eq(both(bridge.markdown("**a**") .. " <b> " .. bridge.html("<i>c</i>")), { "**a** <b> c", "<strong>a</strong> &lt;b&gt; <i>c</i>" })
    t.eq(tostring(bridge.markdown("**a**")), "**a**")
  end)

  t.it("is a message wherever one is expected", function()
    local hs = t.load("blank.lua")
    local alice = hs:user("alice")
    local room  = alice:room()
    hs.intent:send_notice(room, bridge.markdown("**a**"))
    t.eq(hs:expect_notice().content, { msgtype = "m.notice", body = "**a**", format = "org.matrix.custom.html", formatted_body = "<strong>a</strong>",
      ["m.mentions"] = {} })
    alice:say(room, bridge.html("<b>a</b>"))
    hs.intent:send_message(room, bridge.html("<b>a</b>"))
    t.eq(hs:expect_message().content.formatted_body, "<b>a</b>")
  end)

  t.it("has no other fields and cannot be changed", function()
    local m = bridge.markdown("a")
    t.raises(function() return m.text end, "markup has no")
    t.raises(function() m.body = "b" end, "markup cannot be changed")
  end)
end)
