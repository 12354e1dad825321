package host

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bridgehost/bundle"
)

// world is a person's folder, and a web server with bundles.
type world struct {
	t    *testing.T
	dir  string
	cfg  Config
	url  string
	key  bundle.SecretKey // of the publisher and the index
	evil bundle.SecretKey
	now  time.Time
	last string // what was published last, id and version

	mu    sync.Mutex
	files map[string][]byte
	index map[string]*bundle.Index // by folder
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), files: map[string][]byte{}, index: map[string]*bundle.Index{}, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	w.key, w.evil = w.newKey(), w.newKey()
	server := httptest.NewServer(http.HandlerFunc(w.serve))
	t.Cleanup(server.Close)
	w.url = server.URL
	w.write("bridgehost.toml", fmt.Sprintf("[homeserver]\nurl = \"http://127.0.0.1:1\"\nname = \"bh.test\"\n\n[[index]]\nurl = \"%s/good/\"\nkey = \"%s\"\n",
		w.url, w.key.Public()))
	if err := os.Mkdir(filepath.Join(w.dir, "scripts"), 0o700); err != nil {
		t.Fatal(err)
	}
	w.read()
	return w
}

func (w *world) newKey() bundle.SecretKey {
	w.t.Helper()
	key, _, err := bundle.NewKey(nil, "")
	if err != nil {
		w.t.Fatal(err)
	}
	return key
}

func (w *world) serve(out http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	data, ok := w.files[strings.TrimPrefix(r.URL.Path, "/")]
	w.mu.Unlock()
	to, redirects := strings.CutPrefix(string(data), "redirect ")
	switch {
	case !ok:
		http.NotFound(out, r)
	case redirects:
		http.Redirect(out, r, to, http.StatusFound)
	case bytes.HasPrefix(data, []byte("cut ")):
		out.Header().Set("Content-Length", "1000")
		_, _ = out.Write(data) // and then the connection ends
	default:
		_, _ = out.Write(data) // whoever asked went away
	}
}

func (w *world) put(name string, data []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.files[name] = data
}

func (w *world) drop(name string) { w.mu.Lock(); defer w.mu.Unlock(); delete(w.files, name) }

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

func (w *world) write(name, text string) {
	w.t.Helper()
	if err := os.WriteFile(w.path(name), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) text(name string) string {
	text, err := os.ReadFile(w.path(name))
	if err != nil {
		return ""
	}
	return string(text)
}

func (w *world) read() {
	w.t.Helper()
	cfg, err := ReadConfig(w.path("bridgehost.toml"))
	if err != nil {
		w.t.Fatal(err)
	}
	w.cfg = cfg
}

// change replaces a part of a file.
func (w *world) change(name, old, new string) {
	w.t.Helper()
	text := w.text(name)
	if !strings.Contains(text, old) {
		w.t.Fatalf("%s does not hold %q:\n%s", name, old, text)
	}
	w.write(name, strings.Replace(text, old, new, 1))
}

// thing is a bundle that a test makes.
type thing struct {
	id, version string
	more        string // of the manifest
	publisher   string // "": the world's key, "-": none
	lua         string
}

func (w *world) pack(a thing) ([]byte, *bundle.Bundle) {
	w.t.Helper()
	files := w.bundleFiles(a)
	raw, b, err := bundle.Pack(files)
	if err != nil {
		w.t.Fatal(err)
	}
	return raw, b
}

func (w *world) bundleFiles(a thing) map[string][]byte {
	publisher := fmt.Sprintf("publisher = %q\n", or(a.publisher, w.key.Public().String()))
	if a.publisher == "-" {
		publisher = ""
	}
	manifest := fmt.Sprintf("id = %q\nname = \"A thing\"\nversion = %q\nmain = \"main.lua\"\napi = 1\n%s%s", a.id, or(a.version, "1.0.0"), publisher, a.more)
	return map[string][]byte{bundle.File: []byte(manifest), "main.lua": []byte(or(a.lua, "return 1\n"))}
}

// sign makes a signature; a key of the other hand is the evil one.
func (w *world) sign(raw []byte, b *bundle.Bundle, key bundle.SecretKey) []byte {
	w.t.Helper()
	signature, err := bundle.Sign(b, raw, key)
	if err != nil {
		w.t.Fatal(err)
	}
	return signature
}

// publish puts a signed bundle on the server and into the index of its folder.
func (w *world) publish(folder string, a thing) (url string) {
	w.t.Helper()
	key := w.key
	if a.publisher == w.evil.Public().String() {
		key = w.evil
	}
	raw, b := w.pack(a)
	name := b.Manifest.FileName()
	w.put(folder+"/"+name, raw)
	if a.publisher != "-" {
		w.put(folder+"/"+name+bundle.SignatureEnding, w.sign(raw, b, key))
	}
	w.list(folder, bundle.List(b, name, len(raw)))
	w.last = b.Manifest.ID + b.Manifest.Version
	return w.url + "/" + folder + "/" + name
}

// list adds to an index, and signs it: "good" by the key, all others by the evil one.
func (w *world) list(folder string, more ...bundle.Listed) {
	w.t.Helper()
	i := w.index[folder]
	if i == nil {
		i = &bundle.Index{Name: folder, Expires: w.now.Add(24 * time.Hour)}
		w.index[folder] = i
	}
	i.Serial++
	i.Bundles = append(i.Bundles, more...)
	w.signIndex(folder)
}

func (w *world) signIndex(folder string) {
	w.t.Helper()
	key := w.evil
	if folder == "good" {
		key = w.key
	}
	raw, signature, err := bundle.SignIndex(w.index[folder], key)
	if err != nil {
		w.t.Fatal(err)
	}
	w.put(folder+"/"+bundle.IndexFile, raw)
	w.put(folder+"/"+bundle.IndexFile+bundle.SignatureEnding, signature)
}

// relist changes what the index says of its last bundle.
func (w *world) relist(folder string, change func(*bundle.Listed)) {
	w.t.Helper()
	i := w.index[folder]
	at := slices.IndexFunc(i.Bundles, func(l bundle.Listed) bool { return l.ID+l.Version == w.last })
	change(&i.Bundles[at])
	i.Serial++
	w.signIndex(folder)
}

func (w *world) options(ref string) InstallOptions {
	return InstallOptions{Ref: ref, Now: func() time.Time { return w.now }}
}

func (w *world) install(ref string, accept ...string) error {
	o := w.options(ref)
	o.Accept, o.Accepted = accept, true
	_, err := Install(context.Background(), w.cfg, o)
	return err
}

func (w *world) update(name string) error {
	o := w.options("")
	_, err := Update(context.Background(), w.cfg, name, o)
	return err
}

// check reads all that is installed, as a host does before it runs it.
func (w *world) check() error {
	l, err := readLock(w.cfg.lockPath())
	if err != nil {
		return err
	}
	for _, i := range installedIn(l, w.cfg.shelf()) {
		if _, _, err := i.read(nil); err != nil {
			return err
		}
	}
	return nil
}

// save puts a bundle's file beside the person.
func (w *world) save(name string, raw []byte) string {
	w.t.Helper()
	w.write(name, string(raw))
	return w.path(name)
}

// entry is one file in a zip that a test makes by hand.
type entry struct {
	name, data string
	change     func(*zip.FileHeader)
}

// zipped makes a zip as a bundle is one, but for what the test wants.
func zipped(files map[string][]byte, more ...entry) []byte {
	all := append([]entry{{bundle.File, string(files[bundle.File]), nil}, {"main.lua", string(files["main.lua"]), nil}}, more...)
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, e := range all {
		//lint:ignore SA1019 Modified would add a field of its own
		h := &zip.FileHeader{Name: e.name, ModifiedDate: 1<<5 | 1, CRC32: crc32.ChecksumIEEE([]byte(e.data)),
			CompressedSize64: uint64(len(e.data)), UncompressedSize64: uint64(len(e.data)), ReaderVersion: 20}
		h.SetMode(0o644)
		if e.change != nil {
			e.change(h)
		}
		f, err := z.CreateRaw(h)
		if err == nil {
			_, err = f.Write([]byte(e.data))
		}
		if err != nil {
			panic(err)
		}
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}

func isLink(h *zip.FileHeader) { h.SetMode(fs.ModeSymlink | 0o777) }
func isBomb(h *zip.FileHeader) { h.Method, h.UncompressedSize64 = zip.Deflate, 1<<31 }
