package lualib

import (
	lua "github.com/yuin/gopher-lua"
)

// Limits of Lua's own matcher: LUA_MAXCAPTURES and MAXCCALLS.
const (
	maxCaptures = 32
	maxNesting  = 200
)

// Lengths of captures that are none yet, and of position captures.
const (
	capOpen     = -1
	capPosition = -2
)

type capture struct{ start, len int }

// matcher matches one pattern against one subject by backtracking. It polls as it goes,
// so that a pattern of exponential cost ends with the budget.
type matcher struct {
	l     *lib
	L     *lua.LState
	src   string
	pat   string
	level int // captures, finished or not
	nest  int
	steps int // until the next poll
	caps  [maxCaptures]capture
	sets  [4]bitset // the last sets of the pattern that were read …
	setAt [4]int    // … by the place after their '[', 0 for none
	setTo [4]int    // and where they end
}

func (m *matcher) init(l *lib, L *lua.LState, src, pat string) {
	m.l, m.L, m.src, m.pat, m.steps = l, L, src, pat, pollEvery
}

func (m *matcher) step(n int) {
	if m.steps -= n; m.steps <= 0 {
		m.l.Poll(pollEvery - m.steps)
		m.steps = pollEvery
	}
}

func (m *matcher) fail(msg string) { m.L.RaiseError("%s", msg) }

// done charges what was not charged yet, so that many short matches count too.
func (m *matcher) done() {
	if used := pollEvery - m.steps; used >= 64 {
		m.l.Poll(used / 4)
		m.steps = pollEvery
	}
}

// at tries to match the pattern from p on at s exactly, and returns the end or -1.
func (m *matcher) at(s, p int) int {
	m.level, m.nest = 0, 0
	return m.match(s, p)
}

func (m *matcher) match(s, p int) int {
	if m.nest++; m.nest > maxNesting {
		m.fail("pattern too complex")
	}
	e := m.match1(s, p)
	m.nest--
	return e
}

func (m *matcher) match1(s, p int) int {
	for p < len(m.pat) {
		m.step(1)
		switch m.pat[p] {
		case '(':
			if p+1 < len(m.pat) && m.pat[p+1] == ')' {
				return m.open(s, p+2, capPosition)
			}
			return m.open(s, p+1, capOpen)
		case ')':
			return m.close(s, p+1)
		case '$':
			if p+1 == len(m.pat) {
				if s == len(m.src) {
					return s
				}
				return -1
			}
		case '%':
			if p+1 < len(m.pat) {
				switch c := m.pat[p+1]; {
				case c == 'b':
					if s = m.balance(s, p+2); s < 0 {
						return -1
					}
					p += 4
					continue
				case c == 'f':
					end := m.frontier(s, p+2)
					if end < 0 {
						return -1
					}
					p = end
					continue
				case c >= '0' && c <= '9':
					if s = m.backReference(s, c); s < 0 {
						return -1
					}
					p += 2
					continue
				}
			}
		}
		ep := m.itemEnd(p)
		suffix := byte(0)
		if ep < len(m.pat) {
			suffix = m.pat[ep]
		}
		switch suffix {
		case '*':
			return m.longest(s, p, ep, 0)
		case '+':
			return m.longest(s, p, ep, 1)
		case '-':
			return m.shortest(s, p, ep)
		case '?':
			if s < len(m.src) && m.one(m.src[s], p) {
				if e := m.match(s+1, ep+1); e >= 0 {
					return e
				}
			}
			p = ep + 1
		default:
			if s >= len(m.src) || !m.one(m.src[s], p) {
				return -1
			}
			s, p = s+1, ep
		}
	}
	return s
}

// itemEnd is where the single-character item at p ends.
func (m *matcher) itemEnd(p int) int {
	switch m.pat[p] {
	case '%':
		if p+1 >= len(m.pat) {
			m.fail("malformed pattern (ends with '%')")
		}
		return p + 2
	case '[':
		return m.setTo[m.set(p+1)]
	}
	return p + 1
}

// one reports whether the single-character item at p matches c.
func (m *matcher) one(c byte, p int) bool {
	switch k := m.pat[p]; k {
	case '.':
		return true
	case '%':
		return inClass(c, m.pat[p+1])
	case '[':
		return m.sets[m.set(p+1)].has(c)
	default:
		return k == c
	}
}

func inClass(c, letter byte) bool {
	if letter < 128 && isClass[letter] {
		return classes[letter].has(c)
	}
	return letter == c
}

// set reads the set whose first byte after '[' is at p, and returns its slot.
func (m *matcher) set(p int) int {
	slot := p & 3
	if m.setAt[slot] == p {
		return slot
	}
	set, i, negate := bitset{}, p, false
	if i < len(m.pat) && m.pat[i] == '^' {
		negate = true
		i++
	}
	for first := true; ; first = false {
		m.step(1)
		if i >= len(m.pat) {
			m.fail("malformed pattern (missing ']')")
		}
		c := m.pat[i]
		switch {
		case c == ']' && !first:
			if negate {
				for k := range set {
					set[k] = ^set[k]
				}
			}
			m.sets[slot], m.setAt[slot], m.setTo[slot] = set, p, i+1
			return slot
		case c == '%':
			if i+1 >= len(m.pat) {
				m.fail("malformed pattern (ends with '%')")
			}
			set.addClass(m.pat[i+1])
			i += 2
		case i+2 < len(m.pat) && m.pat[i+1] == '-' && m.pat[i+2] != ']':
			for k := int(c); k <= int(m.pat[i+2]); k++ {
				set.add(byte(k))
			}
			i += 3
		default:
			set.add(c)
			i++
		}
	}
}

func (s *bitset) addClass(letter byte) {
	if letter >= 128 || !isClass[letter] {
		s.add(letter)
		return
	}
	for k, w := range classes[letter] {
		s[k] |= w
	}
}

// longest matches the item at p as often as it can, at least min times, then the rest.
func (m *matcher) longest(s, p, ep, min int) int {
	n := m.run(s, p)
	m.step(n / 4)
	for ; n >= min; n-- {
		if e := m.match(s+n, ep+1); e >= 0 {
			return e
		}
	}
	return -1
}

// run counts how often the item at p matches in a row from s on.
func (m *matcher) run(s, p int) int {
	rest := m.src[s:]
	switch k := m.pat[p]; k {
	case '.':
		return len(rest)
	case '%', '[':
		var one bitset
		set := &one
		if k == '[' {
			set = &m.sets[m.set(p+1)]
		} else if c := m.pat[p+1]; c < 128 && isClass[c] {
			set = &classes[c]
		} else {
			one.add(c)
		}
		for i := 0; i < len(rest); i++ {
			if !set.has(rest[i]) {
				return i
			}
		}
	default:
		for i := 0; i < len(rest); i++ {
			if rest[i] != k {
				return i
			}
		}
	}
	return len(rest)
}

// shortest matches the item at p as seldom as the rest allows.
func (m *matcher) shortest(s, p, ep int) int {
	for {
		if e := m.match(s, ep+1); e >= 0 {
			return e
		}
		if s >= len(m.src) || !m.one(m.src[s], p) {
			return -1
		}
		s++
	}
}

func (m *matcher) open(s, p, what int) int {
	if m.level >= maxCaptures {
		m.fail("too many captures")
	}
	m.caps[m.level] = capture{s, what}
	m.level++
	e := m.match(s, p)
	if e < 0 {
		m.level--
	}
	return e
}

func (m *matcher) close(s, p int) int {
	i := m.level - 1
	for i >= 0 && m.caps[i].len != capOpen {
		i--
	}
	if i < 0 {
		m.fail("invalid pattern capture")
	}
	m.caps[i].len = s - m.caps[i].start
	e := m.match(s, p)
	if e < 0 {
		m.caps[i].len = capOpen
	}
	return e
}

// balance matches %bxy, whose x is at p.
func (m *matcher) balance(s, p int) int {
	if p+1 >= len(m.pat) {
		m.fail("unbalanced pattern")
	}
	if s >= len(m.src) || m.src[s] != m.pat[p] {
		return -1
	}
	open, shut, depth := m.pat[p], m.pat[p+1], 1
	for i := s + 1; i < len(m.src); i++ {
		m.step(1)
		switch c := m.src[i]; {
		case c == shut:
			if depth--; depth == 0 {
				return i + 1
			}
		case c == open:
			depth++
		}
	}
	return -1
}

// frontier checks %f, whose set begins at p, and returns where the set ends, or -1.
func (m *matcher) frontier(s, p int) int {
	if p >= len(m.pat) || m.pat[p] != '[' {
		m.fail("missing '[' after '%f' in pattern")
	}
	slot := m.set(p + 1)
	before, after := byte(0), byte(0)
	if s > 0 {
		before = m.src[s-1]
	}
	if s < len(m.src) {
		after = m.src[s]
	}
	if m.sets[slot].has(before) || !m.sets[slot].has(after) {
		return -1
	}
	return m.setTo[slot]
}

func (m *matcher) backReference(s int, digit byte) int {
	i := int(digit) - '1'
	if i < 0 || i >= m.level || m.caps[i].len == capOpen {
		m.fail("invalid capture index")
	}
	n := m.caps[i].len
	if n == capPosition {
		return -1
	}
	m.step(n / 16)
	if len(m.src)-s < n || m.src[m.caps[i].start:m.caps[i].start+n] != m.src[s:s+n] {
		return -1
	}
	return s + n
}
