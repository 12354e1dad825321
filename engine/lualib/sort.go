package lualib

import lua "github.com/yuin/gopher-lua"

// tabSort is table.sort: a merge sort, since the number of comparisons is then bounded
// whatever the comparator says. The table is written when all is sorted; an error in
// the comparator leaves it as it was.
func (l *lib) tabSort(L *lua.LState) int {
	t := checkTable(L, "sort", 1)
	var fn *lua.LFunction
	if L.Get(2) != lua.LNil {
		fn = checkFunction(L, "sort", 2)
	}
	n := t.Len()
	if n < 2 {
		return 0
	}
	l.charge(n)
	vals := make([]lua.LValue, n)
	for i := range vals {
		vals[i] = t.RawGetInt(i + 1)
	}
	switch {
	case fn != nil:
		l.sortBy(L, vals, fn)
	case allOf[lua.LNumber](vals):
		sortAs[lua.LNumber](l, vals)
	case allOf[lua.LString](vals):
		sortAs[lua.LString](l, vals)
	default:
		mergeSort(vals, l.polled(func(a, b lua.LValue) bool { return l.less(L, a, b) }))
	}
	for i, v := range vals {
		t.RawSetInt(i+1, v)
	}
	return 0
}

// sortBy sorts with a comparator, and says so if the outcome shows that it is no order.
// One that answers true for equal elements (<=) gets away with it.
func (l *lib) sortBy(L *lua.LState, vals []lua.LValue, fn *lua.LFunction) {
	args := make([]lua.LValue, 2)
	less := l.polled(func(a, b lua.LValue) bool {
		args[0], args[1] = a, b
		return lua.LVAsBool(l.call1(L, fn, args...))
	})
	mergeSort(vals, less)
	for i := 1; i < len(vals); i++ {
		if less(vals[i], vals[i-1]) && !less(vals[i-1], vals[i]) {
			L.RaiseError("invalid order function for sorting")
		}
	}
}

func (l *lib) polled(less func(a, b lua.LValue) bool) func(a, b lua.LValue) bool {
	n := 0
	return func(a, b lua.LValue) bool {
		if n++; n >= pollEvery/4 {
			l.Poll(n)
			n = 0
		}
		return less(a, b)
	}
}

func allOf[T lua.LValue](vals []lua.LValue) bool {
	for _, v := range vals {
		if _, ok := v.(T); !ok {
			return false
		}
	}
	return true
}

// keyed is a value with its sort key taken out of the interface.
type keyed[T any] struct {
	key T
	val lua.LValue
}

func sortAs[T interface {
	lua.LNumber | lua.LString
	lua.LValue
}](l *lib, vals []lua.LValue) {
	ks := make([]keyed[T], len(vals))
	for i, v := range vals {
		ks[i] = keyed[T]{v.(T), v}
	}
	n := 0
	mergeSort(ks, func(a, b keyed[T]) bool {
		if n++; n == pollEvery {
			l.Poll(n)
			n = 0
		}
		return a.key < b.key
	})
	for i := range ks {
		vals[i] = ks[i].val
	}
}

func mergeSort[T any](a []T, less func(a, b T) bool) {
	mergeSortInto(a, make([]T, (len(a)+1)/2), less)
}

func mergeSortInto[T any](a, tmp []T, less func(a, b T) bool) {
	if len(a) <= 8 {
		for i := 1; i < len(a); i++ {
			v, j := a[i], i
			for ; j > 0 && less(v, a[j-1]); j-- {
				a[j] = a[j-1]
			}
			a[j] = v
		}
		return
	}
	mid := len(a) / 2
	mergeSortInto(a[:mid], tmp, less)
	mergeSortInto(a[mid:], tmp, less)
	if !less(a[mid], a[mid-1]) {
		return
	}
	left := tmp[:copy(tmp, a[:mid])]
	i, j, k := 0, mid, 0
	for ; i < len(left) && j < len(a); k++ {
		if less(a[j], left[i]) {
			a[k] = a[j]
			j++
		} else {
			a[k] = left[i]
			i++
		}
	}
	copy(a[k:], left[i:])
}
