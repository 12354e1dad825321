package mqtt

import (
	"bufio"
	"bytes"
	"fmt"
	"io"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// readPacket reads one packet of a broker. The error is io.EOF when there is none, an
// *Error without Op and Address when it is none, else the connection's.
func readPacket(in *bufio.Reader) (packets.ControlPacket, error) {
	first, err := in.ReadByte()
	if err != nil {
		return nil, err
	}
	length, err := readLength(in)
	if err != nil {
		return nil, cutOff(err)
	}
	if length > MaxPacket {
		return nil, &Error{Code: CodeTooLong, Reason: fmt.Sprintf("the broker sends a packet of %d bytes, and %d are the most", length, MaxPacket)}
	}
	header := packets.FixedHeader{MessageType: first >> 4, Dup: first&8 != 0, Qos: first >> 1 & 3, Retain: first&1 != 0, RemainingLength: length}
	p, err := packets.NewControlPacketWithHeader(header)
	if err != nil {
		return nil, protocol("a packet of type %d", header.MessageType)
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(in, body); err != nil {
		return nil, cutOff(err)
	}
	if err := p.Unpack(bytes.NewBuffer(body)); err != nil {
		return nil, protocol("a malformed packet (%s)", packets.PacketNames[header.MessageType])
	}
	return p, checkPacket(p, length)
}

// readLength reads a length of one to four bytes.
func readLength(in *bufio.Reader) (n int, err error) {
	for shift := 0; shift < 28; shift += 7 {
		b, err := in.ReadByte()
		if err != nil {
			return 0, err
		}
		n |= int(b&127) << shift
		if b&128 == 0 {
			return n, nil
		}
	}
	return 0, protocol("a length of more than four bytes")
}

// checkPacket refuses what the codec lets through.
func checkPacket(p packets.ControlPacket, length int) error {
	switch p := p.(type) {
	case *packets.PublishPacket:
		if p.Qos > 2 {
			return protocol("a message of QoS 3")
		}
		if p.Qos > 0 && p.MessageID == 0 {
			return protocol("a message without an identifier")
		}
		if err := CheckTopic(p.TopicName); err != nil {
			return protocol("a message for a topic that cannot be: %v", err)
		}
	case *packets.ConnackPacket, *packets.PubackPacket, *packets.PubrecPacket, *packets.PubrelPacket, *packets.PubcompPacket, *packets.UnsubackPacket:
		if length != 2 {
			return protocol("a confirmation of %d bytes", length)
		}
	case *packets.SubackPacket:
		if len(p.ReturnCodes) != 1 { // we ask for one topic at a time
			return protocol("a confirmation of %d subscriptions", len(p.ReturnCodes))
		}
	case *packets.PingrespPacket:
		if length != 0 {
			return protocol("an answer to a ping of %d bytes", length)
		}
	default:
		return protocol("a packet that only clients send")
	}
	return nil
}

// cutOff is an end in the middle of a packet.
func cutOff(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func protocol(format string, args ...any) error {
	return &Error{Code: CodeProtocol, Reason: "the broker sent " + fmt.Sprintf(format, args...)}
}
