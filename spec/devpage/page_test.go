package devpage

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

const (
	handler = "  evt:reply(\"you said: \" .. evt.text)\nend)\n"
	broken  = "  evt:reply(\"you said: \" .. evt.text)\n"
)

func TestWriteBreakMendAndRollBack(t *testing.T) {
	web := browser(t)
	s := dev(t)
	p := open(t, web, s.url, 1280, 800, false)

	p.shows("#timeline", "Say something and I will repeat it.")
	p.say("hello")
	p.shows("#timeline", "you said: hello")
	p.shows("#log", `message "hello"`)
	p.shows("#log", "send_message")
	p.until(`[...document.querySelectorAll("#log .calls .ok")].some((e) => e.innerText === "200")`)
	p.say("!shout is this on")
	p.shows("#timeline", "IS THIS ON!")

	p.click(`#log .work:last-child button`)
	p.shows("#json-text", `"body": "!shout is this on"`)
	p.run(chromedp.KeyEvent(kb.Escape))
	p.until(`!document.querySelector("#json").open`)

	p.run(chromedp.SendKeys(chromedp.CSS("#user-name"), "alice"+kb.Enter))
	p.until(`document.querySelector("#as").value.startsWith("@alice:")`)
	p.say("me too")
	p.shows("#timeline", "you said: me too")
	p.until(`document.querySelector("#users [aria-pressed=true]").innerText === "alice"`)
	talk(p)
	p.accessible("a session that goes well")
	p.picture("dev-1280.png")

	s.save(`"you said: "`, `"I heard "`)
	p.shows("#generation", "#2")
	p.say("louder")
	p.shows("#timeline", "I heard louder")

	s.save(strings.Replace(handler, "you said: ", "I heard ", 1), strings.Replace(broken, "you said: ", "I heard ", 1))
	p.shows("#problem", "'end' expected")
	p.shows("#problem", "Generation 2 keeps running and still answers.")
	p.shows("#state", "not loaded")
	red := eval[bool](p, `(() => { const [r, g, b] = getComputedStyle(document.querySelector("#problem pre")).color.match(/\d+/g).map(Number); return r > 100 && g < 60 && b < 80 })()`)
	if !red {
		t.Error("the error is not red")
	}
	p.say("still there?")
	p.shows("#timeline", "I heard still there?")
	p.accessible("a script that does not load")
	p.picture("dev-broken.png")

	s.save(strings.Replace(broken, "you said: ", "I heard ", 1), strings.Replace(handler, "you said: ", "Now it is ", 1))
	p.shows("#generation", "#3")
	p.shows("#state", "running")
	p.until(`document.querySelector("#problem").innerText === ""`)
	p.say("mended")
	p.shows("#timeline", "Now it is mended")

	p.click("#rollback")
	p.shows("#generation", "#4")
	p.say("back")
	p.shows("#timeline", "I heard back")

	for _, line := range []string{"echo.lua changed (1 line) → generation 2 in ", "echo.lua changed → not loaded; generation 2 keeps running", "echo.lua rolled back → generation 4 in "} {
		if !strings.Contains(s.terminal(), line) {
			t.Errorf("the terminal does not say %q:\n%s", line, s.terminal())
		}
	}
}

// talk reacts, answers, edits and takes back through the menus of messages.
func talk(p *tab) {
	p.t.Helper()
	menu := func(message, item string) {
		p.t.Helper()
		eval[chromedp.Void](p, `(() => {
			const m = [...document.querySelectorAll("#timeline .msg")].findLast((m) => m.querySelector(".said").innerText === `+quoted(message)+`)
			m.querySelector(".menu").open = true
			;[...m.querySelectorAll(".menu button")].find((b) => b.innerText === `+quoted(item)+`).click()
		})()`)
	}
	menu("IS THIS ON!", "❤️")
	p.until(`document.querySelector("#timeline .reactions").innerText.includes("❤️ 1")`)
	menu("IS THIS ON!", "Reply")
	p.shows("#about", "You reply to echo")
	p.say("it is")
	p.shows("#timeline", "it is")
	p.shows("#timeline", "you said: it is")
	menu("it is", "Edit")
	p.run(chromedp.SetValue(chromedp.CSS("#message"), "it is, very"))
	p.say("")
	p.shows("#timeline", "it is, very (edited)")
	p.say("a slip")
	p.shows("#timeline", "you said: a slip")
	menu("a slip", "Take back")
	p.shows("#timeline .gone", "taken back")
}

func TestPhone(t *testing.T) {
	web := browser(t)
	s := dev(t)
	p := open(t, web, s.url, 390, 844, false)
	p.shows("#timeline", "Say something and I will repeat it.")
	p.say("hello from the tram")
	p.shows("#timeline", "you said: hello from the tram")
	p.fits()
	p.accessible("chat on a phone")
	p.picture("dev-390.png")
	p.click(`[data-to=script]`)
	p.shows("#log", `message "hello from the tram"`)
	p.fits()
	p.accessible("script on a phone")
	s.save(handler, broken)
	p.shows("#problem", "'end' expected")
	p.fits()
	p.picture("dev-390-broken.png")
	p.click(`[data-to=side]`)
	p.click("#faults summary")
	p.click("#faults [name=forbid_join]")
	p.shows("#faults-on", "1 on")
	p.fits()
	p.accessible("rooms on a phone")
	p.run(chromedp.SendKeys(chromedp.CSS("#room-name"), "den"+kb.Enter))
	p.shows("#room-title", "#den")
	p.click(`[data-to=script]`)
	p.shows("#log", "403 M_FORBIDDEN")
}

func TestKeyboardAlone(t *testing.T) {
	web := browser(t)
	s := dev(t)
	p := open(t, web, s.url, 1280, 800, false)
	p.shows("#timeline", "Say something and I will repeat it.")
	p.press(kb.Tab, `document.activeElement.id === "message"`)
	p.run(chromedp.KeyEvent("by hand" + kb.Enter))
	p.shows("#timeline", "you said: by hand")
	p.press(kb.Tab, `document.activeElement.id === "reload"`)
	p.run(chromedp.KeyEvent(" "))
	p.shows("#generation", "#2")
	p.press(kb.Tab, `document.activeElement.matches("#log .line")`)
	p.run(chromedp.KeyEvent(kb.Enter))
	p.until(`document.querySelector("#json").open`)
	p.run(chromedp.KeyEvent(kb.Escape))
	p.until(`!document.querySelector("#json").open`)
}
