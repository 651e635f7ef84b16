package store

import (
	"strings"
	"unicode/utf8"
)

// CleanText returns at most max bytes of s that any database keeps as text: NUL and each byte
// that is not UTF-8 become U+FFFD, and no character is cut in two. Stores use it for error
// texts, stacks and notes; text that is clean already comes back as it is.
func CleanText(s string, max int) string {
	if len(s) <= max && utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return s
	}
	var clean strings.Builder
	for _, r := range s { // a byte that is not UTF-8 comes as U+FFFD
		if r == 0 {
			r = utf8.RuneError
		}
		if clean.Len()+utf8.RuneLen(r) > max {
			break
		}
		clean.WriteRune(r)
	}
	return clean.String()
}
