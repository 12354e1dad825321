package devpage

import (
	"crypto/subtle"
	"mime"
	"net"
	"net/http"
)

// policy lets the page load its own three files and talk to its own server, and nothing
// else: no script in the page, no frame, no form that goes elsewhere, no HTML from strings.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// guard refuses who comes under another name (DNS rebinding), from another page
// (cross-site requests) or without the key.
func (p *Page) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		switch {
		case !p.knownHost(r.Host):
			http.Error(w, "This is the chat page of bridgehost dev. It answers under "+p.host+" only.", http.StatusForbidden)
		case !p.sameOrigin(r):
			http.Error(w, "Another page asked for this. Open the address that bridgehost dev printed.", http.StatusForbidden)
		case r.Method != http.MethodGet && !isJSON(r):
			http.Error(w, "A request that changes something has to be application/json.", http.StatusUnsupportedMediaType)
		case !p.admit(w, r):
			http.Error(w, "The key is missing or old. Open the whole address that bridgehost dev printed, with what stands after ?k=", http.StatusForbidden)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// knownHost tells whether a Host header names this page.
func (p *Page) knownHost(host string) bool {
	name, port, err := net.SplitHostPort(host)
	if err != nil || port != p.port {
		return false
	}
	own, _, _ := net.SplitHostPort(p.host)
	return name == own || name == "localhost"
}

// sameOrigin tells whether the page itself asks, or the person by typing the address.
// Another port of this machine is the same site to a browser, but another origin.
func (p *Page) sameOrigin(r *http.Request) bool {
	if origin := r.Header.Get("Origin"); origin != "" && origin != "http://"+r.Host {
		return false
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
		return true
	}
	// A link to the page may stand anywhere; what it leads to can do nothing by itself.
	return r.Method == http.MethodGet && r.URL.Path == "/" && r.Header.Get("Sec-Fetch-Mode") == "navigate"
}

func isJSON(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == "application/json"
}

// admit asks for the key: in the address of the page at the first visit, in a cookie from then on.
func (p *Page) admit(w http.ResponseWriter, r *http.Request) bool {
	if c, err := r.Cookie(p.cookie); err == nil && p.isKey(c.Value) {
		return true
	}
	if r.Method != http.MethodGet || r.URL.Path != "/" || !p.isKey(r.URL.Query().Get("k")) {
		return false
	}
	http.SetCookie(w, &http.Cookie{Name: p.cookie, Value: p.key, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
	return true
}

func (p *Page) isKey(s string) bool { return subtle.ConstantTimeCompare([]byte(s), []byte(p.key)) == 1 }
