package irctest

import (
	"bufio"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// newsLimit is how long Wait waits for another line.
const newsLimit = time.Minute

// Client is one IRC user. It answers pings by itself and remembers every other line.
type Client struct {
	Nick string

	conn  net.Conn
	mu    sync.Mutex // writes and lines
	lines []string
	news  chan struct{}
}

// Join connects as nick and joins a channel; it returns when the channel is joined. The
// client ends with the test.
func (s *Server) Join(t testing.TB, nick, channel string) *Client {
	t.Helper()
	conn, err := net.Dial("tcp", s.Address())
	if err != nil {
		t.Fatal(err)
	}
	c := &Client{Nick: nick, conn: conn, news: make(chan struct{}, 1)}
	t.Cleanup(func() { conn.Close() })
	go c.read()
	c.Send(t, "NICK "+nick)
	c.Send(t, "USER u"+nick+" 0 * :a test")
	c.Send(t, "JOIN "+channel)
	c.Wait(t, nick+" has joined "+channel, func(lines []string) bool {
		return slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, " 366 "+nick+" "+channel+" ") })
	})
	return c
}

func (c *Client) read() {
	lines := bufio.NewScanner(c.conn)
	for lines.Scan() {
		line := lines.Text()
		c.mu.Lock()
		if ping, ok := strings.CutPrefix(line, "PING "); ok {
			_, _ = fmt.Fprintf(c.conn, "PONG %s\r\n", ping) // a server that is gone needs no answer
		} else {
			c.lines = append(c.lines, line)
		}
		c.mu.Unlock()
		select {
		case c.news <- struct{}{}:
		default:
		}
	}
}

// Send sends one raw line.
func (c *Client) Send(t testing.TB, line string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := fmt.Fprintf(c.conn, "%s\r\n", line); err != nil {
		t.Fatalf("send %q as %s: %v", line, c.Nick, err)
	}
}

// Say sends a message to a channel.
func (c *Client) Say(t testing.TB, channel, text string) {
	t.Helper()
	c.Send(t, "PRIVMSG "+channel+" :"+text)
}

// Lines are the lines heard so far.
func (c *Client) Lines() []string { c.mu.Lock(); defer c.mu.Unlock(); return slices.Clone(c.lines) }

// Wait returns when done says so about the lines heard so far; it fails the test after a
// minute without another line.
func (c *Client) Wait(t testing.TB, what string, done func(lines []string) bool) {
	t.Helper()
	for {
		lines := c.Lines()
		if done(lines) {
			return
		}
		select {
		case <-c.news:
		case <-time.After(newsLimit):
			t.Fatalf("%s without a line, and it still does not hold that %s; %s heard %d lines, the last: %q",
				newsLimit, what, c.Nick, len(lines), lines[max(0, len(lines)-5):])
		}
	}
}

// Message is a PRIVMSG that was heard.
type Message struct{ Nick, Text string }

// Messages are those heard so far in a channel, oldest first.
func Messages(lines []string, channel string) (all []Message) {
	for _, line := range lines {
		prefix, rest, _ := strings.Cut(strings.TrimPrefix(line, ":"), " ")
		if text, ok := strings.CutPrefix(rest, "PRIVMSG "+channel+" :"); ok {
			nick, _, _ := strings.Cut(prefix, "!")
			all = append(all, Message{nick, text})
		}
	}
	return all
}

// From are the texts of one nick in a channel, oldest first.
func From(lines []string, channel, nick string) (texts []string) {
	for _, m := range Messages(lines, channel) {
		if m.Nick == nick {
			texts = append(texts, m.Text)
		}
	}
	return texts
}
