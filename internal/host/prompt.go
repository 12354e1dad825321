package host

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"bridgehost/devserver"
	"bridgehost/matrix"
)

// prompt is the terminal of `dev`: lines are said in a room as a user, and what happens
// in that room is shown.
type prompt struct {
	hs      *devserver.Server
	script  string
	in      io.Reader
	bot     matrix.UserID
	session *session
	// live tells that a person types: what was typed is shown by the terminal already, and
	// answers come when they come. Otherwise each line waits for its answers.
	live bool

	lines  chan string   // what is typed
	opened chan struct{} // closed when there is a room to show

	mu    sync.Mutex // of what follows, and of out
	out   io.Writer
	user  *devserver.User
	room  matrix.RoomID // the one that is looked at
	name  string        // of the room
	rooms map[string]matrix.RoomID
	shown map[matrix.RoomID]int // events of the timeline
	names map[matrix.UserID]string

	events bool // what comes in and goes out is shown, too
}

func newPrompt(s *session, hs *devserver.Server, script string, in io.Reader, out io.Writer) *prompt {
	return &prompt{lines: make(chan string), opened: make(chan struct{}), session: s, hs: hs, script: script, in: in, out: out, live: isTerminal(in) && isTerminal(out),
		rooms: map[string]matrix.RoomID{}, shown: map[matrix.RoomID]int{}, names: map[matrix.UserID]string{}, user: hs.User("you"),
		bot: matrix.UserID("@_bh_" + script + ":" + devName)}
}

func isTerminal(v any) bool {
	f, ok := v.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

const devHelp = `  TEXT          say it in this room
  !COMMAND …    a command of the bridge
  /as NAME      write as another user
  /room NAME    go to another room; it is made, with the bot invited, when there is none
  /rooms        list the rooms
  /reload       load the script again     /rollback   run the version before
  /json         the last event as JSON    /quit       end
A line that is just one of these letters is a key: `

// watch shows what happens from now on, once run has opened the session: a script may
// invite its user before that.
func (p *prompt) watch(ctx context.Context) (stop func()) {
	return p.hs.Subscribe(func(e devserver.Event) {
		select {
		case <-p.opened:
			p.happened(e)
		case <-ctx.Done():
		}
	})
}

// run is the session: it reads lines until the input or ctx ends.
func (p *prompt) run(ctx context.Context, h *Host) error {
	p.say("%s", p.session.opening())
	err := p.enter(p.script)
	close(p.opened)
	if err != nil {
		return err
	}
	p.settle(ctx, h)
	p.missing(h)
	p.say("\nWrite a message, or /help. Save the script, and the next line is answered by the new version.\n")
	go p.read(ctx, p.lines)
	for {
		select {
		case line, ok := <-p.lines:
			if !ok || !p.line(ctx, h, strings.TrimSpace(line)) {
				p.settle(ctx, h)
				return nil
			}
		case <-ctx.Done():
			return nil
		}
	}
}

func (p *prompt) read(ctx context.Context, lines chan<- string) {
	defer close(lines)
	scanner := bufio.NewScanner(p.in)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		select {
		case lines <- scanner.Text():
		case <-ctx.Done():
			return
		}
	}
	if err := scanner.Err(); err != nil {
		p.say("! the input ended: %s\n", err)
	}
}

// settle lets the bridge answer what was said, and shows it.
func (p *prompt) settle(ctx context.Context, h *Host) {
	limit := 10 * time.Second
	if p.live {
		limit = 300 * time.Millisecond
	}
	h.settle(ctx, p.hs, limit)
	p.show()
}

func (p *prompt) say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.out, format, args...)
}

// line does what one line says; false ends the session.
func (p *prompt) line(ctx context.Context, h *Host, line string) bool {
	word, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimSpace(rest)
	var err error
	switch {
	case line == "":
		return true
	case len(line) == 1 && p.session.hasKey(line):
		if !p.session.press(ctx, line) {
			return false
		}
	case !strings.HasPrefix(line, "/"):
		if p.live {
			p.say("\x1b[A\x1b[K") // the room shows it again
		}
		_, err = p.user.Say(p.room, line)
	case word == "/quit":
		return false
	case word == "/help":
		p.say("%s%s\n", devHelp, p.session.keyLine())
	case word == "/as" && rest != "":
		err = p.as(rest)
	case word == "/room" && rest != "":
		if err = p.enter(rest); err == nil {
			p.settle(ctx, h)
			p.missing(h)
		}
	case word == "/rooms":
		p.list()
	case word == "/reload":
		_ = h.reloadAsked(ctx, h.script(p.script)) // Loaded, or the log, said why
	case word == "/rollback":
		_, err = h.rollback(ctx, RollbackCall{Script: p.script})
	case word == "/json":
		p.json()
	case word == "/as" || word == "/room":
		p.say("? %s needs a name\n", word)
	default:
		p.say("? %s is not known here:\n%s%s\n", word, devHelp, p.session.keyLine())
	}
	if err != nil {
		p.say("! %s\n", err)
	}
	p.settle(ctx, h)
	return true
}

// userName is what a new user may be called.
var userName = regexp.MustCompile(`^[a-z0-9._=/+-]+$`)

// as goes on as another user, by name or id, in the same room.
func (p *prompt) as(name string) error {
	name = strings.TrimSuffix(strings.TrimPrefix(name, "@"), ":"+devName)
	switch {
	case !userName.MatchString(name):
		return fmt.Errorf("a user cannot be called %q: only a-z, 0-9 and ._=/+- may stand in a name", name)
	case strings.HasPrefix(name, "_bh_"):
		return fmt.Errorf("%s belongs to the bridge, which alone writes as it", name)
	}
	before := p.user
	p.mu.Lock()
	p.user = p.hs.User(name)
	p.mu.Unlock()
	err := p.enter(p.name)
	if err != nil {
		p.mu.Lock()
		p.user = before
		p.mu.Unlock()
	}
	return err
}

// enter goes to a room by name. It is made, with the bot invited, when there is none.
func (p *prompt) enter(name string) error {
	name = strings.TrimPrefix(name, "#")
	room, ok := p.find(name)
	if !ok {
		made, err := p.make(name)
		if err != nil {
			return err
		}
		room = made
	} else if err := p.user.Join(room); err != nil {
		return err
	}
	if _, asked := p.hs.Members(room)[p.bot]; !asked {
		if err := p.user.Invite(room, p.bot); err != nil {
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rooms[name], p.room, p.name = room, room, name
	fmt.Fprintf(p.out, "── #%s, as %s ──\n", name, p.user.ID)
	return nil
}

// make makes a room, by whose alias (#NAME:bh.test) a configuration may name it.
func (p *prompt) make(name string) (matrix.RoomID, error) {
	room, err := p.user.CreateRoom(devserver.RoomOptions{Preset: "public_chat", Name: name})
	if err != nil {
		return "", err
	}
	_, _ = p.user.SetAlias(room, name) // one that is taken is another room's
	return room, nil
}

// furnish makes the first room before the script is loaded, which may be configured to use it.
func (p *prompt) furnish() error {
	room, err := p.make(p.script)
	if err != nil {
		return err
	}
	p.rooms[p.script] = room
	return nil
}

// missing says when the bot did not come: a script has to join by itself, which is easily forgotten.
// One with routes may wait for the web, and comes with its first message.
func (p *prompt) missing(h *Host) {
	if p.hs.Members(p.room)[p.bot] == "invite" && h.script(p.script).Current() != nil && h.hookURL(p.script) == "" {
		p.say("(%s is invited and did not come. A script joins with intent:join_room(evt.room_id) in bridge.on(\"invite\", …).)\n", p.bot.Localpart())
	}
}

// find looks for a room by name or id: one that was entered, or that the bridge made.
func (p *prompt) find(name string) (matrix.RoomID, bool) {
	p.mu.Lock()
	room, ok := p.rooms[name]
	p.mu.Unlock()
	if ok {
		return room, true
	}
	for _, room := range p.hs.Rooms() {
		if string(room) == name || p.title(room) == name {
			return room, true
		}
	}
	return "", false
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
