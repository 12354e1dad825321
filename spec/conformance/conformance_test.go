package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"bridgehost/internal/host"
)

// scenario is one of testdata/scenarios.
type scenario struct {
	Name     string
	Config   object
	Intents  map[string]object
	Store    []object
	Server   []object
	Steps    []object
	Inspect  []object
	Tolerate []string
	Expect   struct{ Steps, Requests, Inspect []object }
	raw      object
}

var defaultConfig = object{"domain": "localhost", "bot": "bridgebot", "id": "testbridge", "as_token": "as-token-1",
	"hs_token": "hs-token-1", "bridge_name": "", "http_retry_count": int64(0), "base_path": ""}

func (sc *scenario) config() object {
	out := object{}
	for k, v := range defaultConfig {
		out[k] = v
	}
	for k, v := range sc.Config {
		out[k] = v
	}
	return out
}

func (sc *scenario) bot() string {
	c := sc.config()
	return fmt.Sprintf("@%v:%v", c["bot"], c["domain"])
}

// wanted is how many scenarios there are: a file that cannot be read must not go unseen.
const wanted = 337

func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/scenarios/*.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []*scenario
	for _, file := range files {
		all = append(all, read(t, file)...)
	}
	if len(all) != wanted {
		t.Errorf("%d scenarios, want %d", len(all), wanted)
	}
	for _, sc := range all {
		t.Run(sc.Name, func(t *testing.T) {
			t.Parallel()
			for _, problem := range play(t, sc) {
				t.Error(problem)
			}
		})
	}
}

func read(t *testing.T, file string) []*scenario {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	v, err := decode(data)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	var out []*scenario
	for _, one := range v.(object)["scenarios"].([]any) {
		o := one.(object)
		sc := &scenario{raw: o, Name: o["name"].(string)}
		sc.Config, _ = o["config"].(object)
		sc.Intents = map[string]object{}
		intents, _ := o["intents"].(object)
		for name, it := range intents {
			sc.Intents[name] = it.(object)
		}
		sc.Store, sc.Server, sc.Steps, sc.Inspect = objects(o["store"]), objects(o["server"]), objects(o["steps"]), objects(o["inspect"])
		for _, x := range list(o["tolerate"]) {
			sc.Tolerate = append(sc.Tolerate, x.(string))
		}
		expect := o["expect"].(object)
		sc.Expect.Steps, sc.Expect.Requests, sc.Expect.Inspect = objects(expect["steps"]), objects(expect["requests"]), objects(expect["inspect"])
		out = append(out, sc)
	}
	return out
}

func list(v any) []any { l, _ := v.([]any); return l }

func objects(v any) []object {
	var out []object
	for _, x := range list(v) {
		out = append(out, x.(object))
	}
	return out
}

// play performs a scenario as exec does, and says what differs.
func play(t *testing.T, sc *scenario) []string {
	rec := newRecorder(t, sc)
	cfg := configure(t, sc, rec.hsURL)
	public := object{}
	for _, k := range []string{"intents", "store", "steps", "inspect"} {
		if v, ok := sc.raw[k]; ok {
			public[k] = v
		}
	}
	arg := strings.NewReplacer("{{alt}}", rec.alt.URL, "{{hs}}", rec.hsURL).Replace(text(public))
	var out, said bytes.Buffer
	err := host.Exec(t.Context(), cfg, "testdata/driver.lua", []string{arg},
		host.ExecOptions{Log: hclog.NewNullLogger(), Stdout: &out, Stderr: &said})
	if err != nil && !errors.Is(err, host.ErrShown) {
		return []string{err.Error()}
	}
	if err != nil {
		return []string{said.String()}
	}
	doc, err := decode(bytes.TrimSpace(out.Bytes()))
	if err != nil {
		return []string{fmt.Sprintf("the driver printed no JSON document: %v: %s", err, out.String())}
	}
	got, ok := doc.(object)
	if !ok {
		return []string{"the driver printed no object: " + out.String()}
	}
	return compare(sc, got, rec.requests())
}

const (
	configText = `data = %s

[homeserver]
url     = %s
name    = %s
retries = %v

[appservice]
registration = "registration.yaml"
listen       = "127.0.0.1:0"
bridge_name  = %s
`
	registrationText = `id: %s
url: "http://127.0.0.1:29999"
as_token: %s
hs_token: %s
sender_localpart: %s
rate_limited: false
namespaces:
  users:
    - exclusive: true
      regex: "@.*"
  aliases:
    - exclusive: true
      regex: "#.*"
  rooms: []
`
)

func configure(t *testing.T, sc *scenario, hsURL string) host.Config {
	folder, c := t.TempDir(), sc.config()
	quoted := func(v any) string { b, _ := json.Marshal(v); return string(b) }
	for name, content := range map[string]string{
		"bridgehost.toml": fmt.Sprintf(configText, quoted(filepath.Join(folder, "data")), quoted(hsURL), quoted(c["domain"]),
			c["http_retry_count"], quoted(c["bridge_name"])),
		"registration.yaml": fmt.Sprintf(registrationText, quoted(c["id"]), quoted(c["as_token"]), quoted(c["hs_token"]), quoted(c["bot"])),
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := host.ReadConfig(filepath.Join(folder, "bridgehost.toml"))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}
