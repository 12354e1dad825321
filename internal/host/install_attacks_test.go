package host

import (
	"archive/zip"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"bridgehost/bundle"
)

// installAttacks are what a stranger, a web server, or somebody at the disk tries against what is
// installed: org.example.lounge 1.0.0 and its library org.example.parser 2.1.0.
var installAttacks = []struct {
	name  string
	try   func(w *world) error
	want  string
	plain bool // it is no refusal with exit code 7: a wrong call, a manifest, the net
}{
	// What comes over the net.
	{"not encrypted", func(w *world) error { return w.install("http://example.org/x.bridge") }, "is not encrypted", true},
	{"a password in the address", func(w *world) error { return w.install("https://me:pw@example.org/x.bridge") }, "has a name or password in it", true},
	{"another scheme", func(w *world) error { return w.install("file:///etc/passwd") }, "is no web address", true},
	{"redirected to where it is not encrypted", func(w *world) error {
		w.put("x.bridge", []byte("redirect http://example.org/x.bridge"))
		return w.install(w.url + "/x.bridge")
	}, "which is not as safe", true},
	{"redirected in a circle", func(w *world) error {
		w.put("x.bridge", []byte("redirect /x.bridge"))
		return w.install(w.url + "/x.bridge")
	}, "redirects more than 5 times", true},
	{"without end", func(w *world) error {
		w.put("x.bridge", make([]byte, bundle.MaxPacked+1))
		return w.install(w.url + "/x.bridge")
	}, "it has more than", false},
	{"cut off on the way", func(w *world) error {
		w.put("x.bridge", []byte("cut off"))
		return w.install(w.url + "/x.bridge")
	}, "unexpected EOF", true},
	{"a page in place of a bundle", func(w *world) error {
		w.put("x.bridge", []byte("<html>Please log in</html>"))
		return w.install(w.url + "/x.bridge")
	}, "it is no zip", false},

	// What is in the file.
	{"path traversal", func(w *world) error { return w.crafted(entry{"../../bridgehost.toml", "", nil}) }, "leads out of the bundle", false},
	{"absolute path", func(w *world) error { return w.crafted(entry{"/etc/cron.d/x", "", nil}) }, "is absolute", false},
	{"link", func(w *world) error { return w.crafted(entry{"x.txt", "/etc/passwd", isLink}) }, `"x.txt" is a link`, false},
	{"zip bomb", func(w *world) error { return w.crafted(entry{"x.txt", "bomb", isBomb}) }, "a bundle stores its files as they are", false},
	{"duplicate name", func(w *world) error { return w.crafted(entry{"main.lua", "evil()", nil}) }, `"main.lua" stands twice`, false},
	{"case-colliding names", func(w *world) error { return w.crafted(entry{"x.txt", "", nil}, entry{"X.txt", "", nil}) }, "differ only in the case", false},
	{"look-alike letters in a name", func(w *world) error { return w.crafted(entry{"m\u0430in.lua", "", nil}) }, "the character U+0430", false},
	{"device of Windows", func(w *world) error { return w.crafted(entry{"nul.txt", "", nil}) }, "that of a device on Windows", false},
	{"special rights", func(w *world) error {
		return w.crafted(entry{"x.txt", "", func(h *zip.FileHeader) { h.SetMode(os.ModeSetuid | 0o644) }})
	}, "has special rights", false},
	{"truncated file", func(w *world) error {
		raw, _ := w.pack(thing{id: "org.example.other"})
		return w.install(w.save("x.bridge", raw[:len(raw)-40]))
	}, "its end was cut off", false},
	{"bytes behind the end", func(w *world) error {
		raw, _ := w.pack(thing{id: "org.example.other"})
		return w.install(w.save("x.bridge", append(raw, "#!/bin/sh"...)))
	}, "9 bytes stand behind its end", false},
	{"huge manifest", func(w *world) error {
		return w.install(w.save("x.bridge", zipped(w.bundleFiles(thing{id: "org.example.other", more: strings.Repeat("# much\n", 10_000)}))))
	}, "bridge.toml has 6", false},
	{"look-alike letters in an id", func(w *world) error {
		return w.install(w.save("x.bridge", zipped(w.bundleFiles(thing{id: "org.ex\u0430mple.other"}))))
	}, "which may look like a letter", true},
	{"a permission that does not exist", func(w *world) error {
		return w.install(w.save("x.bridge", zipped(w.bundleFiles(thing{id: "org.example.other", more: "[permissions]\n\"exec\" = \"run\"\n"}))))
	}, "exec: there is no such permission", true},
	{"a script that reads otherwise than it runs", func(w *world) error {
		return w.install(w.save("x.bridge", zipped(w.bundleFiles(thing{id: "org.example.other", lua: "-- \u202e evil\n"}))))
	}, "turns the direction of writing", false},

	// Signatures and keys.
	{"not signed, from the web", func(w *world) error {
		return w.install(w.publish("else", thing{id: "org.example.other", publisher: "-"}))
	}, "so nobody can tell from whom it is", false},
	{"not signed, from an index", func(w *world) error {
		w.publish("good", thing{id: "org.example.other", publisher: "-"})
		return w.install("other")
	}, "so nobody can tell from whom it is", false},
	{"signature taken off", func(w *world) error {
		raw, _ := w.pack(thing{id: "org.example.other"})
		return w.install(w.save("x.bridge", raw))
	}, "and is not signed (there is no other-1.0.0.bridge.minisig beside it)", false},
	{"signed by another than it names", func(w *world) error {
		raw, b := w.pack(thing{id: "org.example.other"})
		b.Manifest.Publisher = ""
		w.put("x.bridge", raw)
		w.put("x.bridge.minisig", w.sign(raw, b, w.evil))
		return w.install(w.url + "/x.bridge")
	}, "it is signed by the key", false},
	{"signed by another than is expected", func(w *world) error {
		o := w.options(w.publish("else", thing{id: "org.example.other", publisher: w.evil.Public().String()}))
		o.Publisher = w.key.Public().String()
		_, err := Install(w.t.Context(), w.cfg, o)
		return err
	}, "it is signed by the key", false},
	{"changed after it was signed", func(w *world) error {
		w.publish("else", thing{id: "org.example.other"})
		raw, _ := w.pack(thing{id: "org.example.other", lua: "return 2\n"})
		w.put("else/other-1.0.0.bridge", raw)
		return w.install(w.url + "/else/other-1.0.0.bridge")
	}, "the signature is wrong", false},
	{"signature of another version", func(w *world) error {
		w.publish("else", thing{id: "org.example.other"})
		raw, b := w.pack(thing{id: "org.example.other", version: "1.1.0"})
		old := *b.Manifest
		old.Version = "1.0.0"
		w.put("x.bridge", raw)
		w.put("x.bridge.minisig", w.sign(raw, &bundle.Bundle{Manifest: &old, SHA256: b.SHA256}, w.key))
		return w.install(w.url + "/x.bridge")
	}, "the signature is for version 1.0.0, and the bundle says that it is 1.1.0", false},
	{"signature cut off", func(w *world) error {
		url := w.publish("else", thing{id: "org.example.other"})
		w.put("else/other-1.0.0.bridge.minisig", []byte("untrusted comment: x\nRWQ"))
		return w.install(url)
	}, "is not of the four lines", false},
	{"huge signature", func(w *world) error {
		url := w.publish("else", thing{id: "org.example.other"})
		w.put("else/other-1.0.0.bridge.minisig", make([]byte, 1<<20))
		return w.install(url)
	}, "it has more than 4 KB", false},
	{"other key for an update", func(w *world) error {
		w.publish("good", w.lounge("1.1.0", w.evil.Public().String()))
		return w.update("lounge")
	}, "only a file signed by the old key can name a new one", false},
	{"other key, and unsigned is allowed", func(w *world) error {
		o := w.options(w.publish("else", w.lounge("1.1.0", w.evil.Public().String())))
		o.Unsigned = true
		_, err := Install(w.t.Context(), w.cfg, o)
		return err
	}, "only a file signed by the old key can name a new one", false},
	{"signature gone in an update", func(w *world) error {
		o := w.options(w.publish("else", w.lounge("1.1.0", "-")))
		o.Unsigned = true
		_, err := Install(w.t.Context(), w.cfg, o)
		return err
	}, "and is not signed now", false},
	{"new key that names itself", func(w *world) error {
		return w.rotated("org.example.lounge", w.evil, w.evil.Public())
	}, "lounge.newkey: it is signed by the key", false},
	{"new key for another bundle", func(w *world) error {
		return w.rotated("org.example.parser", w.key, w.evil.Public())
	}, "the new key is for org.example.parser, not for org.example.lounge", false},
	{"new key, and another signs", func(w *world) error {
		return w.rotated("org.example.lounge", w.key, w.newKey().Public())
	}, "and the bundle is signed by", false},

	// Versions.
	{"replayed old version, as a file", func(w *world) error {
		return w.install(w.publish("else", w.lounge("0.9.0", "")))
	}, "is older than 1.0.0, which is installed; to go back: --to 0.9.0", false},
	{"replayed old version, called a new one", func(w *world) error {
		w.publish("good", w.lounge("0.9.0", ""))
		w.relist("good", func(l *bundle.Listed) { l.Version = "1.1.0" })
		return w.update("lounge")
	}, "the index calls it org.example.lounge 1.1.0, the bundle itself org.example.lounge 0.9.0", false},
	{"the same version with other content", func(w *world) error {
		a := w.lounge("1.0.0", "")
		a.lua = "return 2\n"
		return w.install(w.publish("else", a))
	}, "a version is never published twice", false},

	{"made for another host", func(w *world) error {
		raw, _ := w.pack(thing{id: "org.example.other", publisher: "-", more: "bridgehost = \">=99\"\n"})
		return w.install(w.save("x.bridge", raw))
	}, "it wants bridgehost >=99, and this is ", false},

	// Indexes.
	{"expired index", func(w *world) error {
		w.now = w.now.Add(25 * time.Hour)
		return w.update("lounge")
	}, "it expired on 2026-03-02", false},
	{"older edition of an index", func(w *world) error {
		old, signature := w.files["good/index.json"], w.files["good/index.json.minisig"]
		w.publish("good", thing{id: "org.example.other"})
		if err := w.update("lounge"); err != nil {
			return err
		}
		w.put("good/index.json", old)
		w.put("good/index.json.minisig", signature)
		return w.update("lounge")
	}, "it is an old edition (serial 2, seen was 3)", false},
	{"index of another key", func(w *world) error {
		w.publish("else", w.lounge("1.1.0", w.evil.Public().String()))
		w.put("good/index.json", w.files["else/index.json"])
		w.put("good/index.json.minisig", w.files["else/index.json.minisig"])
		return w.update("lounge")
	}, "it is signed by the key", false},
	{"index that was changed", func(w *world) error {
		w.put("good/index.json", bytes.Replace(w.files["good/index.json"], []byte("2.1.0"), []byte("2.1.1"), 1))
		return w.update("lounge")
	}, "index.json: the signature is wrong", false},
	{"index without signature", func(w *world) error {
		w.drop("good/index.json.minisig")
		return w.update("lounge")
	}, "there is no such file", true},
	{"wrong hash", func(w *world) error {
		w.publish("good", w.lounge("1.1.0", ""))
		w.relist("good", func(l *bundle.Listed) { l.SHA256 = strings.Repeat("0", 64) })
		return w.update("lounge")
	}, "the index has sha256 000000000000…, the file has", false},
	{"index that leads to where it is not encrypted", func(w *world) error {
		w.publish("good", w.lounge("1.1.0", ""))
		w.relist("good", func(l *bundle.Listed) { l.URL = "http://example.org/x.bridge" })
		return w.update("lounge")
	}, "is not encrypted", true},
	{"other publisher in the index", func(w *world) error {
		w.publish("good", w.lounge("1.1.0", ""))
		w.relist("good", func(l *bundle.Listed) { l.Publisher = w.evil.Public().String() })
		return w.update("lounge")
	}, "name different publishers", false},

	// Names.
	{"dependency confusion: another index has a newer one", func(w *world) error {
		w.secondIndex()
		w.publish("else", thing{id: "org.example.lounge", version: "9.0.0", publisher: w.evil.Public().String()})
		w.index["good"].Bundles = nil
		w.list("good")
		return w.update("lounge")
	}, `only "else" offers it now`, false},
	{"dependency confusion: the library comes from elsewhere", func(w *world) error {
		w.secondIndex()
		w.publish("else", thing{id: "org.example.parser", version: "2.9.0", publisher: w.evil.Public().String()})
		w.publish("good", w.lounge("1.1.0", ""))
		w.index["good"].Bundles = slices.DeleteFunc(w.index["good"].Bundles, func(l bundle.Listed) bool { return l.ID == "org.example.parser" })
		w.list("good")
		return w.update("lounge")
	}, `org.example.parser was installed from the index with the key`, false},
	{"library by another key", func(w *world) error {
		w.publish("good", thing{id: "org.example.parser", version: "2.2.0", publisher: w.evil.Public().String()})
		w.publish("good", w.lounge("1.1.0", ""))
		return w.update("lounge")
	}, "only a file signed by the old key can name a new one", false},
	{"library of which the index does not tell", func(w *world) error {
		w.publish("good", w.lounge("1.1.0", ""))
		w.publish("good", thing{id: "org.example.parser", version: "2.2.0", more: "[dependencies]\n\"org.example.hidden\" = \"^1\"\n"})
		w.relist("good", func(l *bundle.Listed) { l.Depends = nil })
		return w.update("lounge")
	}, "it needs org.example.hidden ^1, of which its index does not tell", false},
	{"another bundle of the same name", func(w *world) error {
		return w.install(w.publish("else", thing{id: "com.evil.lounge"}))
	}, "there is org.example.lounge installed as lounge", false},
	{"look-alike id", func(w *world) error {
		return w.install(w.publish("else", thing{id: "org.examp1e.lounge"}))
	}, "its id org.examp1e.lounge looks like org.example.lounge, which is installed, and is another", false},
	{"look-alike in the index", func(w *world) error {
		w.publish("good", thing{id: "org.example.mirror"})
		w.publish("good", thing{id: "org.exarnple.mirror-x"})
		w.publish("good", thing{id: "org.exarnple.mirror"})
		w.publish("good", thing{id: "org.example.rnirror"})
		return w.install("rnirror")
	}, "which look alike; give the whole id", false},
	{"the name of the owner's script", func(w *world) error {
		w.write("scripts/mine.lua", "")
		return w.install(w.publish("else", thing{id: "org.example.mine"}))
	}, `there is a script "mine" already`, false},
	{"the host's own name", func(w *world) error {
		return w.install(w.publish("else", thing{id: "org.example.host"}))
	}, "that name is the host's own", true},
	{"the data of another bundle", func(w *world) error {
		if _, err := Remove(w.t.Context(), w.cfg, RemoveOptions{Name: "lounge", Yes: true}); err != nil {
			return err
		}
		return w.install(w.publish("else", thing{id: "com.evil.lounge"}))
	}, "under the name lounge lies the data of org.example.lounge", false},

	{"the data of another publisher's bundle", func(w *world) error {
		if _, err := Remove(w.t.Context(), w.cfg, RemoveOptions{Name: "lounge", Yes: true}); err != nil {
			return err
		}
		return w.install(w.publish("else", thing{id: "org.example.lounge", publisher: w.evil.Public().String()}))
	}, "under the name lounge lies the data of org.example.lounge by RW", false},

	// Permissions.
	{"grown permissions", func(w *world) error {
		a := w.lounge("1.1.0", "")
		a.more = "[permissions]\n\"matrix:send\" = \"x\"\n\"matrix:raw\" = \"x\"\n" + dependsOnParser
		w.publish("good", a)
		return w.update("lounge")
	}, "so nothing is granted. It wants:\n  matrix:raw", false},
	{"grown scope", func(w *world) error {
		a := w.lounge("1.1.0", "")
		a.more = "[permissions]\n\"matrix:send\" = \"x\"\n\"net:connect\" = { hosts = [\"*:*\"], why = \"x\" }\n" + dependsOnParser
		w.publish("good", a)
		return w.update("lounge")
	}, "net:connect *:*", false},
	{"permissions of a library", func(w *world) error {
		w.publish("good", thing{id: "org.example.parser", version: "2.2.0", more: "[permissions]\n\"env\" = \"x\"\n"})
		w.publish("good", w.lounge("1.1.0", ""))
		return w.update("lounge")
	}, "so nothing is granted. It wants:\n  env", false},
	{"more than was accepted", func(w *world) error {
		a := w.lounge("1.1.0", "")
		a.more = "[permissions]\n\"matrix:send\" = \"x\"\n\"kv\" = \"x\"\n\"sql\" = \"x\"\n" + dependsOnParser
		return w.install(w.publish("good", a), "kv")
	}, "it also wants sql", false},

	// Somebody changes the lock, or the files.
	{"lock: more granted than asked", func(w *world) error {
		w.change("bridges.lock", `granted = ["matrix:send"]`, `granted = ["matrix:raw", "matrix:send"]`)
		return w.check()
	}, `it grants "matrix:raw", for which the bundle does not ask`, false},
	{"lock: a library with rights", func(w *world) error {
		w.change("bridges.lock", `granted = []`, `granted = ["matrix:raw"]`)
		return w.check()
	}, `org.example.parser: it grants "matrix:raw"`, false},
	{"lock: other key", func(w *world) error {
		w.change("bridges.lock", w.key.Public().String(), w.evil.Public().String())
		return w.check()
	}, "it is signed by the key", false},
	{"lock: key taken out", func(w *world) error {
		w.change("bridges.lock", `publisher = "`+w.key.Public().String()+`"`+"\n", "")
		w.change("bridges.lock", `version = "1.0.0"`, `version = "1.0.1"`)
		return w.check()
	}, "the lock has version 1.0.1, the file is 1.0.0", false},
	{"lock: other hash", func(w *world) error {
		w.swapHashes()
		return w.check()
	}, "the signature is for the bundle org.example.parser|the file holds the bundle org.example.parser", false},
	{"lock: hash that leads out", func(w *world) error {
		text := w.text("bridges.lock")
		at := strings.Index(text, `sha256 = "`) + len(`sha256 = "`)
		w.write("bridges.lock", text[:at]+"../../../../etc/passwd"+text[at+64:])
		return w.check()
	}, "its sha256 is not of 64 digits", false},
	{"lock: library taken out", func(w *world) error {
		w.change("bridges.lock", `requires = ["org.example.parser@2.1.0"]`, `requires = []`)
		return w.check()
	}, "needs org.example.parser, which its entry does not require: the lock was changed", false},
	{"lock: name that leads out", func(w *world) error {
		w.change("bridges.lock", "id = \"org.example.lounge\"\n", "id = \"org.example.lounge\"\nas = \"../x\"\n")
		return w.check()
	}, `"../x" is no name of a script`, false},
	{"lock: a key that nobody knows", func(w *world) error {
		w.change("bridges.lock", "granted", "trusted = true\ngranted")
		return w.check()
	}, "unknown key 'bundle.trusted'", false},
	{"lock: cut off", func(w *world) error {
		text := w.text("bridges.lock")
		w.write("bridges.lock", text[:len(text)*2/3])
		return w.check()
	}, "bridges.lock: ", false},
	{"file changed on disk", func(w *world) error {
		return w.onShelf(func(path string) error {
			raw, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return os.WriteFile(path, bytes.Replace(raw, []byte("return 1"), []byte("return 2"), 1), 0o600)
		})
	}, "was changed or damaged", false},
	{"file cut off on disk", func(w *world) error {
		return w.onShelf(func(path string) error { return os.Truncate(path, 100) })
	}, "its end was cut off", false},
	{"file gone from disk", func(w *world) error { return w.onShelf(os.Remove) }, "is gone; install it again", false},
	{"signature gone from disk", func(w *world) error {
		return w.onShelf(func(path string) error { return os.Remove(path + bundle.SignatureEnding) })
	}, "its signature is gone", false},
	{"another signed bundle in its place", func(w *world) error {
		raw, b := w.pack(thing{id: "org.example.other"})
		return w.onShelf(func(path string) error {
			return errors.Join(os.WriteFile(path, raw, 0o600), os.WriteFile(path+bundle.SignatureEnding, w.sign(raw, b, w.key), 0o600))
		})
	}, "the file holds the bundle org.example.other", false},
}

const dependsOnParser = "[dependencies]\n\"org.example.parser\" = \"^2.1\"\n"

// lounge is a version of what is installed.
func (w *world) lounge(version, publisher string) thing {
	return thing{id: "org.example.lounge", version: version, publisher: publisher, more: "[permissions]\n\"matrix:send\" = \"answer\"\n" + dependsOnParser}
}

func (w *world) crafted(more ...entry) error {
	return w.install(w.save("x.bridge", zipped(w.bundleFiles(thing{id: "org.example.other"}), more...)))
}

// rotated updates to a version by the evil key, of which a statement tells.
func (w *world) rotated(id string, by bundle.SecretKey, next bundle.PublicKey) error {
	w.publish("good", w.lounge("1.1.0", w.evil.Public().String()))
	statement, signature, err := bundle.Rotate(id, by, next)
	if err != nil {
		w.t.Fatal(err)
	}
	w.put("good/lounge"+NewKeyEnding, statement)
	w.put("good/lounge"+NewKeyEnding+bundle.SignatureEnding, signature)
	return w.update("lounge")
}

// secondIndex makes another index known, behind the first.
func (w *world) secondIndex() {
	w.write("bridgehost.toml", w.text("bridgehost.toml")+"\n[[index]]\nurl = \""+w.url+"/else/\"\nkey = \""+w.evil.Public().String()+"\"\n")
	w.read()
}

// swapHashes gives each entry of the lock the other's file.
func (w *world) swapHashes() {
	text := w.text("bridges.lock")
	parts := strings.Split(text, `sha256 = "`)
	a, b := parts[1][:64], parts[2][:64]
	w.write("bridges.lock", strings.NewReplacer(a, b, b, a).Replace(text))
}

// onShelf does something to the bundle's file, and reads what is installed.
func (w *world) onShelf(change func(path string) error) error {
	l, err := readLock(w.cfg.lockPath())
	if err != nil {
		return err
	}
	k, _ := l.Find("lounge")
	if err := change(w.cfg.shelf().path(k.SHA256)); err != nil {
		w.t.Fatal(err)
	}
	return w.check()
}

func TestAttacksOnInstalling(t *testing.T) {
	messages := map[string]string{}
	for _, a := range installAttacks {
		t.Run(strings.ReplaceAll(a.name, " ", "_"), func(t *testing.T) {
			w := newWorld(t)
			w.publish("good", thing{id: "org.example.parser", version: "2.1.0"})
			w.publish("good", w.lounge("1.0.0", ""))
			if err := w.install("lounge", "matrix:send"); err != nil {
				t.Fatal(err)
			}
			if err := w.check(); err != nil {
				t.Fatal(err)
			}
			before := w.text("bridges.lock")
			err := a.try(w)
			if err == nil {
				t.Fatal("it went well")
			}
			text := err.Error()
			if !slices.ContainsFunc(strings.Split(a.want, "|"), func(want string) bool { return strings.Contains(text, want) }) {
				t.Errorf("got %v\nwant %s", err, a.want)
			}
			var refused *bundle.Refused
			if code := ExitCode(err); !a.plain && (code != ExitRefused || !errors.As(err, &refused)) {
				t.Errorf("exit code %d: %v", code, err)
			}
			touched := strings.HasPrefix(a.name, "lock: ") || strings.HasPrefix(a.name, "the data of another")
			if !touched && w.text("bridges.lock") != before {
				t.Errorf("the lock is another:\n%s", w.text("bridges.lock"))
			}
			if files, _ := filepath.Glob(filepath.Join(w.dir, "data", "bundles", "*"+bundle.Ending)); len(files) > 2 {
				t.Errorf("%q", files)
			}
			messages[text] = a.name
		})
	}
	if len(installAttacks) < 40 {
		t.Errorf("only %d attacks", len(installAttacks))
	}
	t.Logf("%d attacks on installing were refused, with %d messages", len(installAttacks), len(messages))
}
