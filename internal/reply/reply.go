// Package reply reads what HTTP servers say that a job is to go by or a person is to see: how long
// they want to be left alone, and texts that nobody vouches for.
package reply

import (
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// MostWait is the longest that a server may put a job off.
const MostWait = 24 * time.Hour

// RetryAfter is how long a server wants to be left alone, at most MostWait; 0 if it did not say, or
// said a time that has passed. A date is meant by the server's own clock, where it tells that, and
// by now elsewhere.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	said := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.ParseUint(said, 10, 63); err == nil {
		return time.Duration(min(seconds, uint64(MostWait/time.Second))) * time.Second
	}
	at, err := http.ParseTime(said)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return min(max(at.Sub(now), 0), MostWait)
}

// Text is the beginning of b, of most bytes, as text that can be shown and kept anywhere: valid UTF-8
// without control characters but line ends and tabs, and without space around it. What was cut ends
// with "…", and never within a character.
func Text(b []byte, most int) string {
	cut := ""
	if len(b) > most {
		b, cut = WholeRunes(b[:most]), "…"
	}
	text := strings.ToValidUTF8(string(b), "\uFFFD")
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\r' && r != '\t' || r == 0x7f {
			return '\uFFFD'
		}
		return r
	}, text)) + cut
}

// WholeRunes is b without the beginning of a character that a cut behind it went through.
func WholeRunes(b []byte) []byte {
	for i := 1; i < utf8.UTFMax && i <= len(b); i++ {
		if last := b[len(b)-i:]; utf8.RuneStart(last[0]) {
			if !utf8.FullRune(last) {
				return b[:len(b)-i]
			}
			break
		}
	}
	return b
}
