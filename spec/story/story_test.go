package story

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"bridgehost/spec/bridgetest"
)

func TestStory(t *testing.T)          { tell(t, bridgetest.NewDevserver(t)) }
func TestStoryOnSynapse(t *testing.T) { tell(t, bridgetest.NewSynapse(t)) }

// stage is what the commands of the story share.
type stage struct {
	t    *testing.T
	hs   bridgetest.Homeserver
	user bridgetest.User
	room string
	run  map[string]*process
	talk *flood
}

// tell runs testdata/story.txtar. Beside testscript's own commands there are:
//
//	exits CODE COMMAND …         run a command to its end and compare its exit code
//	until PATTERN COMMAND …      run a command until it ends well and prints PATTERN
//	web FOLDER                   serve a folder; sets $WEB
//	change FILE OLD NEW          replace what a pattern finds in a file
//	start NAME [ARG …]           bridgehost ARG … in the background
//	shows NAME PATTERN           wait for what it prints, behind what was waited for before
//	type NAME LINE               give it a line
//	ends NAME CODE               wait for its end; "signal NAME" asks for it, "input NAME" ends its input
//	homeserver register FILE     as a homeserver does
//	homeserver room | invite MXID | say TEXT | hears TEXT
//	flood start | by VERSION N   a person talks on and on; wait until a version has answered N times
//	flood ends VERSION …         all was answered once, by these versions
func tell(t *testing.T, hs bridgetest.Homeserver) {
	binary, err := filepath.Abs(bridgetest.Binary(t))
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.Symlink(binary, filepath.Join(bin, "bridgehost")); err != nil {
		t.Fatal(err)
	}
	s := &stage{t: t, hs: hs, user: hs.User(t, "alice"), run: map[string]*process{}}
	testscript.Run(t, testscript.Params{Dir: "testdata", RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			for name, value := range map[string]string{"PATH": bin + string(os.PathListSeparator) + e.Getenv("PATH"), "BRIDGEHOST": binary,
				"BRIDGEHOST_CONFIG": "", "NO_COLOR": "1", "XDG_CONFIG_HOME": filepath.Join(e.WorkDir, ".config"), "HS_URL": hs.URL(), "HS_NAME": hs.Name(),
				"LISTEN": freeAddress(t)} {
				e.Setenv(name, value)
			}
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": exits, "until": until, "web": web, "change": change, "start": s.start, "shows": s.shows, "type": s.typed, "ends": s.ends,
			"signal": s.signal, "input": s.input, "homeserver": s.homeserver, "flood": s.flood,
		},
	})
}

func freeAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var ended *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &ended) {
		got = ended.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// until asks again and again: what another process does, no channel tells of.
func until(ts *testscript.TestScript, _ bool, args []string) {
	re, err := regexp.Compile(`(?m)` + args[0])
	ts.Check(err)
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for limit := time.After(waitLimit); ; {
		if err := ts.Exec(args[1], args[2:]...); err == nil && re.MatchString(ts.ReadFile("stdout")) {
			return
		}
		select {
		case <-again.C:
		case <-limit:
			ts.Fatalf("after %s it does not print %s", waitLimit, args[0])
		}
	}
}

func web(ts *testscript.TestScript, _ bool, args []string) {
	server := httptest.NewServer(http.FileServer(http.Dir(ts.MkAbs(args[0]))))
	ts.Defer(server.Close)
	ts.Setenv("WEB", server.URL)
}

func change(ts *testscript.TestScript, _ bool, args []string) {
	re, err := regexp.Compile(`(?m)` + args[1])
	ts.Check(err)
	text := ts.ReadFile(args[0])
	if !re.MatchString(text) {
		ts.Fatalf("%s does not hold %s:\n%s", args[0], args[1], text)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(re.ReplaceAllString(text, args[2])), 0o600))
}

func (s *stage) start(ts *testscript.TestScript, _ bool, args []string) {
	s.run[args[0]] = launch(ts, args[1:])
}
func (s *stage) shows(ts *testscript.TestScript, _ bool, args []string) {
	s.run[args[0]].shows(ts, args[1])
}
func (s *stage) typed(ts *testscript.TestScript, _ bool, args []string) {
	s.run[args[0]].typed(ts, args[1])
}

func (s *stage) input(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(s.run[args[0]].in.Close())
}

func (s *stage) signal(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(s.run[args[0]].cmd.Process.Signal(syscall.SIGTERM))
}

func (s *stage) ends(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	s.run[args[0]].ends(ts, want)
}

func (s *stage) homeserver(ts *testscript.TestScript, _ bool, args []string) {
	switch verb := args[0]; verb {
	case "register":
		s.hs.Register(s.t, ts.MkAbs(args[1]))
	case "room":
		s.room = s.user.CreateRoom(s.t, "public_chat")
	case "invite":
		s.user.Invite(s.t, s.room, args[1])
	case "say":
		s.user.Say(s.t, s.room, args[1])
	case "hears":
		s.user.WaitMessages(s.t, s.room, func(all []bridgetest.Message) bool {
			for _, m := range all {
				if strings.Contains(m.Body, args[1]) {
					return true
				}
			}
			return false
		})
	default:
		ts.Fatalf("homeserver %s: unknown", verb)
	}
}

func (s *stage) flood(ts *testscript.TestScript, _ bool, args []string) {
	switch verb := args[0]; verb {
	case "start":
		s.talk = startFlood(s.t, s.user, s.room)
	case "by":
		n, err := strconv.Atoi(args[2])
		ts.Check(err)
		s.talk.by(args[1], n)
	case "ends":
		said, lost, doubled, by := s.talk.end()
		told := fmt.Sprintf("%d messages said, %d lost, %d doubled; answered by version %v", said, lost, doubled, by)
		s.t.Log(told)
		if lost > 0 || doubled > 0 || len(by) != len(args)-1 {
			ts.Fatalf("%s, want versions %v", told, args[1:])
		}
		for _, version := range args[1:] {
			if by[version] == 0 {
				ts.Fatalf("%s; none by %s", told, version)
			}
		}
	default:
		ts.Fatalf("flood %s: unknown", verb)
	}
}
