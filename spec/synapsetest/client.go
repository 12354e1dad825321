package synapsetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// waitLimit is how long WaitFor waits for an event.
const waitLimit = 2 * time.Minute

// Client acts as one user. Its methods fail the test on an error; Do does not.
type Client struct {
	UserID, Token string

	s   *Server
	txn int
}

// Event is what tests look at of an event.
type Event struct {
	ID       string         `json:"event_id"`
	Type     string         `json:"type"`
	Sender   string         `json:"sender"`
	StateKey *string        `json:"state_key"`
	Content  map[string]any `json:"content"`
}

// Body is the text of a message, empty for other events.
func (e Event) Body() string { b, _ := e.Content["body"].(string); return b }

// As returns a client of an account (or application service) that has token. With
// a user id requests carry user_id, as those of an application service do.
func (s *Server) As(token, userID string) *Client {
	return &Client{UserID: userID, Token: token, s: s}
}

// Do makes one request of path (already escaped) and returns status and body.
func (c *Client) Do(method, path string, query url.Values, body any) (int, []byte, error) {
	var rd io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return 0, nil, err
		}
		rd = bytes.NewReader(b)
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	req, err := http.NewRequest(method, c.s.URL+path, rd)
	if err != nil {
		return 0, nil, err
	}
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := (&http.Client{Timeout: time.Minute}).Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, b, err
}

func (c *Client) must(method, path string, query url.Values, body, into any) {
	c.s.t.Helper()
	status, b, err := c.Do(method, path, query, body)
	if err != nil || status != http.StatusOK {
		c.s.t.Fatalf("%s %s as %s: status %d, error %v: %s", method, path, c.UserID, status, err, b)
	}
	if into != nil {
		if err := json.Unmarshal(b, into); err != nil {
			c.s.t.Fatalf("%s %s as %s: %v in %s", method, path, c.UserID, err, b)
		}
	}
}

func room(id, rest string) string {
	return "/_matrix/client/v3/rooms/" + url.PathEscape(id) + "/" + rest
}

// CreateRoom makes a room as the body of POST /createRoom says and returns its id.
func (c *Client) CreateRoom(body map[string]any) string {
	c.s.t.Helper()
	var made struct {
		RoomID string `json:"room_id"`
	}
	c.must("POST", "/_matrix/client/v3/createRoom", nil, body, &made)
	return made.RoomID
}

// Join joins a room by id or alias.
func (c *Client) Join(roomOrAlias string) {
	c.s.t.Helper()
	c.must("POST", "/_matrix/client/v3/join/"+url.PathEscape(roomOrAlias), nil, struct{}{}, nil)
}

// Member does "invite", "kick", "ban" or "unban" to user.
func (c *Client) Member(roomID, verb, user string) {
	c.s.t.Helper()
	c.must("POST", room(roomID, verb), nil, map[string]any{"user_id": user}, nil)
}

// Invite invites user.
func (c *Client) Invite(roomID, user string) { c.s.t.Helper(); c.Member(roomID, "invite", user) }

// Send sends an event and returns its id.
func (c *Client) Send(roomID, eventType string, content any) string {
	c.s.t.Helper()
	c.txn++
	var sent struct {
		EventID string `json:"event_id"`
	}
	txn := fmt.Sprintf("t%d.%d", time.Now().UnixNano(), c.txn)
	c.must("PUT", room(roomID, "send/"+url.PathEscape(eventType)+"/"+txn), nil, content, &sent)
	return sent.EventID
}

// SendState sends a state event.
func (c *Client) SendState(roomID, eventType, stateKey string, content any) {
	c.s.t.Helper()
	c.must("PUT", room(roomID, "state/"+url.PathEscape(eventType)+"/"+url.PathEscape(stateKey)), nil, content, nil)
}

// Text sends a plain message.
func (c *Client) Text(roomID, text string) string {
	c.s.t.Helper()
	return c.Send(roomID, "m.room.message", map[string]any{"msgtype": "m.text", "body": text})
}

// Messages returns the whole timeline that the user may see, oldest first.
func (c *Client) Messages(roomID string) []Event {
	c.s.t.Helper()
	var all []Event
	q := url.Values{"dir": {"f"}, "limit": {"500"}}
	for {
		var page struct {
			Chunk []Event `json:"chunk"`
			End   string  `json:"end"`
		}
		c.must("GET", room(roomID, "messages"), q, nil, &page)
		all = append(all, page.Chunk...)
		if page.End == "" {
			return all
		}
		q.Set("from", page.End)
	}
}

// WaitFor returns the first event in the newest part of the room's timeline, or
// coming now, that match accepts. It waits in the homeserver's long polling.
func (c *Client) WaitFor(roomID, what string, match func(Event) bool) Event {
	c.s.t.Helper()
	since, wait := "", time.Duration(0)
	for deadline := time.Now().Add(waitLimit); time.Now().Before(deadline); wait = 20 * time.Second {
		var events []Event
		since, events = c.sync(roomID, since, wait)
		for _, e := range events {
			if match(e) {
				return e
			}
		}
	}
	c.s.t.Fatalf("%s waited %s in %s for %s", c.UserID, waitLimit, roomID, what)
	return Event{}
}

// News waits until something happens in the room after since, but no longer than
// wait, and returns the new position. An empty since is now.
func (c *Client) News(roomID, since string, wait time.Duration) string {
	c.s.t.Helper()
	next, _ := c.sync(roomID, since, wait)
	return next
}

// sync is one long poll for one room; without since it returns what is newest at once.
func (c *Client) sync(roomID, since string, wait time.Duration) (next string, events []Event) {
	c.s.t.Helper()
	only := `["` + strings.ReplaceAll(roomID, `"`, "") + `"]`
	q := url.Values{
		"filter":  {`{"presence":{"types":[]},"room":{"rooms":` + only + `,"timeline":{"limit":500},"ephemeral":{"types":[]}}}`},
		"timeout": {strconv.FormatInt(wait.Milliseconds(), 10)},
	}
	if since != "" {
		q.Set("since", since)
	}
	var got struct {
		NextBatch string `json:"next_batch"`
		Rooms     struct {
			Join map[string]struct {
				Timeline struct{ Events []Event }
			}
		}
	}
	c.must("GET", "/_matrix/client/v3/sync", q, nil, &got)
	return got.NextBatch, got.Rooms.Join[roomID].Timeline.Events
}
