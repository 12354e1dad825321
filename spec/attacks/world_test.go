package attacks

import (
	"fmt"
	stdnet "net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"bridgehost/appservice"
	"bridgehost/control"
	"bridgehost/egress"
	"bridgehost/engine"
	"bridgehost/internal/host"
	"bridgehost/spec/bridgetest"
)

// secret stands in all that no attack may see; each place adds its own name.
const secret = "s3cret-of-the-"

// bank is a person's own script beside the attacks: with a store, a ghost, a portal and a
// password. It tells whether all is as it was.
const bank = `local bridge, json = require "bridge", require "bridge.json"
local cfg = bridge.config { pin = { type = "secret", required = true } }
bridge.on("invite", function(evt)
  bridge.store("vault"):set("gold", "s3cret-of-the-store")
  bridge.memory("vault"):set("gold", "s3cret-of-the-memory")
  local room = bridge.portal("vault", { name = "Vault" }).room_id
  bridge.ghost("teller", { displayname = "Teller" }):send_text(room, "s3cret-of-the-portal")
  intent:join_room(evt.room_id)
end)
bridge.on("message", function(evt)
  local own = bridge.store("vault")
  local whole = json.decode("1") == 1 and own:get("gold") == "s3cret-of-the-store" and #own:keys() == 1 and cfg.pin == "s3cret-of-the-config"
    and bridge.memory("vault"):get("gold") == "s3cret-of-the-memory" and bridge.portal_of(bridge.portal("vault").room_id).remote_id == "vault"
  evt:reply((whole and "whole " or "BROKEN ") .. evt.text)
end)
`

// usher is a script that does nothing, the first by name.
const usher = "a000"

// world is a host with all attacks in it, the bank, and what they could reach.
type world struct {
	*net
	hs                        *bridgetest.Devserver
	host                      *bridgetest.Host
	user                      bridgetest.User
	bankRoom                  string // where the bank is asked
	vault                     string // the bank's portal
	private                   string // a room of the user's, with nobody else in it
	appservice, admin, socket string // where the host listens
	files                     string // a folder with secrets
	dirs                      string // what was given to bridge.fs
	names                     map[string]string
	tokens                    []string // of the registration
	pings                     int
	told                      *reporter
}

func newWorld(t *testing.T) *world {
	w := &world{hs: bridgetest.NewDevserver(t).(*bridgetest.Devserver), names: map[string]string{},
		told: &reporter{came: make(chan struct{}, 1), of: map[string][]outcome{}}}
	w.net = newNet(t)
	w.files, w.dirs = t.TempDir(), t.TempDir()
	t.Setenv("BANK_PIN", secret+"environment")
	config := strings.Builder{}
	fmt.Fprintf(&config, "[scripts.config.bank]\npin = %q\n[storage]\ndurability = \"normal\"\n[scripts.limits]\ncpu = \"5s\"\nhandler = \"10s\"\nmemory = \"24MB\"\n[scripts.limits_of.bank]\ncpu = \"60s\"\nhandler = \"60s\"\n", secret+"config")
	granted := map[string][]string{}
	for i, a := range everyAttack() {
		name := fmt.Sprintf("a%03d", i+1)
		if w.names[a.name] != "" {
			t.Fatalf("two attacks are called %q", a.name)
		}
		switch a.stopped { // what is to run out first has to, on a slow machine too
		case "E_MEMORY":
			fmt.Fprintf(&config, "[scripts.limits_of.%s]\ncpu = \"60s\"\nhandler = \"120s\"\n", name)
		case "E_CPU":
			fmt.Fprintf(&config, "[scripts.limits_of.%s]\ncpu = \"1s\"\nhandler = \"120s\"\n", name)
		}
		fmt.Fprintf(&config, "[scripts.dirs_of.%s]\nin = %q\n", name, w.dir(t, name))
		w.names[a.name] = name
	}
	w.host = bridgetest.NewHost(t, w.hs, config.String())
	w.listeners(t)
	for _, a := range everyAttack() {
		name := w.names[a.name]
		w.host.Save(t, name+".lua", w.script(t, a))
		for _, g := range a.grants() {
			granted[name] = append(granted[name], w.fill(g))
		}
	}
	w.host.Save(t, "bank.lua", bank)
	w.host.Save(t, usher+".lua", "-- the host asks for members as the first script's bot\n")
	w.own(t)
	w.host.StartWith(t, host.Options{Report: w.told, Granted: granted, Egress: egress.Config{Dial: w.dial, Resolve: w.resolve}})
	t.Cleanup(func() {
		if o, failed := w.told.first("bank"); failed {
			t.Errorf("the bank failed: %s", o.message)
		}
	})
	w.user = w.hs.User(t, "alice")
	w.private = w.user.CreateRoom(t, "private_chat")
	w.user.Say(t, w.private, secret+"room")
	w.bankRoom = w.room(t, "bank")
	w.ping(t)
	w.vault = w.vaultRoom(t)
	return w
}

func everyAttack() (list []attack) {
	for _, kind := range all {
		list = append(list, kind.attacks...)
	}
	return list
}

// script is an attack as a file.
func (w *world) script(t *testing.T, a attack) string {
	body := w.fill(a.lua)
	top, handler, load := strings.Cut(body, "-- handler\n")
	if !load {
		top, handler = "", body
	}
	return fmt.Sprintf(`local bridge, json, net, http, fs = require "bridge", require "bridge.json", require "bridge.net", require "bridge.http", require "bridge.fs"
%s
local function attack(evt, private, vault) %s
end
bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)
bridge.on("message", function(evt)
  local ok, got = pcall(attack, evt, evt.text:match("^(%%S+) (%%S+)"))
  if ok then print("OUT\t\t" .. tostring(got)) return end
  local code = type(got) == "table" and got.code or ""
  print("STOPPED\t" .. tostring(code) .. "\t" .. tostring(got))
end)
`, top, handler)
}

// dir is a folder that a script was given, with links that lead out.
func (w *world) dir(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join(w.dirs, name)
	must(t, os.Mkdir(dir, 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "own.txt"), []byte("mine"), 0o644))
	must(t, os.Symlink(filepath.Join(w.files, "pin.txt"), filepath.Join(dir, "link")))
	must(t, os.Symlink(w.files, filepath.Join(dir, "folder")))
	must(t, os.Symlink("../../"+filepath.Base(w.files), filepath.Join(dir, "relative")))
	must(t, os.Symlink("/proc/self/environ", filepath.Join(dir, "environ")))
	return dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// own makes what belongs to the owner.
func (w *world) own(t *testing.T) {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(w.files, "pin.txt"), []byte(secret+"file"), 0o600))
}

// listeners turns the admin listener on and reads what no script may know.
func (w *world) listeners(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile(w.host.Config)
	must(t, err)
	l, err := stdnet.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	w.admin = l.Addr().String()
	_ = l.Close()
	must(t, os.WriteFile(w.host.Config, []byte(strings.Replace(string(text), `listen = ""`, fmt.Sprintf("listen = %q", w.admin), 1)), 0o600))
	cfg, err := host.ReadConfig(w.host.Config)
	must(t, err)
	w.appservice, w.socket = cfg.Appservice.Listen, filepath.Join(cfg.Data, control.SocketName)
	r, _, err := appservice.ReadRegistration(cfg.Appservice.Registration)
	must(t, err)
	w.tokens = []string{r.ASToken, r.HSToken}
}

// fill puts the world's addresses into a script.
func (w *world) fill(lua string) string {
	port := func(address string) string { _, p, _ := stdnet.SplitHostPort(address); return p } // is HOST:PORT
	return strings.NewReplacer("VICTIM", fmt.Sprint(w.victimPort), "APPSERVICE", port(w.appservice), "ADMIN", port(w.admin),
		"HOMESERVER", port(strings.TrimPrefix(w.hs.URL(), "http://")), "SOCKET", w.socket, "FILES", w.files, "SERVER", w.hs.Name()).Replace(lua)
}

// vaultRoom finds the bank's portal.
func (w *world) vaultRoom(t *testing.T) string {
	t.Helper()
	for _, e := range w.hs.Everything() {
		if e.Type == "m.room.name" && strings.Contains(string(e.Content), "Vault") {
			return string(e.RoomID)
		}
	}
	t.Fatal("the bank has no portal")
	return ""
}

// room makes one with a script's bot in it.
func (w *world) room(t *testing.T, script string) string {
	t.Helper()
	bot := "@_bh_" + script + ":" + w.hs.Name()
	room := w.user.CreateRoom(t, "private_chat", bot)
	bridgetest.Eventually(t, bot+" has joined", func() bool { return w.user.Membership(t, room, bot) == "join" })
	return room
}

// run says the word to a script, and waits for what becomes of it.
func (w *world) run(t *testing.T, a attack) outcome {
	t.Helper()
	name := w.names[a.name]
	if o, refused := w.told.first(name); refused {
		return o
	}
	w.user.Say(t, w.room(t, name), w.private+" "+w.vault)
	var o outcome
	bridgetest.Eventually(t, a.name+" ends", func() (ended bool) { o, ended = w.told.first(name); return ended })
	return o
}

// ping asks the bank, which must answer, and be whole.
func (w *world) ping(t *testing.T) time.Duration {
	t.Helper()
	w.pings++
	began, want := time.Now(), fmt.Sprintf("whole %d", w.pings)
	w.user.Say(t, w.bankRoom, fmt.Sprint(w.pings))
	w.user.WaitMessages(t, w.bankRoom, func(all []bridgetest.Message) bool {
		last := all[len(all)-1].Body
		if strings.HasPrefix(last, "BROKEN") {
			t.Fatal("the bank is not whole any more")
		}
		return last == want
	})
	return time.Since(began)
}

// outcome is what became of an attack.
type outcome struct {
	out           bool
	code, message string
}

// reporter implements host.Reporter.
type reporter struct {
	came chan struct{}
	mu   sync.Mutex
	of   map[string][]outcome
}

func (r *reporter) first(script string) (outcome, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if list := r.of[script]; len(list) > 0 {
		return list[0], true
	}
	return outcome{}, false
}

func (r *reporter) add(script string, o outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.of[script]) < 10 {
		r.of[script] = append(r.of[script], o)
	}
}

// Loaded implements host.Reporter.
func (r *reporter) Loaded(l engine.LoadReport, _ string) {
	if l.Err != nil {
		r.add(l.Script, outcome{code: l.Err.Code, message: l.Err.Message})
	}
}

// Failed implements host.Reporter.
func (r *reporter) Failed(f engine.Report, _ string) {
	r.add(f.Script, outcome{code: f.Err.Code, message: f.Err.Message})
}

// Printed implements host.Reporter.
func (r *reporter) Printed(script, line string) {
	if part := strings.SplitN(line, "\t", 3); len(part) == 3 && (part[0] == "OUT" || part[0] == "STOPPED") {
		r.add(script, outcome{out: part[0] == "OUT", code: part[1], message: part[2]})
	}
}

var _ host.Reporter = (*reporter)(nil)
