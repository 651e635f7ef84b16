package table

import (
	"strings"
	"unicode/utf8"
)

// special are the bytes of a cell of CSV that need a look: all others stand for themselves.
var special = func() (s [256]bool) {
	for _, c := range []byte("\"\x00\t\r\n,;|=+-@") {
		s[c] = true
	}
	for c := utf8.RuneSelf; c < len(s); c++ {
		s[c] = true
	}
	return s
}()

// appendQuoted appends a cell in quotes, and with an apostrophe before whatever a spreadsheet would take for the
// beginning of a formula: at the beginning of the cell, and behind what separates cells, since a spreadsheet may
// expect another separator than the file has, and then splits cells where we don't. A plain number begins no
// formula; a tab or a line break at the beginning counts as one, as some programs leave it out. What is no UTF-8,
// and NUL, becomes U+FFFD.
func appendQuoted(b []byte, s string, harmless bool) []byte {
	b = append(b, '"')
	if harmless && s != "" && (begins(s) || strings.IndexByte("\t\r\n", s[0]) >= 0) {
		b = append(b, '\'')
	}
	start := false // may a formula begin here
	for s != "" {
		n := 0
		if start {
			if begins(s) {
				b = append(b, '\'')
			}
		} else {
			for n < len(s) && !special[s[n]] {
				n++
			}
			b = append(b, s[:n]...)
			if s = s[n:]; s == "" {
				break
			}
		}
		switch c := s[0]; {
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRuneInString(s)
			b = utf8.AppendRune(b, r)
			s, start = s[size:], false
			continue
		case c == '"':
			b = append(b, '"', '"')
		case c == 0:
			b = utf8.AppendRune(b, utf8.RuneError)
		default:
			b = append(b, c)
		}
		start = harmless && strings.IndexByte("\",;|\t\r\n", s[0]) >= 0
		s = s[1:]
	}
	return append(b, '"')
}

// begins reports whether a spreadsheet would take text that begins a cell for a formula. Blanks before it, seen or
// not, some skip.
func begins(s string) bool {
	text := s
	if c := s[0]; c == ' ' || c >= utf8.RuneSelf {
		text = strings.TrimLeft(s, " \u00a0\u3000\u200b\ufeff")
	}
	if text == "" {
		return false
	}
	switch text[0] {
	case '=', '@':
		return true
	case '+', '-':
		return !beginsNumber(text)
	}
	r, _ := utf8.DecodeRuneInString(text)
	return r == '＝' || r == '＋' || r == '－' || r == '＠'
}

// beginsNumber reports whether a text begins with a number with a sign, and has nothing else before the cell ends.
func beginsNumber(s string) bool {
	digits := 0
	for _, c := range []byte(s[1:]) {
		switch {
		case '0' <= c && c <= '9':
			digits++
		case c == '.' && digits > 0:
		default:
			return digits > 0 && strings.IndexByte("\",;|\t\r\n", c) >= 0
		}
	}
	return digits > 0
}
