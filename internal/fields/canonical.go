package fields

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// deepest is how deep in each other values are put in order. What lies deeper counts as it is
// written: nobody writes such, but to keep a program busy, which looks at a value once for each
// that it lies in.
const deepest = 64

// appendCanonical writes a value so that equal values have one text. None is null.
func appendCanonical(b, v []byte, depth int) []byte {
	if len(v) == 0 {
		return append(b, "null"...)
	}
	if depth == deepest {
		return append(b, v...)
	}
	switch v[0] {
	case '{':
		return appendObject(b, v, depth+1)
	case '[':
		b = append(b, '[')
		first := true
		elements(v, func(value []byte) {
			if !first {
				b = append(b, ',')
			}
			first = false
			b = appendCanonical(b, value, depth+1)
		})
		return append(b, ']')
	case '"':
		if plain(v) {
			return append(b, v...)
		}
		return appendString(b, text(v))
	case 't', 'f', 'n':
		return append(b, v...)
	}
	return append(b, number(string(v))...)
}

// A member is a name of an object, without quotes, and its value.
type member struct {
	name  string
	value []byte
}

func appendObject(b, v []byte, depth int) []byte {
	var few [16]member
	all := few[:0]
	members(v, func(quoted, value []byte) {
		all = append(all, member{text(quoted), value})
	})
	slices.SortStableFunc(all, func(a, b member) int { return strings.Compare(a.name, b.name) })
	b = append(b, '{')
	first := true
	for i := range all {
		if i+1 < len(all) && all[i].name == all[i+1].name {
			continue // the last of several counts
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(appendString(b, all[i].name), ':')
		b = appendCanonical(b, all[i].value, depth)
	}
	return append(b, '}')
}

func appendString(b []byte, s string) []byte {
	if simple(s) {
		return append(append(append(b, '"'), s...), '"')
	}
	var quoted bytes.Buffer
	e := json.NewEncoder(&quoted)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic(err) // a string always encodes
	}
	return append(b, bytes.TrimSuffix(quoted.Bytes(), []byte("\n"))...)
}

// simple reports whether s stands between quotes as it is.
func simple(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// longest is how many digits a number has at most that is written without an exponent.
const longest = 40

// number writes a JSON number in the one way that all numbers of its value have, with every
// digit: 1.50, 15e-1 and 0.15E+1 are 1.5. It does not count by floats, which would take
// different large ids for one.
func number(text string) string {
	if integer(text) {
		return text
	}
	mantissa, exponentText, _ := strings.Cut(strings.ToLower(text), "e")
	exponent := 0
	if exponentText != "" {
		var err error
		if exponent, err = strconv.Atoi(exponentText); err != nil {
			return strings.ToLower(text) // beyond all that can be counted
		}
	}
	mantissa, negative := strings.CutPrefix(mantissa, "-")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	exponent -= len(fraction)
	digits := strings.TrimLeft(whole+fraction, "0")
	if digits == "" {
		return "0"
	}
	trimmed := strings.TrimRight(digits, "0")
	exponent += len(digits) - len(trimmed)
	sign := ""
	if negative {
		sign = "-"
	}
	return sign + decimal(trimmed, exponent)
}

// integer reports whether a number is one that is written as all integers are.
func integer(text string) bool {
	digits := strings.TrimPrefix(text, "-")
	if digits == "" || digits[0] == '0' && text != "0" || len(digits) > longest {
		return false
	}
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return false
		}
	}
	return true
}

// decimal writes digits, of which neither end is 0, times a power of ten.
func decimal(digits string, exponent int) string {
	point := len(digits) + exponent // where it stands among the digits
	switch {
	case exponent >= 0 && point <= longest:
		return digits + strings.Repeat("0", exponent)
	case exponent < 0 && point > 0:
		return digits[:point] + "." + digits[point:]
	case exponent < 0 && point > -longest:
		return "0." + strings.Repeat("0", -point) + digits
	}
	if len(digits) > 1 {
		digits = digits[:1] + "." + digits[1:]
	}
	return digits + "e" + strconv.Itoa(point-1)
}
