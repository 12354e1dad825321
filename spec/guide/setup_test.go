package guide

import (
	"net"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"bridgehost/spec/bridgetest"
)

// question is a line of setup with what the person answers.
var question = regexp.MustCompile(`(?m)^(Your homeserver's address\?  |Who are you on it\? +|> +)(.+)\n`)

// server is how setup names the homeserver's software.
var server = regexp.MustCompile(`✓ (Synapse .*|a homeserver.*)`)

// setup answers the questions of `bridgehost setup` as the transcript does, on a homeserver in memory that
// is given the registration when setup waits for it.
func (c *chapter) setup(t *testing.T, want string) {
	t.Helper()
	hs := bridgetest.NewDevserver(t)
	dir := t.TempDir()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free.Close()
	here := strings.NewReplacer("https://matrix.example.org", hs.URL(), "example.org", hs.Name())
	want = here.Replace(want)
	cmd := exec.Command(bridgetest.Binary(t), "setup", "--listen", free.Addr().String())
	cmd.Dir = dir
	p := begin(t, cmd)
	for _, q := range question.FindAllStringSubmatch(want, -1) {
		p.wait(regexp.QuoteMeta(strings.TrimSpace(q[1])))
		p.say(q[2])
	}
	p.wait(`not accepted yet`)
	hs.Register(t, filepath.Join(dir, "registration.yaml"))
	p.wait(`Ready\..*\n`)
	p.end()
	got := strings.ReplaceAll(p.text, dir+"/", "")
	got = strings.ReplaceAll(got, ":"+strings.TrimPrefix(free.Addr().String(), "127.0.0.1:"), ":29333")
	compare(t, c.name+": setup", server.ReplaceAllString(got, "✓ SERVER"), server.ReplaceAllString(question.ReplaceAllString(want, "$1"), "✓ SERVER"))
}
