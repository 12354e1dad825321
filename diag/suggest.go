package diag

import "strings"

// Suggest finds the candidate that was probably meant: at most two letters are
// missing, too many, wrong or swapped (one in words of up to four letters), or word
// is its beginning, or it is word's. "" if there is none.
func Suggest(word string, candidates []string) string {
	most := 2
	if len(word) <= 4 {
		most = 1
	}
	best, distance := "", most+1
	for _, c := range candidates {
		if c == word || c == "" {
			continue
		}
		d := Distance(strings.ToLower(word), strings.ToLower(c), most)
		if d < distance || d == distance && d <= most && c < best {
			best, distance = c, d
		}
	}
	if best != "" || len(word) < 3 {
		return best
	}
	for _, c := range candidates {
		shorter, longer := word, c
		if len(shorter) > len(longer) {
			shorter, longer = longer, shorter
		}
		if len(shorter) >= 3 && c != word && strings.HasPrefix(longer, shorter) &&
			(best == "" || len(c) < len(best) || len(c) == len(best) && c < best) {
			best = c
		}
	}
	return best
}

// Distance counts the letters to insert, delete, replace or swap with their neighbour
// to make b of a; beyond most it answers most+1.
func Distance(a, b string, most int) int {
	if len(a)-len(b) > most || len(b)-len(a) > most {
		return most + 1
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(row[j-1]+1, last[j]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return min(last[len(b)], most+1)
}
