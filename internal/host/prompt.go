package host

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"bridgehost/devserver"
	"bridgehost/engine"
	"bridgehost/matrix"
)

// prompt is the terminal of `dev`: lines are said in a room as a user, and what happens
// in that room is shown. It is the session's Reporter.
type prompt struct {
	hs     *devserver.Server
	script string
	in     io.Reader
	bot    matrix.UserID

	user *devserver.User
	room matrix.RoomID
	name string // of the room

	mu    sync.Mutex // of what follows, and of out
	out   io.Writer
	rooms map[string]matrix.RoomID
	shown map[matrix.RoomID]int // events of the timeline
	quiet matrix.RoomID         // the room that is looked at
}

func newPrompt(hs *devserver.Server, script string, in io.Reader, out io.Writer) *prompt {
	return &prompt{hs: hs, script: script, in: in, out: out, rooms: map[string]matrix.RoomID{}, shown: map[matrix.RoomID]int{},
		bot: matrix.UserID("@_bh_" + script + ":" + devName)}
}

const devHelp = `  TEXT          say it in this room
  !COMMAND …    a command of the bridge
  /as NAME      write as another user
  /room NAME    go to another room, made when there is none; the bot is invited
  /rooms        list the rooms
  /reload       load the script again     /rollback   run the version before
  /json         the last event as JSON    /quit       end
`

// run is the session: it reads lines until the input or ctx ends.
func (p *prompt) run(ctx context.Context, h *Host) error {
	stop := p.hs.Subscribe(func(devserver.Event) { p.show() })
	defer stop()
	p.user = p.hs.User("you")
	p.say("bridgehost %s, dev mode. Nothing leaves this machine; data in .bridgehost/ can be thrown away.\n\n", Version().Version)
	p.say("  simulated homeserver   %s (you are %s)\n", devName, p.user.ID)
	p.say("  script                 %s\n\n", h.describe(p.script))
	if err := p.enter(p.script); err != nil {
		return err
	}
	h.settle(ctx, p.hs)
	p.show()
	p.say("\nWrite a message, or /help. Save the script, and the next line is answered by the new version.\n")
	lines := make(chan string)
	go func() {
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
	}()
	for {
		select {
		case line, ok := <-lines:
			if !ok || !p.line(ctx, h, strings.TrimSpace(line)) {
				h.settle(ctx, p.hs)
				p.show()
				return nil
			}
		case <-ctx.Done():
			return nil
		}
	}
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
	case !strings.HasPrefix(line, "/"):
		_, err = p.user.Say(p.room, line)
	case word == "/quit":
		return false
	case word == "/help":
		p.say("%s", devHelp)
	case word == "/as" && rest != "":
		p.user = p.hs.User(rest)
		err = p.enter(p.name)
	case word == "/room" && rest != "":
		err = p.enter(rest)
	case word == "/rooms":
		p.list()
	case word == "/reload":
		err = h.reloadOne(ctx, h.script(p.script), engine.ReasonAsked)
	case word == "/rollback":
		_, err = h.rollback(ctx, RollbackCall{Script: p.script})
	case word == "/json":
		p.json()
	default:
		p.say("? %s is not known here:\n%s", word, devHelp)
	}
	if err != nil {
		p.say("! %s\n", err)
	}
	h.settle(ctx, p.hs)
	p.show()
	return true
}

// enter goes to a room by name. It is made, with the bot invited, when there is none.
func (p *prompt) enter(name string) error {
	p.mu.Lock()
	room, ok := p.rooms[name]
	p.mu.Unlock()
	if !ok {
		made, err := p.user.CreateRoom(devserver.RoomOptions{Preset: "public_chat", Name: name, Invite: []matrix.UserID{p.bot}})
		if err != nil {
			return err
		}
		room = made
	} else if err := p.user.Join(room); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rooms[name], p.room, p.name, p.quiet = room, room, name, room
	fmt.Fprintf(p.out, "── #%s, as %s ──\n", name, p.user.ID)
	return nil
}

func (p *prompt) list() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, room := range p.rooms {
		fmt.Fprintf(p.out, "  #%-12s %s, %d members\n", name, room, len(p.hs.Members(room)))
	}
}

func (p *prompt) json() {
	events := p.hs.Timeline(p.room)
	if len(events) == 0 {
		return
	}
	var v any
	last := events[len(events)-1]
	if json.Unmarshal(last.Raw, &v) != nil {
		v = last
	}
	text, _ := json.MarshalIndent(v, "  ", "  ") // it was JSON a line ago
	p.say("  %s\n", text)
}

// show writes what happened in the room since the last time.
func (p *prompt) show() {
	p.mu.Lock()
	defer p.mu.Unlock()
	events := p.hs.Timeline(p.quiet)
	for _, e := range events[min(p.shown[p.quiet], len(events)):] {
		if text := describe(&e); text != "" {
			fmt.Fprintf(p.out, "%-14s %s\n", e.Sender.Localpart(), strings.ReplaceAll(text, "\n", "\n               "))
		}
	}
	p.shown[p.quiet] = len(events)
}

// describe is an event in a line; "" for what nobody wants to see.
func describe(e *matrix.Event) string {
	var c struct {
		Body       string `json:"body"`
		MsgType    string `json:"msgtype"`
		Membership string `json:"membership"`
		Name       string `json:"name"`
		Topic      string `json:"topic"`
		Relates    struct {
			Key     string `json:"key"`
			EventID string `json:"event_id"`
		} `json:"m.relates_to"`
	}
	if err := json.Unmarshal(e.Content, &c); err != nil {
		return fmt.Sprintf("(%s: %s)", e.Type, err)
	}
	switch e.Type {
	case "m.room.message":
		if c.MsgType == "m.emote" {
			return "* " + c.Body
		}
		return c.Body
	case "m.reaction":
		return "reacts with " + c.Relates.Key
	case "m.room.redaction":
		return "takes a message back"
	case "m.room.member":
		if e.StateKey != nil && matrix.UserID(*e.StateKey) != e.Sender {
			return fmt.Sprintf("(%s %s)", c.Membership, *e.StateKey)
		}
		return "(" + c.Membership + ")"
	case "m.room.name":
		return "(names the room " + c.Name + ")"
	case "m.room.topic":
		return "(topic: " + c.Topic + ")"
	}
	return ""
}

// describe says how a script is, in a line.
func (h *Host) describe(name string) string {
	st := h.script(name).Status()
	if st.Generation == 0 {
		return name + ": nothing runs, see above"
	}
	return fmt.Sprintf("%s, generation %d: %d handlers, %d commands, %d services", name, st.Generation, st.Handlers, st.Commands, len(st.Services))
}

// Loaded implements Reporter.
func (p *prompt) Loaded(r engine.LoadReport, text string) {
	at := r.At.Local().Format("15:04:05")
	switch {
	case r.Err != nil:
		p.say("%s %s changed → not loaded; %s\n\n%s\n", at, r.Script, running(r.Running), text)
	case r.Reason != engine.ReasonStart:
		p.say("%s %s changed → generation %d in %s\n", at, r.Script, r.Number, r.Took.Round(100*time.Microsecond))
	}
}

// Failed implements Reporter.
func (p *prompt) Failed(_ engine.Report, text string) { p.say("%s\n", text) }

// Printed implements Reporter.
func (p *prompt) Printed(_, line string) { p.say("%-14s %s\n", "print", line) }
