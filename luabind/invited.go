package luabind

import (
	"context"
	"slices"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/engine"
	"bridgehost/intent"
	"bridgehost/matrix"
)

// invited is the handler of an invitation for which the script has none: the bot of a script
// with commands joins, since only so can somebody give one. A script that listens to
// invitations decides by itself, as it has to about people of other homeservers.
func (s *Script) invited(g *engine.Generation, e *Event, names []string) *engine.Handler {
	if !slices.Contains(names, "invite") || s.Bot == nil || matrix.UserID(*e.StateKey) != s.Bot.MXID() {
		return nil
	}
	if e.Sender.Server() != s.ServerName && !s.IsAdmin(e.Sender) || s.IsOwn(e) {
		return nil
	}
	commands := g.Handlers(CommandEvent)
	if len(commands) == 0 {
		return nil
	}
	for _, h := range g.Handlers("") {
		if _, ok := h.Data.(*Filter); ok && slices.Contains(names, h.Event) {
			return nil
		}
	}
	return &engine.Handler{Event: "invite", Fn: EnvOf(g.VM()).acceptance, Where: commands[0].Where, Label: "invitation"}
}

// accept joins the room of an invitation.
func (env *Env) accept(L *lua.LState) int {
	e, ok := selfOf[*Event](L.Get(1))
	if !ok {
		return 0
	}
	var err error
	env.VM.Wait(L, func(ctx context.Context) {
		_, err = env.Script.Bot.JoinRoomByID(ctx, e.RoomID, intent.JoinRoomByIDOptions{})
	})
	if err != nil {
		env.VM.Raise(L, ErrorOf(err))
	}
	return 0
}
