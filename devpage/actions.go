package devpage

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"bridgehost/devserver"
)

//go:embed static
var static embed.FS

// maxAction is how large the body of an action may be: an event has 64 KB at most.
const maxAction = 128 << 10

// action is what a POST says; each uses its part of it.
type action struct {
	Room  devserver.RoomID  `json:"room"`
	As    string            `json:"as"` // a user's id or localpart
	Name  string            `json:"name"`
	Body  string            `json:"body"`
	Event devserver.EventID `json:"event"` // that is answered, changed, annotated, taken back
	Key   string            `json:"key"`   // of a reaction
	faults
}

// Handler answers the page: its files, the stream, and what its buttons do.
func (p *Page) Handler() http.Handler {
	mux := http.NewServeMux()
	for path, file := range map[string]string{"/{$}": "index.html", "/page.js": "page.js", "/page.css": "page.css", "/icon.svg": "icon.svg"} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, static, "static/"+file) })
	}
	mux.HandleFunc("GET /api/stream", p.stream)
	for path, do := range p.actions() {
		mux.HandleFunc("POST /api/"+path, func(w http.ResponseWriter, r *http.Request) { p.act(w, r, do) })
	}
	return p.guard(mux)
}

func (p *Page) actions() map[string]func(*http.Request, action) (any, error) {
	return map[string]func(*http.Request, action) (any, error){
		"say": func(_ *http.Request, a action) (any, error) { return p.send(a, "m.room.message", text(a.Body)) },
		"reply": func(_ *http.Request, a action) (any, error) {
			content := text(a.Body)
			content["m.relates_to"] = object{"m.in_reply_to": object{"event_id": a.Event}}
			return p.send(a, "m.room.message", content)
		},
		"edit": func(_ *http.Request, a action) (any, error) {
			content := text("* " + a.Body)
			content["m.new_content"] = text(a.Body)
			content["m.relates_to"] = object{"rel_type": "m.replace", "event_id": a.Event}
			return p.send(a, "m.room.message", content)
		},
		"react": func(_ *http.Request, a action) (any, error) {
			return p.send(a, "m.reaction", object{"m.relates_to": object{"rel_type": "m.annotation", "event_id": a.Event, "key": a.Key}})
		},
		"redact": p.redact,
		"room":   p.room,
		"user":   func(_ *http.Request, a action) (any, error) { return p.user(a.Name) },
		"faults": func(_ *http.Request, a action) (any, error) {
			p.o.Server.SetFaults(a.faults.server())
			p.Refresh()
			return nil, nil
		},
		"reload":   func(r *http.Request, _ action) (any, error) { return nil, p.o.Host.Reload(r.Context()) },
		"rollback": func(r *http.Request, _ action) (any, error) { return nil, p.o.Host.Rollback(r.Context()) },
		"test":     p.test,
	}
}

type object = map[string]any

// act reads what is asked, does it, and tells what came of it.
func (p *Page) act(w http.ResponseWriter, r *http.Request, do func(*http.Request, action) (any, error)) {
	var a action
	status := http.StatusOK
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxAction)).Decode(&a)
	var out any
	if err != nil {
		status, err = http.StatusBadRequest, fmt.Errorf("the request is not understood: %w", err)
	} else if out, err = do(r, a); err != nil {
		status = http.StatusConflict
	}
	if err != nil {
		out = object{"error": err.Error()}
	} else if out == nil {
		out = object{}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(encode(out)) // who has gone sees it in the stream
}

// text is the content of a text, or of an emote when it begins with /me.
func text(body string) object {
	if rest, ok := strings.CutPrefix(body, "/me "); ok {
		return object{"msgtype": "m.emote", "body": rest}
	}
	return object{"msgtype": "m.text", "body": body}
}

var errEmpty = errors.New("there is nothing to send: the message is empty")

// send sends an event as a user, who joins the room first if need be.
func (p *Page) send(a action, eventType string, content object) (any, error) {
	if eventType == "m.room.message" && strings.TrimSpace(a.Body) == "" {
		return nil, errEmpty
	}
	u, err := p.acting(a)
	if err != nil {
		return nil, err
	}
	id, err := u.Send(a.Room, eventType, content)
	return object{"event_id": id}, err
}

func (p *Page) redact(_ *http.Request, a action) (any, error) {
	u, err := p.acting(a)
	if err != nil {
		return nil, err
	}
	id, err := u.Redact(a.Room, a.Event, "")
	return object{"event_id": id}, err
}

// acting is the user who acts, in the room.
func (p *Page) acting(a action) (*devserver.User, error) {
	u, err := p.person(a.As)
	if err != nil {
		return nil, err
	}
	if p.o.Server.Members(a.Room)[u.ID] != "join" {
		err = u.Join(a.Room)
	}
	return u, err
}

// room makes a room with the bot invited.
func (p *Page) room(_ *http.Request, a action) (any, error) {
	name := strings.TrimPrefix(strings.TrimSpace(a.Name), "#")
	if name == "" {
		return nil, errors.New("a room needs a name")
	}
	u, err := p.person(a.As)
	if err != nil {
		return nil, err
	}
	id, err := u.CreateRoom(devserver.RoomOptions{Preset: "public_chat", Name: name, Invite: []devserver.UserID{devserver.UserID(p.o.Host.Script().Bot)}})
	return object{"room_id": id}, err
}

func (p *Page) user(name string) (any, error) {
	u, err := p.person(name)
	if err != nil {
		return nil, err
	}
	p.Refresh()
	return object{"user_id": u.ID}, nil
}

// localpart is what a user may be called.
var localpart = regexp.MustCompile(`^[a-z0-9._=/+-]{1,64}$`)

// person is a user one may write as, by id or localpart; it is made when there is none.
func (p *Page) person(name string) (*devserver.User, error) {
	own := ":" + p.o.Server.Name()
	name = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(name), "@"), own)
	switch {
	case !localpart.MatchString(name):
		return nil, fmt.Errorf("a user cannot be called %q: only a-z, 0-9 and ._=/+- may stand in a name", name)
	case p.o.Server.Reserved(devserver.UserID("@" + name + own)):
		return nil, fmt.Errorf("%s belongs to the bridge, which alone writes as it", name)
	}
	return p.o.Server.User(name), nil
}

func (p *Page) test(r *http.Request, _ action) (any, error) {
	if !p.o.Host.TestsAvailable() {
		return nil, errors.New("there are no tests to run")
	}
	report, passed, err := p.o.Host.Test(r.Context())
	return object{"report": report, "passed": passed}, err
}
