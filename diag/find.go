package diag

import (
	"regexp"
	"strconv"
	"strings"
)

var (
	quoted   = regexp.MustCompile(`'([^']+)'`)
	argument = regexp.MustCompile(`^bad argument #(\d+) (?:'\w+' )?to '(\w+)'`)
)

// find is the column and length of what failed in a line: the argument that the message
// counts, the name that it quotes, or the word at; all as whole words.
func find(line, message, at string) (col, length int) {
	if m := argument.FindStringSubmatch(message); m != nil {
		n, _ := strconv.Atoi(m[1])
		if col, length = findArgument(line, m[2], n); col > 0 {
			for _, q := range quoted.FindAllStringSubmatch(message[len(m[0]):], -1) { // in it, "unknown field 'x'"
				if in, n := findWord(line[col-1:col-1+length], q[1]); in > 0 {
					return col - 1 + in, n
				}
			}
			return col, length
		}
		return findWord(line, m[2])
	}
	for _, q := range quoted.FindAllStringSubmatch(message, -1) {
		if col, length = findWord(line, q[1]); col > 0 {
			return col, length
		}
	}
	if at == "" {
		return 0, 0
	}
	if wordAt(at, 0) {
		return findWord(line, at)
	}
	if i := strings.Index(line, " "+at+" "); i >= 0 && strings.LastIndex(line, " "+at+" ") == i {
		return i + 2, len(at)
	}
	return 0, 0
}

func findWord(line, word string) (col, length int) {
	for from := 0; from <= len(line)-len(word); {
		i := strings.Index(line[from:], word)
		if i < 0 {
			break
		}
		i += from
		if !wordAt(line, i-1) && !wordAt(line, i+len(word)) {
			// `local x = y(x)`: what is read stands to the right
			if j := strings.LastIndex(line, word+"."); j > i && !wordAt(line, j-1) && strings.HasPrefix(strings.TrimSpace(line), "local ") {
				i = j
			}
			return i + 1, len(word)
		}
		from = i + 1
	}
	return 0, 0
}

// findArgument is the n-th argument of the first call of fn in a line.
func findArgument(line, fn string, n int) (col, length int) {
	col, length = findWord(line, fn)
	i := col - 1 + length
	if col == 0 || i >= len(line) || line[i] != '(' {
		return 0, 0
	}
	depth, start, quote := 0, i+1, byte(0)
	for i++; i < len(line); i++ {
		c := line[i]
		switch {
		case quote != 0:
			if c == '\\' {
				i++
			} else if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case depth == 0 && (c == ',' || c == ')'):
			if n--; n == 0 {
				text := line[start:i]
				lead := len(text) - len(strings.TrimLeft(text, " \t"))
				if text = strings.TrimSpace(text); text == "" {
					return 0, 0
				}
				return start + lead + 1, len(text)
			}
			if start = i + 1; c == ')' {
				return 0, 0
			}
		case c == '(' || c == '{' || c == '[':
			depth++
		case c == ')' || c == '}' || c == ']':
			depth--
		}
	}
	return 0, 0
}

func wordAt(s string, i int) bool {
	if i < 0 || i >= len(s) {
		return false
	}
	c := s[i]
	return c == '_' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}
