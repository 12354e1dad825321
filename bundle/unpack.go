package bundle

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io/fs"
	"path/filepath"
)

const (
	endSize    = 22 // the record at the end of a zip
	localSize  = 30 // the header before each file, without its name
	centrySize = 46 // the entry of each file in the directory, without its name
	// MaxPacked is how many bytes a bundle's file may have.
	MaxPacked = MaxSize + MaxFiles*(localSize+centrySize+2*maxName) + endSize
)

// Open reads a bundle's file.
func Open(file string) (*Bundle, []byte, error) {
	raw, err := readAtMost(file, MaxPacked)
	var b *Bundle
	switch {
	case errors.Is(err, errTooLarge):
		err = tooLarge()
	case err == nil:
		b, err = Unpack(raw)
	}
	var refused *Refused
	if errors.As(err, &refused) {
		refused.File = filepath.Base(file)
	}
	return b, raw, err
}

func tooLarge() error { return refuse("it has more than %d MB", MaxSize>>20) }

// Unpack reads a bundle into memory. What it takes is what Pack would write of the same
// files, byte by byte, so no two readers of zips can see different files in it.
func Unpack(raw []byte) (*Bundle, error) {
	if len(raw) > MaxPacked {
		return nil, tooLarge()
	}
	directory, err := theEnd(raw)
	if err != nil {
		return nil, err
	}
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // names are checked below
		return nil, refuse("its directory cannot be read: %v", err)
	}
	files, once, next, total := map[string][]byte{}, newNamesOnce(), 0, 0
	for i, f := range z.File {
		if err := plain(f); err != nil {
			return nil, err
		}
		if err := once.add(f.Name); err != nil {
			return nil, err
		}
		if (f.Name == File) != (i == 0) || i > 1 && f.Name < z.File[i-1].Name {
			return nil, refuse("%q is not in its place: %s comes first, then all by name", f.Name, File)
		}
		if total += int(f.UncompressedSize64); total > MaxSize {
			return nil, refuse("its files have more than %d MB", MaxSize>>20)
		}
		if f.Name == File && total > MaxManifest {
			return nil, refuse("%s has %d KB; %d are allowed", File, total>>10, MaxManifest>>10)
		}
		data, end, err := content(raw[:directory], f, next)
		if err != nil {
			return nil, err
		}
		files[f.Name], next = data, end
	}
	if next != directory {
		return nil, refuse("%d bytes before its directory belong to no file", directory-next)
	}
	m, err := check(files)
	if err != nil {
		return nil, err
	}
	again, err := write(files)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(again, raw) {
		return nil, refuse("it is not packed as bridgehost packs (byte %d differs); pack it anew: bridgehost bundle pack", differs(again, raw))
	}
	return &Bundle{Manifest: m, Files: files, SHA256: sum(raw)}, nil
}

var endMark = []byte("PK\x05\x06")

// theEnd checks the record at the end, and answers where the directory begins.
func theEnd(raw []byte) (directory int, err error) {
	last := bytes.LastIndex(raw, endMark)
	if last < 0 || len(raw)-last < endSize {
		return 0, refuse("it is no zip, or its end was cut off")
	}
	at := len(raw) - endSize
	end := raw[at:]
	if !bytes.HasPrefix(end, endMark) {
		if comment := int(binary.LittleEndian.Uint16(raw[last+20:])); comment == len(raw)-last-endSize && comment > 0 {
			return 0, refuse("the zip has a comment of %d bytes", comment)
		}
		return 0, refuse("%d bytes stand behind its end", len(raw)-last-endSize)
	}
	n := func(at int) int { return int(binary.LittleEndian.Uint16(end[at:])) }
	size, offset := int(binary.LittleEndian.Uint32(end[12:])), int(binary.LittleEndian.Uint32(end[16:]))
	switch {
	case n(20) != 0:
		return 0, refuse("the zip has a comment, of which %d bytes were cut off", n(20))
	case n(4) != 0 || n(6) != 0 || n(8) != n(10):
		return 0, refuse("it is one part of a zip in several")
	case n(10) > MaxFiles:
		return 0, refuse("it has %d files or more; %d are allowed", n(10), MaxFiles)
	case n(10) == 0:
		return 0, refuse("it is empty")
	case size > MaxFiles*(centrySize+maxName):
		return 0, refuse("its directory has %d KB, more than %d files with plain names need", size>>10, MaxFiles)
	case offset+size != at:
		return 0, refuse("its directory is not where its end says: something was put before or into it, or cut out")
	}
	return offset, nil
}

// plain refuses every entry that is not a file as Pack writes it.
func plain(f *zip.File) error {
	if err := checkName(f.Name); err != nil && !f.Mode().IsDir() {
		return err
	}
	mode := f.Mode()
	switch {
	case mode.Type() != 0:
		return refuse("%q is a %s; a bundle holds plain files only", f.Name, kind(mode))
	case mode&(fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky) != 0:
		return refuse("%q has special rights (%s)", f.Name, mode)
	case mode.Perm() != 0o644:
		return refuse("%q has the mode %04o; files in a bundle have 0644", f.Name, mode.Perm())
	case f.Flags&1 != 0:
		return refuse("%q is encrypted", f.Name)
	case f.Method != zip.Store:
		return refuse("%q is compressed (method %d, %d bytes become %d); a bundle stores its files as they are", f.Name, f.Method,
			f.CompressedSize64, f.UncompressedSize64)
	case f.Flags != 0:
		return refuse("%q has the flags %#x of zip, which packing does not set", f.Name, f.Flags)
	case f.Comment != "":
		return refuse("%q has a comment", f.Name)
	case len(f.Extra) > 0:
		return refuse("%q has %d bytes of extra fields", f.Name, len(f.Extra))
	case f.CompressedSize64 != f.UncompressedSize64:
		return refuse("%q has two sizes: %d bytes stored, %d said", f.Name, f.CompressedSize64, f.UncompressedSize64)
	case f.UncompressedSize64 > MaxSize:
		return refuse("%q has more than %d MB", f.Name, MaxSize>>20)
	case f.ModifiedDate != firstOf1980 || f.ModifiedTime != 0:
		return refuse("%q has a date; every file of a bundle has the first of January 1980", f.Name)
	}
	return nil
}

// content is what the file at next holds, and where the one behind it begins.
func content(raw []byte, f *zip.File, next int) (data []byte, end int, err error) {
	begin64, err := f.DataOffset()
	if err != nil {
		return nil, 0, refuse("%q cannot be read: %v", f.Name, err)
	}
	begin, size := int(begin64), int(f.UncompressedSize64)
	at := begin - localSize - len(f.Name)
	switch {
	case begin > len(raw) || len(raw)-begin < size:
		return nil, 0, refuse("%q is cut off, or lies in the zip's directory", f.Name)
	case at < next:
		return nil, 0, refuse("%q lies over the file before it", f.Name)
	case at > next:
		return nil, 0, refuse("%d bytes before %q belong to no file", at-next, f.Name)
	case string(raw[begin-len(f.Name):begin]) != f.Name:
		return nil, 0, refuse("%q has another name (%.40q) before its content", f.Name, raw[begin-len(f.Name):begin])
	}
	end = begin + size
	data = raw[begin:end:end]
	if crc32.ChecksumIEEE(data) != f.CRC32 {
		return nil, 0, refuse("%q was changed or damaged: its checksum is wrong", f.Name)
	}
	return data, end, nil
}

// differs is the first byte, counted from 1, that is not the same.
func differs(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i + 1
		}
	}
	return n + 1
}
