package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"bridgehost/appservice"
	"bridgehost/devserver"
	"bridgehost/matrix"
)

// waitLimit is how long a script waits for what must come.
const waitLimit = time.Minute

// world is what the commands of one script share.
type world struct {
	hs   *devserver.Server
	host *process
}

type worldKey struct{}

func prepare(e *testscript.Env) error {
	w := &world{}
	e.Values[worldKey{}] = w
	e.Defer(func() {
		if w.host != nil {
			w.host.end(syscall.SIGKILL)
		}
		if w.hs != nil {
			w.hs.Close()
		}
	})
	return nil
}

// homeserverCommand is the simulated homeserver:
//
//	homeserver start               set $HS_URL, and $LISTEN to a free address for the host
//	homeserver register FILE       read a registration, as a homeserver does at its start
//	homeserver room USER           make a public room; sets $ROOM
//	homeserver invite USER MXID    into $ROOM
//	homeserver say USER TEXT       in $ROOM
//	homeserver hears TEXT          wait for a message in $ROOM that contains TEXT
//	homeserver down|up             answer every request with 502, or no longer
func homeserverCommand(ts *testscript.TestScript, neg bool, args []string) {
	w := ts.Value(worldKey{}).(*world)
	if neg || len(args) == 0 || args[0] != "start" && w.hs == nil {
		ts.Fatalf("usage: homeserver start, then another one")
	}
	room := matrix.RoomID(ts.Getenv("ROOM"))
	switch verb, args := args[0], args[1:]; verb {
	case "start":
		w.hs = devserver.New(devserver.Options{ServerName: "bh.test", RetryUnit: 20 * time.Millisecond})
		url, err := w.hs.Start("127.0.0.1:0")
		ts.Check(err)
		ts.Setenv("HS_URL", url)
		ts.Setenv("LISTEN", freeAddress(ts))
	case "register":
		register(ts, w.hs, ts.MkAbs(args[0]))
	case "room":
		id, err := w.hs.User(args[0]).CreateRoom(devserver.RoomOptions{Preset: "public_chat"})
		ts.Check(err)
		ts.Setenv("ROOM", string(id))
	case "invite":
		ts.Check(w.hs.User(args[0]).Invite(room, matrix.UserID(args[1])))
	case "say":
		_, err := w.hs.User(args[0]).Say(room, args[1])
		ts.Check(err)
	case "hears":
		hears(ts, w, room, args[0])
	case "down":
		w.hs.SetFaults(devserver.Faults{Down: true})
	case "up":
		w.hs.SetFaults(devserver.Faults{})
	default:
		ts.Fatalf("homeserver %s: unknown", verb)
	}
}

func register(ts *testscript.TestScript, hs *devserver.Server, path string) {
	r, _, err := appservice.ReadRegistration(path)
	ts.Check(err)
	a := devserver.Appservice{ID: r.ID, URL: *r.URL, ASToken: r.ASToken, HSToken: r.HSToken,
		SenderLocalpart: r.SenderLocalpart, PushEphemeral: r.PushEphemeral}
	for _, n := range r.Namespaces.Users {
		a.UserRegex = append(a.UserRegex, n.Regex)
	}
	for _, n := range r.Namespaces.Aliases {
		a.AliasRegex = append(a.AliasRegex, n.Regex)
	}
	hs.AddAppservice(a)
}

func hears(ts *testscript.TestScript, w *world, room matrix.RoomID, text string) {
	ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
	defer cancel()
	var bodies []string
	err := w.hs.Wait(ctx, func() bool {
		bodies = bodies[:0]
		for _, e := range w.hs.Timeline(room) {
			var c struct{ Body string }
			if e.Type == "m.room.message" && json.Unmarshal(e.Content, &c) == nil {
				bodies = append(bodies, c.Body)
			}
		}
		return strings.Contains(strings.Join(bodies, "\n"), text)
	})
	if err != nil {
		log := ""
		if w.host != nil {
			log = w.host.log()
		}
		ts.Fatalf("nobody said %q; what was said:\n%s\nthe host's log:\n%s", text, strings.Join(bodies, "\n"), log)
	}
}

func freeAddress(ts *testscript.TestScript) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	defer l.Close()
	return l.Addr().String()
}

// hostCommand is a running bridgehost:
//
//	host start [ARG …]        bridgehost ARG … run, returns when it serves
//	host launch ARG …         bridgehost ARG …, returns at once
//	host logs PATTERN         wait for it behind what was waited for before
//	host signal NAME          HUP, INT, TERM
//	host ends CODE            wait for its end and compare the exit code
//	host kill                 kill -9
//	host log                  make the log so far the standard error, for `stderr`
func hostCommand(ts *testscript.TestScript, neg bool, args []string) {
	w := ts.Value(worldKey{}).(*world)
	if neg || len(args) == 0 || args[0] != "start" && args[0] != "launch" && w.host == nil {
		ts.Fatalf("usage: host start, then another one")
	}
	switch verb, args := args[0], args[1:]; verb {
	case "start":
		w.host = launch(ts, append(args, "run"))
		w.host.logs(ts, `serving: `)
	case "launch":
		w.host = launch(ts, args)
	case "logs":
		w.host.logs(ts, args[0])
	case "signal":
		ts.Check(w.host.cmd.Process.Signal(signalNames[args[0]]))
	case "ends":
		want, err := strconv.Atoi(args[0])
		ts.Check(err)
		w.host.ends(ts, want)
	case "kill":
		w.host.end(syscall.SIGKILL)
	case "log":
		fmt.Fprint(ts.Stderr(), w.host.log())
	default:
		ts.Fatalf("host %s: unknown", verb)
	}
}

var signalNames = map[string]os.Signal{"HUP": syscall.SIGHUP, "INT": syscall.SIGINT, "TERM": syscall.SIGTERM}

// process is a bridgehost in the background.
type process struct {
	cmd  *exec.Cmd
	done chan struct{}

	mu   sync.Mutex
	text bytes.Buffer
	read int           // of text, by logs
	news chan struct{} // closed and replaced when text grows
}

// launch starts this test's own binary as bridgehost.
func launch(ts *testscript.TestScript, args []string) *process {
	self, err := os.Executable()
	ts.Check(err)
	p := &process{cmd: exec.Command(self), done: make(chan struct{}), news: make(chan struct{})}
	p.cmd.Args = append([]string{"bridgehost"}, args...)
	p.cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"HOME", "PATH", "TMPDIR", "GOCOVERDIR", "BRIDGEHOST_CONFIG", "NO_COLOR", "XDG_CONFIG_HOME", "HS_URL", "LISTEN", "WEB", "INDEXKEY"} {
		p.cmd.Env = append(p.cmd.Env, name+"="+ts.Getenv(name))
	}
	p.cmd.Stderr = p
	ts.Check(p.cmd.Start())
	go func() { _ = p.cmd.Wait(); close(p.done) }() // its state is asked by ends
	return p
}

// Write takes the log.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.news)
	p.news = make(chan struct{})
	return p.text.Write(b)
}

func (p *process) log() string { p.mu.Lock(); defer p.mu.Unlock(); return p.text.String() }

func (p *process) logs(ts *testscript.TestScript, pattern string) {
	re, err := regexp.Compile(`(?m)` + pattern)
	ts.Check(err)
	limit := time.NewTimer(waitLimit)
	defer limit.Stop()
	for ended := false; ; {
		p.mu.Lock()
		at, news := re.FindIndex(p.text.Bytes()[p.read:]), p.news
		if at != nil {
			p.read += at[1]
		}
		p.mu.Unlock()
		switch {
		case at != nil:
			return
		case ended:
			ts.Fatalf("bridgehost has ended and its log does not say %s:\n%s", pattern, p.log())
		}
		select {
		case <-news:
		case <-p.done:
			ended = true
		case <-limit.C:
			ts.Fatalf("after %s the log does not say %s:\n%s", waitLimit, pattern, p.log())
		}
	}
}

func (p *process) ends(ts *testscript.TestScript, want int) {
	select {
	case <-p.done:
	case <-time.After(waitLimit):
		ts.Fatalf("it still runs after %s:\n%s", waitLimit, p.log())
	}
	if got := p.cmd.ProcessState.ExitCode(); got != want {
		ts.Fatalf("exit code %d, want %d:\n%s", got, want, p.log())
	}
}

func (p *process) end(s os.Signal) {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return
	}
	<-p.done
}
