package push

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/reply"
	"github.com/offloadhq/offload/internal/safedial"
)

// A Transport is a service as a program sets it up. New opens it.
type Transport interface {
	// Open says what is wrong with it, as an *offload.InputError. It asks nobody.
	Open() (Carrier, error)
}

// A Carrier is an open service. Its methods are safe for concurrent use.
type Carrier interface {
	// Carries reports whether pushes to the target are its to send.
	Carries(to Target) bool

	// Carry sends a push once, and blocks until it was answered or ctx ends. What the service answered is a *GoneError or an
	// *AnswerError; any other error is retried, unless it is an *offload.InputError.
	Carry(ctx context.Context, l *Letter) (Receipt, error)

	// Close ends what it has open. It is called once, when no Carry runs.
	Close() error
}

// A Letter is a message ready to be sent. It is valid.
type Letter struct {
	Message
	ID      offload.ID        // of the job: the same at every attempt
	Payload []byte            // of web push what is to be encrypted; of APNs the body; of FCM the message, without its token
	Headers map[string]string // that belong to the payload: TTL and the like; nil of FCM
}

// An AnswerError is a service's answer to a push that it did not accept.
type AnswerError struct {
	Service   string // "web", "apns", "fcm"
	Host      string // that answered
	Status    int    // of HTTP
	Reason    string // the service's word, or the beginning of what it said
	Permanent bool   // the same push would get the same answer
	// RetryAfter is how long the service wants to be left alone, up to a day; 0 if it did not say.
	RetryAfter time.Duration
}

// Error says who answered what.
func (e *AnswerError) Error() string {
	text := fmt.Sprintf("%s: %s answers %d", e.Service, e.Host, e.Status)
	if name := http.StatusText(e.Status); name != "" {
		text += " " + name
	}
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	return text
}

const (
	mostAnswer = 16 << 10 // that is read of an answer
	mostReason = 300      // of it, in an error
)

// Answered makes an AnswerError of an answer, with what the service has said as its reason. 408, 425, 429 and every 5xx are not permanent;
// 401 is not either, since it is about this program's credentials and not about the push.
func Answered(service string, resp *http.Response, reason string) *AnswerError {
	e := &AnswerError{
		Service: service, Status: resp.StatusCode, Reason: cut(reason),
		RetryAfter: retryAfter(resp.Header, time.Now()),
	}
	if resp.Request != nil {
		e.Host = resp.Request.URL.Host
	}
	switch e.Status {
	case http.StatusUnauthorized, http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
	default:
		e.Permanent = e.Status < 500
	}
	return e
}

// cut is the beginning of what a stranger said, in one line.
func cut(s string) string {
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "\uFFFD"), func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	if len(s) > mostReason {
		s = strings.ToValidUTF8(s[:mostReason], "") + "…"
	}
	return s
}

// retryAfter is how long the service wants to be left alone, and up to a tenth or a second more; 0 if it did not say. A date is meant
// by the service's clock.
func retryAfter(h http.Header, now time.Time) time.Duration {
	wait := reply.RetryAfter(h, now)
	if wait == 0 {
		return 0
	}
	return min(wait+rand.N(max(wait/10, time.Second)), reply.MostWait)
}

// Do makes a request and reads the beginning of its answer; of a 2xx it may be cut short, since that has been said. Redirects are not followed, if the client says so as that of NoRedirects does.
// Errors show the host alone, since tokens stand in paths; an address that may not be dialled is an *offload.InputError of the target.
func Do(client *http.Client, service string, req *http.Request) (*http.Response, []byte, error) {
	resp, err := client.Do(req)
	if err != nil {
		return nil, nil, networkError(service, req, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, mostAnswer))
	if accepted := resp.StatusCode >= 200 && resp.StatusCode <= 299; err != nil && !accepted { // else it is accepted, whatever follows
		return nil, nil, networkError(service, req, fmt.Errorf("read the answer: %w", err))
	}
	return resp, body, nil
}

// NoRedirects is http.Client.CheckRedirect: no service has any, and what is sent is for nobody else.
func NoRedirects(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func networkError(service string, req *http.Request, err error) error {
	at := service + ": " + req.URL.Host
	if ctx := req.Context(); ctx.Err() != nil {
		return fmt.Errorf("%s: %w", at, context.Cause(ctx))
	}
	var inURL *url.Error
	for errors.As(err, &inURL) {
		err = inURL.Err
	}
	var refused *safedial.AddrError
	if errors.As(err, &refused) {
		return &offload.InputError{Field: "to." + service, Got: refused, Want: "one that is reached on the public internet"}
	}
	return fmt.Errorf("%s: %w", at, err)
}
