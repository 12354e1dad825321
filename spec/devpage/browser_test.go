// Package devpage drives the chat page of `bridgehost dev` in a real browser, as a new user
// would: the binary, a copy of the echo example, a headless Chromium.
//
// The environment BRIDGEHOST_CHROMIUM names the browser (else `chromium` of the path), and
// BRIDGEHOST_AXE the file axe.min.js (.ci/axe.sh fetches and prints it). Without a browser
// the tests are skipped, without axe its part of them; with BRIDGEHOST_REQUIRE_REAL=1 they
// fail instead. With BRIDGEHOST_SCREENSHOTS set to a folder, the pictures of the manual go
// there.
package devpage

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// limit is how long anything on the page may take on a busy machine.
const limit = time.Minute

// real skips the test for want of a real part, or fails it where all must be there.
func real(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("BRIDGEHOST_REQUIRE_REAL") == "1" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// chromium finds the browser.
func chromium(t testing.TB) string {
	t.Helper()
	name := os.Getenv("BRIDGEHOST_CHROMIUM")
	if name == "" {
		name = "chromium"
	}
	path, err := exec.LookPath(name)
	if err != nil {
		real(t, "there is no browser: install chromium (.ci/debian.sh chromium), or set BRIDGEHOST_CHROMIUM: %v", err)
	}
	return path
}

// browser starts a Chromium of its own that reaches nothing but this machine.
func browser(t testing.TB) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium(t)), chromedp.UserDataDir(t.TempDir()), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("no-proxy-server", true), chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"), chromedp.WSURLReadTimeout(limit))
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, end := chromedp.NewContext(allocator)
	t.Cleanup(func() { end(); cancel() })
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start the browser: %v", err)
	}
	return ctx
}

// tab is one open page.
type tab struct {
	t   testing.TB
	ctx context.Context

	mu      sync.Mutex
	outside []string // requests that went elsewhere
	faults  []string // what the page's console says is wrong
}

// open opens address in a new tab of that size.
func open(t testing.TB, browser context.Context, address string, width, height int, dark bool) *tab {
	t.Helper()
	own, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	p := &tab{t: t}
	var cancel context.CancelFunc
	p.ctx, cancel = chromedp.NewContext(browser, chromedp.WithListener(func(e any) { p.heard(e, own.Host) }))
	t.Cleanup(func() {
		cancel()
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, u := range p.outside {
			t.Errorf("the page asks for something elsewhere: %s", u)
		}
		for _, text := range p.faults {
			t.Errorf("the browser's console: %s", text)
		}
	})
	if err := chromedp.Do(p.ctx); err != nil { // the tab lives as long as the context of its first use
		t.Fatalf("open a tab: %v", err)
	}
	p.run(chromedp.EmulateViewport(int64(width), int64(height)), scheme(dark), chromedp.Navigate(address))
	return p
}

func (p *tab) heard(e any, own string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := e.(type) {
	case *network.EventRequestWillBeSent:
		if u, err := url.Parse(e.Request.URL); err != nil || u.Host != own && u.Scheme != "data" && u.Scheme != "about" {
			p.outside = append(p.outside, e.Request.URL)
		}
	case *runtime.EventExceptionThrown:
		p.faults = append(p.faults, e.ExceptionDetails.Text)
	}
}

// command is an action of one command of the protocol.
func command[P, R any](c cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, c, params)
		return err
	})
}

// scheme makes the page light or dark.
func scheme(dark bool) chromedp.Action[chromedp.Void] {
	value := "light"
	if dark {
		value = "dark"
	}
	return command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: value}}})
}

func (p *tab) run(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, limit)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		p.t.Fatalf("in the browser: %v", err)
	}
}

// eval is the value of an expression of the page; a promise is waited for.
func eval[T any](p *tab, expression string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, limit)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("in the browser: %v", err)
	}
	return v
}

// until waits until an expression of the page is true; it is asked again when the page changes.
func (p *tab) until(condition string) {
	p.t.Helper()
	ok := eval[bool](p, fmt.Sprintf(`new Promise((done) => {
		const ask = () => { let yes = false; try { yes = Boolean(%s) } catch {} ; if (yes) { observer.disconnect(); done(true) } }
		const observer = new MutationObserver(ask)
		observer.observe(document, {subtree: true, childList: true, characterData: true, attributes: true})
		setTimeout(() => { observer.disconnect(); done(false) }, %d)
		ask()
	})`, condition, (limit-5*time.Second).Milliseconds()))
	if !ok {
		p.t.Fatalf("it does not come true: %s\nthe page:\n%s", condition, eval[string](p, "document.body.innerText"))
	}
}

// shows waits until an element's text holds part.
func (p *tab) shows(selector, part string) {
	p.t.Helper()
	p.until(fmt.Sprintf("document.querySelector(%s).innerText.includes(%s)", quoted(selector), quoted(part)))
}

func quoted(s string) string { b, _ := json.Marshal(s); return string(b) }

// say writes a message and sends it.
func (p *tab) say(text string) {
	p.t.Helper()
	p.run(chromedp.SendKeys(chromedp.CSS("#message"), text+kb.Enter))
}

func (p *tab) click(selector string) {
	p.t.Helper()
	p.run(chromedp.Click(chromedp.CSS(selector)))
}

// press presses one key, as often as it takes until condition is true.
func (p *tab) press(key, condition string) {
	p.t.Helper()
	for range 60 {
		if eval[bool](p, "Boolean("+condition+")") {
			return
		}
		p.run(chromedp.KeyEvent(key))
		p.seen()
	}
	p.t.Fatalf("60 times the key does not lead to %s", condition)
}

// seen checks that the focus is to be seen.
func (p *tab) seen() {
	p.t.Helper()
	hidden := eval[string](p, `(() => { const e = document.activeElement
		if (!e || e === document.body) return ""
		const s = getComputedStyle(e), r = e.getBoundingClientRect()
		return s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2 && r.width > 4 && r.bottom > 0 && r.top < innerHeight ? "" : e.outerHTML.slice(0, 200)
	})()`)
	if hidden != "" {
		p.t.Errorf("the focus is not to be seen on %s", hidden)
	}
}

// fits checks that nothing sticks out at the side.
func (p *tab) fits() {
	p.t.Helper()
	over := eval[string](p, `(() => { const wide = document.documentElement.clientWidth
		if (document.documentElement.scrollWidth <= wide) return ""
		const out = [...document.querySelectorAll("body *")].find((e) => e.getBoundingClientRect().right > wide + 1)
		return out ? out.outerHTML.slice(0, 200) : "something"
	})()`)
	if over != "" {
		p.t.Errorf("the page is wider than the screen, for %s", over)
	}
}

// picture takes a screenshot for whoever wants to look at it.
func (p *tab) picture(name string) {
	p.t.Helper()
	folder := os.Getenv("BRIDGEHOST_SCREENSHOTS")
	if folder == "" {
		folder = p.t.TempDir()
	}
	p.run(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, 600, 20)) // nothing looks as if it were pointed at
	ctx, cancel := context.WithTimeout(p.ctx, limit)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name), png, 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// accessible runs axe-core and fails for what is serious, in light and in dark.
func (p *tab) accessible(what string) {
	p.t.Helper()
	file := os.Getenv("BRIDGEHOST_AXE")
	if file == "" {
		if os.Getenv("BRIDGEHOST_REQUIRE_REAL") == "1" {
			p.t.Fatal("there is no axe-core: set BRIDGEHOST_AXE to what .ci/axe.sh prints")
		}
		return
	}
	axe, err := os.ReadFile(file)
	if err != nil {
		p.t.Fatal(err)
	}
	eval[chromedp.Void](p, string(axe))
	for _, dark := range []bool{false, true} {
		p.run(scheme(dark))
		found := eval[[]string](p, `axe.run(document, {resultTypes: ["violations"]}).then((r) => r.violations
			.filter((v) => v.impact === "serious" || v.impact === "critical")
			.flatMap((v) => v.nodes.map((n) => v.impact + " " + v.id + ": " + n.html.slice(0, 160) + " — " + n.failureSummary)))`)
		if len(found) > 0 {
			p.t.Errorf("%s, dark: %t: %d violations\n%s", what, dark, len(found), strings.Join(found, "\n"))
		}
	}
	p.run(scheme(false))
}
