package bundle

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// png is the beginning of one.
const png = "\x89PNG\r\n\x1a\n and the rest"

const text = `id = "org.example.lounge"
name = "Lounge"
version = "1.4.0"
main = "lounge.lua"
api = 1
assets = ["sounds/*.ogg"]
`

// plainFiles are a bundle that nothing is wrong with.
func plainFiles() map[string][]byte {
	return map[string][]byte{File: []byte(text), "lounge.lua": []byte("print 'hello'\n"), "lib/a.lua": []byte("return 1\n"),
		"README.md": []byte("# Lounge \u00e4\u20ac\n"), "logo.png": []byte(png), "sounds/ping.ogg": []byte("OggS\x00\x01\xff"), "empty.txt": {}}
}

func pack(t testing.TB, files map[string][]byte) []byte {
	t.Helper()
	raw, _, err := Pack(files)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// item is one file of a zip that a test makes by hand.
type item struct {
	name   string
	data   string
	change func(*zip.FileHeader)
}

// crafted makes a zip as Pack does, of whatever items.
func crafted(items ...item) []byte {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, i := range items {
		h := entry(i.name, []byte(i.data))
		if i.change != nil {
			i.change(h)
		}
		w, err := z.CreateRaw(h)
		if err == nil && i.data != "" {
			_, err = w.Write([]byte(i.data))
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

var manifest, script = item{File, text, nil}, item{"lounge.lua", "print 'hello'\n", nil}

// with is the plain bundle and one more file, which has its place between or behind.
func with(i item) []byte {
	if i.name < script.name {
		return crafted(manifest, i, script)
	}
	return crafted(manifest, script, i)
}

// named is a bundle with a file of that name.
func named(name string) []byte { return with(item{name, "x\n", nil}) }

// marked is a bundle with a file whose header was changed.
func marked(change func(*zip.FileHeader)) []byte { return with(item{"x.txt", "x\n", change}) }

// lua is a bundle whose script is another.
func lua(source string) []byte { return crafted(manifest, item{script.name, source, nil}) }

// remade is a bundle with another manifest.
func remade(old, new string) []byte {
	return crafted(item{File, strings.Replace(text, old, new, 1), nil}, script)
}

// bent is the plain bundle with some bytes changed.
func bent(change func(raw []byte) []byte) []byte { return change(crafted(manifest, script)) }

// bomb is a megabyte of nothing for each byte of a kilobyte.
func bomb() []byte {
	var small bytes.Buffer
	w, _ := flate.NewWriter(&small, 9)
	zeros := make([]byte, 1<<20)
	crc := crc32.NewIEEE()
	for range 16 {
		w.Write(zeros)
		crc.Write(zeros)
	}
	w.Close()
	return with(item{"x.txt", small.String(), func(h *zip.FileHeader) {
		h.Method, h.CRC32, h.UncompressedSize64 = zip.Deflate, crc.Sum32(), 16<<20
	}})
}

// many has n files of some size.
func many(n, size int) []byte {
	items := []item{manifest, script}
	data := strings.Repeat("x", size)
	for i := range n {
		items = append(items, item{fmt.Sprintf("x%04d.txt", i), data, nil})
	}
	return crafted(items...)
}

// overlap has a file that lies over the one before it: the same bytes, counted twice.
func overlap() []byte {
	raw := crafted(manifest, script, item{"x.txt", strings.Repeat("x", 1000), nil}, item{"y.txt", strings.Repeat("x", 1000), nil})
	first := bytes.Index(raw, []byte("x.txt")) - localSize
	at := bytes.LastIndex(raw, []byte("y.txt")) - 4
	binary.LittleEndian.PutUint32(raw[at:], uint32(first))
	return raw
}

// insert puts bytes at a place and moves what the end says by their number.
func insert(raw []byte, at int, data string) []byte {
	raw = append(append(append([]byte{}, raw[:at]...), data...), raw[at:]...)
	end := raw[len(raw)-endSize:]
	binary.LittleEndian.PutUint32(end[16:], binary.LittleEndian.Uint32(end[16:])+uint32(len(data)))
	return raw
}

// directoryOf is where the directory of a zip begins.
func directoryOf(raw []byte) int { return int(binary.LittleEndian.Uint32(raw[len(raw)-6:])) }

// attacks are bundle files that are refused, and what is said of each.
var attacks = []struct {
	name string
	raw  func() []byte
	want string
}{
	{"path out", func() []byte { return named("../x.txt") }, `the name "../x.txt" leads out of the bundle`},
	{"path out from inside", func() []byte { return named("x/../../x.txt") }, `leads out of the bundle with ".."`},
	{"path in a circle", func() []byte { return named("x/./y.txt") }, `written in a roundabout way; it would be "x/y.txt"`},
	{"two slashes", func() []byte { return named("x//y.txt") }, "written in a roundabout way"},
	{"absolute path", func() []byte { return named("/etc/passwd") }, "is absolute"},
	{"drive", func() []byte { return named("C:x.txt") }, "begins with a drive"},
	{"backslash", func() []byte { return named(`x\..\y.txt`) }, "has a backslash"},
	{"zero byte", func() []byte { return named("x.lua\x00.txt") }, "has a zero byte"},
	{"control character", func() []byte { return named("x\x1b[2J.txt") }, "may hold only a-z"},
	{"space at the end", func() []byte { return named("x.lua ") }, "may hold only a-z"},
	{"dot at the end", func() []byte { return named("x.lua.") }, "ends with a dot"},
	{"hidden file", func() []byte { return named(".bashrc") }, `".bashrc" is hidden`},
	{"hidden folder", func() []byte { return named("x/.git/config") }, "is hidden"},
	{"device of Windows", func() []byte { return named("aux.lua") }, "that of a device on Windows"},
	{"look-alike letter", func() []byte { return named("l\u043eunge.lua") }, "the character U+043E, which may look like another"},
	{"turned name", func() []byte { return named("x\u202eaul.txt") }, "the character U+202E"},
	{"name that is no UTF-8", func() []byte { return named("x\xff.txt") }, "the character U+FFFD"},
	{"no name", func() []byte { return named("") }, "has no name"},
	{"long name", func() []byte { return named(strings.Repeat("x", 201)) }, "has 201 bytes; 200 are allowed"},
	{"deep name", func() []byte { return named(strings.Repeat("x/", 10) + "x") }, "lies 10 folders deep"},
	{"folder", func() []byte { return with(item{"x/", "", nil}) }, `"x/" is a folder`},
	{"same name twice", func() []byte { return crafted(manifest, script, script) }, `the name "lounge.lua" stands twice`},
	{"manifest twice", func() []byte { return crafted(manifest, script, manifest) }, `the name "bridge.toml" stands twice`},
	{"names that differ in case", func() []byte { return crafted(manifest, item{"Lounge.lua", "", nil}, script) }, `"Lounge.lua" and "lounge.lua" differ only in the case`},
	{"folders that differ in case", func() []byte { return crafted(manifest, item{"X/a.lua", "", nil}, script, item{"x/b.lua", "", nil}) }, `"X" and "x" differ only in the case`},
	{"file and folder", func() []byte { return crafted(manifest, script, item{"x", "", nil}, item{"x/y", "", nil}) }, `"x" is a file and a folder`},

	{"link", func() []byte {
		return with(item{"x.txt", "/etc/passwd", func(h *zip.FileHeader) { h.SetMode(fs.ModeSymlink | 0o777) }})
	}, `"x.txt" is a link`},
	{"device", func() []byte { return marked(func(h *zip.FileHeader) { h.SetMode(fs.ModeDevice | 0o644) }) }, `"x.txt" is a device`},
	{"pipe", func() []byte { return marked(func(h *zip.FileHeader) { h.SetMode(fs.ModeNamedPipe | 0o644) }) }, `"x.txt" is a pipe`},
	{"socket", func() []byte { return marked(func(h *zip.FileHeader) { h.SetMode(fs.ModeSocket | 0o644) }) }, `"x.txt" is a socket`},
	{"set user id", func() []byte { return marked(func(h *zip.FileHeader) { h.SetMode(fs.ModeSetuid | 0o644) }) }, `"x.txt" has special rights`},
	{"program", func() []byte { return marked(func(h *zip.FileHeader) { h.SetMode(0o755) }) }, `"x.txt" has the mode 0755`},

	{"bomb of one file", bomb, "bytes become 16777216); a bundle stores its files"},
	{"bomb that says nothing of its size", func() []byte {
		raw := bomb()
		at := bytes.LastIndex(raw, []byte("x.txt")) - centrySize
		binary.LittleEndian.PutUint32(raw[at+24:], 1)
		return raw
	}, "is compressed (method 8"},
	{"bomb of files over each other", overlap, `"y.txt" lies over the file before it`},
	{"more than 10 MB", func() []byte { return many(11, 1<<20) }, "more than 10 MB"},
	{"more than 10 MB in one file", func() []byte { return many(1, MaxSize+1) }, "more than 10 MB"},
	{"file far too large", func() []byte { return make([]byte, MaxPacked+1) }, "more than 10 MB"},
	{"more than 1,000 files", func() []byte { return many(MaxFiles, 0) }, "it has 1002 files or more"},
	{"more files than the end says", func() []byte {
		raw := many(2000, 0)
		binary.LittleEndian.PutUint16(raw[len(raw)-14:], 3)
		binary.LittleEndian.PutUint16(raw[len(raw)-12:], 3)
		return raw
	}, "its directory cannot be read"},
	{"huge directory", func() []byte {
		raw := crafted(manifest, script)
		size := binary.LittleEndian.Uint32(raw[len(raw)-10:])
		raw = append(append(append([]byte{}, raw[:len(raw)-endSize]...), make([]byte, 1<<20)...), raw[len(raw)-endSize:]...)
		binary.LittleEndian.PutUint32(raw[len(raw)-10:], size+1<<20)
		return raw
	}, "its directory has"},
	{"other compression", func() []byte { return marked(func(h *zip.FileHeader) { h.Method = 14 }) }, "(method 14"},
	{"encrypted", func() []byte { return marked(func(h *zip.FileHeader) { h.Flags = 1 }) }, "is encrypted"},
	{"sizes behind the content", func() []byte { return marked(func(h *zip.FileHeader) { h.Flags = 8 }) }, "has the flags 0x8"},
	{"two sizes", func() []byte { return marked(func(h *zip.FileHeader) { h.UncompressedSize64 = 5000 }) }, "has two sizes: 2 bytes stored, 5000 said"},
	{"extra fields", func() []byte { return marked(func(h *zip.FileHeader) { h.Extra = []byte("up\x04\x00evil") }) }, "has 8 bytes of extra fields"},
	{"comment of a file", func() []byte { return marked(func(h *zip.FileHeader) { h.Comment = "hello" }) }, `"x.txt" has a comment`},
	//lint:ignore SA1019 it is this field that is written to the file
	{"date", func() []byte { return marked(func(h *zip.FileHeader) { h.ModifiedTime = 77 }) }, `"x.txt" has a date`},
	{"made by another program", func() []byte { return marked(func(h *zip.FileHeader) { h.ReaderVersion = 45 }) }, "not packed as bridgehost packs"},
	{"wrong order", func() []byte { return crafted(script, manifest) }, `"lounge.lua" is not in its place`},

	{"comment of the zip", func() []byte {
		return bent(func(raw []byte) []byte { raw[len(raw)-2] = 5; return append(raw, "hello"...) })
	}, "the zip has a comment of 5 bytes"},
	{"bytes behind", func() []byte { return bent(func(raw []byte) []byte { return append(raw, "#!/bin/sh"...) }) }, "9 bytes stand behind its end"},
	{"second zip behind", func() []byte {
		return append(crafted(manifest, script), crafted(manifest, item{"lounge.lua", "evil()", nil})...)
	}, "was put before or into it"},
	{"bytes before", func() []byte { return append([]byte("#!/bin/sh\n"), crafted(manifest, script)...) }, "was put before or into it"},
	{"bytes before, end mended", func() []byte {
		return bent(func(raw []byte) []byte {
			raw = insert(raw, 0, "#!/bin/sh\n")
			for at := directoryOf(raw); at < len(raw)-endSize; at += centrySize + int(binary.LittleEndian.Uint16(raw[at+28:])) {
				binary.LittleEndian.PutUint32(raw[at+42:], binary.LittleEndian.Uint32(raw[at+42:])+10)
			}
			return raw
		})
	}, `10 bytes before "bridge.toml" belong to no file`},
	{"bytes before the directory", func() []byte {
		return bent(func(raw []byte) []byte { return insert(raw, directoryOf(raw), "hidden") })
	}, "6 bytes before its directory belong to no file"},
	{"two names for one file", func() []byte {
		return bent(func(raw []byte) []byte {
			return bytes.Replace(raw, []byte("lounge.luaprint"), []byte("lounge.exeprint"), 1)
		})
	}, "has another name"},
	{"cut off", func() []byte { return bent(func(raw []byte) []byte { return raw[:len(raw)-30] }) }, "its end was cut off"},
	{"cut off in the end", func() []byte { return bent(func(raw []byte) []byte { return raw[:len(raw)-1] }) }, "its end was cut off"},
	{"cut off in the middle", func() []byte { return bent(func(raw []byte) []byte { return append(raw[:100:100], raw[110:]...) }) }, "or cut out"},
	{"changed content", func() []byte { return bytes.Replace(crafted(manifest, script), []byte("hello"), []byte("hallo"), 1) }, "its checksum is wrong"},
	{"nothing", func() []byte { return nil }, "it is no zip"},
	{"other file", func() []byte { return []byte("#!/bin/sh\nrm -rf /\n") }, "it is no zip"},
	{"empty zip", func() []byte { return crafted() }, "it is empty"},
	{"several parts", func() []byte { return bent(func(raw []byte) []byte { raw[len(raw)-18] = 1; return raw }) }, "one part of a zip in several"},

	{"no manifest", func() []byte { return crafted(script) }, `"lounge.lua" is not in its place`},
	{"huge manifest", func() []byte { return remade("api", strings.Repeat("# much\n", 10000)+"api") }, "bridge.toml has 68 KB; 64 are allowed"},
	{"manifest that is no TOML", func() []byte { return remade("name =", "name") }, "bridge.toml:2: "},
	{"look-alike id", func() []byte { return remade("example", "ex\u0430mple") }, "bridge.toml:1: id: \"org.ex\u0430mple.lounge\" has the character U+0430"},
	{"main that is not there", func() []byte { return remade("lounge.lua", "other.lua") }, "there is no file 'other.lua'"},
	{"main outside", func() []byte { return remade("lounge.lua", "../../x.lua") }, "is no .lua file of this folder"},
	{"unknown permission", func() []byte {
		return crafted(item{File, text + "[permissions]\n\"host:root\" = \"please\"\n", nil}, script)
	}, "host:root: there is no such permission"},
	{"own file in place of a dependency", func() []byte {
		return crafted(item{File, text + "[dependencies]\n\"org.example.parser\" = \"^1\"\n", nil}, script, item{"parser.lua", "", nil})
	}, `require "parser" would mean the file parser.lua and the dependency org.example.parser`},
	{"bytecode", func() []byte { return lua("\x1bLuaQ\x00\x01") }, `"lounge.lua" is compiled`},
	{"script that is no text", func() []byte { return lua("print '\xff'") }, "is no text in UTF-8 (byte 8)"},
	{"script with escapes of the terminal", func() []byte { return lua("-- \x1b[2K\n") }, "is no text in UTF-8 (byte 4)"},
	{"script that reads otherwise than it runs", func() []byte { return lua("x = 1\n-- \u202e evil()\n") }, "lounge.lua:2 turns the direction of writing (U+202E)"},
	{"program as text", func() []byte { return with(item{"x.txt", "\x7fELF\x02\x01\x01\x00", nil}) }, "is neither text nor an image; declare it"},
	{"program as image", func() []byte { return with(item{"x.png", "\x7fELF\x02\x01\x01\x00", nil}) }, "is called an image, but holds"},
	{"program as declared Lua", func() []byte {
		return crafted(item{File, strings.Replace(text, "sounds/*.ogg", "*", 1), nil}, item{"lounge.lua", "\x7fELF\x00", nil})
	}, "is no text in UTF-8"},
	{"secret key", func() []byte { return with(item{"x.key", secretKey + "\nRWQA", nil}) }, "is a secret key of minisign"},
}

func TestAttacksOnBundles(t *testing.T) {
	if len(attacks) < 40 {
		t.Errorf("%d attacks", len(attacks))
	}
	for _, a := range attacks {
		t.Run(strings.ReplaceAll(a.name, " ", "_"), func(t *testing.T) {
			b, err := Unpack(a.raw())
			var refused *Refused
			if b != nil || !errors.As(err, &refused) || !strings.Contains(err.Error(), a.want) {
				t.Errorf("got %v, want %s", err, a.want)
			}
		})
	}
}

func TestRoundTrip(t *testing.T) {
	files := plainFiles()
	raw, packed, err := Pack(files)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Unpack(raw)
	if err != nil {
		t.Fatal(err)
	}
	if !maps.EqualFunc(b.Files, files, bytes.Equal) || b.SHA256 != packed.SHA256 || b.Manifest.FileName() != "lounge-1.4.0.bridge" {
		t.Errorf("%+v", b)
	}
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil || z.File[0].Name != File || z.File[1].Name != "README.md" {
		t.Errorf("%v, %v", err, z.File)
	}
}

// TestSameBytes holds the bytes of a bundle: they are the same on another day, and with
// another version of the compiler.
func TestSameBytes(t *testing.T) {
	_, b, err := Pack(plainFiles())
	const want = "c73c667bc628902986fd67bac53a4f1c3c239fc6b2c7c44c75591f340439d78b"
	if err != nil || b.SHA256 != want {
		t.Errorf("%v, %s, want %s: bundles made earlier would be refused", err, b.SHA256, want)
	}
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	put := func(name, data string) {
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(data), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	for name, data := range plainFiles() {
		put(name, string(data))
	}
	for _, left := range []string{".luarc.json", ".bridgehost/types/x.lua", "lounge-1.3.0.bridge", "lounge-1.3.0.bridge.minisig"} {
		put(left, "left out")
	}
	files, err := ReadFolder(dir)
	if err != nil || !maps.EqualFunc(files, plainFiles(), bytes.Equal) {
		t.Errorf("%v, %q", err, files)
	}
	put("big.txt", strings.Repeat("x", MaxSize))
	if _, err := ReadFolder(dir); err == nil || !strings.Contains(err.Error(), "more than 10 MB") {
		t.Errorf("big: %v", err)
	}
	put("big.txt", "")
	for i := range MaxFiles {
		put(fmt.Sprintf("n/%d", i), "")
	}
	if _, err := ReadFolder(dir); err == nil || !strings.Contains(err.Error(), "more than 1000 files") {
		t.Errorf("many: %v", err)
	}
	if err := errors.Join(os.RemoveAll(filepath.Join(dir, "n")), os.Symlink("/etc/passwd", filepath.Join(dir, "a.txt"))); err != nil {
		t.Skip(err)
	}
	if _, err := ReadFolder(dir); err == nil || !strings.Contains(err.Error(), `"a.txt" is a link`) {
		t.Errorf("link: %v", err)
	}
}

func TestOpen(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.bridge")
	if _, _, err := Open(file); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	raw := pack(t, plainFiles())
	for _, c := range []struct {
		raw  []byte
		want string
	}{{raw, ""}, {raw[1:], "a.bridge: its directory is not where"}, {make([]byte, MaxPacked+1), "a.bridge: it has more than 10 MB"}} {
		if err := os.WriteFile(file, c.raw, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := Open(file); (err == nil) != (c.want == "") || err != nil && !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

// TestEveryBit changes each bit of a bundle, and cuts it off after each byte: nothing goes unseen.
func TestEveryBit(t *testing.T) {
	raw := crafted(manifest, script)
	for i := range raw {
		for bit := range 8 {
			raw[i] ^= 1 << bit
			if _, err := Unpack(raw); err == nil {
				t.Errorf("byte %d, bit %d: taken", i, bit)
			}
			raw[i] ^= 1 << bit
		}
	}
	for n := range raw {
		if _, err := Unpack(raw[:n]); err == nil {
			t.Errorf("the first %d bytes are taken", n)
		}
	}
}

func TestRandomFolders(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		files := plainFiles()
		for range random.IntN(20) {
			files[fmt.Sprintf("d%d/f%d.txt", random.IntN(9), random.IntN(9))] = bytes.Repeat([]byte("x\n"), random.IntN(99))
		}
		raw := pack(t, files)
		b, err := Unpack(raw)
		if err != nil || !maps.EqualFunc(b.Files, files, bytes.Equal) {
			t.Fatalf("%v, %q", err, files)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add(pack(f, plainFiles()))
	for _, a := range attacks {
		if raw := a.raw(); len(raw) < 10000 {
			f.Add(raw)
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, err := Unpack(raw)
		var refused *Refused
		if err != nil {
			if !errors.As(err, &refused) {
				t.Errorf("an error that is no refusal: %v", err)
			}
			return
		}
		again, _, err := Pack(b.Files)
		if err != nil || !bytes.Equal(again, raw) {
			t.Errorf("%v: the same files give other bytes", err)
		}
		for name := range b.Files {
			if !fs.ValidPath(name) || !filepath.IsLocal(name) {
				t.Errorf("taken: %q", name)
			}
		}
	})
}
