package examples_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// ircServer plays an IRC server of one channel to one client: bob says hello and waves,
// and answers what he hears from the bridge. It returns the configuration of irc.lua.
func ircServer(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		answer := strings.NewReplacer("<you>", "bob heard:")
		for lines := bufio.NewScanner(conn); lines.Scan(); {
			switch word, rest, _ := strings.Cut(lines.Text(), " "); word {
			case "USER":
				fmt.Fprint(conn, ":irc.test 001 mxrelay :welcome\r\n")
			case "JOIN":
				fmt.Fprint(conn, ":bob!b@host PRIVMSG #lua :hello: world\r\n:bob!b@host PRIVMSG #lua :\x01ACTION waves\x01\r\n")
			case "PRIVMSG":
				fmt.Fprintf(conn, ":bob!b@host PRIVMSG %s\r\n", answer.Replace(rest))
			}
		}
	}()
	return fmt.Sprintf("[homeserver]\nurl = \"http://127.0.0.1\"\nname = \"bh.test\"\n\n[scripts.config.irc]\nserver = \"127.0.0.1\"\nport = %d\ntls = false\nchannels = [\"#lua\"]\ninvite = [\"@you:bh.test\"]\n",
		l.Addr().(*net.TCPAddr).Port)
}

// typist types each line as soon as the session shows what it waits for.
type typist struct {
	out   *output
	when  []string
	typed []string
}

// Read implements io.Reader. It gives up after a minute, which the session's check then shows.
func (p *typist) Read(b []byte) (int, error) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); <-tick.C {
		if len(p.when) > 0 && !strings.Contains(p.out.String(), p.when[0]) {
			continue
		}
		if len(p.typed) == 0 {
			return 0, io.EOF
		}
		n := copy(b, p.typed[0]+"\n")
		p.typed, p.when = p.typed[1:], p.when[min(1, len(p.when)):]
		return n, nil
	}
	return 0, fmt.Errorf("after a minute the session does not show %q", p.when[0])
}
