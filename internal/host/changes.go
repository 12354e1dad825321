package host

import (
	"maps"
	"slices"
	"strings"
)

// diffMost is how many pairs of lines are compared at most; beyond that, lines are only counted.
const diffMost = 4_000_000

// changes are the files that differ between two sources, by name, and how many lines do.
func changes(before, after map[string]string) (files []string, lines int) {
	names := maps.Clone(after)
	if names == nil {
		names = map[string]string{}
	}
	maps.Copy(names, before)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if before[name] != after[name] {
			files = append(files, name)
			lines += linesChanged(before[name], after[name])
		}
	}
	return files, lines
}

// linesChanged is how many lines were taken out or put in, whichever are more.
func linesChanged(before, after string) int {
	a, b := strings.Split(before, "\n"), strings.Split(after, "\n")
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	more := max(len(a), len(b))
	if len(a)*len(b) > diffMost {
		return more
	}
	return more - common(a, b)
}

// common is the length of the longest common subsequence.
func common(a, b []string) int {
	row := make([]int, len(b)+1)
	for _, x := range a {
		above := 0 // row[j-1] of the line before
		for j, y := range b {
			was := row[j+1]
			if x == y {
				row[j+1] = above + 1
			} else {
				row[j+1] = max(row[j+1], row[j])
			}
			above = was
		}
	}
	return row[len(b)]
}
