package httpcall

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/offloadhq/offload"
)

// mostInError is how much of a body an error repeats.
const mostInError = 1 << 10

// A StatusError is an answer with a status that was not expected.
type StatusError struct {
	Method string
	URL    string // that answered, without user, password and query
	Status int
	Body   string // its beginning
}

// Error says who answered what.
func (e *StatusError) Error() string {
	text := fmt.Sprintf("%s %s: status %d", e.Method, e.URL, e.Status)
	if name := http.StatusText(e.Status); name != "" {
		text += " " + name
	}
	if e.Body != "" {
		text += ": " + e.Body
	}
	return text
}

// statusError says what follows of a status that was not expected.
func statusError(req *http.Request, resp *http.Response, body []byte) error {
	err := &StatusError{
		Method: resp.Request.Method, URL: shown(resp.Request.URL), Status: resp.StatusCode,
		Body: strings.TrimSpace(cutText(body, mostInError)),
	}
	if !passing(resp.StatusCode) {
		return offload.Discard(err)
	}
	if wait := retryAfter(resp.Header, time.Now()); wait > 0 {
		return offload.RetryIn(wait, err)
	}
	return err
}

// passing reports whether another time the status may be another.
func passing(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return status >= 500 || status >= 200 && status <= 299 // such as 202 where 200 was expected
}

// mostWait is the longest that a server may put a job off.
const mostWait = 24 * time.Hour

// retryAfter is how long the server wants to be left alone, and up to a tenth or a second
// more; 0 if it did not say. A date is meant by the server's clock.
func retryAfter(h http.Header, now time.Time) time.Duration {
	said := strings.TrimSpace(h.Get("Retry-After"))
	var wait time.Duration
	if seconds, err := strconv.ParseUint(said, 10, 63); err == nil {
		wait = time.Duration(min(seconds, uint64(mostWait/time.Second))) * time.Second
	} else if at, err := http.ParseTime(said); err == nil {
		if date, err := http.ParseTime(h.Get("Date")); err == nil {
			now = date
		}
		wait = min(at.Sub(now), mostWait)
	}
	if wait <= 0 {
		return 0
	}
	return min(wait+rand.N(max(wait/10, time.Second)), mostWait)
}

// cutText is the beginning of b as valid text.
func cutText(b []byte, most int) string {
	if len(b) > most {
		return strings.ToValidUTF8(string(wholeRunes(b[:most])), "\uFFFD") + "…"
	}
	return strings.ToValidUTF8(string(b), "\uFFFD")
}

// wholeRunes is b without the beginning of a character that a cut behind it went through.
func wholeRunes(b []byte) []byte {
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
