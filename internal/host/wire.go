package host

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"bridgehost/capability"
	"bridgehost/delivery"
	"bridgehost/diag"
	"bridgehost/egress"
	"bridgehost/engine"
	"bridgehost/intent"
	"bridgehost/luabind"
	"bridgehost/matrix"
	"bridgehost/portal"
)

func (h *Host) names() portal.Names {
	return portal.Names{Prefix: h.cfg.Appservice.Prefix, ServerName: h.cfg.Homeserver.Name}
}

// bot is a script's own intent.
func (h *Host) bot(script string) *intent.Intent { return h.pool.Bot(h.names().Bot(script)) }

func (h *Host) newRouter() *portal.Router {
	return portal.NewRouter(portal.RouterConfig{
		Names: h.names(), BridgeName: h.cfg.Appservice.BridgeName, Store: h.db, Owns: h.owns, Bot: h.bot,
		Scripts: func() []string {
			var names []string
			for _, s := range h.all() {
				names = append(names, s.Name)
			}
			return names
		},
		WantsOwn: func(name, eventType string) bool {
			s := h.script(name)
			return s != nil && s.lua.WantsOwn(s.Current(), eventType)
		},
	})
}

// script options of exec: its intent is the registration's own bot.
type standalone struct {
	args  []string
	print func(line string)
}

// newScript puts together what one script works with. alone is set under exec.
func (h *Host) newScript(f found, alone *standalone) (*script, error) {
	s := &script{found: f}
	bot := h.bot(f.name)
	if alone != nil {
		bot = h.pool.Bot(matrix.NewUserID(h.reg.SenderLocalpart, h.cfg.Homeserver.Name))
	}
	data := delivery.NewData(f.name, h.db, h.clock)
	log := h.log.Named(f.name)
	key := sha256.Sum256([]byte("portal aliases\x00" + h.reg.ASToken))
	s.lua = &luabind.Script{
		Name: f.name, ServerName: h.cfg.Homeserver.Name, Prefix: h.cfg.Appservice.Prefix, BridgeName: h.cfg.Appservice.BridgeName,
		HostBot: matrix.NewUserID(h.reg.SenderLocalpart, h.cfg.Homeserver.Name), Dir: f.path, Assets: assets(f.path), Standalone: alone != nil,
		Bot: bot, Pool: h.pool, Data: data, Clock: h.clock, Log: log, Host: h, Observe: h.opts.observe,
		Config: h.configured(f.name).Values, Dirs: h.cfg.Scripts.DirsOf[f.name],
		Portals: portal.NewManager(portal.ManagerConfig{Script: f.name, Names: h.names(), Bot: bot, Store: h.db, Data: data, Clock: h.clock, Key: key[:]}),
	}
	if f.bundle != nil {
		s.lua.Assets = &s.files
	}
	limits := askLess(h.cfg.LimitsFor(f.name), f.manifest())
	s.sql = h.newDatabase(s.lua, limits)
	s.lua.SQL = database{s.sql}
	if alone == nil && (h.opts.only == nil || h.opts.activity != nil) { // specs and exec leave no record
		s.lua.Used = h.uses.of(f.name)
	}
	list := h.opts.capabilities
	if own, some := h.opts.Granted[f.name]; some {
		list = &own
	}
	if list != nil {
		granted, err := capability.ParseGrants(*list, valuesOf(s.lua.Config))
		if err != nil {
			return nil, &diag.Error{Kind: diag.KindUsage, Message: "capabilities: " + err.Error()}
		}
		s.lua.SetGrants(granted)
	}
	data.SetQuota(func() (int64, bool) { return s.lua.Grants().Quota(capability.KV) },
		func(now time.Time) (int64, error) { return h.db.Size(f.name, now) })
	for _, a := range h.cfg.Scripts.Admins {
		s.lua.Admins = append(s.lua.Admins, matrix.UserID(a))
	}
	cfg := engine.ScriptConfig{
		Name: f.name, Library: luabind.NewLibrary(s.lua), Matcher: s.lua, Limits: limits,
		Values: func() any { return h.configured(f.name) },
		Store:  h.db, Data: data, Records: records{h.db, f.origin()}, Clock: h.clock, Computing: h.opts.computing, Cover: h.opts.cover, Log: log, Drain: shutdownLimit,
		OnReport: h.onReport, OnLoad: h.onLoad, OnDead: h.onDead,
		Print: func(line string) { log.Info(line) },
	}
	cfg.Cover = h.opts.cover
	if h.opts.activity != nil {
		cfg.OnRun = h.opts.activity.ran
	}
	switch {
	case alone != nil:
		cfg.Args, cfg.Print, cfg.Records = alone.args, alone.print, nil
	case h.opts.Report != nil:
		cfg.Print = func(line string) { h.opts.Report.Printed(f.name, line) }
	}
	s.Script = engine.NewScript(cfg)
	if f.bundle != nil { // nothing, until its files were checked
		nothing, err := capability.ParseGrants(nil, nil)
		if err != nil {
			return nil, err
		}
		s.lua.SetGrants(nothing)
	}
	return s, nil
}

// valuesOf answers the values of a key of a script's configuration, for scopes like
// ${config.server}.
func valuesOf(config map[string]any) func(key string) []string {
	return func(key string) []string { return writtenValues(config[key]) }
}

// stateChanged lets portals follow what happened to their rooms.
func (h *Host) stateChanged(e *matrix.Event) {
	if e.Type != "m.room.tombstone" && e.Type != "m.room.member" {
		return
	}
	for _, s := range h.all() {
		if e.Type == "m.room.member" {
			if err := s.lua.Portals.Follow(h.running, e); err != nil { // no request: a row at most
				h.log.Warn("a portal is not marked as gone", "script", s.Name, "room_id", e.RoomID, "err", err)
			}
			continue
		}
		h.telling.Go(func() { // the bot joins the new room
			if err := s.lua.Portals.Follow(h.running, e); err != nil {
				h.log.Warn("an upgraded room was not followed", "script", s.Name, "room_id", e.RoomID, "err", err)
			}
		})
	}
}

// Egress implements luabind.Connections.
func (h *Host) Egress() *egress.Dialer { return h.egress }

// CommandClash implements luabind.Host.
func (h *Host) CommandClash(room matrix.RoomID, script, name string) []string {
	var others []string
	for _, s := range h.all() {
		if s.Name != script && s.lua.HasCommand(s.Current(), name) && h.inRoom(s, room) {
			others = append(others, s.Name)
		}
	}
	return others
}

func (h *Host) inRoom(s *script, room matrix.RoomID) bool {
	joined, _, _, err := h.db.OwnMembers(h.running, room)
	return err == nil && slices.ContainsFunc(joined, s.lua.Owns)
}

// tellEvery is how often a room may hear of dead letters.
const tellEvery = 10 * time.Minute

// onDead tells the room, once in ten minutes, that a message was not handled.
func (h *Host) onDead(item delivery.Item, err *diag.Error) {
	if name, key, ok := item.Lane.Queue(); ok {
		h.log.Error("an item of a queue became a dead letter", "script", item.Lane.Script, "queue", name, "key", key, "err", err)
		return
	}
	h.log.Error("an event became a dead letter", "script", item.Lane.Script, "room_id", item.Lane.Room, "err", err)
	room := matrix.RoomID(item.Lane.Room)
	e, parsed := matrix.ParseEvent(item.Payload)
	if parsed != nil || e.Type != "m.room.message" || h.owns(e.Sender) {
		return
	}
	h.mu.Lock()
	last, told := h.told[room]
	now := h.clock.Now()
	if told && now.Sub(last) < tellEvery {
		h.mu.Unlock()
		return
	}
	for r, at := range h.told {
		if now.Sub(at) >= tellEvery {
			delete(h.told, r)
		}
	}
	h.told[room] = now
	h.mu.Unlock()
	h.telling.Go(func() {
		ctx, cancel := context.WithTimeout(h.running, time.Minute)
		defer cancel()
		text := fmt.Sprintf("%s could not handle this message: %s", item.Lane.Script, err.Message)
		if _, err := h.bot(item.Lane.Script).SendNotice(ctx, room, notice(e.EventID, text)); err != nil {
			h.log.Warn("the room was not told of a dead letter", "room_id", room, "err", err)
		}
	})
}

// notice answers event with text.
func notice(event matrix.EventID, text string) intent.SendNoticeOptions {
	relates := fmt.Sprintf(`{"m.in_reply_to":{"event_id":%q}}`, event)
	return intent.SendNoticeOptions{Text: text, RelatesTo: []byte(relates)}
}
