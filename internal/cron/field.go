package cron

import (
	"fmt"
	"math/bits"
	"strings"
)

// A set is a set of numbers from 0 to 63: bit n is set when n is in it.
type set uint64

func (s set) has(n int) bool { return s>>n&1 != 0 }

// from returns the first member that is n or more.
func (s set) from(n int) (int, bool) {
	s = s >> n << n
	return s.first(), s != 0
}

// first returns the smallest member, 64 when there is none.
func (s set) first() int { return bits.TrailingZeros64(uint64(s)) }

// The fields, by their place.
const (
	second = iota
	minute
	hour
	day
	month
	weekday
)

// A field is what may stand in one of them.
type field struct {
	name     string
	min, max int
	top      int    // the greatest number that may be written
	names    string // of the values from min on, three letters each
	want     string
}

var fields = [...]field{
	second:  {"second", 0, 59, 59, "", "0 to 59"},
	minute:  {"minute", 0, 59, 59, "", "0 to 59"},
	hour:    {"hour", 0, 23, 23, "", "0 to 23"},
	day:     {"day", 1, 31, 31, "", "1 to 31, L, L-3, 15W or LW"},
	month:   {"month", 1, 12, 12, "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC", "1 to 12 or JAN to DEC"},
	weekday: {"weekday", 0, 6, 7, "SUNMONTUEWEDTHUFRISAT", "0 to 7, SUN to SAT, FRI#3 or FRIL"},
}

// list reads the items of a field, each with read, and joins what they are.
func (f *field) list(text string, read func(item string) (set, *Error)) (all set, err error) {
	for item := range strings.SplitSeq(text, ",") {
		if item == "" {
			return 0, &Error{f.name, text, "an item of the list is empty", "a value on either side of a comma"}
		}
		values, refused := read(strings.ToUpper(item))
		if refused != nil {
			refused.Field, refused.Got = f.name, text
			return 0, refused
		}
		all |= values
	}
	return all, nil
}

// wrong refuses an item; list adds where it stood.
func wrong(what, want string) *Error { return &Error{Wrong: what, Want: want} }

// values reads an item that every field can have: any value, one, a range, with a step or without.
func (f *field) values(item string) (all set, refused *Error) {
	span, every, stepped := strings.Cut(item, "/")
	from, to, ranged := strings.Cut(span, "-")
	low, high, step := f.min, f.max, 1
	switch {
	case span == "*":
	case span == "?" && (f.name == "day" || f.name == "weekday"):
	case span == "?":
		return 0, wrong("? is for day and weekday only", "*")
	default:
		if low, refused = f.value(from); refused == nil && ranged {
			high, refused = f.value(to)
		} else if !stepped {
			high = low
		}
	}
	count := f.max - f.min + 1
	if refused == nil && stepped {
		step, refused = number(every, 1, count, "step")
	}
	if refused != nil {
		return 0, refused
	}
	if high < low {
		high += count
	}
	for v := low; v <= high; v += step {
		all |= 1 << (f.min + (v-f.min)%count) // 7 becomes 0 in weekday
	}
	return all, nil
}

// value reads a single value, by number or name.
func (f *field) value(text string) (int, *Error) {
	if i := strings.Index(f.names, text); len(text) == 3 && i >= 0 && i%3 == 0 {
		return f.min + i/3, nil
	}
	n, refused := number(text, f.min, f.top, f.name)
	if refused != nil {
		refused.Want = f.want
	}
	return n, refused
}

// number reads what, a number from low to high.
func number(text string, low, high int, what string) (int, *Error) {
	want := fmt.Sprintf("a %s of %d to %d", what, low, high)
	if text == "" {
		return 0, wrong(fmt.Sprintf("a %s is missing", what), want)
	}
	n := 0
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return 0, wrong(fmt.Sprintf("%q is no %s", text, what), want)
		}
		n = min(10*n+int(c-'0'), 1000)
	}
	if n < low || n > high {
		return 0, wrong(fmt.Sprintf("%s %s is out of range", what, text), want)
	}
	return n, nil
}
