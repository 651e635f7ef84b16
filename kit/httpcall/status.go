package httpcall

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/reply"
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
		Body: reply.Text(body, mostInError),
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

// retryAfter is how long the server wants to be left alone, and up to a tenth or a second
// more, so that those who were told the same don't come back together; 0 if it did not say.
func retryAfter(h http.Header, now time.Time) time.Duration {
	wait := reply.RetryAfter(h, now)
	if wait == 0 {
		return 0
	}
	return min(wait+rand.N(max(wait/10, time.Second)), reply.MostWait)
}
