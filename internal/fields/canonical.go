package fields

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// appendValue writes a decoded value so that equal values have one text.
func appendValue(b []byte, value any) []byte {
	switch value := value.(type) {
	case map[string]any:
		b = append(b, '{')
		for i, name := range slices.Sorted(maps.Keys(value)) {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendString(b, name), ':')
			b = appendValue(b, value[name])
		}
		return append(b, '}')
	case []any:
		b = append(b, '[')
		for i, element := range value {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendValue(b, element)
		}
		return append(b, ']')
	case string:
		return appendString(b, value)
	case json.Number:
		return append(b, number(string(value))...)
	case bool:
		return strconv.AppendBool(b, value)
	}
	return append(b, "null"...)
}

func appendString(b []byte, s string) []byte {
	if plain(s) {
		return append(append(append(b, '"'), s...), '"')
	}
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic(err) // a string always encodes
	}
	return append(b, bytes.TrimSuffix(text.Bytes(), []byte("\n"))...)
}

// plain reports whether s stands between quotes as it is.
func plain(s string) bool {
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
