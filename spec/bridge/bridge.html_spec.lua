local t      = require "bridge.test"
local bridge = require "bridge"
local html   = require "bridge.html"

t.describe("bridge.html.to_text", function()
  t.it("shows white space as a browser does", function()
    t.eq(html.to_text "<b>a</b>\n  <i>b &amp; c</i>", "a b & c")
    t.eq(html.to_text "<p>one</p><p>two<br>three</p>", "one\n\ntwo\nthree")
    t.eq(html.to_text "<pre>a\n  b</pre>", "a\n  b")
  end)

  t.it("writes lists, quotes and pictures as text", function()
    t.eq(html.to_text "<ul><li>a<li>b</ul>", "* a\n* b")
    t.eq(html.to_text "<ol start='4'><li>a<li>b</ol>", "4. a\n5. b")
    t.eq(html.to_text "<blockquote>q</blockquote>a", "> q\n\na")
    t.eq(html.to_text "<img src='https://x.example/i.png' alt='a cat'>", "a cat")
  end)

  t.it("leaves out what is no text", function()
    t.eq(html.to_text "<style>b{}</style><script>alert(1)</script>a<!-- c -->", "a")
    t.eq(html.to_text "", "")
  end)

  t.it("looks at the first megabyte", function()
    t.eq(#html.to_text(("x"):rep(2 ^ 20 + 5)), 2 ^ 20)
  end)
end)

t.describe("bridge.html.sanitise", function()
  t.it("keeps what Matrix allows", function()
    for _, kept in ipairs { "<b>a</b>", "<ol start=\"3\"><li>a</li></ol>", "<a href=\"https://example.org/\">a</a>", "a<br>b",
      "<img src=\"mxc://example.org/a\" alt=\"b\">", "<span data-mx-spoiler=\"why\">s</span>", "<pre><code class=\"language-lua\">x</code></pre>" } do
      t.eq(html.sanitise(kept), kept)
    end
  end)

  t.it("makes it well-formed", function()
    t.eq(html.sanitise "<b>a <i>b", "<b>a <i>b</i></b>")
    t.eq(html.sanitise "1 < 2 & 3", "1 &lt; 2 &amp; 3")
  end)

  t.it("takes away scripts, handlers, styles, and pictures from elsewhere", function()
    t.eq(html.sanitise "<script>alert(1)</script><b onclick='x' style='y'>a</b>", "<b>a</b>")
    t.eq(html.sanitise "<img src='https://x.example/i.png' onerror='x' alt='a cat'>", "a cat")
    t.eq(html.sanitise "<svg onload=x><circle/></svg><iframe src='https://x.example'></iframe>b", "b")
  end)

  t.it("takes away links that are none or that ping", function()
    for _, address in ipairs { "javascript:alert(1)", "data:text/html,x", "/x", "file:///etc/passwd", "https://matrix.to/#/@you:bh.test" } do
      t.eq(html.sanitise("<a href='" .. address .. "'>x</a>"), "<a>x</a>")
    end
  end)
end)

t.describe("bridge.html.markup", function()
  t.it("is both, as a message", function()
    local m = html.markup "<p>one <b>two</b></p><script>x</script>"
    t.eq(m.body, "one two")
    t.eq(m.html, "<p>one <b>two</b></p>")
  end)

  t.it("is filled into bridge.markdown with its formatting", function()
    t.eq(bridge.markdown("%s: %s", "<i>", html.markup "<b>x</b>").html, "&lt;i&gt;: <b>x</b>")
  end)

  t.it("can be sent, and pings nobody", function()
    local hs = t.load("blank.lua")
    hs:reload [[
      local bridge, html = require "bridge", require "bridge.html"
      bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)
      bridge.on("message", function(evt) intent:send_message(evt.room_id, html.markup(evt.text)) end)
    ]]
    local alice = hs:user("alice")
    alice:say(alice:room(), "<em>hi</em> <a href='https://matrix.to/#/@alice:bh.test'>alice</a>")
    local sent = hs:expect_message { body = "hi alice" }
    t.eq(sent.content.formatted_body, "<em>hi</em> <a>alice</a>")
    t.eq(sent.content["m.mentions"], {})
  end)
end)

t.describe("bridge.html.escape", function()
  t.it("writes what HTML would read", function()
    t.eq(html.escape "<b> & \"c\" 'd'\ne", "&lt;b&gt; &amp; &#34;c&#34; &#39;d&#39;<br>e")
    t.eq(html.escape(5), "5")
    t.eq(html.escape(bridge.markdown("**%s**", "<")), "<strong>&lt;</strong>")
  end)

  t.it("raises when the text would be longer than a string may be", function()
    t.eq(t.raises(function() html.escape(("<"):rep(5 * 1024 * 1024)) end, "longer than").code, "E_STRING")
  end)
end)
