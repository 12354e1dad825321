package luabind

import "bridgehost/engine"

// WantsOwn tells whether a handler of g may want an event of that type although our own
// users sent it. Of a script that has not loaded yet (g nil) nobody knows, so it may.
func (s *Script) WantsOwn(g *engine.Generation, eventType string) bool {
	if g == nil {
		return true
	}
	for _, h := range g.Handlers("") {
		if f, ok := h.Data.(*Filter); ok && f != nil && f.Own && mayBe(h.Event, eventType) {
			return true
		}
	}
	return false
}

// mayBe tells whether an event of that type could be heard under name.
func mayBe(name, eventType string) bool {
	switch eventType {
	case "m.room.message":
		return name == eventType || name == "message" || name == "edit"
	case "m.room.member":
		return name == eventType || name == "member" || name == "invite" || name == "join" || name == "leave"
	}
	return name == eventType || name == shortNames[eventType]
}
