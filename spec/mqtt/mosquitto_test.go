package mqtt

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"bridgehost/egress"
	"bridgehost/mqtt"
	"bridgehost/spec/bridgetest"
)

// limit is how long mosquitto may take until it listens, to end, and to answer.
const limit = time.Minute

// config is mosquitto's: users by password, sessions that outlive a restart. It logs who connects.
const config = `listener %d 127.0.0.1
allow_anonymous false
password_file %s
persistence true
persistence_location %s/
log_dest stderr
log_type all
connection_messages true
max_queued_messages 10000
`

// server is a mosquitto on a loopback port that it keeps over restarts.
type server struct {
	port int
	dir  string
	cmd  *exec.Cmd
	done chan struct{}
}

// program finds one of mosquitto's, also where sbin is not in the path, or skips or fails the test.
func program(t *testing.T, name string) string {
	t.Helper()
	for _, name := range []string{name, "/usr/sbin/" + name} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	const missing = "mosquitto is not installed: .ci/debian.sh mosquitto installs it"
	if os.Getenv("BRIDGEHOST_REQUIRE_REAL") == "1" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// start starts one with the users bridge and device, whose password is "secret".
func start(t *testing.T) *server {
	t.Helper()
	s := &server{port: freePort(t), dir: t.TempDir()}
	program(t, "mosquitto")
	users := filepath.Join(s.dir, "users")
	for i, name := range []string{"bridge", "device"} {
		flags := []string{"-b", "-c"}[:2-i] // the first makes the file
		out, err := exec.Command(program(t, "mosquitto_passwd"), append(flags, users, name, "secret")...).CombinedOutput()
		if err != nil {
			t.Fatalf("mosquitto_passwd: %v\n%s", err, out)
		}
	}
	text := fmt.Sprintf(config, s.port, users, s.dir)
	if os.Getuid() == 0 { // else it would become the user mosquitto, who cannot read the folder
		text += "user root\n"
	}
	if err := os.WriteFile(filepath.Join(s.dir, "mosquitto.conf"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.stop()
		if t.Failed() {
			log := s.log(t)
			t.Logf("mosquitto's log ends with:\n%s", log[max(0, len(log)-4000):])
		}
	})
	s.run(t)
	return s
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// run starts the server, again after stop, and waits until it listens.
func (s *server) run(t *testing.T) {
	t.Helper()
	out, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd := exec.Command(program(t, "mosquitto"), "-c", filepath.Join(s.dir, "mosquitto.conf"))
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatalf("start mosquitto: %v", err)
	}
	s.cmd, s.done = cmd, make(chan struct{})
	done := s.done
	go func() { _ = cmd.Wait(); close(done) }()
	bridgetest.Eventually(t, "mosquitto listens", func() bool {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.port))
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

// stop ends the server and waits for that.
func (s *server) stop() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	select {
	case <-s.done:
	case <-time.After(limit):
		_ = s.cmd.Process.Kill()
		<-s.done
	}
	s.cmd = nil
}

// log is all that mosquitto has said, over restarts.
func (s *server) log(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(b)
}

// logins counts the connections of the bridge, over restarts.
func (s *server) logins(t *testing.T) (n int) {
	t.Helper()
	for line := range strings.Lines(s.log(t)) {
		if strings.Contains(line, "New client connected") && strings.Contains(line, " as bridgehost ") {
			n++
		}
	}
	return n
}

// device is another client of the broker: it keeps its session, so it hears what was said while
// the broker was away.
type device struct {
	t       *testing.T
	server  *server
	session *mqtt.Session
	client  *mqtt.Client
}

// device connects one that has subscribed to a topic.
func (s *server) device(t *testing.T, filter string) *device {
	t.Helper()
	d := &device{t: t, server: s, session: mqtt.NewSession()}
	d.connect()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	if _, err := d.client.Subscribe(ctx, filter, 1); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.client.Close() })
	return d
}

// connect connects it, again after a restart of the broker.
func (d *device) connect() {
	d.t.Helper()
	name := "device"
	conn, err := egress.New(egress.Config{}).Account("device", 1).Dial(d.t.Context(), egress.Target{Host: "127.0.0.1", Port: d.server.port})
	if err != nil {
		d.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(d.t.Context(), limit)
	defer cancel()
	d.client, err = mqtt.Connect(ctx, conn, mqtt.Options{ClientID: name, Username: &name, Password: []byte("secret"), Session: d.session, KeepAlive: limit})
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *device) publish(topic, text string, retain bool) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), limit)
	defer cancel()
	if err := d.client.Publish(ctx, mqtt.Message{Topic: topic, Payload: []byte(text), QoS: 1, Retain: retain}); err != nil {
		d.t.Fatal(err)
	}
}

// until are the texts of the messages up to the given one.
func (d *device) until(last string) (all []string) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), limit)
	defer cancel()
	for {
		d.client.Ready(ctx)
		m, ok, err := d.client.Take()
		if !ok {
			d.t.Fatalf("the message %q did not come to the device: %v; it heard %q", last, err, all)
		}
		d.client.Done(m)
		all = append(all, string(m.Payload))
		if string(m.Payload) == last {
			return all
		}
	}
}
