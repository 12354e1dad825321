package portal

import (
	"bridgehost/delivery"
	"bridgehost/matrix"
)

// The stores of the message map, one of each for a room; the NUL keeps them apart from the
// stores that scripts name. They go by the room, since only there an event can be answered
// or edited: a portal that was made anew begins without.
const (
	linkStore = "\x00link/"
	backStore = "\x00back/"
)

// Link ties an event to a message of the other network, both ways; durable with the
// handler. Several events may be tied to one message: the last is its event.
func (p *Portal) Link(u *delivery.Unit, event matrix.EventID, remoteID string) error {
	d, room := p.m.cfg.Data, string(p.RoomID())
	if err := d.Set(u, linkStore+room, remoteID, []byte(event), 0); err != nil {
		return err
	}
	return d.Set(u, backStore+room, string(event), []byte(remoteID), 0)
}

// EventOf is the event of a message of the other network; "" when there is none.
func (p *Portal) EventOf(remoteID string) (matrix.EventID, error) {
	v, err := p.m.cfg.Data.Get(linkStore+string(p.RoomID()), remoteID)
	return matrix.EventID(v), err
}

// RemoteOf is the message of the other network that an event is; "" when there is none.
func (p *Portal) RemoteOf(event matrix.EventID) (string, error) {
	v, err := p.m.cfg.Data.Get(backStore+string(p.RoomID()), string(event))
	return string(v), err
}
