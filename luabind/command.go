package luabind

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/capability"
	"bridgehost/matrix"
)

// CommandSpec is what bridge.command takes beside name and function.
type CommandSpec struct {
	Args  string `lua:"args,opt" doc:"the arguments: <url>, [limit], <on|off>, <text...> for all the rest"`
	Level int    `lua:"level,opt" default:"0" doc:"the power level in the room that it takes"`
	Admin bool   `lua:"admin,opt" default:"false" doc:"for the host's admins only"`
	Help  string `lua:"help,opt" doc:"one line for those who use it"`
}

// Command is a declared command.
type Command struct {
	CommandSpec
	Name string // "feed add"

	args []commandArg
}

type commandArg struct {
	name     string
	optional bool
	rest     bool     // takes all that is left
	choices  []string // of <on|off>
}

// NewCommand checks a command's name and the form of its arguments.
func NewCommand(name string, spec CommandSpec) (*Command, error) {
	words := strings.Fields(name)
	if len(words) == 0 || strings.Join(words, " ") != name || strings.HasPrefix(name, "!") {
		return nil, argumentError(fmt.Sprintf("a command's name is one or more words, without the !, got %s", quoted(name)))
	}
	c := &Command{CommandSpec: spec, Name: name}
	for _, word := range strings.Fields(spec.Args) {
		if len(c.args) > 0 && c.args[len(c.args)-1].rest {
			return nil, argumentError("nothing can follow an argument that takes all the rest, in " + quoted(spec.Args))
		}
		arg, err := parseCommandArg(word)
		if err != nil {
			return nil, err
		}
		if n := len(c.args); n > 0 && c.args[n-1].optional && !arg.optional {
			return nil, argumentError("no <required> argument can follow an [optional] one, in " + quoted(spec.Args))
		}
		c.args = append(c.args, arg)
	}
	return c, nil
}

func parseCommandArg(word string) (commandArg, error) {
	var a commandArg
	if n := len(word); n > 2 && (word[0] == '<' && word[n-1] == '>' || word[0] == '[' && word[n-1] == ']') {
		a.optional = word[0] == '['
		a.name, a.rest = strings.CutSuffix(word[1:n-1], "...")
		if strings.Contains(a.name, "|") {
			a.choices = strings.Split(a.name, "|")
		}
	}
	if a.name == "" || strings.ContainsAny(a.name, "<>[]") {
		return a, argumentError(fmt.Sprintf("an argument is written <name>, [name], <a|b> or <name...>, got %s", quoted(word)))
	}
	return a, nil
}

// Usage is how the command is written.
func (c *Command) Usage() string { return strings.TrimSpace("!" + c.Name + " " + c.Args) }

// CommandText is what stands behind the "!" when the event may be a command: a text
// that people wrote, no edit, nothing of our own.
func (s *Script) CommandText(e *Event) (text string, ok bool) {
	if e.Type != "m.room.message" || !s.Grants().Allows(capability.MatrixRead, e.Type) || e.IsEdit() || e.content().MsgType != "m.text" || s.IsOwn(e) {
		return "", false
	}
	text, ok = strings.CutPrefix(strings.TrimSpace(e.Text()), "!")
	return text, ok && text != ""
}

// FindCommand finds the one that text calls: the longest name that fits. "NAME command",
// with the script's own name, is the command of this script only (addressed).
func FindCommand(script string, commands []*Command, text string) (found *Command, rest string, addressed bool) {
	if c, rest := longest(commands, text); c != nil {
		return c, rest, false
	}
	if after, ok := afterWord(text, script); ok {
		if c, rest := longest(commands, after); c != nil {
			return c, rest, true
		}
	}
	return nil, "", false
}

func longest(commands []*Command, text string) (found *Command, rest string) {
	for _, c := range commands {
		left, ok := text, true
		for _, word := range strings.Fields(c.Name) {
			if left, ok = afterWord(left, word); !ok {
				break
			}
		}
		if ok && (found == nil || len(c.Name) > len(found.Name)) {
			found, rest = c, left
		}
	}
	return found, rest
}

// afterWord is what follows the first word of text, if it is that one. Space before it is skipped.
func afterWord(text, word string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(text, word)
	if !ok || rest != "" && !strings.ContainsAny(rest[:1], " \t\n") {
		return "", false
	}
	return strings.TrimLeft(rest, " \t\n"), true
}

// commandValue is one argument that was given.
type commandValue struct{ name, value string }

// Parse reads the arguments. Words in double quotes count as one. An error is for the one who wrote the command.
func (c *Command) Parse(text string) ([]commandValue, error) {
	var values []commandValue
	for _, a := range c.args {
		text = strings.TrimSpace(text)
		if text == "" {
			if a.optional {
				break
			}
			return nil, fmt.Errorf("%s is missing. Usage: %s", a.name, c.Usage())
		}
		value := text
		if a.rest {
			text = ""
		} else {
			value, text = nextWord(text)
		}
		if a.choices != nil && !slices.Contains(a.choices, value) {
			return nil, fmt.Errorf("%s expected, not %s. Usage: %s", strings.Join(a.choices, " or "), quoted(value), c.Usage())
		}
		values = append(values, commandValue{a.name, value})
	}
	if text = strings.TrimSpace(text); text != "" && len(c.args) > 0 {
		return nil, fmt.Errorf("%s is too much. Usage: %s", quoted(text), c.Usage())
	}
	for text != "" { // a command that declared no arguments gets its words by number
		var word string
		word, text = nextWord(text)
		text = strings.TrimSpace(text)
		values = append(values, commandValue{value: word})
	}
	return values, nil
}

func nextWord(text string) (word, rest string) {
	if text[0] == '"' {
		if end := strings.IndexByte(text[1:], '"'); end >= 0 {
			return text[1 : 1+end], text[end+2:]
		}
	}
	if i := strings.IndexAny(text, " \t\n"); i >= 0 {
		return text[:i], text[i:]
	}
	return text, ""
}

// commandCall is one use of a command.
type commandCall struct {
	*Event
	command *Command
	values  []commandValue
	problem string // what to answer in place of running it
}

var commandClass = class("command", "One use of a command, as its function gets it.", tableClass, holds[*commandCall]())

var (
	_ = field(commandClass, "args", "table", "The arguments, by name and by number.", func(env *Env, c *commandCall) lua.LValue {
		t := env.VM.L.NewTable()
		for i, v := range c.values {
			t.RawSetInt(i+1, lua.LString(v.value))
			if v.name != "" {
				t.RawSetString(v.name, lua.LString(v.value))
			}
		}
		return t
	})
	_ = field(commandClass, "name", "string", "The command's name.", func(_ *Env, c *commandCall) lua.LValue { return lua.LString(c.command.Name) })
	_ = field(commandClass, "room_id", "string", "The room.", func(_ *Env, c *commandCall) lua.LValue { return text(c.RoomID) })
	_ = field(commandClass, "sender", "string", "Who wrote it.", func(_ *Env, c *commandCall) lua.LValue { return text(c.Sender) })
	_ = field(commandClass, "event_id", "string", "The message's ID.", func(_ *Env, c *commandCall) lua.LValue { return text(c.EventID) })
	_ = field(commandClass, "event", "event", "The message.", func(env *Env, c *commandCall) lua.LValue { return env.ToLua(c.Event) })
)

var _ = method(commandClass, "reply", capability.MatrixSend, waits, `Answers the command in a notice, and returns its ID. A table is sent as it is.`,
	func(c *Call, cmd *commandCall, a *struct {
		Content Content `lua:"content" doc:"a text, what bridge.markdown and bridge.html make, or a message's content"`
	}) (matrix.EventID, error) {
		return c.Script.reply(c.Context(), cmd.Event, noticeOf(a.Content))
	}, scope("m.room.message"), errcodes("M_FORBIDDEN", "M_TOO_LARGE"), example(`cmd:reply("added")`))

// clash is what is answered when several scripts have the command; only the first of them answers.
func clash(script string, others []string, name string) (problem string, silent bool) {
	all := append([]string{script}, others...)
	sort.Strings(all)
	offers := make([]string, len(all))
	for i, s := range all {
		offers[i] = "!" + s + " " + name
	}
	return "several scripts have the command " + strconv.Quote(name) + ": write " + strings.Join(offers, " or "), all[0] != script
}

// noticeOf is a text as a notice, as bots should answer; other content stays as it is.
func noticeOf(content Content) json.RawMessage {
	var fields map[string]json.RawMessage
	if json.Unmarshal(content, &fields) != nil || string(fields["msgtype"]) != `"m.text"` {
		return json.RawMessage(content)
	}
	fields["msgtype"] = json.RawMessage(`"m.notice"`)
	raw, err := json.Marshal(fields)
	if err != nil {
		return json.RawMessage(content)
	}
	return raw
}
