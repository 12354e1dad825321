package delivery

import (
	"context"
	"testing"
	"testing/synctest"
)

func TestSendsAreWaitedForInTheirRoomOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s Sends
		ctx, call := s.Call(t.Context())
		Sending(ctx, "!a")
		Sending(ctx, "!a")
		Sending(context.Background(), "!a") // no call: nobody will say when it is over
		s.Wait(t.Context(), "!b")
		waited := make(chan bool)
		go func() { s.Wait(t.Context(), "!a"); close(waited) }()
		synctest.Wait()
		select {
		case <-waited:
			t.Error("did not wait")
		default:
		}
		_, later := s.Call(t.Context())
		call.Over()
		call.Over()
		<-waited
		later.Over()
		s.Wait(t.Context(), "!a")
		if len(s.rooms) > 0 {
			t.Errorf("not forgotten: %v", s.rooms)
		}
	})
}

func TestAWaitForSendsEndsWithItsContext(t *testing.T) {
	var s Sends
	ctx, _ := s.Call(t.Context())
	Sending(ctx, "!a")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	s.Wait(ended, "!a")
}
