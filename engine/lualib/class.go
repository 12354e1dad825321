package lualib

// bitset is a set of bytes.
type bitset [4]uint64

func (s *bitset) has(c byte) bool { return s[c>>6]&(1<<(c&63)) != 0 }
func (s *bitset) add(c byte)      { s[c>>6] |= 1 << (c & 63) }

// classes holds the sets of the letters that name a class after '%', the complements
// under the upper-case letters. Letters with isClass false stand for themselves.
var classes, isClass = makeClasses()

func makeClasses() (sets [128]bitset, known [128]bool) {
	lower := func(c byte) bool { return c >= 'a' && c <= 'z' }
	upper := func(c byte) bool { return c >= 'A' && c <= 'Z' }
	digit := func(c byte) bool { return c >= '0' && c <= '9' }
	alnum := func(c byte) bool { return lower(c|0x20) && (lower(c) || upper(c)) || digit(c) }
	for letter, in := range map[byte]func(byte) bool{
		'a': func(c byte) bool { return lower(c) || upper(c) },
		'c': func(c byte) bool { return c < 32 || c == 127 },
		'd': digit,
		'l': lower,
		'p': func(c byte) bool { return c > 32 && c < 127 && !alnum(c) },
		's': func(c byte) bool { return c == ' ' || c >= 9 && c <= 13 },
		'u': upper,
		'w': alnum,
		'x': func(c byte) bool { return digit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' },
		'z': func(c byte) bool { return c == 0 },
	} {
		other := letter - 'a' + 'A'
		known[letter], known[other] = true, true
		for c := 0; c < 256; c++ {
			if in(byte(c)) {
				sets[letter].add(byte(c))
			} else {
				sets[other].add(byte(c))
			}
		}
	}
	return sets, known
}
